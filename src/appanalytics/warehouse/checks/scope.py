"""What a run of checks looks at: which days, and how a day's events are found without reading the others."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from appanalytics.catalog import Source
from appanalytics.engine import Engine
from appanalytics.sqltext import identifier, render
from appanalytics.warehouse.checks.compare import by_day
from appanalytics.warehouse.checks.limits import Limits
from appanalytics.warehouse.days import DayState, day_states
from appanalytics.warehouse.rollup import Layout
from appanalytics.warehouse.rollup.build import event_counts, is_current
from appanalytics.window import Window, day_start

_PACKAGE = "appanalytics.warehouse.checks"


@dataclass(frozen=True)
class Scope:
    """Everything the checks share. Made once by `read_scope`.

    ``counts`` are the events of every day by source. ``days`` are the whole days in question, in order,
    ``sample`` those of them whose events are read in full. ``current`` says that the rollups are of this
    catalog and time zone, ``states`` is the day log.
    """

    engine: Engine
    layout: Layout
    limits: Limits
    as_of: datetime | None
    counts: Mapping[date, Mapping[str, int]]
    states: Sequence[DayState]
    days: Sequence[date]
    sample: Sequence[date]
    current: bool
    full: bool = False

    @cached_property
    def marked(self) -> frozenset[date]:
        """Days that changed after their last roll-up, as the day log says."""
        return frozenset(state.day for state in self.states if state.is_stale)

    @cached_property
    def unlike(self) -> list[tuple[date, str, int, int]]:
        """Day, source, events there are, events rolled up: where they differ though the log calls the day fresh."""
        known = {state.day: state.events for state in self.states}
        first, last = (self.days[0], self.days[-1]) if self.days else (date.max, date.min)
        inside = {day for day in {*known, *self.counts} if first <= day <= last} - self.marked
        pairs = [(day, source) for day in sorted(inside) for source in self.layout.catalog.sources]
        found = [
            (day, source, self.counts.get(day, {}).get(source, 0), known.get(day, {}).get(source, 0))
            for day, source in pairs
        ]
        return [each for each in found if each[2] != each[3]]

    @cached_property
    def stale(self) -> frozenset[date]:
        """Days whose rollups cannot equal the events: they wait for a roll-up, or should."""
        return self.marked | {day for day, *_ in self.unlike}

    @property
    def fresh_days(self) -> list[date]:
        """Days in question whose rollups should equal the events."""
        return [day for day in self.days if day not in self.stale] if self.current else []

    @property
    def fresh_sample(self) -> list[date]:
        """Sampled days whose rollups should equal the events."""
        return [day for day in self.sample if day not in self.stale] if self.current else []

    @cached_property
    def user_days(self) -> dict[date, dict[str, Any]]:
        """Users and counters of every day of user_day."""
        sums = ", ".join(f"sum({identifier(name)}) AS {identifier(name)}" for name in self.layout.counters)
        return by_day(self.engine.rows(f"SELECT day, uniqExact(user_id) AS users, {sums} FROM user_day GROUP BY day"))

    def series(self, source: str) -> dict[date, int]:
        """Events of a source on every day from the first event of any source on; 0 on silent days."""
        if not self.counts:
            return {}
        first, last = min(self.counts), max(self.counts)
        days = (first + timedelta(days=step) for step in range((last - first).days + 1))
        return {day: self.counts.get(day, {}).get(source, 0) for day in days}

    def render(self, file: str, **names: str) -> str:
        """A shape of this room's ``sql`` folder."""
        return render(_PACKAGE, file, **names).rstrip()

    def spans(self, source: Source, days: Iterable[date]) -> tuple[str, dict[str, Any]]:
        """Row condition for the events of some days, and its parameters.

        Ranges of instants let the engine skip the other days by its index; the day of an event does not.
        """
        time = identifier(source.time)
        parts, parameters = [], {}
        for number, (first, last) in enumerate(runs(sorted(days))):
            start, end = f"{{start_{number}:DateTime64(3, 'UTC')}}", f"{{end_{number}:DateTime64(3, 'UTC')}}"
            parts.append(f"{time} >= {start} AND {time} < {end}")
            parameters[f"start_{number}"] = day_start(first, self.layout.zone)
            parameters[f"end_{number}"] = day_start(last + timedelta(days=1), self.layout.zone)
        return "(" + "\n    OR ".join(parts or ["0"]) + ")", parameters


def read_scope(
    engine: Engine, layout: Layout, limits: Limits, as_of: datetime | None, window: Window | None, *, full: bool
) -> Scope:
    """Count the events of every day, and choose the days to look at."""
    counts = event_counts(engine, layout)
    days = _whole_days(counts, layout, as_of, window)
    sample = days if full else choose(days, limits)
    return Scope(
        engine,
        layout,
        limits,
        as_of,
        counts,
        day_states(engine),
        days,
        sample,
        is_current(engine, layout),
        full,
    )


def choose(days: Sequence[date], limits: Limits) -> list[date]:
    """The newest days and some older ones; the same for the same days, others when a new day comes."""
    if not days:
        return []
    newest, older = days[-limits.newest :], days[: -limits.newest]
    chance = random.Random(days[-1].toordinal())  # noqa: S311 (a spread, not a secret)
    return sorted([*chance.sample(older, min(limits.older, len(older))), *newest])


def runs(days: Sequence[date]) -> list[tuple[date, date]]:
    """Sorted days as (first, last) of each run of consecutive ones."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and day == found[-1][1] + timedelta(days=1):
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found


def _whole_days(
    counts: Mapping[date, Any], layout: Layout, as_of: datetime | None, window: Window | None
) -> list[date]:
    """Days from the first event to the last that are over by ``as_of`` and inside of the window."""
    if not counts:
        return []
    first, last = min(counts), max(counts)
    if window is not None:
        first, last = max(first, window.first_day), min(last, window.last_day)
    days = (first + timedelta(days=step) for step in range((last - first).days + 1))
    return [day for day in days if as_of is None or day_start(day + timedelta(days=1), layout.zone) <= as_of]
