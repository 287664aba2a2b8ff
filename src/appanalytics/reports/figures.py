"""The numbers of a report: twelve weeks of metrics, the usual range of each, and their readings of one day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import isnan
from typing import Any

import numpy as np

from appanalytics.catalog import Active, Catalog
from appanalytics.engine import Engine
from appanalytics.query import Question, ask, read_coverage
from appanalytics.reports.meaning import meaning_of, retention_days
from appanalytics.sqltext import render
from appanalytics.stats.usual import Kind, usual_ranges
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window

Value = int | float | None
#: Days that a usual range is learnt from, and days of a picture.
HISTORY, DAYS = 84, 14


class Verdict(StrEnum):
    """What a change means by the metric's good direction; none for metrics without one or without a change."""

    GOOD = "good"
    BAD = "bad"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Range:
    """Where a value usually lies (99 of 100 ordinary days), as the days before let expect; see `stats.usual`."""

    expected: float
    low: float
    high: float

    def side(self, value: Value) -> int:
        """1 above the range, −1 below it, 0 inside or where the value is not known."""
        if value is None:
            return 0
        return int(value > self.high) - int(value < self.low)


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric's value of a day, of the day before and of the same weekday a week before; null: not known.

    Changes are relative; of a share they are differences of fractions (0.003 is 0.3 percentage points). ``usual`` is
    None where too little history is known.
    """

    metric: str
    unit: str
    good: str
    value: Value
    day_before: Value
    week_before: Value
    usual: Range | None = None

    @property
    def side(self) -> int:
        """1 above the usual range, −1 below it, 0 inside of it or not known."""
        return self.usual.side(self.value) if self.usual else 0

    @property
    def surprise(self) -> float:
        """How far outside: distance from what was expected, in half widths of the range; 0 where not known."""
        if self.usual is None or self.value is None:
            return 0.0
        edge = self.usual.high if self.value > self.usual.expected else self.usual.low
        return abs(self.value - self.usual.expected) / max(abs(edge - self.usual.expected), 1e-12)

    @property
    def day_change(self) -> float | None:
        """Change against the day before; None where either value is not known or the earlier one is 0."""
        return change(self.value, self.day_before, self.unit)

    @property
    def week_change(self) -> float | None:
        """Change against the same weekday a week before."""
        return change(self.value, self.week_before, self.unit)

    def as_record(self, day: date) -> dict[str, Any]:
        """A flat record with the names of the contract."""
        return {
            "time": day.isoformat(),
            "metric": self.metric,
            "unit": self.unit,
            "value": self.value,
            "day_before": self.day_before,
            "day_change": self.day_change,
            "week_before": self.week_before,
            "week_change": self.week_change,
            "expected": self.usual.expected if self.usual else None,
            "low": self.usual.low if self.usual else None,
            "high": self.usual.high if self.usual else None,
        }


@dataclass(frozen=True)
class History:
    """Values of metrics on the `HISTORY` days that end with ``last``, oldest first; null: not known.

    ``ranges`` are the usual ranges of the same days, None where too little is known before them.
    """

    last: date
    values: Mapping[str, tuple[Value, ...]]
    ranges: Mapping[str, tuple[Range | None, ...]]

    def reading(self, catalog: Catalog, metric: str) -> Reading:
        """The last day's reading of a metric."""
        found, values = meaning_of(catalog, metric), self.values[metric]
        return Reading(metric, found.unit, found.good, values[-1], values[-2], values[-8], self.ranges[metric][-1])

    def without_last(self) -> History:
        """The same without the values of the last day; its ranges are from the days before and stay."""
        return History(self.last, {name: (*values[:-1], None) for name, values in self.values.items()}, self.ranges)


def change(now: Value, then: Value, unit: str) -> float | None:
    """Relative change, or the difference of two shares; None where there is nothing to compare."""
    if now is None or then is None:
        return None
    if unit == "share":
        return now - then
    return now / then - 1 if then else None


def verdict(moved: float | None, good: str) -> Verdict:
    """Whether a change is good news."""
    if not moved or good == "none":
        return Verdict.NONE
    return Verdict.GOOD if (moved > 0) == (good == "up") else Verdict.BAD


def read_history(
    engine: Engine, layout: Layout, metrics: Sequence[str], day: date, *, as_of: datetime | None
) -> History:
    """Ask for all metrics at once. A day that an answer calls incomplete is not known.

    Metrics that look back further than others are asked apart: for them a young history is incomplete for longer.
    """
    window = Window.of(day - timedelta(days=HISTORY - 1), day + timedelta(days=1), layout.zone)
    coverage = read_coverage(engine, layout)
    values: dict[str, tuple[Value, ...]] = {}
    for names in _by_look_back(layout.catalog, [name for name in metrics if retention_days(name) is None]):
        question = Question.of(layout.catalog, names, window, grain=Grain.DAY)
        answer = ask(engine, layout, question, as_of=as_of, coverage=coverage)
        for name in names:
            values[name] = tuple(record[name] if record["complete"] else None for record in answer.records)
    for name in metrics:
        if (days := retention_days(name)) is not None:
            is_known = not coverage.why_not_rollups(window.first_day, window.last_day)
            values[name] = _retention(engine, window, days) if is_known else (None,) * HISTORY
    return History(
        day, values, _ranges(values, {name for name in metrics if meaning_of(layout.catalog, name).unit == "share"})
    )


def _retention(engine: Engine, window: Window, days: int) -> tuple[Value, ...]:
    """Share of users who came back that many days after their first, by the day on which they did."""
    bound = {"back": days, "first": window.first_day, "last": window.last_day}
    rows = engine.rows(render("appanalytics.reports", "retention"), bound)
    found = {row["day"]: row["users"] / row["size"] for row in rows}
    return tuple(found.get(day) for day in window.days())


def _ranges(values: Mapping[str, tuple[Value, ...]], shares: set[str]) -> dict[str, tuple[Range | None, ...]]:
    """Usual ranges; there are none of metrics that can be negative. A share may be above 1 (likes without views)."""
    kinds = {}
    for name, row in values.items():
        known = [value for value in row if value is not None]
        if min(known, default=0) < 0:
            continue
        is_whole = all(isinstance(value, int) for value in known)
        is_share = name in shares and max(known, default=0) <= 1
        kinds[name] = Kind.SHARE if is_share else Kind.COUNT if is_whole else Kind.AMOUNT
    found: dict[str, tuple[Range | None, ...]] = dict.fromkeys(values, (None,) * HISTORY)
    if kinds:
        table = np.array([values[name] for name in kinds], dtype=np.float64)  # None becomes NaN
        usual = usual_ranges(table, list(kinds.values()))
        for at, name in enumerate(kinds):
            triples = zip(usual.expected[at].tolist(), usual.low[at].tolist(), usual.high[at].tolist(), strict=True)
            found[name] = tuple(None if isnan(middle) else Range(middle, low, high) for middle, low, high in triples)
    return found


def _by_look_back(catalog: Catalog, metrics: Sequence[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in metrics:
        groups.setdefault(_look_back(catalog, name), []).append(name)
    return list(groups.values())


def _look_back(catalog: Catalog, metric: str) -> str:
    active = [leaf for leaf in catalog.leaves(metric) if isinstance(leaf, Active) and leaf.days != 1]
    return " ".join(sorted(f"{leaf.days or 0}{leaf.period or ''}" for leaf in active))
