"""Metrics of whole days: read by the query compiler when the day is over, judged once, told by the day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from appanalytics.anomalies.daily import KEPT, Daily
from appanalytics.anomalies.incidents import Alarm, Incident, Rules
from appanalytics.anomalies.lanes import Arrays, Judged
from appanalytics.anomalies.watch import Key, Watch
from appanalytics.catalog import Active, Measure, Ratio
from appanalytics.catalog.sql import UNKNOWN
from appanalytics.engine import Engine
from appanalytics.query import Coverage, Question, ask
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Window

#: An incident of days recovers after a calm day and is over after two.
DAYS = Rules(drop_after=48, near=24, calm=48, link=24, chain=168)
#: Least users of a day (of a ratio: of its smaller part), in least sizes of a bin.
_LEAST = 20
#: Hours after a day's end at which it is read from the events, where no roll-up has been made of it.
_PATIENCE = 12

DayValues = Mapping[Key, tuple[float, float]]


@dataclass(frozen=True)
class Past:
    """An incident of bins that is known: its bins, its direction, the sources of its series."""

    start: int
    last: int
    direction: str
    sources: list[str]

    @classmethod
    def of(cls, watch: Watch, incident: Incident) -> Past:
        """What has to be known of it."""
        if incident.kind == "data":
            return cls(incident.start, incident.last, "down", [key.metric for key in incident.members])
        sources = set().union(*(watch.sources(key.metric) for key in incident.members))
        return cls(incident.start, incident.last, incident.direction, sorted(sources))

    def explains(self, watch: Watch, alarm: Alarm) -> bool:
        """True where a day's alarm is of the same sources and direction."""
        same = (alarm.score > 0) == (self.direction == "up")
        return same and bool(watch.sources(alarm.key.metric) & set(self.sources))


class DayLane:
    """The daily series and their detector. ``last`` is the number (ordinal) of the last day that was taken."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.keys: list[Key] = []
        self.detector = self._made([])
        self.last: int | None = None

    def step(self, day: date, first: int, values: DayValues) -> Judged | None:
        """Take a day, of which the first bin is ``first``. Without watched metrics None.

        A series is watched from the first day that it is large enough; one without a value for nine weeks is let go.
        """
        self.last = day.toordinal()
        if not self.watch.daily:
            return None
        self._enrol(values)
        nothing = {key: 0.0 if self._is_count(key) else np.nan for key in self.keys}
        value = np.array([values.get(key, (nothing[key], 0.0))[0] for key in self.keys])
        size = np.array([values.get(key, (0.0, 0.0))[1] for key in self.keys])
        found = self.detector.step(value)
        alarm = np.abs(found.score) >= 1
        weight = np.where(self.detector.counts, np.maximum(size, found.expected), size) / _LEAST
        return Judged(
            first, self.watch.bins_a_day, tuple(self.keys), value, found.expected, found.spread, found.score, alarm,
            alarm, np.ones(len(self.keys)), weight,
        )  # fmt: skip

    def alarms(self, judged: Judged) -> Iterator[Alarm]:
        """Series beyond the threshold that are large enough and changed enough.

        A window of days changes by what one of its days brings: its least change is that much smaller.
        """
        least = self.watch.min_change / self.detector.windows * judged.expected
        fresh = judged.alarm & (np.abs(judged.value - judged.expected) >= least)
        for place in np.flatnonzero(fresh & (judged.weight >= self.watch.min_size)):
            yield Alarm(
                judged.keys[place], judged.number, float(judged.score[place]), float(judged.value[place]),
                float(judged.expected[place]),
            )  # fmt: skip

    def _enrol(self, values: DayValues) -> None:
        known = set(self.keys)
        new = [key for key, (_, size) in values.items() if key not in known and size >= _LEAST * self.watch.min_size]
        dead = np.isnan(self.detector.values).all(axis=0) if self.keys else np.zeros(0, dtype=bool)
        if not new and not dead.any():
            return
        old = {name: each[:, ~dead] for name, each in self.detector.arrays().items()}
        self.keys = [key for key, gone in zip(self.keys, dead, strict=True) if not gone] + new
        self.detector = self._made(self.keys)
        empty = np.full((KEPT, len(new)), np.nan)
        self.detector.restore({name: np.concatenate([each, empty], axis=1) for name, each in old.items()})

    def _made(self, keys: list[Key]) -> Daily:
        windows = np.array([_window(self.watch, key.metric) for key in keys], dtype=float)
        return Daily(windows, np.array([self._is_count(key) for key in keys], dtype=bool))

    def _is_count(self, key: Key) -> bool:
        return not isinstance(self.watch.catalog.quantity(key.metric), Ratio)

    def described(self) -> dict[str, Any]:
        """What is not an array."""
        return {"last": self.last, "keys": [[key.metric, key.dimension, key.value] for key in self.keys]}

    def arrays(self) -> Arrays:
        """The state of the detector by name."""
        return {f"days/{name}": each for name, each in self.detector.arrays().items()}

    def restore(self, described: dict[str, Any], arrays: Arrays) -> None:
        """Go on from a stored state."""
        self.last, self.keys = described["last"], [Key(*each) for each in described["keys"]]
        self.detector = self._made(self.keys)
        self.detector.restore({name: arrays[f"days/{name}"] for name in self.detector.arrays()})


def _window(watch: Watch, metric: str) -> int:
    found = watch.catalog.quantity(metric)
    return found.days or 1 if isinstance(found, Active) else 1


def is_ready(coverage: Coverage, watch: Watch, day: date, clock: datetime, *, settled: bool) -> bool:
    """True where a day's numbers can be read: it is rolled up, or nobody rolled it up for half a day."""
    longest = max((_longest(watch, name) for name in watch.daily), default=1)
    if settled or not coverage.why_not_rollups(day - timedelta(days=longest), day):
        return True
    return clock >= Window.of_day(day, watch.zone).end + timedelta(hours=_PATIENCE)


