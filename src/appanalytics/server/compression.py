"""Compression of bodies, both ways and as a stream: gzip, deflate, brotli, zstd, lz4."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import brotli
import lz4.frame

from appanalytics.server.problems import Problem

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: What the server prefers when a client takes several.
ENCODINGS = ("zstd", "lz4", "br", "gzip", "deflate")
_PIECE = 1 << 20
_LEVEL = 3


class Compressor(Protocol):
    """A stream of compressed bytes."""

    def compress(self, data: bytes) -> bytes:
        """Compressed bytes that are ready; may be empty."""

    def finish(self) -> bytes:
        """The end of the stream."""


class _Pair:
    def __init__(self, step: Callable[[bytes], bytes], end: Callable[[], bytes], start: bytes = b"") -> None:
        self._step, self._end, self._start = step, end, start

    def compress(self, data: bytes) -> bytes:
        """See `Compressor.compress`."""
        ready, self._start = self._start + self._step(data), b""
        return ready

    def finish(self) -> bytes:
        """See `Compressor.finish`."""
        ready, self._start = self._start + self._end(), b""
        return ready


def chosen(accepted: str) -> str:
    """The encoding to answer in for an Accept-Encoding header; empty for none."""
    named = []
    for part in accepted.split(","):
        name, _, weight = part.strip().partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            named.append(name.strip().lower())
    return next((name for name in ENCODINGS if name in named), "")


def compressor(encoding: str) -> Compressor:
    """A new stream of that encoding."""
    if encoding == "zstd":
        zs = zstd.ZstdCompressor(level=1)
        return _Pair(zs.compress, zs.flush)
    if encoding == "lz4":
        lz = lz4.frame.LZ4FrameCompressor()
        return _Pair(lz.compress, lz.flush, lz.begin())
    if encoding == "br":
        br = brotli.Compressor(quality=1)
        return _Pair(br.process, br.finish)
    zipped = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31 if encoding == "gzip" else 15)
    return _Pair(zipped.compress, zipped.flush)


def decompressed(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The plain bytes of a body, in pieces of bounded size; several frames one after another are one body.

    Raises `Problem` (354, or 415 for an unknown encoding).
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from chunks
        return
    if encoding not in ENCODINGS:
        raise Problem(48, f"Unknown Content-Encoding: {encoding[:40]!r}", "NOT_IMPLEMENTED", status=415)
    try:
        yield from _brotli(chunks) if encoding == "br" else _frames(chunks, _FRAMES[encoding])
    except (zlib.error, brotli.error, zstd.ZstdError, RuntimeError, EOFError) as error:
        raise Problem(354, f"cannot decompress the body ({encoding}): {error}", "CANNOT_DECOMPRESS") from None


def _brotli(chunks: Iterable[bytes]) -> Iterator[bytes]:
    stream = brotli.Decompressor()
    for chunk in chunks:
        piece = stream.process(chunk, output_buffer_limit=_PIECE)
        while piece:
            yield piece
            piece = stream.process(b"", output_buffer_limit=_PIECE)
    if not stream.is_finished():
        raise EOFError("the body ends in the middle")


class _Zlib:
    def __init__(self, bits: int) -> None:
        self._stream = zlib.decompressobj(bits)

    def feed(self, data: bytes) -> bytes:
        """The next plain bytes, at most a piece."""
        return self._stream.decompress(self._stream.unconsumed_tail + data, _PIECE)

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return self._stream.eof

    @property
    def waiting(self) -> bool:
        """Whether more comes without more input."""
        return bool(self._stream.unconsumed_tail)

    @property
    def unused(self) -> bytes:
        """What follows the frame."""
        return self._stream.unused_data


class _Frames:
    """A decompressor of the shape that lz4 and zstd share."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def feed(self, data: bytes) -> bytes:
        """The next plain bytes, at most a piece."""
        return bytes(self._stream.decompress(data, max_length=_PIECE))

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return bool(self._stream.eof)

    @property
    def waiting(self) -> bool:
        """Whether more comes without more input."""
        return not self._stream.eof and not self._stream.needs_input

    @property
    def unused(self) -> bytes:
        """What follows the frame."""
        return bytes(self._stream.unused_data or b"")


class _Lz4(_Frames):
    def __init__(self) -> None:
        super().__init__(lz4.frame.LZ4FrameDecompressor())


class _Zstd(_Frames):
    def __init__(self) -> None:
        super().__init__(zstd.ZstdDecompressor())


_FRAMES: dict[str, Callable[[], Any]] = {
    "gzip": lambda: _Zlib(31),
    "deflate": lambda: _Zlib(15),
    "lz4": _Lz4,
    "zstd": _Zstd,
}


def _frames(chunks: Iterable[bytes], new: Callable[[], Any]) -> Iterator[bytes]:
    frame = None
    for chunk in chunks:
        data = chunk
        while data or (frame is not None and frame.waiting):
            frame = frame or new()
            piece = frame.feed(data)
            data = b""
            if piece:
                yield piece
            if frame.eof:
                data, frame = frame.unused, None
    if frame is not None:
        raise EOFError("the body ends in the middle")
