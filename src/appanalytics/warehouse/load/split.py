"""Cut bytes into records: rows of a delimited text with their quoted cells, without a loop over rows.

A quote opens a quoted cell only at the start of a cell, and a doubled quote inside is a quote (RFC 4180). Line
ends inside of quoted cells belong to the cell. What a writer forgot to close must not swallow the rest of the
file: a quoted cell ends within `LINES_IN_A_CELL` lines and `LONGEST_RECORD` bytes, or its opening quote is taken
for a stray one and its row is broken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LONGEST_RECORD = 1 << 20
LINES_IN_A_CELL = 1000

Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

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
    quoted_newlines: bool

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self.edges) - 1

    @property
    def end(self) -> int:
        """Where the unfinished rest starts."""
        return int(self.edges[-1])


@dataclass(frozen=True, slots=True)
class Quoted:
    """Quoted cells ``[starts[i], ends[i]]`` of a buffer, quotes that are never closed, and an open one at the end."""

    starts: Positions
    ends: Positions
    strays: Positions
    open_at: int | None = None


_NO_POSITIONS: Positions = np.empty(0, np.int64)


def split(data: bytes, delimiter: bytes | None, *, final: bool, quotes: bool = True) -> Records:
    """Cut a buffer that starts where a record starts.

    ``final`` says that nothing follows; without a ``delimiter`` records are lines.
    """
    buffer = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(buffer == _NEWLINE)
    quoted = _quoted(data, buffer, newlines, delimiter, final=final) if quotes and delimiter else None
    ends = newlines if quoted is None else newlines[~_inside(newlines, quoted)]
    if quoted is not None and quoted.open_at is not None:
        ends = ends[ends < quoted.open_at]
    edges = np.concatenate(([0], ends + 1))
    if final and edges[-1] < len(buffer):
        edges = np.append(edges, len(buffer))
    return _describe(buffer, edges, newlines, quoted, delimiter)


def _describe(
    buffer: npt.NDArray[np.uint8],
    edges: Positions,
    newlines: Positions,
    quoted: Quoted | None,
    delimiter: bytes | None,
) -> Records:
    count = len(edges) - 1
    seen = int(np.searchsorted(newlines, edges[-1]))
    returns = _marked(_lone_returns(buffer, quoted), edges) if delimiter else np.zeros(count, bool)
    unclosed = _marked(quoted.strays, edges) if quoted else np.zeros(count, bool)
    return Records(
        edges=edges,
        line=np.searchsorted(newlines, edges[:-1]),
        cells=_cells(buffer, edges, quoted, delimiter[0]) if delimiter else np.ones(count, np.int64),
        blank=_blank(buffer, edges),
        returns=returns,
        unclosed=unclosed,
        newlines=seen,
        quoted_newlines=seen > count,
    )


def _cells(buffer: npt.NDArray[np.uint8], edges: Positions, quoted: Quoted | None, delimiter: int) -> Positions:
    found = np.flatnonzero(buffer[: edges[-1]] == delimiter)
    between = found if quoted is None else found[~_inside(found, quoted)]
    cells: Positions = np.diff(np.searchsorted(between, edges)) + 1
    return cells


def _blank(buffer: npt.NDArray[np.uint8], edges: Positions) -> Flags:
    lengths = np.diff(edges)
    blank = np.zeros(len(lengths), bool)
    short = np.flatnonzero(lengths <= 2)
    first = buffer[edges[short]]
    second = buffer[np.minimum(edges[short] + 1, len(buffer) - 1)]
    ends_line = (first == _NEWLINE) | (first == _RETURN)
    blank[short] = ends_line & ((lengths[short] == 1) | (second == _NEWLINE))
    return blank


def _lone_returns(buffer: npt.NDArray[np.uint8], quoted: Quoted | None) -> Positions:
    found = np.flatnonzero(buffer == _RETURN)
    if not len(found):
        return _NO_POSITIONS
    following = buffer[np.minimum(found + 1, len(buffer) - 1)]
    lone: Positions = found[(following != _NEWLINE) & (found + 1 < len(buffer))]
    return lone if quoted is None else lone[~_inside(lone, quoted)]


def _marked(positions: Positions, edges: Positions) -> Flags:
    marks = np.zeros(len(edges) - 1, bool)
    marks[np.searchsorted(edges, positions[positions < edges[-1]], side="right") - 1] = True
    return marks


def _inside(positions: Positions, quoted: Quoted) -> Flags:
    at = np.searchsorted(quoted.starts, positions, side="right") - 1
    known = at >= 0
    inside = np.zeros(len(positions), bool)
    inside[known] = positions[known] < quoted.ends[at[known]]
    return inside


def _quoted(
    data: bytes, buffer: npt.NDArray[np.uint8], newlines: Positions, delimiter: bytes, *, final: bool
) -> Quoted | None:
    if b'"' not in data:
        return None
    quotes = np.flatnonzero(buffer == _QUOTE)
    pairs = len(quotes) // 2
    starts, ends = quotes[0 : 2 * pairs : 2], quotes[1 : 2 * pairs : 2]
    open_at = int(quotes[-1]) if len(quotes) % 2 else None
    neat = (
        _all_open(buffer, quotes[0::2], delimiter[0])
        and _all_close(buffer, ends, delimiter[0])
        and _all_short(starts, ends, newlines)
        and (open_at is None or _may_close(open_at, len(buffer), newlines, final=final))
    )
    return Quoted(starts, ends, _NO_POSITIONS, open_at) if neat else _walk(data, newlines, delimiter, final=final)


def _all_open(buffer: npt.NDArray[np.uint8], quotes: Positions, delimiter: int) -> bool:
    before = buffer[quotes[quotes > 0] - 1]
    return bool(np.all((before == delimiter) | (before == _NEWLINE) | (before == _QUOTE)))


def _all_close(buffer: npt.NDArray[np.uint8], quotes: Positions, delimiter: int) -> bool:
    after = buffer[quotes[quotes + 1 < len(buffer)] + 1]
    return bool(np.all((after == delimiter) | (after == _NEWLINE) | (after == _QUOTE) | (after == _RETURN)))


def _all_short(starts: Positions, ends: Positions, newlines: Positions) -> bool:
    lines = np.searchsorted(newlines, ends) - np.searchsorted(newlines, starts)
    return bool(np.all(lines <= LINES_IN_A_CELL) and np.all(ends - starts <= LONGEST_RECORD))


def _may_close(start: int, length: int, newlines: Positions, *, final: bool) -> bool:
    lines = len(newlines) - int(np.searchsorted(newlines, start))
    return not final and lines <= LINES_IN_A_CELL and length - start <= LONGEST_RECORD


def _walk(data: bytes, newlines: Positions, delimiter: bytes, *, final: bool) -> Quoted:
    """Find quoted cells one by one: slower, for buffers with quotes in the midst of cells or never closed."""
    opener = re.compile(rb'(?:(?<=[\n%b])|\A)"' % re.escape(delimiter))
    body = re.compile(rb'"(?:[^"]++|"")*+("|\Z)')
    starts, ends, strays = [], [], []  # type: tuple[list[int], list[int], list[int]]
    position = 0
    while found := opener.search(data, position):
        start = found.start()
        match = body.match(data, start)
        closed = match is not None and match[1] == b'"'
        end = match.end() - 1 if match else start
        if closed and _all_short(np.array([start]), np.array([end]), newlines):
            starts.append(start)
            ends.append(end)
            position = end + 1
        elif not closed and _may_close(start, len(data), newlines, final=final):
            return Quoted(np.array(starts, np.int64), np.array(ends, np.int64), np.array(strays, np.int64), start)
        else:
            strays.append(start)
            position = start + 1
    return Quoted(np.array(starts, np.int64), np.array(ends, np.int64), np.array(strays, np.int64))
