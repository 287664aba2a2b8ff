"""A judged chunk's way into the warehouse: refused rows kept, events inserted, all of it repeatable.

Order matters. A chunk's entry in the ledger is written last. Whatever breaks before it, the chunk is run again,
and the tokens of its inserts make the engine drop what is already there: each insert is one block, cut by
partition, and each part of it is known by the token and its partition.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.errors import MappingError
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.load.ledger import ChunkEntry, write_chunk
from appanalytics.warehouse.load.plan import Plan
from appanalytics.warehouse.load.stage import Job, Judged

HOPELESS = 100  # rows of a first chunk from which on "not one is sound" means that the mapping is wrong
_ONE_BLOCK = (
    "min_insert_block_size_rows = 1099511627776, min_insert_block_size_bytes = 0, max_insert_threads = 1, "
    "deduplicate_insert_select = 'enable_when_possible'"
)


def refuse_hopeless(entry: ChunkEntry, file: str) -> None:
    """Refuse a file of whose first chunk not one row is sound: the mapping is wrong, not the rows."""
    if entry.rows >= HOPELESS and entry.rejected == entry.rows:
        reason, count = max(entry.reasons.items(), key=lambda item: item[1])
        raise MappingError(
            f"{file}: none of the first {entry.rows:,} rows can be loaded; {count:,} times: {reason}",
            hint="the mapping does not fit the file; nothing was loaded",
        )


def keep_chunk(engine: Engine, job: Job, judged: Judged) -> None:
    """Insert a judged chunk's events and refused rows, then its entry; doing it again adds nothing."""
    token = f"{job.load}:{judged.entry.chunk}"
    mark_changed(engine, judged.days)
    if judged.entry.rejected:
        _keep_rejects(engine, job, judged, token)
    if judged.entry.loaded:
        _insert_events(engine, job.plan, judged, token)
    mark_changed(engine, judged.days)
    write_chunk(engine, job.load, judged.entry)


def _keep_rejects(engine: Engine, job: Job, judged: Judged, token: str) -> None:
    found = engine.query(f"SELECT row, reason FROM {judged.table} WHERE reason != '' ORDER BY row")
    rows = np.concatenate((found.column("row").to_numpy().astype(np.int64), judged.chunk.broken))
    reasons = pa.concat_arrays(
        [
            found.column("reason").combine_chunks().cast(pa.string()),
            pa.array(judged.chunk.broken_reasons, pa.string()),
        ]
    )
    count = len(rows)
    table = pa.table(
        {
            "load": pa.array([job.load] * count),
            "source": pa.array([job.source] * count),
            "file": pa.array([job.file] * count),
            "line": pa.array(judged.chunk.lines[rows].astype(np.uint64)),
            "reason": reasons,
            "raw": pa.array(judged.chunk.raw(rows), pa.string()),
        }
    )
    engine.insert("rejects", table, {"async_insert": 0, "insert_deduplication_token": token})


def _insert_events(engine: Engine, plan: Plan, judged: Judged, token: str) -> None:
    columns = ", ".join(f"`{name}`" for name in plan.columns)
    values = ", ".join(f"v{at}" for at in range(len(plan.columns)))
    engine.execute(
        f"INSERT INTO {plan.target.name} ({columns}) SETTINGS {_ONE_BLOCK}, insert_deduplication_token = '{token}' "
        f"SELECT {values} FROM {judged.table} WHERE NOT skipped AND reason = ''"
    )
