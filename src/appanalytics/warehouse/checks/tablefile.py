"""Read a report table from a CSV file: ours, or one of another shape.

*Long*: ``event_date, dimension, dimension_value`` and measures, a row for each value of each dimension. *Wide*:
``event_date``, any text columns and measures, a row for each combination of values. Dates are ISO or DD/MM/YY
(with or without a time of day, which is dropped).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from appanalytics.errors import FileError, nearest
from appanalytics.warehouse.report_table import MEASURES

DATE = "event_date"
LONG = ("dimension", "dimension_value")
#: Measures that a report table cannot do without.
NEEDED = ("views", "likes")
_DAY_FIRST = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{2}|\d{4})(?:[ T].*)?")


def read_report_table(path: str | Path) -> pa.Table:
    """The file's rows: ``event_date`` as a date, measures as whole numbers (null where empty), the rest as text.

    Raises `FileError` when the file is not there, is not a CSV, or is not a report table; the message names the
    column and the row.
    """
    file = Path(path)
    rows = _read(file)
    slices = check_columns(rows, str(file))
    columns = {DATE: _dates(rows.column(DATE), file)}
    columns |= {name: pc.fill_null(rows.column(name), "") for name in slices}
    columns |= {name: _numbers(rows.column(name), name, file) for name in MEASURES if name in rows.column_names}
    return pa.table(columns)


def check_columns(rows: pa.Table, where: str) -> list[str]:
    """The slice columns of a report table, or a `FileError` that says what is missing."""
    names = rows.column_names
    for name in (DATE, *NEEDED):
        if name not in names:
            hint = nearest(name, names)
            raise FileError(f"{where} is not a report table: it has no column {name!r}", hint=hint)
    slices = [name for name in names if name not in (DATE, *MEASURES)]
    if not slices:
        hint = "expected dimension and dimension_value, or columns such as gender, age, os"
        raise FileError(f"{where} is not a report table: it has nothing to slice by", hint=hint)
    if not rows.num_rows:
        raise FileError(f"{where} has no rows")
    return slices


def is_long(rows: pa.Table) -> bool:
    """True for a table with a row for each value of each dimension."""
    return all(name in rows.column_names for name in LONG)


def _read(file: Path) -> pa.Table:
    if not file.is_file():
        raise FileError(f"there is no file {file}")
    try:
        with pa.input_stream(str(file)) as stream:
            content = stream.read()
        head = content.split(b"\n", 1)[0]
        names = re.split(rb"[,;\t]", head.removeprefix(b"\xef\xbb\xbf").strip())
        mark = max(",;\t", key=lambda each: head.count(each.encode()))
        as_text = {name.decode().strip('"'): pa.string() for name in names}
        table = csv.read_csv(
            pa.BufferReader(content),
            parse_options=csv.ParseOptions(delimiter=mark),
            convert_options=csv.ConvertOptions(column_types=as_text, strings_can_be_null=True),
        )
    except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
        raise FileError(f"cannot read {file} as CSV: {str(error).splitlines()[0]}") from None
    return table.rename_columns([name.strip().lower() for name in table.column_names])


def _dates(values: pa.ChunkedArray, file: Path) -> pa.Array:
    known: dict[str | None, date] = {}
    for row, text in enumerate(values.to_pylist(), 2):
        if text not in known:
            known[text] = _date(text, row, file)
    return pa.array([known[text] for text in values.to_pylist()], pa.date32())


def _date(text: str | None, row: int, file: Path) -> date:
    found = _DAY_FIRST.fullmatch((text or "").strip())
    try:
        if found:
            day, month, year = map(int, found.groups())
            return date(year + 2000 if year < 100 else year, month, day)
        return datetime.fromisoformat((text or "").strip()).date()
    except ValueError:
        hint = "write 2026-11-22 or 22/11/26"
        raise FileError(f"{file}, row {row}: cannot read {text!r} as a date", hint=hint) from None


def _numbers(values: pa.ChunkedArray, name: str, file: Path) -> pa.Array:
    found: list[int | None] = []
    for row, text in enumerate(values.to_pylist(), 2):
        try:
            number = float(text) if text is not None else None
            found.append(None if number is None else int(number))
            if number is not None and number != int(number):
                raise ValueError
        except (ValueError, OverflowError):
            raise FileError(f"{file}, row {row}: {name} is {text!r}, not a whole number") from None
    return pa.array(found, pa.int64())
