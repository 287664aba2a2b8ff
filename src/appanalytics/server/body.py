"""The body of a request, read by the thread that works on it, piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from appanalytics.server.compression import decompressed
from appanalytics.server.problems import Problem

Receive = Callable[[], Awaitable[dict[str, Any]]]
#: What is read before the work starts.
FIRST = 1 << 20
#: The longest statement without its data, and the longest form with the tables that it brings along.
LONGEST_STATEMENT = 1 << 20
LONGEST_FORM = 64 << 20
#: A client may keep the server waiting for its body so many times the patience, and a second more for each KiB sent.
_WAITS = 10
_SLOWEST = 1 << 10


class Gone(Exception):
    """The client has left."""


class Body:
    """A body that arrives while it is worked on. `begin` runs in the event loop, everything else in a thread."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        self._receive = receive
        self._loop = loop
        self._patience = patience
        self._waited = 0.0
        self._size = 0
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
        message = await self._message()
        if message["type"] == "http.disconnect":
            raise Gone
        self.complete = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    async def _message(self) -> dict[str, Any]:
        """Wait for the client, but not for ever; the time in which the engine works on a piece does not count."""
        left = self._patience * _WAITS + self._size / _SLOWEST - self._waited
        started = self._loop.time()
        try:
            message = await asyncio.wait_for(self._receive(), min(self._patience, left))
        except TimeoutError:
            raise Problem(209, "Timeout exceeded while reading the body", "SOCKET_TIMEOUT", status=408) from None
        self._waited += self._loop.time() - started
        self._size += len(message.get("body", b""))
        return message

    def pieces(self) -> Iterator[bytes]:
        """The body as it was sent."""
        while self._first:
            yield self._first.pop(0)
        while not self.complete:
            yield asyncio.run_coroutine_threadsafe(self._next(), self._loop).result()

    def plain(self, encoding: str) -> Iterator[bytes]:
        """The body without its compression."""
        return decompressed(self.pieces(), encoding)


def begun(pieces: Iterator[bytes], start: bytes, size: int) -> bytes:
    """The first pieces, until they have that many bytes or there are no more."""
    parts, found = [start], len(start)
    while found < size and (piece := next(pieces, None)) is not None:
        parts.append(piece)
        found += len(piece)
    return b"".join(parts)


def whole(pieces: Iterator[bytes], longest: int, what: str, start: bytes = b"") -> bytes:
    """All of a body; raises `Problem` (307) when it is longer than it may be."""
    text = begun(pieces, start, longest + 1)
    if len(text) > longest:
        raise Problem(307, f"the {what} is longer than {longest >> 20} MiB", "TOO_MANY_BYTES", status=413)
    return text
