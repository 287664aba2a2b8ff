"""The numbers of a report: nine weeks of metrics, the usual range of each, and their readings of one day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from math import isnan
from typing import Any

import numpy as np

from appanalytics.catalog import Active, Catalog, Ratio
from appanalytics.engine import Engine
from appanalytics.investigate.forecast import forecasts
from appanalytics.query import Question, ask, read_coverage
from appanalytics.reports.meaning import meaning_of, retention_days
from appanalytics.sqltext import render
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window

Value = int | float | None
#: Days that are read, as many as an investigation of the last one looks back on; and days of a picture.
HISTORY, DAYS = 64, 14
#: Known days before a day that has a usual range.
LEAST = 14
_NORMAL_99 = 2.576


class Verdict(StrEnum):
    """What a change means by the metric's good direction; none for metrics without one or without a change."""

    GOOD = "good"
    BAD = "bad"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Range:
    """Where a value usually lies (99 of 100 ordinary days), as the days before let expect: `investigate.forecast`."""

    expected: float
    low: float
    high: float

    def widened(self, size: int) -> Range:
        """For a share of ``size`` users: at least as wide as the normal approximation of a binomial's 99 %."""
        reach = _NORMAL_99 * (max(self.expected * (1 - self.expected), 0.0) / max(size, 1)) ** 0.5
        low, high = min(self.low, self.expected - reach), max(self.high, self.expected + reach)
        return Range(self.expected, max(low, 0.0), min(high, 1.0))

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
    sizes: dict[str, tuple[int, ...]] = {}
    for name in metrics:
        if (days := retention_days(name)) is not None:
            is_known = not coverage.why_not_rollups(window.first_day, window.last_day)
            rows = _retention(engine, window, days) if is_known else {}
            sizes[name] = tuple(rows.get(each, (0, 0))[0] for each in window.days())
            values[name] = tuple(rows[each][1] / rows[each][0] if each in rows else None for each in window.days())
    return History(day, values, _ranges(values, sizes, layout.catalog))


def _retention(engine: Engine, window: Window, days: int) -> dict[date, tuple[int, int]]:
    """Newcomers, and those of them who came back so many days after their first, by the day on which they did."""
    bound = {"back": days, "first": window.first_day, "last": window.last_day}
    rows = engine.rows(render("appanalytics.reports", "retention"), bound)
    return {row["day"]: (row["size"], row["users"]) for row in rows}


def _ranges(
    values: Mapping[str, tuple[Value, ...]], sizes: Mapping[str, tuple[int, ...]], catalog: Catalog
) -> dict[str, tuple[Range | None, ...]]:
    """Usual ranges, the same that `investigate` tells of; there are none of metrics that can be negative.

    ``sizes`` are the cohorts of shares of retention, whose ranges are never narrower than chance makes them.
    """
    found: dict[str, tuple[Range | None, ...]] = dict.fromkeys(values, (None,) * HISTORY)
    names = [name for name, row in values.items() if all(value is None or value >= 0 for value in row)]
    table = np.array([values[name] for name in names], dtype=np.float64).reshape(-1, HISTORY)  # None becomes NaN
    known = np.isfinite(table)
    first = int(known.any(axis=0).argmax()) if known.any() else HISTORY
    if not names or first == HISTORY:
        return found
    counts = [retention_days(name) is None and not isinstance(catalog.quantity(name), Ratio) for name in names]
    seen = known.cumsum(axis=1) - known
    for at, (name, each) in enumerate(zip(names, forecasts(table[:, first:], counts=counts), strict=True)):
        most = 1.0 if meaning_of(catalog, name).unit == "share" and np.nanmax(table[at], initial=0.0) <= 1 else np.inf
        ends = zip(each.expected.tolist(), each.low.tolist(), np.minimum(each.high, most).tolist(), strict=True)
        ranges = [None] * first + [None if isnan(low) else Range(middle, low, high) for middle, low, high in ends]
        ranges = [each if enough else None for each, enough in zip(ranges, seen[at] >= LEAST, strict=True)]
        cohorts = sizes.get(name, (0,) * HISTORY)
        found[name] = tuple(
            each.widened(size) if each and name in sizes else each for each, size in zip(ranges, cohorts, strict=True)
        )
    return found


def _by_look_back(catalog: Catalog, metrics: Sequence[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in metrics:
        groups.setdefault(_look_back(catalog, name), []).append(name)
    return list(groups.values())


def _look_back(catalog: Catalog, metric: str) -> str:
    active = [leaf for leaf in catalog.leaves(metric) if isinstance(leaf, Active) and leaf.days != 1]
    return " ".join(sorted(f"{leaf.days or 0}{leaf.period or ''}" for leaf in active))
