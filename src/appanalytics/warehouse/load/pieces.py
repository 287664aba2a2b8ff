"""Read a text in pieces of a fixed size that end where a record ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from appanalytics.errors import FileError
from appanalytics.warehouse.load.chunk import Numbers
from appanalytics.warehouse.load.content import Content
from appanalytics.warehouse.load.split import Records

SHOWN = 4096  # bytes of a refused row that are kept

_PATIENCE = 64 << 20  # bytes without a line end after which a file is no text
_BOM = b"\xef\xbb\xbf"
_TO_BLANK = bytes.maketrans(b"\t", b" ")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes with whole records; ``line`` is the file's line on which they start, counted from 1."""

    number: int
    data: bytes
    records: Records
    line: int

    def only(self, records: Numbers) -> bytes:
        """Bytes of the chosen records, in order; no copy when they are all."""
        edges = self.records.edges
        if len(records) == self.records.count:
            return self.data[: self.records.end]
        last = np.flatnonzero(np.diff(records) != 1)
        firsts, lasts = np.append(records[:1], records[last + 1]), np.append(records[last], records[-1:])
        return b"".join(
            self.data[start:end] for start, end in zip(edges[firsts].tolist(), edges[lasts + 1].tolist(), strict=True)
        )


def pieces(
    content: Content, size: int, scan: Callable[[bytes, bool], Records], *, blanks: bool = False, header: bool = False
) -> Iterator[Piece]:
    """Cut a text into pieces of about ``size`` bytes; the same for the same content and size.

    ``blanks`` takes runs of blanks and tabs for one blank and drops those at a line's ends; ``header`` leaves out
    the first record that is not empty.
    """
    rest, line, number, final = content.read(len(_BOM)).removeprefix(_BOM), 1, 0, False
    while not final:
        block = content.read(size)
        final = len(block) < size
        data = _one_blank(rest + block, final=final) if blanks else rest + block
        records = scan(data, final)
        rest = data[records.end :]
        if len(rest) > max(size, _PATIENCE):
            raise FileError(f"{content.path} has no line end in {len(rest) >> 20} MiB", hint="is it a text?")
        if header and not records.blank.all():
            data, records, line = _without_header(data, records, line, scan)
            header = False
        if records.count:
            yield Piece(number, data, records, line)
            line += records.newlines
            number += 1


def show(piece: Piece, records: Numbers) -> list[str]:
    """The chosen records as text, without their line ends and shortened to `SHOWN` bytes."""
    edges = piece.records.edges
    bounds = zip(edges[records].tolist(), edges[records + 1].tolist(), strict=True)
    return [
        piece.data[start : min(end, start + SHOWN)].rstrip(b"\r\n").decode("utf-8", "replace")
        for start, end in bounds
    ]


def lines_of(piece: Piece) -> pa.Array:
    """All records as one Arrow array that shares the piece's memory."""
    offsets = pa.py_buffer(piece.records.edges.astype(np.int64))
    return pa.Array.from_buffers(pa.large_binary(), piece.records.count, [None, offsets, pa.py_buffer(piece.data)])


def _without_header(
    data: bytes, records: Records, line: int, scan: Callable[[bytes, bool], Records]
) -> tuple[bytes, Records, int]:
    first = int(np.flatnonzero(~records.blank)[0])
    cut = int(records.edges[first + 1])
    line += int(records.line[first + 1]) if first + 1 < records.count else records.newlines
    body = data[cut : records.end]
    return body, scan(body, True), line


def _one_blank(data: bytes, *, final: bool) -> bytes:
    if not data:
        return data
    signs = np.frombuffer(data.translate(_TO_BLANK), np.uint8)
    blank = signs == 32
    before = np.concatenate(([True], blank[:-1] | (signs[:-1] == 10)))
    single = signs[~(blank & before)]
    ends = np.concatenate(((single[1:] == 10) | (single[1:] == 13), [final]))
    trimmed: bytes = single[~((single == 32) & ends)].tobytes()
    return trimmed
