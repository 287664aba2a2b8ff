"""The report table: every dimension must add up to the same, and to the events."""

from __future__ import annotations

from datetime import date
from typing import Any

from appanalytics.sqltext import identifier
from appanalytics.warehouse.checks.agreement import sound_days
from appanalytics.warehouse.checks.compare import by_day, differences
from appanalytics.warehouse.checks.report import Check, Status, settle, skipped
from appanalytics.warehouse.checks.scope import Scope
from appanalytics.warehouse.checks.table import totals_disagree
from appanalytics.warehouse.report_table import MEASURES

_COMPARED = "report_daily: totals of dimensions against each other and against the events"
_HINT = "build the day again: appanalytics report table --day DAY"
#: Measures of the catalog that give the totals of the report table's columns.
_TOTALS = {"views": "views", "likes": "likes", "messages_sent": "messages", "messages_received": "messages"}


def report_daily(scope: Scope) -> list[Check]:
    """Days of the report table that do not add up; days that were not built are no finding."""
    rows = scope.engine.rows(scope.render("report_totals", sums=", ".join(f"sum({m}) AS n_{m}" for m in MEASURES)))
    inside = {*scope.days}
    rows = [row for row in rows if row["day"] in inside]
    if not rows:
        return skipped("report_daily", _COMPARED, "no day of the report table was built")
    found = [*_twice(rows), *_disagreeing(rows), *_unlike_events(scope, rows)]
    return settle("report_daily", _COMPARED, found, looked_at=f"{len({row['day'] for row in rows})} days")


def _twice(rows: list[dict[str, Any]]) -> list[Check]:
    failed, hint = Status.FAILED, "rows are there twice"
    return [
        Check("report_daily", failed, _COMPARED, row["rows"], row["values"], row["day"], row["dimension"], hint)
        for row in rows
        if row["rows"] != row["values"]
    ]


def _disagreeing(rows: list[dict[str, Any]]) -> list[Check]:
    totals: dict[date, dict[str, dict[str, int]]] = {}
    for row in rows:
        totals.setdefault(row["day"], {})[str(row["dimension"])] = {m: row[f"n_{m}"] for m in MEASURES}
    return list(totals_disagree("report_daily", _COMPARED, totals, _HINT))


def _unlike_events(scope: Scope, rows: list[dict[str, Any]]) -> list[Check]:
    """The first dimension's totals against user_day, for the measures that add up."""
    measures = {
        column: scope.layout.catalog.measures[name]
        for column, name in _TOTALS.items()
        if name in scope.layout.catalog.measures
    }
    sums = ", ".join(
        f"sum({identifier(scope.layout.column_of(each))}) AS n_{column}" for column, each in measures.items()
    )
    sound = sound_days(scope) if sums else []
    if not sound:
        return []
    expected = by_day(scope.engine.rows(f"SELECT day, {sums} FROM user_day GROUP BY day"))
    found = by_day({name: row[name] for name in row if name != "dimension"} for row in reversed(rows))
    days = [day for day in sound if day in found]
    columns = [f"n_{column}" for column in measures]
    return list(differences("report_daily", _COMPARED, found, expected, columns, days, _HINT))
