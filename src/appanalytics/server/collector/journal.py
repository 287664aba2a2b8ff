"""The collector's journal: what is about to be stored, on disk before it is stored.

A record holds everything of one flush: the blocks to insert, as bytes, and the token that makes inserting them
twice the same as once. So after a crash every record is simply inserted again: the engine drops what it has. Records
stand in segments; a segment goes when all of its flushes are in and their days are marked.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

_HEAD = struct.Struct("<4sQI")
_MAGIC = b"AAj1"


class Part(msgspec.Struct, frozen=True):
    """Rows for one table, as an Arrow stream."""

    table: str
    columns: tuple[str, ...]
    data: bytes


class Flush(msgspec.Struct, frozen=True):
    """What is stored together. ``token`` tells it from any other; ``days`` are those of its events."""

    token: str
    parts: tuple[Part, ...]
    days: tuple[date, ...]


@dataclass
class Journal:
    """The segments in a folder, one of them open."""

    folder: Path
    _number: int = 0
    _file: int = -1

    def open(self) -> None:
        """Begin a new segment after all that are there."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        self._number = max((int(path.stem) for path in self.segments()), default=0)
        self._begin()

    def segments(self) -> list[Path]:
        """All segments, oldest first."""
        return sorted(self.folder.glob("*.journal"))

    def append(self, flush: Flush) -> None:
        """Write a record; when this returns it is on disk."""
        data = msgspec.msgpack.encode(flush)
        head = _HEAD.pack(_MAGIC, len(data), zlib.crc32(data))
        start = os.fstat(self._file).st_size
        try:
            _write(self._file, head)
            _write(self._file, data)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, start)  # half a record would hide the ones after it
            raise

    def rotate(self) -> Path:
        """Begin a new segment and return the one before it."""
        before, file = self._path(self._number), self._file
        self._begin()
        os.close(file)
        return before

    def close(self) -> None:
        """Close the segment."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _begin(self) -> None:
        next_one = self._number + 1
        self._file = os.open(self._path(next_one), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
        self._number = next_one
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:012}.journal"


def read_segment(path: Path) -> Iterator[Flush]:
    """The records of a segment up to its end, or to where a crash tore it."""
    with path.open("rb") as stream:
        while len(head := stream.read(_HEAD.size)) == _HEAD.size:
            magic, length, checksum = _HEAD.unpack(head)
            data = stream.read(length) if magic == _MAGIC else b""
            if len(data) != length or zlib.crc32(data) != checksum:
                return
            yield msgspec.msgpack.decode(data, type=Flush)


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