def _longest(watch: Watch, metric: str) -> int:
    return max(leaf.days or 1 if isinstance(leaf, Active) else 1 for leaf in watch.catalog.leaves(metric))


def read_days(
    engine: Engine, watch: Watch, layout: Layout, coverage: Coverage, first: date, until: date
) -> dict[date, dict[Key, tuple[float, float]]]:
    """Value and size of the daily series on the days ``[first, until)``; NaN where a window begins before all events.

    The size of a ratio is the smaller of its parts.
    """
    found: dict[date, dict[Key, tuple[float, float]]] = {
        first + timedelta(days=at): {} for at in range((until - first).days)
    }
    start = coverage.first.astimezone(watch.zone).date() if coverage.first else first
    whole = [name for name in watch.daily if is_sliced(watch, name)]
    for dimension in ("", *watch.dimensions):
        names = whole if dimension else watch.daily
        if not names:
            continue
        parts = {leaf.name for name in names for leaf in watch.catalog.leaves(name)}
        by = (dimension,) if dimension else ()
        asked, window = list(dict.fromkeys([*names, *sorted(parts)])), Window.of(first, until, watch.zone)
        question = Question.of(watch.catalog, asked, window, by=by, grain="day")
        for record in ask(engine, layout, question, coverage=coverage).records:
            day = date.fromisoformat(str(record["time"])[:10])
            value = "" if not dimension else UNKNOWN if record[dimension] is None else str(record[dimension])
            for name in names:
                number, size = record[name], min(record[leaf.name] or 0 for leaf in watch.catalog.leaves(name))
                known = number is not None and day - timedelta(days=_longest(watch, name) - 1) >= start
                found[day][Key(name, dimension, value)] = (float(number) if known else np.nan, float(size))
    return found


def is_sliced(watch: Watch, metric: str) -> bool:
    """Numbers of other things than users are watched in total: no rollup has their slices."""
    leaves = watch.catalog.leaves(metric)
    return not any(isinstance(leaf, Measure) and leaf.unique not in (None, "user") for leaf in leaves)
