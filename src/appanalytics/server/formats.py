"""Formats of results: their content type, and whether the engine can hand them over block by block."""

from __future__ import annotations

import re

from appanalytics.server.problems import Problem

#: Every block is a valid continuation of the one before. All other formats have a beginning and an end, which the
#: engine would write anew for each block.
_BY_BLOCK = """
Native RowBinary TabSeparated TSV TabSeparatedRaw TSVRaw CSV
JSONEachRow JSONLines NDJSON JSONCompactEachRow JSONStringsEachRow JSONCompactStringsEachRow
"""
BY_BLOCK = frozenset(_BY_BLOCK.split())

_TYPES = {
    "application/json; charset=UTF-8": "JSON JSONCompact JSONStrings JSONCompactStrings JSONColumns "
    "JSONCompactColumns JSONColumnsWithMetadata JSONObjectEachRow",
    "application/x-ndjson; charset=UTF-8": "JSONEachRow JSONLines NDJSON JSONStringsEachRow JSONCompactEachRow "
    "JSONCompactEachRowWithNames JSONCompactEachRowWithNamesAndTypes JSONCompactStringsEachRow "
    "JSONCompactStringsEachRowWithNames JSONCompactStringsEachRowWithNamesAndTypes JSONEachRowWithProgress "
    "JSONStringsEachRowWithProgress JSONCompactEachRowWithProgress",
    "text/tab-separated-values; charset=UTF-8": "TabSeparated TSV TabSeparatedRaw TSVRaw TabSeparatedWithNames "
    "TSVWithNames TabSeparatedWithNamesAndTypes TSVWithNamesAndTypes TabSeparatedRawWithNames TSVRawWithNames "
    "TabSeparatedRawWithNamesAndTypes TSVRawWithNamesAndTypes",
    "application/xml; charset=UTF-8": "XML",
    "text/markdown; charset=UTF-8": "Markdown",
    "text/plain; charset=UTF-8": "Pretty PrettyCompact PrettySpace Vertical Values SQLInsert",
}
_BY_FORMAT = {name: content for content, names in _TYPES.items() for name in names.split()}


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def format_name(text: str) -> str:
    """A format's name from a request; raises `Problem` (73) for what is none, because it becomes part of a statement.

    The engine takes names in any case; ``Values`` comes back in its own, because it is the format that may hold SQL.
    """
    if not _NAME.fullmatch(text):
        raise Problem(73, f"Unknown format {text[:40]!r}", "UNKNOWN_FORMAT")
    return "Values" if text.lower() == "values" else text


def content_type(shape: str) -> str:
    """The Content-Type that ClickHouse gives a format."""
    if shape.startswith(("CSV", "CustomSeparatedCSV")):
        header = "present" if "WithNames" in shape else "absent"
        return f"text/csv; charset=UTF-8; header={header}"
    return _BY_FORMAT.get(shape, "application/octet-stream")
