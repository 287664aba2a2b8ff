"""The collector's journal: what is acknowledged is on disk here first, and in its tables soon after.

Records stand in segments. A segment is what goes into the tables together: it has a token of its own, which makes
inserting it twice the same as once. So after a crash every segment that is left is simply inserted again: the engine
drops what it has. A segment that is in the tables is called ``.stored``; its days are to be marked, and then it goes.
"""

from __future__ import annotations

import os
import struct
import threading
import uuid
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import BinaryIO

import msgspec

_MAGIC = b"AAj2"
_START = struct.Struct("<4s16s")
_HEAD = struct.Struct("<QI")
#: A segment of so many events is full: it is one block of the engine.
_MOST_EVENTS = 250_000


class Part(msgspec.Struct, frozen=True):
    """Rows for one table, as an Arrow stream."""

    table: str
    columns: tuple[str, ...]
    data: bytes


class Flush(msgspec.Struct, frozen=True):
    """A record: requests that became durable together. ``days`` are those of its ``events``."""

    parts: tuple[Part, ...]
    days: tuple[date, ...]
    requests: int
    events: int

    @property
    def size(self) -> int:
        """Bytes of its rows."""
        return sum(len(part.data) for part in self.parts)


@dataclass
class Segment:
    """What goes into the tables together, under a token."""

    path: Path
    token: str
    flushes: list[Flush] = field(default_factory=list)
    events: int = 0

    @property
    def days(self) -> set[date]:
        """Days of its events."""
        return {day for flush in self.flushes for day in flush.days}

    def stored(self) -> None:
        """Note that it is in its tables. A power cut may undo the note; inserting it again changes nothing."""
        renamed = self.path.with_suffix(STORED)
        self.path.rename(renamed)
        self.path = renamed


STORED, WAITING = ".stored", ".journal"


class Journal:
    """The segments in a folder, one of them open. One thread appends and another takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._number = 0
        self._file = -1
        self._full: deque[Segment] = deque()
        self._current: Segment

    def open(self) -> None:
        """Begin a new segment after all that are there."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        self._number = max((int(path.stem) for path in self.left()), default=0)
        self._begin()

    def left(self) -> list[Path]:
        """Files of all segments, oldest first."""
        return sorted(path for path in self.folder.glob("*.*") if path.suffix in (STORED, WAITING))

    def append(self, flush: Flush) -> None:
        """Write a record; when this returns it is on disk. Raises `OSError`; then it is not in the journal."""
        data = msgspec.msgpack.encode(flush)
        head = _HEAD.pack(len(data), zlib.crc32(data))
        with self._lock:
            if self._current.events >= _MOST_EVENTS:
                self._turn()
            start = os.fstat(self._file).st_size
            try:
                _write(self._file, head)
                _write(self._file, data)
                os.fdatasync(self._file)
            except OSError:
                os.ftruncate(self._file, start)  # half a record would hide the ones after it
                raise
            self._current.flushes.append(flush)
            self._current.events += flush.events

    def take(self) -> Segment | None:
        """The oldest segment with records, which gets no more of them; None when there is nothing to insert."""
        with self._lock:
            if not self._full and self._current.flushes:
                self._turn()
            return self._full.popleft() if self._full else None

    def close(self) -> None:
        """Close the open segment; it goes when it has no record."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
                if not self._current.flushes:
                    self._current.path.unlink()

    def _turn(self) -> None:
        before, file = self._current, self._file
        self._begin()
        os.close(file)
        self._full.append(before)

    def _begin(self) -> None:
        token = uuid.uuid4()
        path = self.folder / f"{self._number + 1:012}{WAITING}"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
        try:
            _write(file, _START.pack(_MAGIC, token.bytes))
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError:
            os.close(file)
            path.unlink()
            raise
        self._number += 1
        self._file, self._current = file, Segment(path, token.hex)


def read_segment(path: Path) -> Segment:
    """A segment with its records up to its end, or to where a crash tore it.

    Raises `ValueError` for a file that has something else in it.
    """
    with path.open("rb") as stream:
        start = stream.read(_START.size)
        if len(start) < _START.size:
            return Segment(path, "")
        magic, token = _START.unpack(start)
        if magic != _MAGIC:
            raise ValueError(f"{path.name} is no journal of this version")
        flushes = list(_records(stream))
    return Segment(path, token.hex(), flushes, sum(flush.events for flush in flushes))


def _records(stream: BinaryIO) -> Iterator[Flush]:
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        length, checksum = _HEAD.unpack(head)
        data = stream.read(length)
        if len(data) != length or zlib.crc32(data) != checksum:
            return
        yield msgspec.msgpack.decode(data, type=Flush)


def _write(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
