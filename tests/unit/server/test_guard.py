"""Every way found to read a file or to lift a limit, refused by name."""

from __future__ import annotations

import pytest

from appanalytics.server.guard import check_settings, check_statement, settings_named
from appanalytics.server.problems import Problem


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT `\\x66ile`('/etc/passwd')",
        "SELECT \"file\" /* */ ('/etc/passwd')",
        "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT * APPLY file FROM (SELECT '/etc/passwd')",
        "EXPLAIN SELECT file('/etc/passwd')",
        "CREATE TABLE t (a String DEFAULT file('/etc/passwd')) ENGINE = Memory",
        "SELECT * FROM eval('SELECT 1')",
        "SELECT * FROM python('x')",
        "SELECT * FROM fileCluster('a', 'b')",
        "SELECT aiGenerate('x')",
        "SELECT * FROM url('http://127.0.0.1')",
        "CREATE DICTIONARY d (k Int8) PRIMARY KEY k SOURCE(EXECUTABLE(COMMAND 'id' FORMAT 'CSV')) LAYOUT(FLAT())",
        "CREATE DICTIONARY d (k Int8) PRIMARY KEY k SOURCE(file(path '/etc/passwd')) LAYOUT(FLAT())",
        "CREATE DATABASE d ENGINE = Filesystem('/etc')",
        "CREATE DATABASE d ENGINE = SQLite('/x')",
    ],
)
def test_ways_out(sql: str) -> None:
    with pytest.raises(Problem) as caught:
        check_statement(sql.encode(), {})
    assert caught.value.code == 497


@pytest.mark.parametrize("value", ["file", "`file`", " file ", "a.file", "fil\\x65"])
def test_ways_out_by_a_bound_name(value: str) -> None:
    with pytest.raises(Problem):
        check_statement(b"SELECT arrayMap({f:Identifier}, ['/etc/passwd'])", {"f": value})


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'file(x)', \"filename\", `a``b` FROM t -- file('/etc/passwd')",
        "SELECT url, profile FROM t FORMAT JSON",
        "CREATE DATABASE d ENGINE = Atomic",
        "CREATE DICTIONARY d (k Int8) PRIMARY KEY k SOURCE(CLICKHOUSE(TABLE 't')) LAYOUT(FLAT()) LIFETIME(0)",
    ],
)
def test_plain_statements_pass(sql: str) -> None:
    check_statement(sql.encode(), {"f": "file"})


def test_settings_in_statements() -> None:
    sql = b"SELECT 1 FROM (SELECT 2 SETTINGS `a` = 1, b = [1, 2], c = {'x': 'y, d = 1'}) SETTINGS e = 'f', g = 2 FORMAT CSV"
    assert settings_named(sql) == ["a", "b", "c", "e", "g"]
    assert settings_named(b"SET a = 1, b = 'c = 2'") == ["a", "b"]
    assert settings_named(b"SELECT settings, a = 1") == []


@pytest.mark.parametrize(
    "name", ["readonly", "profile", "additional_result_filter", "format_template_row", "format_schema"]
)
def test_settings_that_nobody_may_change(name: str) -> None:
    for reader in (True, False):
        with pytest.raises(Problem) as caught:
            check_settings([name], reader)
        assert caught.value.code == 452


def test_settings_of_readers() -> None:
    check_settings(["max_threads", "output_format_json_quote_64bit_integers", "session_timezone"], reader=True)
    check_settings(["use_query_cache"], reader=False)
    with pytest.raises(Problem, match="use_query_cache is not for readers"):
        check_settings(["use_query_cache"], reader=True)
