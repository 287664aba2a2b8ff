"""Cut bytes into records: rows of a delimited text with their quoted cells, without a loop over rows.

A quote opens a quoted cell only at the start of a cell, and a doubled quote inside is a quote (RFC 4180). Line
ends inside of quoted cells belong to the cell. What a writer forgot to close must not swallow the rest of the
file: a quoted cell ends within `LINES_IN_A_CELL` lines and `LONGEST_CELL` bytes, or its opening quote is taken
for a stray one and its row is broken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LONGEST_CELL = 1 << 20
LINES_IN_A_CELL = 1000

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

_NEWLINE, _RETURN, _QUOTE = 10, 13, 34


@dataclass(frozen=True, slots=True)
class Records:
    """Records of a buffer: record ``i`` is ``[edges[i], edges[i + 1])`` with its line end; the rest is unfinished.

    ``line`` is the number of line ends before each record, ``cells`` the number of its cells, ``blank`` marks
    empty lines, ``returns`` a carriage return inside of a row, ``unclosed`` a quote that is never closed.
    """

    edges: Positions
    line: Positions
    cells: Positions
    blank: Flags
    returns: Flags
    unclosed: Flags
    newlines: int

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self.edges) - 1

    @property
    def end(self) -> int:
        """Where the unfinished rest starts."""
        return int(self.edges[-1])

    @property
    def spans_lines(self) -> bool:
        """True when a quoted cell of some record holds a line end."""
        return self.newlines > self.count


@dataclass(frozen=True, slots=True)
class Quoting:
    """Which bytes lie inside of quoted cells, which quotes are strays, and where an open cell starts, if any."""

    inside: Flags
    strays: Positions
    open_at: int | None


def split(data: bytes, delimiter: bytes | None, *, final: bool, quotes: bool = True) -> Records:
    """Cut a buffer that starts where a record starts.

    ``final`` says that nothing follows; without a ``delimiter`` records are lines.
    """
    buffer = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(buffer == _NEWLINE)
    quoting = _quoting(data, buffer, newlines, delimiter, final=final) if quotes and delimiter else None
    ends = newlines if quoting is None else newlines[~quoting.inside[newlines]]
    if quoting is not None and quoting.open_at is not None:
        ends = ends[ends < quoting.open_at]
    edges = np.concatenate(([0], ends + 1))
    if final and edges[-1] < len(buffer):
        edges = np.append(edges, len(buffer))
    return _describe(buffer, edges, newlines, quoting, delimiter)


def _describe(
    buffer: Bytes, edges: Positions, newlines: Positions, quoting: Quoting | None, delimiter: bytes | None
) -> Records:
    count = len(edges) - 1
    returns = _lone_returns(buffer, quoting) if delimiter else np.empty(0, np.int64)
    return Records(
        edges=edges,
        line=np.searchsorted(newlines, edges[:-1]),
        cells=_cells(buffer, edges, quoting, delimiter[0]) if delimiter else np.ones(count, np.int64),
        blank=_blank(buffer, edges),
        returns=_marked(returns, edges),
        unclosed=_marked(quoting.strays, edges) if quoting else np.zeros(count, bool),
        newlines=int(np.searchsorted(newlines, edges[-1])),
    )


def _cells(buffer: Bytes, edges: Positions, quoting: Quoting | None, delimiter: int) -> Positions:
    dividers = buffer == delimiter
    if quoting is not None:
        dividers &= ~quoting.inside
    cells: Positions = np.diff(np.searchsorted(np.flatnonzero(dividers), edges)) + 1
    return cells


def _blank(buffer: Bytes, edges: Positions) -> Flags:
    lengths = np.diff(edges)
    blank = np.zeros(len(lengths), bool)
    short = np.flatnonzero(lengths <= 2)
    first = buffer[edges[short]]
    second = buffer[np.minimum(edges[short] + 1, len(buffer) - 1)]
    ends_line = (first == _NEWLINE) | (first == _RETURN)
    blank[short] = ends_line & ((lengths[short] == 1) | (second == _NEWLINE))
    return blank


def _lone_returns(buffer: Bytes, quoting: Quoting | None) -> Positions:
    found = np.flatnonzero(buffer == _RETURN)
    following = buffer[np.minimum(found + 1, len(buffer) - 1)]
    lone: Positions = found[(following != _NEWLINE) & (found + 1 < len(buffer))]
    return lone if quoting is None else lone[~quoting.inside[lone]]


def _marked(positions: Positions, edges: Positions) -> Flags:
    marks = np.zeros(len(edges) - 1, bool)
    marks[np.searchsorted(edges, positions[positions < edges[-1]], side="right") - 1] = True
    return marks


def _quoting(data: bytes, buffer: Bytes, newlines: Positions, delimiter: bytes, *, final: bool) -> Quoting | None:
    if b'"' not in data:
        return None
    quotes = buffer == _QUOTE
    # In a sound text every second quote closes, so parity tells what is inside: from an opening quote on, up to
    # the byte before the closing one.
    inside = _parity(quotes)
    open_at = data.rfind(b'"') if inside[-1] else None
    sound = (
        _is_neat(buffer, quotes, inside, delimiter[0])
        and _is_short(inside, newlines, len(buffer) if open_at is None else open_at)
        and (open_at is None or _may_close(open_at, len(buffer), newlines, final=final))
    )
    return Quoting(inside, np.empty(0, np.int64), open_at) if sound else _walk(data, newlines, delimiter, final=final)


def _parity(flags: Flags) -> Flags:
    """Whether the number of flags up to and including each place is odd; 64 places at a time."""
    packed = np.packbits(flags, bitorder="little")
    words = np.concatenate((packed, np.zeros(-len(packed) % 8, np.uint8))).view("<u8")
    for shift in (1, 2, 4, 8, 16, 32):
        words ^= words << np.uint64(shift)
    odd = np.bitwise_xor.accumulate(words >> np.uint64(63))
    words[1:] ^= np.uint64(0) - odd[:-1]
    return np.unpackbits(words.view(np.uint8), count=len(flags), bitorder="little").view(bool)


def _is_neat(buffer: Bytes, quotes: Flags, inside: Flags, delimiter: int) -> bool:
    """True when every quote stands at the start or end of a cell, or is one of a doubled pair."""
    edge = (buffer == delimiter) | (buffer == _NEWLINE) | quotes
    opens_badly = quotes[1:] & inside[1:] & ~edge[:-1]
    edge |= buffer == _RETURN
    closes_badly = quotes[:-1] & ~inside[:-1] & ~edge[1:]
    return not (opens_badly.any() or closes_badly.any())


def _is_short(inside: Flags, newlines: Positions, until: int) -> bool:
    """True when no quoted cell before ``until`` has too many lines (a cell of one line is as long as its line)."""
    within = newlines[: np.searchsorted(newlines, until)]
    runs = np.flatnonzero(np.diff(np.concatenate(([True], ~inside[within], [True])).view(np.int8)))
    return not len(runs) or bool(np.max(np.diff(runs)[::2]) <= LINES_IN_A_CELL)


def _may_close(start: int, length: int, newlines: Positions, *, final: bool) -> bool:
    lines = len(newlines) - int(np.searchsorted(newlines, start))
    return not final and lines <= LINES_IN_A_CELL and length - start <= LONGEST_CELL


def _walk(data: bytes, newlines: Positions, delimiter: bytes, *, final: bool) -> Quoting:
    """Find quoted cells one by one: slower, for buffers with quotes in the midst of cells or never closed."""
    opener = re.compile(rb'(?:(?<=[\n%b])|\A)"' % re.escape(delimiter))
    body = re.compile(rb'"(?:[^"]++|"")*+("|\Z)')
    inside = np.zeros(len(data), bool)
    strays: list[int] = []
    position = 0
    while found := opener.search(data, position):
        start = found.start()
        match = body.match(data, start)
        end = match.end() - 1 if match and match[1] else None
        if end is not None and _fits(start, end, newlines):
            inside[start:end] = True
            position = end + 1
        elif end is None and _may_close(start, len(data), newlines, final=final):
            return Quoting(inside, np.array(strays, np.int64), start)
        else:
            strays.append(start)
            position = start + 1
    return Quoting(inside, np.array(strays, np.int64), None)


def _fits(start: int, end: int, newlines: Positions) -> bool:
    lines = int(np.searchsorted(newlines, end) - np.searchsorted(newlines, start))
    return lines <= LINES_IN_A_CELL and end - start <= LONGEST_CELL
