"""JSON lines: one object a line, taken apart in the engine."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from appanalytics.errors import FileError
from appanalytics.warehouse.load.chunk import Cell, CellKind, Chunk, Numbers, Staging
from appanalytics.warehouse.load.content import Content, head
from appanalytics.warehouse.load.parameters import Parameters
from appanalytics.warehouse.load.pieces import Piece, lines_of, pieces, show
from appanalytics.warehouse.load.split import Records, split

_SAMPLE = 1 << 20
_NO_ROWS: Numbers = np.empty(0, np.int64)


class JsonLinesFile:
    """A text of JSON objects. ``names`` are the keys of its first mebibyte; ``a.b`` is key b of the object in a."""

    open_ended = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._paths = _sample(path)
        self.names = tuple(self._paths)

    def staging(self, used: tuple[str, ...], compact: Collection[str], parameters: Parameters) -> Staging:
        """See `Reader.staging`. All keys come out of one pass over the text, as texts."""
        del compact
        paths = {name: self._paths.get(name, (name,)) for name in used}
        top = [keys[0] for keys in paths.values() if len(keys) == 1]
        cells = {
            name: Cell(f"ifNull({_value(keys, top, parameters)}, '')", CellKind.TEXT) for name, keys in paths.items()
        }
        parsed = f"JSONExtract(line, {parameters.bind(_shape(top))})" if top else "tuple(1)"
        return Staging(
            (("line", "String"),),
            f"SELECT row, line, JSONType(line) = 'Object' AS is_object, {parsed} AS json FROM {{stage}}",
            cells,
            (("NOT is_object", "the line is not a JSON object"),),
        )

    def chunks(self, staging: Staging, size: int) -> Generator[Chunk]:
        """See `Reader.chunks`; ``size`` is in bytes of decompressed content."""
        del staging
        with Content(self.path) as content:
            for piece in pieces(content, size, _scan):
                yield _chunk(piece, content.position)


def _scan(data: bytes, final: bool) -> Records:
    return split(data, None, final=final)


def _chunk(piece: Piece, position: int) -> Chunk:
    kept = np.flatnonzero(~piece.records.blank)
    lines = lines_of(piece)
    lines = lines if len(kept) == piece.records.count else lines.take(pa.array(kept))
    rows = pa.array(np.arange(len(kept), dtype=np.uint32))
    return Chunk(
        number=piece.number,
        rows=len(kept),
        cells=pa.table({"line": lines, "row": rows}),
        lines=piece.line + piece.records.line[kept],
        broken=_NO_ROWS,
        broken_reasons=(),
        raw=lambda rows: show(piece, kept[rows]),
        position=position,
    )


def _sample(path: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    start = head(path, _SAMPLE)
    lines = start.split(b"\n")
    for line in lines[: 1000 if len(lines) > 1 else 1]:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            for keys in _leaves(record, ()):
                found.setdefault(".".join(keys), keys)
    if start.strip() and not found:
        raise FileError(
            f"no line of {path} is a JSON object", hint="JSON lines hold one object a line; jq -c makes them"
        )
    return found


def _leaves(record: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in record.items():
        yield (*above, key)
        if isinstance(value, dict) and len(above) < 8:
            yield from _leaves(value, (*above, key))


def _value(keys: tuple[str, ...], top: list[str], parameters: Parameters) -> str:
    if len(keys) == 1:
        return f"tupleElement(json, {top.index(keys[0]) + 1})"
    return f"JSONExtract(line, {', '.join(parameters.bind(key) for key in keys)}, 'Nullable(String)')"


def _shape(keys: list[str]) -> str:
    return f"Tuple({', '.join(f'{_quoted(key)} Nullable(String)' for key in keys)})"


def _quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
