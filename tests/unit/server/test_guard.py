"""Every way found to read a file or to lift a limit, refused by name."""

from __future__ import annotations

import pytest

from appanalytics.server.guard import check_settings, check_settings_named, check_statement, settings_named
from appanalytics.server.problems import Problem


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT `\\x66ile`('/etc/passwd')",
        "SELECT \"file\" /* */ ('/etc/passwd')",
        "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT arrayMap((file), ['/etc/passwd'])",
        "SELECT count(arrayMap(file, ['/etc/passwd']))",
        "CREATE VIEW v AS SELECT arrayMap(file, ['/etc/passwd'])",
        "CREATE TABLE t (a Array(String) DEFAULT arrayMap(file, ['/etc/passwd'])) ENGINE = Memory",
        "INSERT INTO t (a) SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT f(file)",
        "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
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
        "SELECT ‘ ' ’, file('/etc/passwd') -- '",
        "SELECT “file”('/etc/passwd')",
        "SELECT file\u00a0('/etc/passwd')",
        "SET param_f = 'file'",
        "SET max_threads = 1, param_f = `file`",
        "ALTER TABLE t EXPORT PART 'p' TO TABLE FUNCTION s3('http://x')",
        "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '/x')",
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
        "CREATE TABLE IF NOT EXISTS t (id String, file String CODEC(ZSTD(1))) ENGINE = MergeTree ORDER BY (id, file)",
        "INSERT INTO t (id, file) FORMAT Native",
        "SELECT file, uniqExact(file), max(t.file) FROM t WHERE file IN ('a') AND (id = file) ORDER BY file",
        "CREATE DATABASE d ENGINE = Atomic",
        "CREATE DICTIONARY d (k Int8) PRIMARY KEY k SOURCE(CLICKHOUSE(TABLE 't')) LAYOUT(FLAT()) LIFETIME(0)",
    ],
)
def test_plain_statements_pass(sql: str) -> None:
    check_statement(sql.encode(), {"f": "file"})


def test_signs_outside_of_quotes() -> None:
    check_statement("SELECT 'ю', `ю`, “ю” -- ю".encode(), {})
    with pytest.raises(Problem) as caught:
        check_statement("SELECT ю".encode(), {})
    assert caught.value.code == 62


def test_a_backup_may_name_a_disk() -> None:
    check_statement(b"BACKUP DATABASE d TO Disk('backups', 'x')", {})


def test_settings_in_statements() -> None:
    inner = b"SELECT 2 SETTINGS `a` = 1, b = [1, 2], c = {'x': 'y, d = 1'}"
    sql = b"SELECT 1 FROM (" + inner + b") SETTINGS e = 'f', g = 2 FORMAT CSV"
    assert settings_named(sql) == ["a", "b", "c", "e", "g"]
    assert settings_named(b"SET a = 1, b = 'c = 2'") == ["a", "b"]
    assert settings_named(b"SELECT settings, a = 1") == []


def test_settings_that_nobody_may_change() -> None:
    for reader in (True, False):
        for check in (check_settings_named, lambda names, who: check_settings(dict.fromkeys(names, "x"), who)):
            with pytest.raises(Problem) as caught:
                check(["profile"], reader)
            assert caught.value.code == 452


def test_conditions_are_judged_like_statements() -> None:
    check_settings({"additional_table_filters": "{'t': 'a = 1 AND b = \\'file\\''}"}, reader=False)
    for value in ("length(file('/etc/passwd'))", "{'t': 'length(file(\\'/etc/passwd\\')) > 0'}"):
        with pytest.raises(Problem, match="file"):
            check_settings({"additional_table_filters": value}, reader=False)
    with pytest.raises(Problem, match="in the URL alone"):
        check_settings_named(["additional_result_filter"], reader=False)


def test_settings_of_readers() -> None:
    check_settings_named(["max_threads", "output_format_json_quote_64bit_integers", "session_timezone"], reader=True)
    check_settings_named(["use_query_cache"], reader=False)
    for name in ("use_query_cache", "additional_table_filters", "format_schema", "readonly"):
        with pytest.raises(Problem, match="is not for readers"):
            check_settings_named([name], reader=True)
