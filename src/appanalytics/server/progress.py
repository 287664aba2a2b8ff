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


#: Microseconds between two rows of progress in a result.
_ROWS_EVERY = 10_000


def paced(request: Request, shape: str) -> dict[str, str]:
    """The request's settings, and how often the engine reports progress where the answer has any.

    ``shape`` is the result's format. The engine's own pace is 100 ms.
    """
    every = request.progress_seconds
    if shape.lower().endswith("withprogress"):
        every = min(every or 1, _ROWS_EVERY / 1e6)
    if every is None:
        return request.settings
    return {"interactive_delay": str(max(1000, int(every * 1e6))), **request.settings}


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
