"""What Redash shall show: queries of the report tables, each with its chart, and one dashboard of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appanalytics.engine import WarehouseUrl
from appanalytics.warehouse.report_table import MEASURES

#: On everything that we make, so that what others made is never touched.
TAG = "appanalytics"
_DAYS = 30
_WORDS = {
    "en": {
        "total": "Report: totals by day",
        "slice": "Report: by {}",
        "quality": "Data quality: checks of the newest day",
        "decisions": "Experiments: decisions",
        "dashboard": "AppAnalytics: report tables",
        "about": f"The last {_DAYS} days of report_daily, which the daily job fills.",
        "found": "What the checks of the newest day found.",
        "decided": "Decisions on experiments, newest first.",
        "intro": "### Report tables\nFilled once a day. A day that was run again has replaced its rows.",
    },
    "ru": {
        "total": "Отчёт: итоги по дням",
        "slice": "Отчёт: срез {}",
        "quality": "Качество данных: проверки последнего дня",
        "decisions": "Эксперименты: решения",
        "dashboard": "AppAnalytics: отчётные таблицы",
        "about": f"Последние {_DAYS} дней таблицы report_daily, которую заполняет ежедневная задача.",
        "found": "Что нашли проверки последнего дня.",
        "decided": "Решения по экспериментам, сначала новые.",
        "intro": "### Отчётные таблицы\nЗаполняются раз в день. День, запущенный снова, заменил свои строки.",
    },
}
#: Columns of the report table that add up over the values of a dimension; numbers of different users do not.
_ADDITIVE = tuple(name for name in MEASURES if not name.startswith("users_"))
_RECENT = f"event_date > (SELECT max(event_date) FROM report_daily) - {_DAYS}"


@dataclass(frozen=True)
class Source:
    """The data source: a ClickHouse address with a user who may only read."""

    name: str
    url: str
    user: str
    password: str
    database: str

    def options(self) -> dict[str, Any]:
        """As Redash's ClickHouse runner has them."""
        return {"url": self.url, "user": self.user, "password": self.password, "dbname": self.database, "timeout": 60}


@dataclass(frozen=True)
class Chart:
    """A line chart: ``x`` and ``y`` name columns; ``series`` the one that tells lines apart."""

    name: str
    x: str
    y: Sequence[str]
    series: str = ""
    kind: str = "line"

    def options(self) -> dict[str, Any]:
        """As Redash's chart visualization has them."""
        columns = {self.x: "x", **dict.fromkeys(self.y, "y"), **({self.series: "series"} if self.series else {})}
        return {
            "globalSeriesType": self.kind,
            "columnMapping": columns,
            "xAxis": {"type": "datetime", "labels": {"enabled": True}},
            "yAxis": [{"type": "linear"}],
            "legend": {"enabled": True},
        }


@dataclass(frozen=True)
class Query:
    """A saved query. Without a chart its table is shown."""

    name: str
    sql: str
    description: str
    charts: tuple[Chart, ...] = ()
    #: Seconds between runs by Redash itself.
    every: int = 3600


@dataclass(frozen=True)
class Spec:
    """All that there shall be."""

    source: Source
    queries: tuple[Query, ...]
    dashboard: str
    intro: str


def report_spec(
    url: WarehouseUrl, dimensions: Sequence[str], *, user: str, password: str, locale: str = "en"
) -> Spec:
    """The queries and the dashboard of the report tables of a served warehouse, with titles in ``locale``."""
    words = _WORDS[locale]
    source = Source("AppAnalytics", f"{url.scheme}://{url.host}:{url.port}", user, password, url.database)
    sums = ", ".join(f"sum({name}) AS {name}" for name in _ADDITIVE)
    total = Query(
        words["total"],
        f"SELECT event_date, {sums}\nFROM report_daily\nWHERE dimension = '{dimensions[0]}' AND {_RECENT}\n"
        "GROUP BY event_date\nORDER BY event_date",
        words["about"],
        (Chart(words["total"], "event_date", _ADDITIVE),),
    )
    slices = [
        Query(
            words["slice"].format(name),
            f"SELECT event_date, dimension_value, {', '.join(MEASURES)}\nFROM report_daily\n"
            f"WHERE dimension = '{name}' AND {_RECENT}\nORDER BY event_date, dimension_value",
            words["about"],
            (Chart(words["slice"].format(name), "event_date", MEASURES[:1], "dimension_value"),),
        )
        for name in dimensions
    ]
    others = [
        Query(
            words["quality"],
            "SELECT day, name, status, found, expected, compared, hint\nFROM quality\n"
            "WHERE day = (SELECT max(day) FROM quality)\nORDER BY status = 'ok', position",
            words["found"],
        ),
        Query(
            words["decisions"],
            "SELECT written, experiment, variant, decision, metric, effect, low, high, p_value\nFROM decisions\n"
            "ORDER BY written DESC",
            words["decided"],
        ),
    ]
    return Spec(source, (total, *slices, *others), words["dashboard"], words["intro"])
