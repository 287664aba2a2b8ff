"""The body of a request, read by the thread that works on it, piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from appanalytics.server.compression import decompressed
from appanalytics.server.problems import Problem

Receive = Callable[[], Awaitable[dict[str, Any]]]
#: What is read before the work starts, and the longest statement or form.
FIRST = 1 << 20
_LONGEST = 256 << 20


class Gone(Exception):
    """The client has left."""


class Body:
    """A body that arrives while it is worked on. `begin` runs in the event loop, everything else in a thread."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        self._receive = receive
        self._loop = loop
        self._first: list[bytes] = []
        self.complete = False

    async def begin(self) -> None:
        """Read the first pieces; small bodies are complete then."""
        size = 0
        while not self.complete and size < FIRST:
            piece = await self._next()
            self._first.append(piece)
            size += len(piece)

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Gone
        self.complete = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    def pieces(self) -> Iterator[bytes]:
        """The body as it was sent."""
        while self._first:
            yield self._first.pop(0)
        while not self.complete:
            yield asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()

    def plain(self, encoding: str) -> Iterator[bytes]:
        """The body without its compression."""
        return decompressed(self.pieces(), encoding)


def whole(pieces: Iterator[bytes], start: bytes = b"") -> bytes:
    """All of a body; raises `Problem` (307) when it is longer than a statement may be."""
    parts, size = [start], len(start)
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > _LONGEST:
            raise Problem(307, f"the statement is longer than {_LONGEST >> 20} MiB", "TOO_MANY_BYTES", status=413)
    return b"".join(parts)
