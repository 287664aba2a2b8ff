"""Choose the reader of a file: by its mapping, else by what is in it."""

from __future__ import annotations

from pathlib import Path

from appanalytics.errors import FileError
from appanalytics.warehouse.load.chunk import Reader
from appanalytics.warehouse.load.content import head
from appanalytics.warehouse.load.delimited import DelimitedFile, delimiter_of
from appanalytics.warehouse.load.jsonlines import JsonLinesFile
from appanalytics.warehouse.load.mapping import Mapping
from appanalytics.warehouse.load.parquetfile import ParquetFile

_DELIMITERS = {"csv": ",", "tsv": "\t", "space": " "}


def open_file(path: Path, mapping: Mapping | None = None) -> Reader:
    """Open a file; a wrong or unreadable one is a `FileError`."""
    start = head(path, 64)
    declared = mapping.format if mapping else None
    names = mapping.names if mapping else None
    kind = declared or _kind(path, start)
    if kind == "parquet":
        return ParquetFile(path)
    if start.startswith(b"PAR1"):
        raise FileError(f"{path} is Parquet, not {kind}")
    if kind == "jsonl":
        return JsonLinesFile(path)
    delimiter = (mapping.delimiter if mapping else None) or _DELIMITERS.get(kind) or delimiter_of(path)
    reader = DelimitedFile(path, delimiter, names)
    if not reader.names:
        raise FileError(f"{path} is empty", hint="a file needs a header; an empty one with a header is fine")
    return reader


def _kind(path: Path, start: bytes) -> str:
    endings = {suffix.lower() for suffix in path.suffixes[-2:]}
    if start.startswith(b"PAR1") or ".parquet" in endings:
        return "parquet"
    if start.lstrip()[:1] in (b"{", b"["):
        return "jsonl"
    if endings & {".jsonl", ".ndjson"} and not start.strip():
        return "jsonl"
    return "tsv" if ".tsv" in endings else "text"
