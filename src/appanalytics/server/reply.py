"""The answer to one request, written by a thread: small ones at once, large ones as fast as they are read."""

from __future__ import annotations

import asyncio
import secrets
import string
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from appanalytics.server.blocks import BlockCompressor
from appanalytics.server.body import Gone
from appanalytics.server.compression import Compressor, compressor
from appanalytics.server.problems import Problem

Send = Callable[[dict[str, Any]], Awaitable[None]]
Early = Callable[[bytes, bytes], None]
_BLOCKS = BlockCompressor()
_HELD = 1 << 16
_HELD_SECONDS = 0.1
_IN_MEMORY = 16 << 20
#: Seconds in which a client takes a piece of the answer, or is thought to have left.
_SLOWEST_READER = 300


class Reply:
    """Collects headers and body. Nothing is sent before the first pieces are there, so that an error that comes early
    still has its own status. ``held_back`` keeps everything until the statement has ended.
    """

    def __init__(self, send: Send, loop: asyncio.AbstractEventLoop, early: Early | None = None) -> None:
        self.headers: dict[str, str] = {}
        self.encoding = ""
        self.blocks = False
        self.held_back = False
        self.gone = False
        self.started = False
        self.last_headers: Callable[[], dict[str, str]] = dict
        self._send, self._loop, self._early = send, loop, early
        self._tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        self._stream: Compressor | None = None
        self._buffer: list[bytes] = []
        self._size = 0
        self._since = 0.0
        self._spool: Any = None

    def write(self, piece: bytes) -> None:
        """Add to the body; raises `Gone` when the client has left."""
        if self.gone:
            raise Gone
        if not piece:
            return
        if self._stream is None and self.encoding:
            self._stream = compressor(self.encoding)
            self.headers["Content-Encoding"] = self.encoding
        self._add(self._compressed(piece))
        if self.held_back:
            self._spill()
        elif self._size >= _HELD or time.monotonic() - self._since > _HELD_SECONDS:
            self._flush()

    def _add(self, data: bytes) -> None:
        if not self._size:
            self._since = time.monotonic()
        if data:
            self._buffer.append(data)
            self._size += len(data)

    def _spill(self) -> None:
        if self._size > _HELD:
            self._spool = self._spool or tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
            self._spool.write(b"".join(self._buffer))
            self._buffer, self._size = [], 0

    def _flush(self) -> None:
        if not self.started:
            self.headers["X-ClickHouse-Exception-Tag"] = self._tag
        push = asyncio.wait_for(self._push(200, self._take(), more=True), _SLOWEST_READER)
        try:
            asyncio.run_coroutine_threadsafe(push, self._loop).result()
        except TimeoutError:
            raise Gone from None

    def _take(self) -> bytes:
        data = b"".join(self._buffer)
        self._buffer, self._size = [], 0
        return data

    def fail(self, problem: Problem, version: str) -> tuple[int, bytes]:
        """Put the error in the answer's place, or at the end of what was sent; returns status and the rest."""
        if self.started:
            text = problem.text(version).encode()
            end = f"{len(text)} {self._tag}\r\n__exception__\r\n".encode()
            self._add(self._compressed(f"\r\n__exception__\r\n{self._tag}\r\n".encode() + text + end))
            return 200, self.end()
        self._buffer, self._size, self._spool, self._stream = [], 0, None, None
        for name in ("Content-Encoding", "X-ClickHouse-Format", "X-ClickHouse-Exception-Tag"):
            self.headers.pop(name, None)
        self.headers["Content-Type"] = "text/plain; charset=UTF-8"
        self.headers["X-ClickHouse-Exception-Code"] = str(problem.code)
        if problem.status in (429, 503):
            self.headers["Retry-After"] = "1"
        if problem.status == 408:
            self.headers["Connection"] = "close"  # the rest of the body would be taken for the next request
        self.held_back = True
        self.write(problem.text(version).encode())
        return problem.status, self.end()

    def progress(self, text: str) -> None:
        """Tell the client how far the statement is, as a header, as long as headers can still come."""
        if self._early is not None and not self.started and not self.gone:
            self._loop.call_soon_threadsafe(self._tell, text.encode("latin-1"))

    def _tell(self, text: bytes) -> None:
        if self._early is not None and not self.started:
            self._early(b"X-ClickHouse-Progress", text)

    def _compressed(self, data: bytes) -> bytes:
        if self.blocks:
            data = _BLOCKS.compress(data)
        return self._stream.compress(data) if self._stream else data

    def end(self) -> bytes:
        """The rest of the body that is not sent yet."""
        if self._stream is not None:
            self._add(self._stream.finish())
        return self._take()

    async def finish(self, status: int, rest: bytes) -> None:
        """Send what is left, in the event loop."""
        for piece in self._spooled():
            await self._push(status, piece, more=True)
        await self._push(status, rest, more=False)

    def _spooled(self) -> Iterator[bytes]:
        if self._spool is not None:
            self._spool.seek(0)
            while piece := self._spool.read(_HELD):
                yield piece
            self._spool.close()

    async def _push(self, status: int, data: bytes, more: bool) -> None:
        if not self.started:
            self.started = True
            headers = self.headers | self.last_headers()
            if not more:
                headers["Content-Length"] = str(len(data))
            lines = [(key.encode("latin-1"), _clean(value)) for key, value in headers.items()]
            await self._send({"type": "http.response.start", "status": status, "headers": lines})
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


def _clean(value: str) -> bytes:
    """A header's value; a client's own query id may hold line ends, which would start another header."""
    return "".join(sign if sign.isprintable() else " " for sign in value).encode("latin-1", "replace")
