"""How far a statement is, told to its client while it runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from appanalytics.server.connections import Connection
from appanalytics.server.reply import Reply
from appanalytics.server.request import Request

_NAMES = (
    "read_rows",
    "read_bytes",
    "total_rows_to_read",
    "written_rows",
    "written_bytes",
    "result_rows",
    "result_bytes",
)


@contextmanager
def told(connection: Connection, request: Request, reply: Reply) -> Iterator[None]:
    """Send ``X-ClickHouse-Progress`` headers for the time of a statement, if the request asks for them."""
    every = request.progress_seconds
    if every is None:
        yield
        return
    last = time.monotonic()

    def on_progress(values: Mapping[str, int]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every:
            last = now
            reply.progress(line(values))

    connection.raw.set_progress_callback(on_progress)
    try:
        yield
    finally:
        connection.raw.set_progress_callback(None)


def line(values: Mapping[str, int]) -> str:
    """The header: JSON with numbers as text."""
    named = {name: str(values.get(name, 0)) for name in (*_NAMES, "elapsed_ns")}
    return json.dumps(named, separators=(",", ":"))
