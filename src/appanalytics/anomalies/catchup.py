"""A run over the warehouse: from the stored state to the newest bin that is there, in order, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from appanalytics.anomalies import store
from appanalytics.anomalies.bins import Bins, first_event, newest_event, read_bins
from appanalytics.anomalies.daily import KEPT
from appanalytics.anomalies.days import is_ready, read_days
from appanalytics.anomalies.incidents import Incident, Rules, State
from appanalytics.anomalies.watch import Key, Watch
from appanalytics.anomalies.watching import Outcome, Watching
from appanalytics.engine import Engine
from appanalytics.known_events import KnownEvents
from appanalytics.progress import Progress, silent
from appanalytics.query import Coverage, read_coverage
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import day_start

#: Days of history from which a first run learns, and days that are read at once.
LEARN, _BLOCK = 28, 7
#: Seconds by which events of a stream may come in another order than they happened.
_DISORDER = 120


@dataclass(frozen=True, slots=True)
class Caught:
    """What a run did: bins judged, series watched, incidents that changed, the end of the last bin (None: none)."""

    bins: int
    series: int
    incidents: int
    until: datetime | None

    def __str__(self) -> str:
        if self.until is None:
            return "no events to watch yet"
        found = f"{self.bins} bins of {self.series} series, {self.incidents} incidents changed"
        return f"{found}, judged until {self.until:%Y-%m-%dT%H:%MZ}"


def catch_up(
    engine: Engine, watch: Watch, now: datetime, *, events: KnownEvents | None = None, progress: Progress = silent,
    rules: Rules | None = None, since: datetime | None = None,
) -> Caught:  # fmt: skip
    """Judge all bins that are over and there, and store what was found.

    A first run begins ``since``, some weeks ago unless given.

    May be repeated and killed at any place: the state is written last, as one row, and what it holds of incidents is
    written again by the next run. A clock that went back finds nothing to do. While events still arrive, however
    far behind the clock, only bins with later events are judged; where none arrived for `Watch.hold` minutes, all.
    """
    watching = Watching(watch, rules, events)
    store.load(engine, watching)
    heard = watching.heard
    store.write_incidents(engine, watch, watching.written, watching.version)
    bins = changed = 0
    for piece in _pieces(advance(engine, watching, now, since=since, progress=progress)):
        store.write_points(engine, watch, piece.judged)
        watching.written = list({**piece.changed, **{each.id: each for each in watching.open}}.values())
        store.save(engine, watching)
        store.write_incidents(engine, watch, watching.written, watching.version)
        bins += sum(1 for each in piece.judged if each.every == 1)
        changed += sum(1 for each in piece.changed.values() if each.fired)
        heard = watching.heard
    if watching.heard != heard and watching.tick is not None:
        store.save(engine, watching)
    changed += store.close_unwatched(engine, watching, now)
    end = None if watching.tick is None else datetime.fromtimestamp((watching.tick + 1) * watch.step, now.tzinfo)
    return Caught(bins, len(watching.lanes.keys), changed, end)


def _pieces(outcomes: Iterable[tuple[Outcome, bool]]) -> Iterator[Outcome]:
    """Outcomes of some days together, as far as they moved the state: what is stored at once."""
    held, days = Outcome(), 0
    for outcome, moved in outcomes:
        if not moved:
            continue
        held.judged += outcome.judged
        held.changed.update(outcome.changed)
        days += 1
        if days == _BLOCK:
            yield held
            held, days = Outcome(), 0
    if days:
        yield held


def advance(
    engine: Engine, watching: Watching, now: datetime, *, since: datetime | None = None, settled: bool = False,
    progress: Progress = silent,
) -> Iterator[tuple[Outcome, bool]]:  # fmt: skip
    """Read and judge day by day; yields each piece's outcome, and whether the state moved.

    ``settled`` says that nothing will arrive any more.
    """
    watch = watching.watch
    start, newest = _start(engine, watching, now, since), newest_event(engine, watch, now)
    if start is None or newest is None:
        return
    present = int(now.timestamp()) // watch.step + 1
    over = (int(now.timestamp()) - 60 * watch.delay) // watch.step
    last, clock = int(newest.timestamp()), int(now.timestamp())
    arrives = not settled and watching.arrives(last, clock)
    # Without events there is nothing to judge, and the bin of the newest ones is not whole while they arrive.
    reached = (last - min(_DISORDER, 60 * watch.delay)) // watch.step if arrives else last // watch.step + 1
    horizon = min(over, reached)
    if arrives:
        clock = min(clock, last + 60 * watch.delay)
    first, block = start, Bins(start, 0, {}, {}, {})
    days = _Days(engine, watch, max(horizon, start), settled=settled)
    while first < horizon:
        day_end = _day_end(watching, first)
        until = min(day_end, horizon)
        ahead = min(day_end + watch.bins_an_hour, present)  # later events say that a bin is there
        if ahead > block.first + block.length:
            block = read_bins(engine, watch, first, max(ahead, min(first + _BLOCK * watch.bins_a_day, present)))
        before = watching.tick
        whole = until == day_end and first == _day_start(watching, first)
        bins = block.part(first, ahead)
        outcome = watching.run(bins, until, clock, enrol=whole or before is None)
        yield outcome, watching.tick != before
        if watching.tick is None or watching.tick < until - 1:
            return
        first = until
        progress("judge bins", first - start, horizon - start, "bins")
        yield from days.judge(watching, start, clock)
    yield from days.judge(watching, start, clock)
    if horizon < over and watching.tick is not None and not arrives:
        rest = read_bins(engine, watch, watching.tick + 1, watching.tick + 2)
        if changed := watching.silence(rest, clock):
            yield Outcome(changed=changed), True


class _Days:
    """The days that are over up to a bin, read some weeks at once and judged in order."""

    def __init__(self, engine: Engine, watch: Watch, horizon: int, *, settled: bool) -> None:
        self.engine, self.watch, self.settled = engine, watch, settled
        self.horizon = horizon
        self.layout: Layout | None = None
        self.coverage = Coverage(None, None)
        self.read: dict[date, dict[Key, tuple[float, float]]] = {}

    def judge(self, watching: Watching, start: int, clock: int) -> Iterator[tuple[Outcome, bool]]:
        """Judge the days that can be read, the first one being that of bin ``start``; each moves the state."""
        lane = watching.days
        if not self.watch.daily or watching.tick is None:
            return
        over = self._day(watching.tick + 1)  # the day of the next bin is not over
        day = date.fromordinal(lane.last + 1) if lane.last is not None else self._day(start)
        while day < over:
            if day not in self.read and not self._read(day, clock, learns=lane.last is None):
                return
            for before in sorted(each for each in self.read if each < day and lane.last is None):
                watching.run_day(before, self.read[before], judges=False)
            yield watching.run_day(day, self.read[day]), True
            day += timedelta(days=1)

    def _read(self, day: date, clock: int, *, learns: bool) -> bool:
        """Read a day and those after it that are ready; False where it is not."""
        if self.layout is None:
            self.layout = Layout.read(self.engine, self.watch.catalog, self.watch.zone)
            self.coverage = read_coverage(self.engine, self.layout)
        now, last = datetime.fromtimestamp(clock, UTC), max(self._day(self.horizon), day + timedelta(days=1))
        until = day
        while until < min(last, day + timedelta(days=LEARN)):
            if not is_ready(self.coverage, self.watch, until, now, settled=self.settled):
                break
            until += timedelta(days=1)
        if until == day:
            return False
        first = day - timedelta(days=KEPT) if learns else day
        if self.coverage.first is not None:
            first = max(first, min(day, self.coverage.first.astimezone(self.watch.zone).date()))
        self.read = read_days(self.engine, self.watch, self.layout, self.coverage, first, until)
        return True

    def _day(self, number: int) -> date:
        return datetime.fromtimestamp(number * self.watch.step, UTC).astimezone(self.watch.zone).date()


def _start(engine: Engine, watching: Watching, now: datetime, since: datetime | None) -> int | None:
    """The bin to begin with: the next one of the state, else midnight some weeks ago or after the first event."""
    if watching.tick is not None:
        return watching.tick + 1
    earliest = first_event(engine, watching.watch)
    if earliest is None or earliest > now:
        return None
    earliest = max(earliest, since or now - timedelta(days=LEARN))
    zone = watching.watch.zone
    return int(day_start(earliest.astimezone(zone).date(), zone).timestamp()) // watching.watch.step


def _day_end(watching: Watching, number: int) -> int:
    local = watching.local(number)
    day = watching.watch.bins_a_day
    end = number + day - local % day
    return end - (watching.local(end) - (local - local % day + day))  # a day of 23 or 25 hours


def _day_start(watching: Watching, number: int) -> int:
    return number - watching.local(number) % watching.watch.bins_a_day


def backtest(
    engine: Engine, watch: Watch, since: datetime | None, until: datetime, *, events: KnownEvents | None = None,
    rules: Rules | None = None, progress: Progress = silent,
) -> tuple[list[Incident], Watching]:  # fmt: skip
    """The incidents that ticks would have found in a history; nothing is stored."""
    watching = Watching(watch, rules, events)
    found: dict[str, Incident] = {}
    for outcome, _ in advance(engine, watching, until, since=since, settled=True, progress=progress):
        found.update(outcome.changed)
    kept = [each for each in found.values() if each.fired and each.state is not State.DROPPED]
    return sorted(kept, key=lambda each: (each.start, each.id)), watching
