"""All that is known between two ticks, and how a run of bins moves it. No database and no clock in here."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from appanalytics.anomalies.arrivals import Arrivals, newest
from appanalytics.anomalies.bins import Bins
from appanalytics.anomalies.days import DAYS, DayLane, DayValues, Past
from appanalytics.anomalies.incidents import Alarm, Book, Incident, Rules
from appanalytics.anomalies.lanes import Judged, Lanes
from appanalytics.anomalies.watch import Key, Watch
from appanalytics.known_events import Kind, KnownEvents
from appanalytics.window import day_start

#: Days without an event after which a slice is not watched any more.
_FORGET = 14


@dataclass
class Outcome:
    """What a run of bins gave: the verdicts, and the incidents that changed, newest state each."""

    judged: list[Judged] = field(default_factory=list)
    changed: dict[str, Incident] = field(default_factory=dict)


class Watching:
    """The state after bin `tick` (None: nothing was judged yet)."""

    def __init__(self, watch: Watch, rules: Rules | None = None, events: KnownEvents | None = None) -> None:
        self.watch = watch
        self.events = events or KnownEvents()
        self.tick: int | None = None
        self.version = 0
        self.lanes, self.arrivals, self.book = Lanes(watch), Arrivals(watch), Book(watch, rules)
        self.days, self.day_book = DayLane(watch), Book(watch, DAYS)
        self.past: list[Past] = []
        self.empty_days: dict[Key, int] = {}
        self.written: list[Incident] = []
        self.heard: tuple[int, int] | None = None

    @property
    def open(self) -> list[Incident]:
        """The incidents that are not over."""
        return [*self.book.open, *self.day_book.open]

    # --- bins ---

    def run(self, bins: Bins, until: int, now: int, *, enrol: bool) -> Outcome:
        """Judge the bins up to ``until`` (a number), in order, as far as they are there at ``now`` (seconds).

        Ends early at a bin whose source may still send. ``enrol`` says that the bins make a whole day, after which
        it is decided anew which series are large enough.
        """
        outcome = Outcome()
        if enrol and not self.lanes.keys:
            self.lanes.enrol(bins)
        matrices = [bins.matrix(self.watch, lane.keys) for lane in self.lanes.lanes]
        last = newest(bins)
        for number in range(bins.first, until):
            if self.tick is not None and number <= self.tick:
                continue
            missing = self._missing(bins, number, last)
            waits = any(last.get(source, -1) <= number for source in missing)
            if waits and now < (number + 1) * self.watch.step + 60 * self.watch.hold:
                break
            self._bin(bins, number, matrices, missing, outcome)
        if enrol and self.tick == until - 1:
            self._close_day(bins)
        return outcome

    def arrives(self, newest: int, now: int) -> bool:
        """True while a source still sends: its newest event is newer than ever, or was `Watch.hold` minutes ago."""
        if self.heard is None or newest > self.heard[0] or now < self.heard[1]:
            self.heard = (max(newest, self.heard[0] if self.heard else newest), now)
        return now - self.heard[1] < 60 * self.watch.hold

    def silence(self, bins: Bins, now: int) -> dict[str, Incident]:
        """Where all sources are silent no bin can be judged; say so. Returns the incidents that changed."""
        waiting = self.tick is not None and now - (self.tick + 2) * self.watch.step > 60 * self.watch.hold
        if not waiting or self.tick is None:
            return {}
        number = self.tick + 1
        missing = self._missing(bins, number, newest(bins))
        since = {source: self.arrivals.silent_since.get(source, number) for source in missing}
        if set(missing) != set(self.watch.all_sources()):
            return {}
        return {each.id: each for each in self.book.tick(number, [], since)}

    def _missing(self, bins: Bins, number: int, last: dict[str, int]) -> list[str]:
        local, at = self.local(number), number - bins.first
        found = []
        for source, (users, minutes) in bins.arrived.items():
            if self.arrivals.is_missing(source, local, float(users[at]), int(minutes[at])):
                found.append(source)
        return found

    def _bin(self, bins: Bins, number: int, matrices: Any, missing: list[str], outcome: Outcome) -> None:
        local, at = self.local(number), number - bins.first
        for source, (users, _) in bins.arrived.items():
            self.arrivals.learn(source, local, float(users[at]), source in missing)
        since = self.arrivals.silent_since
        self.arrivals.silent_since = {source: since.get(source, number) for source in missing}
        alarms: list[Alarm] = []
        for lane, (values, trials) in zip(self.lanes.lanes, matrices, strict=True):
            row = values[at]
            if missing:
                gone = [bool(self.watch.sources(key.metric) & set(missing)) for key in lane.keys]
                row = np.where(gone, np.nan, row)
            judged = lane.step(number, local, row, trials[at])
            if judged is not None:
                judged = judged.without(self.lanes.promoted if lane is self.lanes.lanes[0] else ())
                outcome.judged.append(judged)
                alarms += self._alarms(judged)
        known = self._known(number) if alarms else ""
        for incident in self.book.tick(number, alarms, dict(self.arrivals.silent_since), known):
            outcome.changed[incident.id] = incident
            if incident.fired and not incident.state.is_open:
                self.past.append(Past.of(self.watch, incident))
        self.tick = number

    def run_day(self, day: date, values: DayValues, *, judges: bool = True) -> Outcome:
        """Take a day that is over; ``judges`` is False for days before the first one, which only teach.

        What bins told of the same sources in the same direction on that day is not told again by the day.
        """
        outcome = Outcome()
        first = int(day_start(day, self.watch.zone).timestamp()) // self.watch.step
        last = int(day_start(day + timedelta(days=1), self.watch.zone).timestamp()) // self.watch.step - 1
        judged = self.days.step(day, first, values)
        if judged is None or not judges:
            return outcome
        outcome.judged.append(judged)
        self.past = [each for each in self.past if each.last >= first - 3 * self.watch.bins_a_day]
        told = [*self.past, *(Past.of(self.watch, each) for each in self.book.open if each.fired)]
        told = [each for each in told if each.start <= last and each.last >= first]
        alarms = [
            each for each in self.days.alarms(judged) if not any(past.explains(self.watch, each) for past in told)
        ]
        hours = range(first, last, self.watch.bins_an_hour) if alarms else ()
        known = next(filter(None, map(self._known, hours)), "")
        for incident in self.day_book.tick(last, alarms, {}, known):
            outcome.changed[incident.id] = incident
        return outcome

    def _alarms(self, judged: Judged) -> Iterator[Alarm]:
        """Series of which the bin is beyond the threshold, large enough, and changed enough."""
        change = np.abs(judged.value - judged.expected) >= self.watch.min_change * judged.expected
        fresh = judged.alarm & change & (judged.weight >= self.watch.min_size)
        for place in np.flatnonzero(fresh):
            yield Alarm(
                judged.keys[place], judged.number, float(judged.score[place]), float(judged.value[place]),
                float(judged.expected[place]), float(judged.size[place]),
            )  # fmt: skip

    def _close_day(self, bins: Bins) -> None:
        """Count the days without events, forget series that died, and watch those that have grown."""
        for lane in self.lanes.lanes:
            values, trials = bins.matrix(self.watch, lane.keys)
            total = np.where(np.isnan(trials), values, trials).sum(axis=0)
            for key, amount in zip(lane.keys, total, strict=True):
                self.empty_days[key] = 0 if amount else self.empty_days.get(key, 0) + 1
        self.lanes.let_go(self.empty_days, _FORGET)
        self.lanes.promote(bins)
        self.empty_days = {key: count for key, count in self.empty_days.items() if count < _FORGET}
        self.lanes.enrol(bins)

    def _known(self, number: int) -> str:
        """Names of the calendar's events at a bin that explain an anomaly beforehand."""
        at = datetime.fromtimestamp(number * self.watch.step, UTC)
        kinds = (Kind.CAMPAIGN, Kind.HOLIDAY, Kind.RELEASE)
        return ", ".join(each.name for each in self.events if each.kind in kinds and each.start <= at < each.end)

    def local(self, number: int) -> int:
        """Number of a bin by the clock of the reporting time zone."""
        return local_bin(self.watch.zone, self.watch.step, number)

    # --- state ---

    def dump(self) -> bytes:
        """Everything as bytes."""
        held = io.BytesIO()
        body = {
            "lanes": self.lanes.described(),
            "promoted": [[k.metric, k.dimension, k.value, n] for k, n in self.lanes.promoted.items()],
            "silent": self.arrivals.silent_since,
            "heard": self.heard,
            "sources": list(self.arrivals.week),
            "open": [each.to_json() for each in self.book.open],
            "days": self.days.described(),
            "days_open": [each.to_json() for each in self.day_book.open],
            "past": [asdict(each) for each in self.past],
            "written": [each.to_json() for each in self.written],
            "empty": [[k.metric, k.dimension, k.value, n] for k, n in self.empty_days.items() if n],
        }
        weeks = {f"week/{name}": each for name, each in self.arrivals.week.items()}
        arrays = {**self.lanes.arrays(), **self.days.arrays(), **weeks}
        arrays["body"] = np.frombuffer(json.dumps(body, ensure_ascii=False).encode(), dtype=np.uint8)
        np.savez(held, **arrays)  # type: ignore[arg-type]
        return held.getvalue()

    def load(self, tick: int, version: int, blob: bytes) -> None:
        """Go on from bytes of `dump`."""
        with np.load(io.BytesIO(blob)) as stored:
            arrays = {name: stored[name] for name in stored.files}
        body = json.loads(arrays.pop("body").tobytes())
        self.tick, self.version = tick, version
        self.lanes.restore(body["lanes"], arrays)
        self.lanes.promoted = {Key(*names): days for *names, days in body["promoted"]}
        self.arrivals.silent_since = body["silent"]
        self.heard = tuple(body["heard"]) if body["heard"] else None
        self.arrivals.week = {name: np.array(arrays[f"week/{name}"]) for name in body["sources"]}
        self.book.open = [Incident.from_json(each) for each in body["open"]]
        self.days.restore(body["days"], arrays)
        self.day_book.open = [Incident.from_json(each) for each in body["days_open"]]
        self.past = [Past(**each) for each in body["past"]]
        self.written = [Incident.from_json(each) for each in body["written"]]
        self.empty_days = {Key(*names): count for *names, count in body["empty"]}


def local_bin(zone: ZoneInfo, step: int, number: int) -> int:
    """Bins since 1970-01-01 by the local clock."""
    offset = datetime.fromtimestamp(number * step, UTC).astimezone(zone).utcoffset()
    return number + int(offset.total_seconds() // step) if offset else number
