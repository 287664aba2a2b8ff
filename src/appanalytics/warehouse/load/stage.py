"""One chunk's way into the warehouse: staged, judged, refused rows kept, events inserted, all of it repeatable.

Order matters. A chunk's entry in the ledger is written last. Whatever breaks before it, the chunk is run again,
and the tokens of its inserts make the engine drop what is already there: each insert is one block, cut by
partition, and each part of it is known by the token and its partition.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.errors import EngineError, MappingError
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.load.chunk import Chunk
from appanalytics.warehouse.load.ledger import ChunkEntry, write_chunk
from appanalytics.warehouse.load.plan import Plan

_ONE_BLOCK = {
    "min_insert_block_size_rows": 1 << 40,
    "min_insert_block_size_bytes": 0,
    "max_insert_threads": 1,
    "deduplicate_insert_select": "enable_when_possible",
}
_AT_ONCE = {"async_insert": 0}
_ONE_USE = {"compile_expressions": 0}  # machine code for a query that runs a few times costs more than it saves
_PREFIX = "load_stage_"
HOPELESS = 100  # rows of a first chunk from which on "not one is sound" means that the mapping is wrong


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
    """Two tables in memory: rows as they were read, and rows as they were judged."""

    read: str
    judged: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What judging a chunk found: its entry for the ledger, and the days (of the reporting zone) of its events."""

    entry: ChunkEntry
    days: tuple[date, ...]


@contextmanager
def stage(engine: Engine, plan: Plan) -> Iterator[Stage]:
    """Make the two tables of a file, and drop them whatever happens."""
    name = f"{_PREFIX}{uuid.uuid4().hex}"
    made = Stage(name, f"{name}_judged")
    staged = "".join(f", {column} {kind}" for column, kind in plan.staging.columns)
    judged = "".join(f", v{at} {plan.target.types[column]}" for at, column in enumerate(plan.columns))
    try:
        engine.execute(f"CREATE TABLE {made.read} (row UInt32{staged}) ENGINE = Memory")
        engine.execute(
            f"CREATE TABLE {made.judged} (row UInt32, skipped UInt8, reason LowCardinality(String){judged}) "
            "ENGINE = Memory"
        )
        yield made
    finally:
        engine.execute(f"DROP TABLE IF EXISTS {made.read}, {made.judged} SYNC")


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
        engine.query(row, plan.parameters, _ONE_USE)
    except EngineError as error:
        raise MappingError(f"the mapping does not work: {error.message}") from None
    if plan.literals:
        problems = engine.scalar(f"SELECT [{', '.join(each.problem for each in plan.literals)}]", plan.parameters)
        for literal, problem in zip(plan.literals, problems, strict=True):
            if problem:
                raise MappingError(f"{literal.place}: {literal.text!r}: {problem}")


def _escaped(text: str) -> str:
    return text.replace("'", "\\'")


def judge_chunk(engine: Engine, job: Job, made: Stage, chunk: Chunk) -> Verdict:
    """Stage one chunk and judge its rows; nothing that lasts is changed."""
    if chunk.number:
        engine.execute(f"TRUNCATE TABLE {made.read}")
        engine.execute(f"TRUNCATE TABLE {made.judged}")
    if chunk.cells.num_rows:
        engine.insert(made.read, chunk.cells.unify_dictionaries(), _AT_ONCE)
        _judge(engine, job.plan, made)
    return _verdict(engine, job, made, chunk)


def refuse_hopeless(entry: ChunkEntry, file: str) -> None:
    """Refuse a file of whose first chunk not one row is sound: the mapping is wrong, not the rows."""
    if entry.rows >= HOPELESS and entry.rejected == entry.rows:
        reason, count = max(entry.reasons.items(), key=lambda item: item[1])
        raise MappingError(
            f"{file}: none of the first {entry.rows:,} rows can be loaded; {count:,} times: {reason}",
            hint="the mapping does not fit the file; nothing was loaded",
        )


def keep_chunk(engine: Engine, job: Job, made: Stage, chunk: Chunk, verdict: Verdict) -> None:
    """Insert a judged chunk's events and refused rows, then its entry; doing it again adds nothing."""
    token = {"insert_deduplication_token": f"{job.load}:{chunk.number}"}
    mark_changed(engine, verdict.days)
    if verdict.entry.rejected:
        _keep_rejects(engine, job, made, chunk, token)
    if verdict.entry.loaded:
        _insert_events(engine, job.plan, made, token)
    mark_changed(engine, verdict.days)
    write_chunk(engine, job.load, verdict.entry)


def _judge(engine: Engine, plan: Plan, made: Stage) -> None:
    select = plan.select.replace("{stage}", made.read)
    engine.execute(f"INSERT INTO {made.judged} {select}", plan.parameters, _ONE_USE)


def _verdict(engine: Engine, job: Job, made: Stage, chunk: Chunk) -> Verdict:
    time = f"v{job.plan.columns.index(job.plan.target.time)}"
    good = "reason = '' AND NOT skipped"  # only such a row's time means something
    rows = engine.rows(
        f"SELECT reason, skipped, count() AS n, minIf({time}, {good}) AS low, maxIf({time}, {good}) AS high, "
        f"groupUniqArrayIf(toDate({time}, {{zone:String}}), {good}) AS days "
        f"FROM {made.judged} GROUP BY reason, skipped",
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
    return Verdict(entry, tuple(sound["days"]) if sound else ())


def _keep_rejects(engine: Engine, job: Job, made: Stage, chunk: Chunk, token: dict[str, str]) -> None:
    judged = engine.query(f"SELECT row, reason FROM {made.judged} WHERE reason != '' ORDER BY row")
    rows = np.concatenate((judged.column("row").to_numpy().astype(np.int64), chunk.broken))
    reasons = pa.concat_arrays(
        [judged.column("reason").combine_chunks().cast(pa.string()), pa.array(chunk.broken_reasons, pa.string())]
    )
    count = len(rows)
    table = pa.table(
        {
            "load": pa.array([job.load] * count),
            "source": pa.array([job.source] * count),
            "file": pa.array([job.file] * count),
            "line": pa.array(chunk.lines[rows].astype(np.uint64)),
            "reason": reasons,
            "raw": pa.array(chunk.raw(rows), pa.string()),
        }
    )
    engine.insert("rejects", table, {**_AT_ONCE, **token})


def _insert_events(engine: Engine, plan: Plan, made: Stage, token: dict[str, str]) -> None:
    columns = ", ".join(f"`{name}`" for name in plan.columns)
    values = ", ".join(f"v{at}" for at in range(len(plan.columns)))
    engine.execute(
        f"INSERT INTO {plan.target.name} ({columns}) SELECT {values} FROM {made.judged} "
        "WHERE NOT skipped AND reason = ''",
        settings={**_ONE_BLOCK, **token},
    )
