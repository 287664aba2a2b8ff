"""Series of bins from the events: one statement for each source, whatever the number of series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from appanalytics.anomalies.detector import Floats
from appanalytics.anomalies.watch import Key, Watch
from appanalytics.catalog import Measure, Source
from appanalytics.catalog.sql import UNKNOWN, aggregate, condition, dimension_column, label, within
from appanalytics.engine import Engine
from appanalytics.sqltext import identifier, literal

Leaf = tuple[str, str, str]


@dataclass(frozen=True)
class Bins:
    """Bins ``[first, first + length)``, numbered from 1970-01-01 UTC.

    ``leaves`` holds counts by (measure, dimension, value); a series that is not there is zero. ``squares`` are the
    sums of the squares of users' counts. ``arrived`` has, by source, users of each bin and the bits of the minutes in
    which there were any.
    """

    first: int
    length: int
    leaves: dict[Leaf, Floats]
    squares: dict[Leaf, Floats]
    arrived: dict[str, tuple[Floats, NDArray[np.uint64]]]

    def part(self, first: int, until: int) -> Bins:
        """The bins ``[first, until)`` of these, without the slices that have no event in them."""
        cut = slice(first - self.first, until - self.first)
        leaves = {name: each[cut] for name, each in self.leaves.items() if each[cut].any()}
        squares = {name: each[cut] for name, each in self.squares.items() if name in leaves}
        arrived = {name: (users[cut], minutes[cut]) for name, (users, minutes) in self.arrived.items()}
        return Bins(first, until - first, leaves, squares, arrived)

    def slices(self) -> list[tuple[str, str]]:
        """Dimension and value of every slice with events."""
        return sorted({(dimension, value) for _, dimension, value in self.leaves})

    def burst(self, watch: Watch, key: Key) -> float:
        """How many times the variance of a series is that of independent events: users bring theirs in bursts.

        For sums over users of a compound Poisson process that is Σx² / Σx; 1 for numbers of users. A share has the
        burst of its trials. The mean of n users varies by (Σx² / n − mean²) / n: that of independent events would by
        mean / n.
        """
        top, bottom = watch.parts(key.metric)
        mean = bottom is not None and watch.is_mean(key.metric)
        leaf = ((top if mean else bottom or top).name, key.dimension, key.value)
        total = float(self.leaves[leaf].sum()) if leaf in self.leaves else 0.0
        if not total or leaf not in self.squares:
            return 1.0
        burst = float(self.squares[leaf].sum()) / total
        if mean and bottom is not None:
            users = float(self.leaves[bottom.name, key.dimension, key.value].sum())
            return max(0.1, burst - total / users)
        return max(1.0, burst)

    def matrix(self, watch: Watch, keys: Sequence[Key]) -> tuple[Floats, Floats]:
        """Values and trials (NaN for counts) of series, bins × series."""
        values, trials = np.zeros((self.length, len(keys))), np.full((self.length, len(keys)), np.nan)
        zero = np.zeros(self.length)
        for place, key in enumerate(keys):
            top, bottom = watch.parts(key.metric)
            values[:, place] = self.leaves.get((top.name, key.dimension, key.value), zero)
            if bottom is not None:
                trials[:, place] = self.leaves.get((bottom.name, key.dimension, key.value), zero)
        return values, trials


def read_bins(engine: Engine, watch: Watch, first: int, until: int) -> Bins:
    """Read the bins ``[first, until)``."""
    bins = Bins(first, until - first, {}, {}, {})
    by_source: dict[str | None, list[Measure]] = {}
    for leaf in watch.leaves():
        by_source.setdefault(leaf.source, []).append(leaf)
    for name in watch.all_sources():
        by_source.setdefault(name, [])
    bound = {
        "start": datetime.fromtimestamp(first * watch.step, UTC),
        "end": datetime.fromtimestamp(until * watch.step, UTC),
        "step": watch.step,
    }
    for source, leaves in by_source.items():
        made = _of_source(watch, source, leaves) if source else _of_all(watch, leaves)
        _take(bins, source, leaves, engine.query(made, bound))
    return bins


def _take(bins: Bins, source: str | None, leaves: Iterable[Measure], table: pa.Table) -> None:
    at = table.column("bin").to_numpy().astype(np.int64) - bins.first
    names = list(zip(table.column("dimension").to_pylist(), table.column("value").to_pylist(), strict=True))
    places: dict[tuple[str, str], int] = {}
    which = np.array([places.setdefault(name, len(places)) for name in names], dtype=np.int64)
    for number, leaf in enumerate(leaves):
        held = np.zeros((len(places), bins.length))
        held[which, at] = table.column(f"n{number}").to_numpy().astype(np.float64)
        bins.leaves.update({(leaf.name, *name): held[place] for name, place in places.items()})
        if not leaf.unique:
            squares = np.zeros((len(places), bins.length))
            squares[which, at] = table.column(f"q{number}").to_numpy().astype(np.float64)
            bins.squares.update({(leaf.name, *name): squares[place] for name, place in places.items()})
    if source is not None:
        total = which == places.get(("", ""), -1)
        people, minutes = np.zeros(bins.length), np.zeros(bins.length, dtype=np.uint64)
        people[at[total]] = table.column("people").to_numpy()[total]
        minutes[at[total]] = table.column("minutes_").to_numpy()[total]
        bins.arrived[source] = (people, minutes)


def _of_source(watch: Watch, name: str, leaves: Sequence[Measure]) -> str:
    """Users of a bin first, so that the slices sum rows of users and not of events."""
    source = watch.catalog.sources[name]
    inner = [
        f"countIf({condition(source, leaf.condition)}) AS m{number}"
        if leaf.unique else f"{aggregate(source, leaf)} AS m{number}"
        for number, leaf in enumerate(leaves)
    ]  # fmt: skip
    outer = [
        f"uniqExactIf(person, m{number} > 0) AS n{number}" if leaf.unique else f"sum(m{number}) AS n{number}"
        for number, leaf in enumerate(leaves)
    ]
    time = identifier(source.time)
    minute = f"bitShiftLeft(toUInt64(1), intDiv(toUnixTimestamp({time}) % {{step:UInt32}}, 60))"
    outer += [f"sum(m{number} * m{number}) AS q{number}" for number, leaf in enumerate(leaves) if not leaf.unique]
    inner.append(f"groupBitOr({minute}) AS minutes")
    outer += ["count() AS people", "groupBitOr(minutes) AS minutes_"]
    return _sliced(watch, _users(watch, source, inner), outer)


def _of_all(watch: Watch, leaves: Sequence[Measure]) -> str:
    rows = " UNION ALL ".join(_users(watch, source, []) for source in watch.catalog.sources.values())
    return _sliced(watch, rows, [f"uniqExact(person) AS n{number}" for number, _ in enumerate(leaves)])


_START, _END = "{start:DateTime('UTC')}", "{end:DateTime('UTC')}"


def _users(watch: Watch, source: Source, values: Sequence[str]) -> str:
    time, user = identifier(source.time), identifier(source.user)
    groups = [f"intDiv(toUnixTimestamp({time}), {{step:UInt32}}) AS bin", f"{user} AS person"]
    for place, name in enumerate(watch.dimensions):
        dimension = watch.catalog.dimension(name)
        shown = label(dimension, dimension_column(watch.catalog, dimension, source))
        groups.append(f"ifNull(toString({shown}), {literal(UNKNOWN)}) AS slice_{place}")
    keys = ["bin", "person", *(f"slice_{place}" for place in range(len(watch.dimensions)))]
    return (
        f"SELECT {', '.join([*groups, *values])} FROM {identifier(source.table)}"
        f" WHERE {' AND '.join(within(source, _START, _END))} GROUP BY {', '.join(keys)}"
    )


def _sliced(watch: Watch, rows: str, values: Sequence[str]) -> str:
    places = ["('', '')", *(f"({literal(name)}, slice_{at})" for at, name in enumerate(watch.dimensions))]
    return (
        f"SELECT bin, place.1 AS dimension, place.2 AS value, {', '.join(values)} FROM ({rows})"
        f" ARRAY JOIN [{', '.join(places)}] AS place GROUP BY bin, dimension, value"
    )


def first_event(engine: Engine, watch: Watch) -> datetime | None:
    """Instant of the earliest event; None for empty tables."""
    return min(_edges(engine, watch, "min"), default=None)


def newest_event(engine: Engine, watch: Watch, now: datetime) -> datetime | None:
    """Instant of the latest event that is not in the future; None without one."""
    found = _edges(engine, watch, "max")
    if not found or max(found) <= now:
        return max(found, default=None)
    for since in (now - timedelta(days=2), datetime(1970, 1, 2, tzinfo=UTC)):  # some clock is ahead: look at the rows
        where = "WHERE {time} > {{since:DateTime('UTC')}} AND {time} <= {{now:DateTime('UTC')}}"
        if found := _edges(engine, watch, "max", where, {"since": since, "now": now}):
            return max(found)
    return None


def _edges(
    engine: Engine, watch: Watch, function: str, where: str = "", bound: dict[str, Any] | None = None
) -> list[datetime]:
    found = []
    for name in watch.all_sources():
        source = watch.catalog.sources[name]
        time, table = identifier(source.time), identifier(source.table)
        kept = where.format(time=time)
        row = engine.rows(f"SELECT count() AS events, {function}({time}) AS edge FROM {table} {kept}", bound)[0]
        if row["events"]:
            found.append(row["edge"] if row["edge"].tzinfo else row["edge"].replace(tzinfo=UTC))
    return found
