"""Copy a warehouse into another one: embedded into a server, a server into a folder, one database into the next.

Events go day by day (of UTC). A day is read from the source, staged beside the target's table, counted and
hashed there, and put in place by one atomic ``ATTACH PARTITION``. So a day is in the target as a whole or not at
all, and a copy that was killed goes on where it stopped: days that are equal on both sides are passed over.
Ledgers (experiments, incidents, messages, reports, loads) are staged whole and exchanged with the target's.
Rollups are not copied: they
follow from the events and are made in the target.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from appanalytics.catalog import Catalog, Source
from appanalytics.engine import Engine
from appanalytics.errors import IntegrityError, UserError
from appanalytics.progress import Progress, silent
from appanalytics.sqltext import identifier
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.lock import exclusive
from appanalytics.warehouse.migrate import migrations, table_of

#: Rows that are read and inserted at once; bounds the memory of this process.
SLICE_ROWS = 500_000
STAGE = "copy_stage_"
#: Tables that are not copied: what they say follows from the target's own history.
_OWN = frozenset({"day_log", "warehouse_meta", "schema_migrations"})
_LEASE = 10.0  # a killed copy is repeated sooner than a roll-up
_MOMENT = "DateTime64(3, 'UTC')"

Print = tuple[int, int]  # number of rows, sum of their hashes


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy did: days and events copied, days that were equal already, ledger tables copied."""

    days: int
    events: int
    already: int
    ledgers: int

    def __str__(self) -> str:
        return (
            f"copied {self.events:,} events of {self.days:,} days and {self.ledgers} tables of ledgers;"
            f" {self.already:,} days were there already"
        )


def copy_warehouse(
    source: Engine,
    target: Engine,
    catalog: Catalog,
    *,
    first: date | None = None,
    until: date | None = None,
    over: bool = False,
    progress: Progress = silent,
) -> CopyReport:
    """Copy events of the UTC days ``[first, until)`` (default: all) and every ledger; both sides are migrated.

    A day or a ledger that the target holds with other rows is a `UserError` before anything of it is changed, unless
    ``over`` puts the source's in its place. Raises `IntegrityError` when what arrived is not what was read.
    """
    with exclusive(target, "copy", lease=_LEASE, progress=progress):
        _drop_stages(target)
        done = [_copy_events(source, target, each, first, until, over, progress) for each in catalog.sources.values()]
        names = ledgers(catalog)
        copied = 0
        for place, name in enumerate(names):
            progress("copy ledgers", place, len(names), "tables")
            copied += _copy_ledger(source, target, name, over)
        progress("copy ledgers", len(names), len(names), "tables")
    days, events, already = (sum(parts) for parts in zip(*done, strict=True))
    return CopyReport(days, events, already, copied)


def ledgers(catalog: Catalog) -> list[str]:
    """Tables of the schema that are neither events nor rollups nor the warehouse's notes about itself."""
    events = {each.table for each in catalog.sources.values()}
    made = dict.fromkeys(table_of(sql) for _, sql in migrations())
    return [name for name in made if name and name not in events | _OWN]


def day_prints(engine: Engine, source: Source) -> dict[date, Print]:
    """Number and hash of each UTC day's events; equal where the same rows are there, in any order."""
    columns = ", ".join(f"`{name}`" for name in _columns(engine, source.table))
    rows = engine.rows(
        f"SELECT toDate({identifier(source.time)}, 'UTC') AS day, count() AS n, sum(cityHash64({columns})) AS hash"
        f" FROM {identifier(source.table)} GROUP BY day ORDER BY day"
    )
    return {row["day"]: (row["n"], row["hash"]) for row in rows}


def _copy_events(
    source: Engine,
    target: Engine,
    of: Source,
    first: date | None,
    until: date | None,
    over: bool,
    progress: Progress,
) -> tuple[int, int, int]:
    _same_columns(source, target, of.table)
    wanted = {
        day: held
        for day, held in day_prints(source, of).items()
        if (first is None or day >= first) and (until is None or day < until)
    }
    there = day_prints(target, of)
    todo = [day for day in wanted if there.get(day) != wanted[day]]
    if (other := [day for day in todo if day in there]) and not over:
        held, ours = there[other[0]][0], wanted[other[0]][0]
        raise UserError(
            f"{target.url} has other events in {of.table} on {len(other)} days: {held:,} on {other[0]}, not {ours:,}",
            hint="--over puts the source's in their place, day by day",
        )
    total, done = sum(wanted[day][0] for day in todo), 0
    step = f"copy {of.table}"
    _mark(target, todo)
    with _stage(target, of.table) as stage:
        for day in todo:
            progress(step, done, total, "events")
            _fill(source, target, of, stage, day, wanted[day])
            if day in there:
                _remove(target, of, day)
            target.execute(f"ALTER TABLE {of.table} ATTACH PARTITION ID '{day:%Y%m}' FROM {stage}")
            done += wanted[day][0]
        progress(step, done, total, "events")
    _mark(target, todo)
    return len(todo), done, len(wanted) - len(todo)


