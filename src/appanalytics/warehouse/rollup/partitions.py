"""Work tables, and how prepared days take the place of a rollup's own: partition by partition, atomically.

A partition is a week or a month, not a day, because a query pays for every part it opens: with a part for each
of 75 days the smallest question costs 30 ms more than with three. So the other days of a touched partition are
copied into the work table before it replaces the partition.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from appanalytics.engine import Engine
from appanalytics.window import Grain, bucket_day

PREFIX = "rollup_work_"


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How days are kept together: the expression of the DDL and the id that ClickHouse gives a day's partition."""

    sql: str
    grain: Grain

    def id(self, day: date) -> str:
        """Partition id of a day."""
        first = bucket_day(day, self.grain)
        return f"{first:%Y%m}" if self.grain is Grain.MONTH else f"{first:%Y%m%d}"


WEEK = Partitioning("toMonday(day)", Grain.WEEK)
MONTH = Partitioning("toYYYYMM(day)", Grain.MONTH)


@contextlib.contextmanager
def work_table(engine: Engine, make: Callable[[str], str]) -> Iterator[str]:
    """A table of a unique name, made by the DDL that ``make`` gives for it and dropped in the end."""
    name = f"{PREFIX}{secrets.token_hex(8)}"
    try:
        engine.execute(make(name))
        yield name
    finally:
        engine.execute(f"DROP TABLE IF EXISTS {name} SYNC")


def drop_leftovers(engine: Engine) -> None:
    """Drop work tables of runs that died; on a server only old ones, because another run may be at work."""
    rows = engine.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})"
        " AND ({embedded:Bool} OR metadata_modification_time < now() - 86400)",
        {"prefix": PREFIX, "embedded": engine.url.is_embedded},
    )
    for row in rows:
        engine.execute(f"DROP TABLE IF EXISTS {row['name']} SYNC")


def put_days(engine: Engine, name: str, work: str, days: Sequence[date], by: Partitioning) -> None:
    """Replace the rows of ``days`` in a rollup by those of a work table; days without rows become empty."""
    ids = sorted({by.id(day) for day in days})
    engine.execute(
        f"INSERT INTO {work} SELECT * FROM {name}"
        " WHERE _partition_id IN {ids:Array(String)} AND day NOT IN {days:Array(Date)}",
        {"ids": ids, "days": list(days)},
    )
    put_partitions(engine, name, work, ids)


def put_partitions(engine: Engine, name: str, work: str, ids: Iterable[str]) -> None:
    """Replace whole partitions of a rollup by those of a work table, each merged to one part first."""
    rows = engine.rows(
        "SELECT partition_id AS id, count() AS parts FROM system.parts"
        " WHERE active AND database = currentDatabase() AND table = {work:String} GROUP BY id",
        {"work": work},
    )
    parts = {row["id"]: row["parts"] for row in rows}
    for one in ids:
        if parts.get(one, 0) > 1:
            engine.execute(f"OPTIMIZE TABLE {work} PARTITION ID '{one}' FINAL")
        # An empty source is refused by REPLACE PARTITION, rightly: it may be a mistake. Here it is meant.
        change = f"REPLACE PARTITION ID '{one}' FROM {work}" if one in parts else f"DROP PARTITION ID '{one}'"
        engine.execute(f"ALTER TABLE {name} {change}")
