"""CSV, TSV and blank-separated text."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Generator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from appanalytics.errors import FileError
from appanalytics.warehouse.load.chunk import Cell, CellKind, Chunk, Numbers, Staging
from appanalytics.warehouse.load.content import Content, head
from appanalytics.warehouse.load.parameters import Parameters
from appanalytics.warehouse.load.pieces import Piece, pieces, show
from appanalytics.warehouse.load.split import Records, split

_HEAD = 1 << 20


class DelimitedFile:
    """A text whose rows are lines and whose cells are divided by one character, or by blanks (``" "``)."""

    open_ended = False

    def __init__(self, path: Path, delimiter: str, names: tuple[str, ...] | None) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._delimiter = delimiter.encode()
        self._blanks = delimiter == " "
        self._has_header = names is None
        self.names = names or _header(path, delimiter)

    def staging(self, used: tuple[str, ...], compact: Collection[str], parameters: Parameters) -> Staging:
        """See `Reader.staging`."""
        del parameters
        staged = {name: f"c{self.names.index(name)}" for name in used}
        types = {name: "LowCardinality(String)" if name in compact else "String" for name in used}
        columns = tuple((staged[name], types[name]) for name in used)
        return Staging(columns, "SELECT * FROM {stage}", {name: Cell(staged[name], CellKind.TEXT) for name in used})

    def chunks(self, staging: Staging, size: int) -> Generator[Chunk]:
        """See `Reader.chunks`; ``size`` is in bytes of decompressed content."""
        with Content(self.path) as content:
            for piece in pieces(content, size, self._scan, blanks=self._blanks, header=self._has_header):
                yield self._chunk(piece, staging, content.position)

    def _scan(self, data: bytes, final: bool) -> Records:
        return split(data, self._delimiter, final=final, quotes=not self._blanks)

    def _chunk(self, piece: Piece, staging: Staging, position: int) -> Chunk:
        records = piece.records
        kept = np.flatnonzero(~records.blank)
        wrong = records.cells[kept] != len(self.names)
        broken = np.flatnonzero(wrong | records.returns[kept] | records.unclosed[kept])
        good = np.ones(len(kept), bool)
        good[broken] = False
        return Chunk(
            number=piece.number,
            rows=len(kept),
            cells=self._cells(piece, kept[good], np.flatnonzero(good), staging),
            lines=piece.line + records.line[kept],
            broken=broken,
            broken_reasons=self._reasons(piece, kept[broken]),
            raw=lambda rows: show(piece, kept[rows]),
            position=position,
        )

    def _reasons(self, piece: Piece, rows: Numbers) -> tuple[str, ...]:
        records = piece.records
        counted = [
            f"{count} cell{'s' if count > 1 else ''} instead of {len(self.names)}"
            for count in records.cells[rows].tolist()
        ]
        unclosed, returns = records.unclosed[rows].tolist(), records.returns[rows].tolist()
        return tuple(
            "a quote is not closed" if open_ else "a carriage return is inside of the row" if lone else count
            for open_, lone, count in zip(unclosed, returns, counted, strict=True)
        )

    def _cells(self, piece: Piece, records: Numbers, rows: Numbers, staging: Staging) -> pa.Table:
        types = {
            name: pa.dictionary(pa.int32(), pa.string()) if kind.startswith("Low") else pa.string()
            for name, kind in staging.columns
        }
        if not len(records):
            return pa.table(
                {"row": pa.array([], pa.uint32()), **{name: pa.array([], kind) for name, kind in types.items()}}
            )
        table = self._parsed(piece, records, types)
        if table.num_rows != len(records):
            raise FileError(f"{self.path}: rows from line {piece.line} on cannot be told apart")
        return table.append_column("row", pa.array(rows.astype(np.uint32)))

    def _parsed(self, piece: Piece, records: Numbers, types: dict[str, pa.DataType]) -> pa.Table:
        return pacsv.read_csv(
            pa.py_buffer(piece.only(records)),
            read_options=pacsv.ReadOptions(
                column_names=[f"c{i}" for i in range(len(self.names))], block_size=_block(piece)
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=self._delimiter.decode(),
                quote_char=False if self._blanks else '"',
                newlines_in_values=piece.records.spans_lines,
                ignore_empty_lines=False,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=types, include_columns=list(types), strings_can_be_null=False, check_utf8=False
            ),
        )


def _block(piece: Piece) -> int:
    # A row that is longer than two blocks stops the parser.
    return max(4 << 20, int(np.diff(piece.records.edges).max()) + 1)


def delimiter_of(path: Path) -> str:
    """What divides the cells of a text without a declared format: judged by its first line."""
    line = head(path, _HEAD).split(b"\n", 1)[0]
    found = [(line.count(sign), sign) for sign in (b"\t", b",", b";", b"|") if sign in line]
    if found:
        return max(found)[1].decode()
    return " " if b" " in line.strip() else ","


def _header(path: Path, delimiter: str) -> tuple[str, ...]:
    data = head(path, _HEAD)
    if delimiter == " ":
        return tuple(data.split(b"\n", 1)[0].decode("utf-8", "replace").split())
    if not data.strip():
        return ()
    records = split(data, delimiter.encode(), final=False)
    first = data[: records.edges[1]] if records.count else data
    if not records.count and len(data) >= _HEAD:
        raise FileError(f"{path} has no line end in its first {_HEAD >> 20} MiB", hint="is it a text?")
    try:
        text = first.decode()
    except UnicodeDecodeError:
        raise FileError(f"the header of {path} is not UTF-8 text") from None
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    return tuple(name.strip() for name in rows[0]) if rows else ()
