"""Datasets over results that jobs store: experiments, incidents, watched series, checks. Nothing is computed anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from appanalytics.dashboards import stored_words as words
from appanalytics.dashboards.dataset import Column, Dataset, SavedMetric
from appanalytics.dashboards.parts import PACKAGE, Parts
from appanalytics.sqltext import identifier, literal, render

_TIME = Column("time", "DateTime", is_time=True)
_NUMBER = ",.4~g"
#: Standard deviations of the band that is drawn around what was expected.
_BAND = 3


def one(column: str) -> str:
    """The stored number of the one row that a point of a chart stands for; null where several would be mixed."""
    return f"if(count({column}) = 1, any({column}), NULL)"


def p_text(column: str) -> str:
    """A p-value for people from its decimal logarithm: what `stats.p_text` writes, never 0 for being small."""
    log10_p = f"any({column})"
    exponent = f"toInt64(floor({log10_p}))"
    digit = f"toInt64(round(exp10({log10_p} - floor({log10_p}))))"
    return (
        f"multiIf(count({column}) != 1, 'n/a', isInfinite({log10_p}), '0',"
        f" {log10_p} >= -1, printf('%.3f', exp10({log10_p})), {log10_p} >= -4, printf('%.4f', exp10({log10_p})),"
        f" {digit} = 10, concat('1e', toString({exponent} + 1)),"
        f" concat(toString({digit}), 'e', toString({exponent})))"
    )


_P_TEXT = SavedMetric("p_text", p_text("n_log10_p"), "p")


@dataclass(frozen=True)
class Stored(Parts):
    """All datasets of stored results for one catalog, time zone and language."""

    def all(self) -> list[Dataset]:
        """Every one of them."""
        made = [
            self.days(),
            self.experiments(),
            self.results(),
            self.intervals(),
            self.shapes(),
            self.checks(),
            self.decisions(),
        ]
        made += [self.incidents(), self.watched(), self.watched_list(), self.alarms()]
        return [*made, self.quality(), self.freshness()]

    def days(self) -> Dataset:
        """Days with events, for filters to choose from."""
        columns = [Column("day", "Date", is_time=True), Column("outage_day"), Column("cohort")]
        return Dataset("days", render(PACKAGE, "days"), tuple(columns), {}, "day", "day")

    # --- experiments ---

    def results(self) -> Dataset:
        """What each method says of each metric of an experiment."""
        metrics = [
            self._number("control", "Control", "Контроль"),
            self._number("treatment", "Treatment", "Тест"),
            self._number("effect", "Effect", "Эффект"),
            self._number("low", "Low", "Нижняя граница"),
            self._number("high", "High", "Верхняя граница"),
            self._number("p", "p", "p", ".3~g", "p_value"),
            _P_TEXT,
            self._number("adjusted_p", "Corrected p", "p с поправкой", ".3~g"),
            self._number("margin", "Accepted loss", "Допустимая потеря"),
        ]
        columns = [*self._of_results(), Column("says", "String", self._text("Says", "Вывод"))]
        return self._dataset("experiment_results", self._results(), columns, metrics, "day", {"experiment", "metric"})

    def intervals(self) -> Dataset:
        """The same as intervals that a chart of the kind `interval` draws."""
        sql = self._chosen() + render(PACKAGE, "experiment_intervals", results=self._rows_of_results())
        metrics = [
            self._number("bound", "Effect", "Эффект", _NUMBER, "bounds"),
            self._number("bound", "Relative effect", "Относительный эффект", "+.1%", "relative_bounds"),
        ]
        columns = [*self._of_results(), Column("bound", "UInt8")]
        return self._dataset("experiment_intervals", sql, columns, metrics, "day", {"experiment", "metric"})

    def shapes(self) -> Dataset:
        """Distributions of the chosen metric by variant."""
        sql = self._chosen() + render(PACKAGE, "experiment_shapes", metric=self._metric())
        metrics = [
            SavedMetric("user_share", "sum(n_share)", self._text("Share of users", "Доля пользователей"), ".1%")
        ]
        columns = [
            self._experiment(),
            Column("metric", "String", self._text("Metric", "Метрика")),
            Column("variant", "String", self._text("Variant", "Вариант")),
            Column("bin", "Float64", self._text("Value of a user", "Значение у пользователя")),
        ]
        return self._dataset("experiment_shapes", sql, columns, metrics, None, {"experiment", "metric"})

    def checks(self) -> Dataset:
        """Users of each arm against the plan, and the checks that a result rests on."""
        sql = self._chosen() + render(
            PACKAGE,
            "experiment_checks",
            check=_named("check", words.checks(self.locale)),
            status=self._word("status"),
        )
        metrics = [
            SavedMetric("arm_users", "sum(n_users)", self._text("Users", "Пользователи")),
            SavedMetric("planned_users", "sum(n_expected)", self._text("By the plan", "По плану")),
            self._number("p", "p", "p", ".3~g", "p_value"),
        ]
        columns = [
            self._experiment(),
            Column("part"),
            Column("check_name", "String", self._text("Check", "Проверка")),
            Column("status", "String", self._text("State", "Состояние")),
            Column("found", "String", self._text("Found", "Найдено")),
        ]
        return self._dataset("experiment_checks", sql, columns, metrics, None, {"experiment"})

    def decisions(self) -> Dataset:
        """What was decided."""
        sql = render(
            PACKAGE,
            "experiment_decisions",
            decision=self._word("decision"),
            step=_named("step", words.steps(self.locale)),
            risk=_chosen("splitByChar(':', risk)[1]", words.risks(self.locale)),
            named=_chosen("if(position(risk, ':') > 0, splitByChar(':', risk)[2], raw.metric)", self._names()),
            metric=self._metric(),
            written=self._wall("raw.written"),
        )
        metrics = [
            self._number("effect", "Effect", "Эффект"),
            self._number("low", "Low", "Нижняя граница"),
            self._number("high", "High", "Верхняя граница"),
            self._number("p", "p", "p", ".3~g", "p_value"),
            _P_TEXT,
            self._number("per_day", "Per day, whole app", "В день, всё приложение", ",.0f"),
        ]
        columns = [
            self._experiment(),
            Column("variant", "String", self._text("Variant", "Вариант")),
            Column("decided", "String", self._text("Decided", "Решено")),
            Column("decision", "String", self._text("Decision", "Решение")),
            Column("step", "String", self._text("Because", "Потому что")),
            Column("metric_name", "String", self._text("Metric", "Метрика")),
            Column("risks", "String", self._text("Risks", "Риски")),
        ]
        return self._dataset("experiment_decisions", sql, columns, metrics, None)

    def experiments(self) -> Dataset:
        """Experiments and their metrics, for filters to choose from."""
        sql = render(PACKAGE, "experiment_list", metric=self._metric())
        columns = [self._experiment(), Column("metric", "String", self._text("Metric", "Метрика"))]
        return self._dataset("experiment_list", sql, columns, [], None)

    def _rows_of_results(self) -> str:
        return render(
            PACKAGE,
            "experiment_results",
            metric=self._metric(),
            role=self._word("role"),
            method=_named("method", words.methods(self.locale)),
            relative=literal(words.RELATIVE),
            same_scale=_texts(words.SAME_SCALE),
            dimension=_named("dimension", {each.name: each.label(self.locale) for each in self.dimensions}),
            verdict=self._word("verdict"),
        ).strip()

    def _results(self) -> str:
        return self._chosen() + "\n" + self._rows_of_results()

    def _chosen(self) -> str:
        return render(PACKAGE, "chosen").strip() + "\n"

    def _experiment(self) -> Column:
        return Column("experiment", "String", self._text("Experiment", "Эксперимент"))

    def _of_results(self) -> list[Column]:
        return [
            self._experiment(),
            Column("part"),
            Column("metric", "String", self._text("Metric", "Метрика")),
            Column("metric_name", "String", self._text("Metric", "Метрика")),
            Column("role", "String", self._text("Role", "Роль")),
            Column("method"),
            Column("method_name", "String", self._text("Method", "Метод")),
            Column("is_main", "UInt8"),
            Column("is_relative", "UInt8"),
            Column("is_same_scale", "UInt8"),
            Column("focus", "UInt8"),
            Column("is_guardrail", "UInt8"),
            Column("segment", "String", self._text("Segment", "Сегмент")),
            Column("day", "Date", self._text("Day", "День"), is_time=True),
            Column("date", "Date", expression="day", is_time=True),
        ]

    # --- alerts and data quality ---

    def incidents(self) -> Dataset:
        """Incidents, open and over."""
        codes = {name: self._word(name) for name in ("state", "severity", "direction", "kind")}
        times = {name: self._wall(f"raw.{name}") for name in ("fired", "start", "end")}
        sql = render(PACKAGE, "incidents", metric=self._metric_or_source(), **codes, **times)
        value, expected = one("n_value"), one("n_expected")
        metrics = [
            SavedMetric("incidents", "count()", self._text("Incidents", "Инциденты")),
            SavedMetric("open_incidents", "countIf(is_open)", self._text("Open", "Открытые")),
            self._number("value", "Seen", "Было"),
            self._number("expected", "Expected", "Ожидалось"),
            SavedMetric("change", f"{value} / nullIf({expected}, 0) - 1", self._text("Change", "Изменение"), "+.0%"),
            self._number("score", "Thresholds", "Порогов", ".1f"),
            self._number("hours", "Hours", "Часы", ".1f"),
            self._number("series", "Series", "Ряды", ",d"),
        ]
        columns = [
            _TIME,
            Column("state", "String", self._text("State", "Состояние")),
            Column("severity", "String", self._text("Severity", "Важность")),
            Column("direction", "String", self._text("Direction", "Куда")),
            Column("kind", "String", self._text("Kind", "Вид")),
            Column("what", "String", self._text("What", "Что")),
            Column("since", "String", self._text("Since", "С")),
            Column("last", "String", self._text("Until", "До")),
            Column("acknowledged", "String", self._text("Somebody is on it", "Занимаются")),
            Column("note", "String", self._text("Known event", "Известное событие")),
            Column("is_open", "UInt8"),
        ]
        return self._dataset("incidents", sql, columns, metrics, "time")

    def watched(self) -> Dataset:
        """One watched series with its band."""
        sql = render(
            PACKAGE,
            "watched",
            time=self._wall("raw.time"),
            metric=self._metric(),
            part=self._part(),
            first="(SELECT min(metric) FROM anomaly_points)",
        )
        expected, wide = one("n_expected"), f"{_BAND} * {one('n_spread')}"
        metrics = [
            self._number("value", "Seen", "Было"),
            self._number("expected", "Expected", "Ожидалось"),
            SavedMetric("lower", f"greatest({expected} - {wide}, 0)", self._text("Band from", "Полоса от"), _NUMBER),
            SavedMetric("upper", f"{expected} + {wide}", self._text("Band to", "Полоса до"), _NUMBER),
            SavedMetric("anomaly", "anyIf(n_value, n_alarm)", self._text("Anomalous", "Отклонение"), _NUMBER),
        ]
        columns = [
            _TIME,
            Column("watched_metric", "String", self._text("Metric", "Метрика")),
            Column("watched_slice", "String", self._text("Slice", "Срез")),
        ]
        return self._dataset("watched", sql, columns, metrics, "time", {"watched_metric", "watched_slice"})

    def watched_list(self) -> Dataset:
        """Watched series, for filters to choose from."""
        sql = render(PACKAGE, "watched_list", metric=self._metric(), part=self._part())
        return self._dataset("watched_list", sql, [Column("watched_metric"), Column("watched_slice")], [], None)

    def alarms(self) -> Dataset:
        """Bins that were judged anomalous."""
        sql = render(PACKAGE, "alarms", time=self._wall("raw.time"), metric=self._metric(), part=self._part())
        metrics = [SavedMetric("anomalies", "sum(n_alarm)", self._text("Anomalous bins", "Интервалы с отклонением"))]
        columns = [
            Column("day", "Date", is_time=True),
            Column("date", "Date", expression="day", is_time=True),
            Column("metric_name", "String", self._text("Metric", "Метрика")),
            Column("part_name", "String", self._text("Slice", "Срез")),
        ]
        return self._dataset("alarms", sql, columns, metrics, "day")

    def quality(self) -> Dataset:
        """What the checks of the data found, by the day on which they ran."""
        sql = render(PACKAGE, "quality", status=self._word("status"))
        metrics = [
            SavedMetric("findings", "count()", self._text("Checks", "Проверки")),
            SavedMetric("not_ok", "countIf(severity_order < 3)", self._text("Not in order", "Не в порядке")),
            SavedMetric("rank", "min(severity_order)", self._text("Rank", "Место")),
        ]
        columns = [
            Column("day", "Date", is_time=True),
            Column("date", "Date", expression="day", is_time=True),
            Column("is_newest", "UInt8"),
            Column("check_name", "String", self._text("Check", "Проверка")),
            Column("status", "String", self._text("State", "Состояние")),
            Column("compared", "String", self._text("What is compared", "Что сравнивается")),
            Column("found", "String", self._text("Found", "Найдено")),
            Column("expected", "String", self._text("Expected", "Ожидалось")),
            Column("about_day", "String", self._text("Day", "День")),
            Column("slice", "String", self._text("Slice", "Срез")),
            Column("hint", "String", self._text("Hint", "Подсказка")),
        ]
        return self._dataset("quality", sql, columns, metrics, "day")

    def freshness(self) -> Dataset:
        """How far events, rollups and results are."""
        newest = {
            name: f"(SELECT max({identifier(source.time)}) FROM {identifier(source.table)})"
            for name, source in self.catalog.sources.items()
        }
        rows = [
            (f"{self._text('Events', 'События')}: {self.catalog.sources[name].label(self.locale)}", sql)
            for name, sql in newest.items()
        ]
        rows += [
            (self._text("Rollups", "Rollup-таблицы"),
             "(SELECT fromUnixTimestamp64Nano(toInt64(max(mark))) FROM day_log WHERE kind = 'rolled')"),
            (self._text("Alerts: judged until", "Алерты: оценено до"), "(SELECT max(time) FROM anomaly_points)"),
            (self._text("Data quality: checked", "Качество данных: проверено"),
             "(SELECT max(checked_at) FROM quality)"),
            (self._text("Experiments: analysed", "Эксперименты: посчитано"),
             "(SELECT max(analysed) FROM experiment_results)"),
        ]  # fmt: skip
        shown = ", ".join(
            f"({number}, {literal(what)}, {self._wall(at)})" for number, (what, at) in enumerate(rows, start=1)
        )
        sql = render(PACKAGE, "freshness", rows=shown, newest=self._wall(f"greatest({', '.join(newest.values())})"))
        metrics = [self._number("hours", "Hours behind", "Отставание, часы", ",.1f")]
        columns = [
            Column("place", "UInt8"),
            Column("what", "String", self._text("What", "Что")),
            Column("as_of", "String", self._text("Newest", "Самое новое")),
        ]
        return self._dataset("freshness", sql, columns, metrics, None)

    # --- parts ---

    def _dataset(
        self,
        name: str,
        sql: str,
        columns: list[Column],
        metrics: list[SavedMetric],
        time: str | None,
        partial: set[str] | None = None,
    ) -> Dataset:
        by_name = {each.name: each for each in metrics}
        axis = "date" if time == "day" else time
        return Dataset(name, sql, tuple(columns), by_name, time, axis, partial=frozenset(partial or ()))

    def _number(self, name: str, english: str, russian: str, form: str = _NUMBER, key: str = "") -> SavedMetric:
        return SavedMetric(key or name, one(f"n_{name}"), self._text(english, russian), form)

    def _word(self, column: str) -> str:
        return _named(column, words.states(self.locale))

    def _metric(self) -> str:
        return _named("metric", {each.name: each.label(self.locale) for each in self.catalog.quantities()})

    def _names(self) -> dict[str, str]:
        """Everything that a risk can be about."""
        named = [*self.catalog.quantities(), *self.dimensions]
        return words.checks(self.locale) | {each.name: each.label(self.locale) for each in named}

    def _metric_or_source(self) -> str:
        """Incidents of missing data name the source where others name the metric."""
        sources = {name: source.label(self.locale) for name, source in self.catalog.sources.items()}
        metrics = {each.name: each.label(self.locale) for each in self.catalog.quantities()}
        return f"if(raw.kind = 'data', {_named('metric', sources)}, {_named('metric', metrics)})"

    def _part(self) -> str:
        everybody = self._text("all", "все")
        return f"if(raw.dimension = '', {literal(everybody)}, concat(raw.dimension, '=', raw.slice))"


def _chosen(sql: str, names: Mapping[str, str]) -> str:
    return f"transform({sql}, [{_texts(names)}], [{_texts(names.values())}], {sql})"


def _named(column: str, names: Mapping[str, str]) -> str:
    """A column's codes by their names. It is qualified: its alias has the same name."""
    return _chosen(f"toString(raw.{identifier(column)})", names)


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(literal, values))
