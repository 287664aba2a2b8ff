"""Run one statement on a connection: rows out as a stream of bytes, data in as a stream of bytes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appanalytics.server.connections import Connection
from appanalytics.server.formats import BY_BLOCK
from appanalytics.server.problems import Problem, from_engine
from appanalytics.server.statement import Statement

#: Statements whose result may be large.
_LARGE = frozenset(["SELECT", "WITH", "FROM", "VALUES"])


@dataclass
class Cost:
    """What a statement read and wrote, in ClickHouse's terms."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    result_bytes: int = 0
    started: float = field(default_factory=time.perf_counter)

    def add(self, result: Any) -> None:
        """Add what a result or one block of it reports."""
        self.read_rows += result.storage_rows_read()
        self.read_bytes += result.storage_bytes_read()
        self.written_rows += result.rows_written()
        self.written_bytes += result.bytes_written()
        self.result_rows += result.rows_read()
        self.result_bytes += result.bytes_read()

    def summary(self) -> str:
        """The X-ClickHouse-Summary header: JSON with numbers as text."""
        named = {
            "read_rows": max(self.read_rows, self.written_rows),
            "read_bytes": max(self.read_bytes, self.written_bytes),
            "written_rows": self.written_rows,
            "written_bytes": self.written_bytes,
            "total_rows_to_read": self.read_rows,
            "result_rows": self.result_rows or self.written_rows,
            "result_bytes": self.result_bytes or self.written_bytes,
            "elapsed_ns": int((time.perf_counter() - self.started) * 1e9),
        }
        return json.dumps({name: str(value) for name, value in named.items()}, separators=(",", ":"))


@dataclass(frozen=True)
class Job:
    """A statement with all that it needs to run."""

    statement: Statement
    parameters: Mapping[str, str]
    format: str
    tag: str
    pipes: Path
    framed: bool = False


def rows(connection: Connection, job: Job, cost: Cost) -> Iterator[bytes]:
    """Run a statement that takes no data and yield its result; raises `Problem`, also in the middle."""
    verb = job.statement.verb
    if verb not in _LARGE:
        result = connection.run(job.tag + job.statement.text, job.format, job.parameters)
        cost.add(result)
        yield result.bytes()
    elif job.format in BY_BLOCK and not job.framed:
        yield from _blocks(connection, job, cost)
    else:
        yield from _document(connection, job, cost)


def _blocks(connection: Connection, job: Job, cost: Cost) -> Iterator[bytes]:
    raw, ended = connection.raw, False
    try:
        handle = raw.send_query(job.tag + job.statement.text, job.format, params=dict(job.parameters))
        if handle.has_error():
            raise from_engine(RuntimeError(handle.error_message()))
        try:
            while True:
                block = raw.streaming_fetch_result(handle)
                data = block.bytes()
                if not data:
                    ended = True
                    return
                cost.add(block)
                yield data
        finally:
            if not ended:
                raw.streaming_cancel_query(handle)
    except RuntimeError as error:
        raise from_engine(error) from None


def _document(connection: Connection, job: Job, cost: Cost) -> Iterator[bytes]:
    from appanalytics.server.pipes import piped

    def write(path: str) -> None:
        sql = job.tag + job.statement.into(path)
        if job.statement.format is None:
            sql += f"\nFORMAT {job.format}"
        cost.add(connection.run(sql, "Null", job.parameters))

    return piped(job.pipes, write)


def insert(connection: Connection, job: Job, data: Iterable[bytes], cost: Cost) -> None:
    """Run an INSERT whose rows come as a stream in the job's format; raises `Problem`."""
    if job.statement.has_parameters:
        for name, value in job.parameters.items():
            connection.spoilt = True
            connection.run(f"SET param_{name} = {_quoted(value)}")
    raw = connection.raw
    try:
        handle = raw.send_insert(job.tag + job.statement.text, job.format)
        if handle.has_error():
            raise from_engine(RuntimeError(handle.error_message()))
        try:
            for piece in data:
                raw.insert_append(handle, piece)
        except BaseException:
            raw.insert_cancel(handle)
            raise
        cost.add(raw.insert_done(handle))
    except RuntimeError as error:
        raise from_engine(error) from None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


__all__ = ["Cost", "Job", "Problem", "insert", "rows"]
