"""The day log: which days' events changed since they were rolled up."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pyarrow as pa

from appanalytics.engine import Engine

_DOUBTFUL_NANOSECONDS = 3600 * 10**9


@dataclass(frozen=True, slots=True)
class DayState:
    """One day's state: newest change, newest change a roll-up has seen, events rolled up by source."""

    day: date
    changed: int
    seen: int
    events: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_stale(self) -> bool:
        """True when events came after the last roll-up of this day, or none ran yet."""
        return self.changed > self.seen


def mark_changed(engine: Engine, days: Iterable[date]) -> None:
    """Say that events of these days are about to change, or just did.

    A writer calls it before it inserts and again after: a roll-up that runs between the two sees only the
    first mark, so the second one keeps the day stale.
    """
    _append(engine, [(day, "changed", time.time_ns(), {}) for day in sorted(set(days))])


def mark_doubtful(engine: Engine) -> set[date]:
    """Mark, and return, the days that were marked or rolled up in the last hour before the log's end.

    After a crash or a restore their rollups may be older, or newer, than their events.
    """
    rows = engine.rows(
        "SELECT DISTINCT day FROM day_log WHERE mark + {doubtful:UInt64} > (SELECT max(mark) FROM day_log)",
        {"doubtful": _DOUBTFUL_NANOSECONDS},
    )
    days = {row["day"] for row in rows}
    mark_changed(engine, days)
    return days


def mark_rolled(engine: Engine, marks: Mapping[date, int], events: Mapping[date, Mapping[str, int]]) -> None:
    """Record that these days were rolled up from a state that included the changes up to ``marks``."""
    _append(engine, [(day, "rolled", mark, dict(events.get(day, {}))) for day, mark in sorted(marks.items())])


def day_states(engine: Engine) -> list[DayState]:
    """State of every day that ever had a mark, in order.

    On a cluster each shard rolls up its own users: a day's events are those of all shards, and it is stale while it
    is stale in one of them, whose marks are told. (`shardNum` is 0 where there are no shards.)
    """
    rows = engine.rows(
        """
        SELECT day, shardNum() AS shard,
               maxIf(mark, kind = 'changed') AS changed,
               maxIf(mark, kind = 'rolled')  AS seen,
               argMaxIf(events, mark, kind = 'rolled') AS events
        FROM day_log GROUP BY day, shard ORDER BY day
        """
    )
    states = []
    for day, shards in itertools.groupby(rows, lambda row: row["day"]):
        each = list(shards)
        told = max(each, key=lambda row: row["changed"] - row["seen"])
        events = sum((Counter(dict(row["events"] or {})) for row in each), Counter[str]())
        states.append(DayState(day, told["changed"], told["seen"], dict(events)))
    return states


def stale_since(engine: Engine) -> datetime | None:
    """When the first change happened that no roll-up has seen yet; None when all were."""
    mark = engine.scalar(
        """
        SELECT min(mark) FROM day_log
        INNER JOIN (SELECT day, maxIf(mark, kind = 'rolled') AS seen FROM day_log GROUP BY day) AS rolled USING (day)
        WHERE kind = 'changed' AND mark > seen
        HAVING count() > 0
        """
    )
    return datetime.fromtimestamp(mark / 1e9, UTC) if mark else None


def _append(engine: Engine, entries: list[tuple[date, str, int, dict[str, int]]]) -> None:
    if not entries:
        return
    days, kinds, marks, events = zip(*entries, strict=True)
    engine.insert(
        "day_log",
        pa.table(
            {
                "day": pa.array(days, pa.date32()),
                "kind": pa.array(kinds),
                "mark": pa.array(marks, pa.uint64()),
                "events": pa.array([list(each.items()) for each in events], pa.map_(pa.string(), pa.uint64())),
            }
        ),
    )
