"""One chunk judged: its rows staged in the engine's memory, and a verdict on each.

Nothing that lasts is changed here. Judging has a connection of its own where a file is worth it, so that one chunk
is judged while the chunk before it is kept.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from appanalytics.engine import Engine, connect
from appanalytics.errors import EngineError, MappingError
from appanalytics.warehouse.load.chunk import Chunk
from appanalytics.warehouse.load.ledger import ChunkEntry
from appanalytics.warehouse.load.plan import Plan

# Machine code for a query that runs a few times costs more than it saves. (Settings stand in statements, because
# the embedded engine takes as long to set and restore them as a small insert does.)
_ONE_USE = "SETTINGS compile_expressions = 0"
_PREFIX = "load_stage_"
_WORTH_A_CONNECTION = 1 << 20  # bytes of a file


@dataclass(frozen=True, slots=True)
class Job:
    """What the chunks of one file have in common."""

    load: str
    source: str
    file: str
    plan: Plan
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Stage:
    """Tables in memory: rows as they were read, and as they were judged, two chunks in turn."""

    engine: Engine
    read: str
    judged: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """A chunk and what judging it found: the table of its judged rows (until the next but one is judged), its
    entry for the ledger, and the days (of the reporting zone) of its events.
    """

    chunk: Chunk
    table: str
    entry: ChunkEntry
    days: tuple[date, ...]


@contextmanager
def stage(engine: Engine, plan: Plan, size: int) -> Iterator[Stage]:
    """Make the tables of a file of so many bytes, and drop them whatever happens."""
    own = closing(connect(engine.url)) if size >= _WORTH_A_CONNECTION else nullcontext(engine)
    name = f"{_PREFIX}{uuid.uuid4().hex}"
    names = (name, f"{name}_judged_0", f"{name}_judged_1")
    staged = "".join(f", {column} {kind}" for column, kind in plan.staging.columns)
    judged = "".join(f", v{at} {plan.target.types[column]}" for at, column in enumerate(plan.columns))
    judged = f", skipped UInt8, reason LowCardinality(String){judged}"
    with own as judge:
        try:
            for table, columns in zip(names, (staged, judged, judged), strict=True):
                engine.execute(f"CREATE TABLE {table} (row UInt32{columns}) ENGINE = Memory")
            yield Stage(judge, names[0], names[1:])
        finally:
            engine.execute(f"DROP TABLE IF EXISTS {', '.join(names)} SYNC")


def sweep(engine: Engine) -> None:
    """Drop stages that a killed process left more than a week ago."""
    rows = engine.rows(
        """
        SELECT name FROM system.tables
        WHERE database = currentDatabase() AND startsWith(name, {prefix:String})
          AND metadata_modification_time < now() - INTERVAL 7 DAY
        """,
        {"prefix": _PREFIX},
    )
    for row in rows:
        engine.execute(f"DROP TABLE IF EXISTS {row['name']} SYNC")


def check(engine: Engine, plan: Plan) -> None:
    """Judge the mapping's own values and one empty row; what does not fit is a `MappingError`."""
    empty = "".join(f", defaultValueOfTypeName('{_escaped(kind)}') AS {name}" for name, kind in plan.staging.columns)
    row = plan.select.replace("{stage}", f"(SELECT toUInt32(0) AS row{empty})")
    try:
        engine.query(f"{row} {_ONE_USE}", plan.parameters)
    except EngineError as error:
        raise MappingError(f"the mapping does not work: {error.message}") from None
    if plan.literals:
        problems = engine.scalar(f"SELECT [{', '.join(each.problem for each in plan.literals)}]", plan.parameters)
        for literal, problem in zip(plan.literals, problems, strict=True):
            if problem:
                raise MappingError(f"{literal.place}: {literal.text!r}: {problem}")


def _escaped(text: str) -> str:
    return text.replace("'", "\\'")


def judge_chunk(job: Job, made: Stage, chunk: Chunk) -> Judged:
    """Stage one chunk and judge its rows."""
    table = made.judged[chunk.number % 2]
    made.engine.execute(f"TRUNCATE TABLE {made.read}")
    made.engine.execute(f"TRUNCATE TABLE {table}")
    if chunk.cells.num_rows:
        made.engine.insert(made.read, chunk.cells.unify_dictionaries(), {"async_insert": 0})
        select = job.plan.select.replace("{stage}", made.read)
        made.engine.execute(f"INSERT INTO {table} {select} {_ONE_USE}", job.plan.parameters)
    return _verdict(job, made, table, chunk)


def _verdict(job: Job, made: Stage, table: str, chunk: Chunk) -> Judged:
    time = f"v{job.plan.columns.index(job.plan.target.time)}"
    good = "reason = '' AND NOT skipped"  # only such a row's time means something
    rows = made.engine.rows(
        f"SELECT reason, skipped, count() AS n, minIf({time}, {good}) AS low, maxIf({time}, {good}) AS high, "
        f"groupUniqArrayIf(toDate({time}, {{zone:String}}), {good}) AS days "
        f"FROM {table} GROUP BY reason, skipped",
        {"zone": job.zone.key},
    )
    sound = next((row for row in rows if not row["reason"] and not row["skipped"]), None)
    reasons = Counter({row["reason"]: row["n"] for row in rows if row["reason"]})
    reasons.update(chunk.broken_reasons)
    entry = ChunkEntry(
        chunk=chunk.number,
        rows=chunk.rows,
        loaded=sound["n"] if sound else 0,
        skipped=sum(row["n"] for row in rows if row["skipped"]),
        first=sound["low"] if sound else None,
        last=sound["high"] if sound else None,
        reasons=dict(reasons),
    )
    return Judged(chunk, table, entry, tuple(sound["days"]) if sound else ())