def _fill(source: Engine, target: Engine, of: Source, stage: str, day: date, expected: Print) -> None:
    """Put a day's events into the stage and see that they are those that were read."""
    target.execute(f"TRUNCATE TABLE {stage} SYNC")
    names = ", ".join(f"`{name}`" for name in _columns(target, of.table))
    when = identifier(of.time)
    read = 0
    for start, end in _slices(day, expected[0]):
        rows = source.query(
            f"SELECT {names} FROM {identifier(of.table)}"
            f" WHERE {when} >= {{start:{_MOMENT}}} AND {when} < {{end:{_MOMENT}}}",
            {"start": start, "end": end},
        )
        if rows.num_rows:
            target.insert(stage, rows)
        read += rows.num_rows
    arrived = day_prints(target, of.model_copy(update={"table": stage}))
    if arrived != {day: expected}:
        raise IntegrityError(
            f"{of.table} of {day}: {expected[0]:,} events were counted and {read:,} read, and they are not the same",
            hint="does somebody write to the source? Run the command again",
        )


def _slices(day: date, rows: int) -> Iterator[tuple[datetime, datetime]]:
    """The day cut into parts of equal length, so many that an even day has `SLICE_ROWS` in each."""
    parts = max(1, -(-rows // SLICE_ROWS))
    start = datetime.combine(day, time(), UTC)
    edges = [start + timedelta(milliseconds=86_400_000 * place // parts) for place in range(parts + 1)]
    yield from pairwise(edges)


def _mark(target: Engine, days: Sequence[date]) -> None:
    """Say that events change, before and after: on the days of any time zone that the UTC days touch."""
    mark_changed(target, {day + timedelta(days=more) for day in days for more in (-1, 0, 1)})


def _remove(target: Engine, of: Source, day: date) -> None:
    when = identifier(of.time)
    target.execute(
        f"ALTER TABLE {of.table} DELETE WHERE {when} >= {{start:{_MOMENT}}} AND {when} < {{end:{_MOMENT}}}",
        {"start": datetime.combine(day, time(), UTC), "end": datetime.combine(day + timedelta(days=1), time(), UTC)},
        {"mutations_sync": 2},
    )


def _copy_ledger(source: Engine, target: Engine, name: str, over: bool) -> int:
    """Copy a small table whole; returns 1 when it was different."""
    _same_columns(source, target, name)
    expected, there = _print(source, name), _print(target, name)
    if expected == there or not expected[0]:
        return 0
    if there[0] and not over:
        raise UserError(
            f"{target.url} has other rows in {name}: {there[0]:,}, not {expected[0]:,}",
            hint="--over puts the source's in their place",
        )
    with _stage(target, name) as stage:
        names = ", ".join(f"`{column}`" for column in _columns(target, name))
        target.insert(stage, source.query(f"SELECT {names} FROM {_final(source, name)}"))
        if _print(target, stage) != expected:
            raise IntegrityError(f"{name} changed while it was copied", hint="run the command again")
        target.execute(f"EXCHANGE TABLES {stage} AND {name}")
    return 1


def _print(engine: Engine, name: str) -> Print:
    """Number and hash of a table's rows; as text, because a null would make the hash of its whole row null."""
    row = engine.rows(
        f"SELECT count() AS n, sum(cityHash64(toString(tuple(*)))) AS hash FROM {_final(engine, name)}"
    )[0]
    return row["n"], row["hash"] or 0


def _final(engine: Engine, name: str) -> str:
    """A table as it reads after all merges."""
    kind = engine.scalar(
        "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = {name:String}", {"name": name}
    )
    return f"{identifier(name)} FINAL" if "Replacing" in str(kind) else identifier(name)


def _columns(engine: Engine, table: str) -> list[str]:
    rows = engine.rows(
        "SELECT name FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"
        " AND default_kind IN ('', 'DEFAULT') ORDER BY name",
        {"table": table},
    )
    return [row["name"] for row in rows]


def _same_columns(source: Engine, target: Engine, table: str) -> None:
    if set(_columns(source, table)) != set(_columns(target, table)):
        raise UserError(f"{table} has other columns in {target.url}", hint="are both of the same version?")


@contextlib.contextmanager
def _stage(engine: Engine, table: str) -> Iterator[str]:
    name = f"{STAGE}{table}"
    engine.execute(f"DROP TABLE IF EXISTS {name} SYNC")
    engine.execute(f"CREATE TABLE {name} AS {identifier(table)}")
    try:
        yield name
    finally:
        engine.execute(f"DROP TABLE IF EXISTS {name} SYNC")


def _drop_stages(engine: Engine) -> None:
    """Stages of a copy that was killed."""
    found: Sequence[dict[str, Any]] = engine.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, {prefix:String})",
        {"prefix": STAGE},
    )
    for row in found:
        engine.execute(f"DROP TABLE IF EXISTS {identifier(row['name'])} SYNC")
