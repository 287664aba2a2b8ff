"""The numbers of a report: two weeks of metrics, and each metric's reading of one day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from appanalytics.catalog import Active, Catalog
from appanalytics.engine import Engine
from appanalytics.query import Question, ask, read_coverage
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window

Value = int | float | None
DAYS = 14


class Verdict(StrEnum):
    """What a change means by the metric's good direction; none for metrics without one or without a change."""

    GOOD = "good"
    BAD = "bad"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Reading:
    """A metric's value of a day, of the day before and of the same weekday a week before; null: not known.

    Changes are relative; of a share they are differences of fractions (0.003 is 0.3 percentage points).
    """

    metric: str
    unit: str
    good: str
    value: Value
    day_before: Value
    week_before: Value

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
        }


@dataclass(frozen=True)
class History:
    """Values of metrics on the `DAYS` days that end with ``last``, oldest first; null: not known."""

    last: date
    values: Mapping[str, tuple[Value, ...]]

    @property
    def days(self) -> list[date]:
        """The days, oldest first."""
        return [self.last - timedelta(days=back) for back in reversed(range(DAYS))]

    def reading(self, catalog: Catalog, metric: str) -> Reading:
        """The last day's reading of a metric."""
        found, values = catalog.quantity(metric), self.values[metric]
        return Reading(metric, found.unit, found.good, values[-1], values[-2], values[-8])


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
    window = Window.of(day - timedelta(days=DAYS - 1), day + timedelta(days=1), layout.zone)
    coverage = read_coverage(engine, layout)
    values: dict[str, tuple[Value, ...]] = {}
    for names in _by_look_back(layout.catalog, metrics):
        question = Question.of(layout.catalog, names, window, grain=Grain.DAY)
        answer = ask(engine, layout, question, as_of=as_of, coverage=coverage)
        for name in names:
            values[name] = tuple(record[name] if record["complete"] else None for record in answer.records)
    return History(day, values)


def _by_look_back(catalog: Catalog, metrics: Sequence[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for name in metrics:
        groups.setdefault(_look_back(catalog, name), []).append(name)
    return list(groups.values())


def _look_back(catalog: Catalog, metric: str) -> str:
    active = [leaf for leaf in catalog.leaves(metric) if isinstance(leaf, Active) and leaf.days != 1]
    return " ".join(sorted(f"{leaf.days or 0}{leaf.period or ''}" for leaf in active))
