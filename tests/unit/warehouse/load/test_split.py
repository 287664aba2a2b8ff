"""Cutting bytes into rows, against Python's csv module and against plain loops."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.warehouse.load import split as module
from appanalytics.warehouse.load.split import split

cells = st.text(alphabet='a,;"\n\r é', max_size=6)
tables = st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=12)


def records(data: bytes, *, final: bool = True) -> list[bytes]:
    found = split(data, b",", final=final)
    return [data[start:end] for start, end in zip(found.edges[:-1], found.edges[1:], strict=True)]


@settings(deadline=None, max_examples=60)
@given(tables, st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_rows_of_a_sound_file(rows: list[list[str]], line_end: str, quoting: int) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=line_end, quoting=quoting)
    ends = []
    for row in rows:
        writer.writerow(row)
        ends.append(len(out.getvalue().encode()))
    data = out.getvalue().encode()
    found = split(data, b",", final=True)
    assert found.edges.tolist() == [0, *ends]
    assert found.cells.tolist() == [2] * len(rows)
    assert found.line.tolist() == [data[:end].count(b"\n") for end in [0, *ends[:-1]]]
    assert not found.blank.any()
    # csv leaves a carriage return unquoted when line feeds end its lines, which is not sound.
    assert quoting == csv.QUOTE_MINIMAL or not found.returns.any()
    assert not found.unclosed.any()


@settings(deadline=None, max_examples=60)
@given(tables, st.data())
def test_an_unfinished_buffer_ends_at_a_whole_row(rows: list[list[str]], data: st.DataObject) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    content = out.getvalue().encode()
    cut = data.draw(st.integers(0, len(content)))
    part = split(content[:cut], b",", final=False)
    whole = split(content, b",", final=True).edges.tolist()
    assert part.edges.tolist() == [edge for edge in whole if edge <= part.end]


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=60).map(lambda data: bytes(b'a,"\n\r'[byte % 5] for byte in data)))
def test_any_bytes_are_cut_without_loss(data: bytes) -> None:
    assert b"".join(records(data)) == data


@settings(deadline=None, max_examples=60)
@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_parity_is_that_of_a_loop(flags: list[bool]) -> None:
    expected = [sum(flags[: place + 1]) % 2 == 1 for place in range(len(flags))]
    assert module._parity(np.array(flags)).tolist() == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'1,5" screen\n2,x\n', [b'1,5" screen\n', b"2,x\n"]),
        (b'1,"a "b" c"\n2,x\n', [b'1,"a "b" c"\n', b"2,x\n"]),
        (b'1,"open\n2,x\n3,y', [b'1,"open\n', b"2,x\n", b"3,y"]),
        (b'"', [b'"']),
        (b"", []),
    ],
    ids=["inch", "quotes in a quoted cell", "never closed", "only a quote", "nothing"],
)
def test_stray_quotes(data: bytes, expected: list[bytes]) -> None:
    assert records(data) == expected


def test_a_quote_that_is_never_closed_breaks_its_row_alone() -> None:
    found = split(b'1,"open\n2,x\n', b",", final=True)
    assert found.unclosed.tolist() == [True, False]


def test_a_quote_that_closes_too_late_breaks_its_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINES_IN_A_CELL", 3)
    data = b'1,"open\n' + b"2,x\n" * 10 + b'3,"y"\n'
    found = split(data, b",", final=True)
    assert found.count == 12
    assert np.flatnonzero(found.unclosed).tolist() == [0]


def test_carriage_returns_and_blank_lines() -> None:
    found = split(b'a,b\r\n\r\n\nc\r,d\n"e\r",f\n', b",", final=True)
    assert found.blank.tolist() == [False, True, True, False, False]
    assert found.returns.tolist() == [False, False, False, True, False]
