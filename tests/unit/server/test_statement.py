"""Where a statement's parts are, whatever stands in its strings and comments."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.server.problems import Problem
from appanalytics.server.statement import read_statement
from appanalytics.server.tokens import tokens


@pytest.mark.parametrize(
    ("sql", "shape"),
    [
        ("SELECT 1", None),
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("SELECT 1 format `CSV` ;", "CSV"),
        ("SELECT 1 FORMAT TSV SETTINGS max_threads = 1", "TSV"),
        ("SELECT 1 SETTINGS max_threads = 1 FORMAT TSV -- why", "TSV"),
        ("SELECT format FROM t", None),
        ("SELECT 'x FORMAT JSON'", None),
        ("SELECT 1 /* FORMAT JSON */", None),
        ("SELECT (SELECT 1 FORMAT JSON)", None),
        ("SELECT a AS format, b FROM t FORMAT Native", "Native"),
    ],
)
def test_the_format_of_a_result(sql: str, shape: str | None) -> None:
    assert read_statement(sql.encode()).format == shape


@pytest.mark.parametrize(
    ("sql", "text", "shape", "data"),
    [
        ("INSERT INTO t FORMAT CSV\n1,2", "INSERT INTO t", "CSV", b"1,2"),
        ("INSERT INTO t (a, b) FORMAT Native \r\n\x01", "INSERT INTO t (a, b)", "Native", b"\x01"),
        ("insert into db.`t` values (1)", "insert into db.`t`", "Values", b" (1)"),
        ("INSERT INTO t SETTINGS x = 'FORMAT A' FORMAT TSV 1", "INSERT INTO t SETTINGS x = 'FORMAT A'", "TSV", b"1"),
        ("INSERT INTO FUNCTION null('x Int8') FORMAT CSV\n1", "INSERT INTO FUNCTION null('x Int8')", "CSV", b"1"),
        ("INSERT INTO values FORMAT CSV\n1", "INSERT INTO values", "CSV", b"1"),
        ("INSERT INTO format.values (format) VALUES (1)", "INSERT INTO format.values (format)", "Values", b" (1)"),
        ("INSERT INTO t", "INSERT INTO t", None, b""),
        (
            "INSERT INTO t SELECT a FROM input('a Int8') FORMAT CSV\n1",
            "INSERT INTO t SELECT a FROM input('a Int8')",
            "CSV",
            b"1",
        ),
    ],
)  # fmt: skip
def test_where_the_data_of_an_insert_begin(sql: str, text: str, shape: str | None, data: bytes) -> None:
    found = read_statement(sql.encode())
    assert (found.text, found.format) == (text, shape)
    assert found.data is not None
    assert sql.encode()[found.data :] == data


def test_an_insert_of_a_query_takes_no_data() -> None:
    assert read_statement(b"INSERT INTO t SELECT 1").data is None
    assert read_statement(b"INSERT INTO t (a) WITH 1 AS b SELECT b").data is None


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("", 62),
        (";", 62),
        ("-- nothing", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT 1; garbage", 62),
        ("SELECT 1 INTO OUTFILE '/tmp/x'", 1),
        ("SELECT 1 into /* */ outfile '/tmp/x' FORMAT CSV", 1),
        ("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 1),
        ("INSERT INTO t (a); INSERT INTO t (a)", 62),
    ],
)
def test_refused_before_the_engine_sees_it(sql: str, code: int) -> None:
    with pytest.raises(Problem) as caught:
        read_statement(sql.encode())
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("sql", "shape", "data"),
    [
        ("INSERT INTO t (a);;", None, b""),
        ("INSERT INTO t FORMAT", None, b""),  # the engine tells what is missing
        ("INSERT INTO t (a) (SELECT 1)", None, None),
        ("(SELECT 1)", None, None),
        ("INSERT INTO t SELECT a FROM input('a Int8')", None, None),
    ],
)
def test_an_insert_that_ends_early(sql: str, shape: str | None, data: bytes | None) -> None:
    found = read_statement(sql.encode())
    held = None if found.data is None else sql.encode()[found.data :]
    assert (found.format, held) == (shape, data)


def test_a_result_into_a_file() -> None:
    assert (
        read_statement("SELECT 'ü' FORMAT JSON".encode()).into("/x")
        == "SELECT 'ü' \nINTO OUTFILE '/x' APPEND FORMAT JSON"
    )
    assert read_statement(b"SELECT 1").into("/x") == "SELECT 1\nINTO OUTFILE '/x' APPEND "


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_tokens_never_fail_and_never_overlap(sql: bytes) -> None:
    end = 0
    for token in tokens(sql):
        assert end <= token.start < token.end <= len(sql)
        assert token.depth >= 0
        end = token.end


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30), st.sampled_from(["CSV", "Native", "JSONEachRow"]))
def test_what_stands_in_a_string_is_no_clause(text: str, shape: str) -> None:
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    sql = f"SELECT '{quoted}' AS a /* {text.replace('*/', '')} */ FORMAT {shape}".encode("utf-8", "replace")
    assert read_statement(sql).format == shape
