"""What was loaded: one entry for a file, one for each of its chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from appanalytics.engine import Engine


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """What became of one chunk's rows: ``rows = loaded + skipped + rejected``."""

    chunk: int
    rows: int
    loaded: int
    skipped: int
    first: datetime | None
    last: datetime | None
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """Rows that could not be loaded."""
        return sum(self.reasons.values())


@dataclass(frozen=True, slots=True)
class LoadEntry:
    """A file's load: whether it is done, and the size of the chunks it began with."""

    load: str
    mapping: str
    chunk_size: int
    done: bool
    file: str


def load_id(content: str, mapping: str, source: str, generation: int) -> str:
    """Identity of a load. ``generation`` counts how often the same file was loaded again on purpose."""
    text = "\n".join([content, source, mapping, str(generation)])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def find_loads(engine: Engine, content: str, source: str) -> list[LoadEntry]:
    """All loads of a content into a source, with whatever mapping, oldest first."""
    rows = engine.rows(
        """
        SELECT load, any(mapping) AS map, any(chunk_size) AS size, max(done) AS finished,
               argMin(file, written) AS name
        FROM loads WHERE content = {content:String} AND source = {source:String}
        GROUP BY load ORDER BY min(written)
        """,
        {"content": content, "source": source},
    )
    return [LoadEntry(row["load"], row["map"], row["size"], bool(row["finished"]), row["name"]) for row in rows]


def write_load(engine: Engine, entry: LoadEntry, content: str, source: str) -> None:
    """Say that a load begins, or that it is done."""
    row = {
        "load": entry.load,
        "content": content,
        "source": source,
        "file": entry.file,
        "mapping": entry.mapping,
        "chunk_size": pa.scalar(entry.chunk_size, pa.uint64()),
        "done": entry.done,
    }
    engine.insert("loads", pa.table({name: pa.array([value]) for name, value in row.items()}))


def read_chunks(engine: Engine, load: str) -> dict[int, ChunkEntry]:
    """Chunks of a load whose events are in, by number."""
    rows = engine.rows(
        """
        SELECT chunk, rows, loaded, skipped, first_time, last_time, reasons
        FROM load_chunks FINAL WHERE load = {load:String} ORDER BY chunk
        """,
        {"load": load},
    )
    return {
        row["chunk"]: ChunkEntry(
            row["chunk"],
            row["rows"],
            row["loaded"],
            row["skipped"],
            row["first_time"],
            row["last_time"],
            dict(row["reasons"]),
        )
        for row in rows
    }


def write_chunk(engine: Engine, load: str, entry: ChunkEntry) -> None:
    """Say that a chunk's events are in."""
    moment = pa.timestamp("ms", "UTC")
    engine.insert(
        "load_chunks",
        pa.table(
            {
                "load": [load],
                "chunk": pa.array([entry.chunk], pa.uint32()),
                "rows": pa.array([entry.rows], pa.uint64()),
                "loaded": pa.array([entry.loaded], pa.uint64()),
                "skipped": pa.array([entry.skipped], pa.uint64()),
                "first_time": pa.array([entry.first], moment),
                "last_time": pa.array([entry.last], moment),
                "reasons": pa.array([list(entry.reasons.items())], pa.map_(pa.string(), pa.uint64())),
            }
        ),
    )
