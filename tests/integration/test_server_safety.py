"""What readers cannot do: write, read files or addresses, go beyond their limits or their rows."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import urllib3

from .served import Served


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO visits VALUES (9, 'XX')",
        "INSERT INTO visits FORMAT CSV\n9,XX",
        "INSERT INTO visits SELECT 9, 'XX'",
        "WITH 9 AS a INSERT INTO visits SELECT a, 'XX'",
        "INSERT INTO FUNCTION file('/tmp/x', 'CSV') SELECT 1",
        "CREATE TABLE t (x Int8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE t (x Int8)",
        "CREATE DATABASE d",
        "DROP TABLE visits",
        "TRUNCATE TABLE visits",
        "ALTER TABLE visits DELETE WHERE 1",
        "DELETE FROM visits WHERE 1",
        "OPTIMIZE TABLE visits FINAL",
        "RENAME TABLE visits TO v",
        "DETACH TABLE visits",
        "SYSTEM SHUTDOWN",
        "SYSTEM FLUSH LOGS",
        "CREATE FUNCTION f AS x -> x",
        "BACKUP TABLE visits TO File('/tmp/x')",
        "SET ROLE owner",
        "SET ROLE user_admin",
        "SET profile = 'default'",
        "SET readonly = 0",
        "GRANT ALL ON *.* TO default",
        "KILL QUERY WHERE 1 SYNC; DROP TABLE visits",
        "SELECT 1; DROP TABLE visits",
        "SELECT 1 INTO OUTFILE '/tmp/x'",
        "SELECT 1 PARALLEL WITH DROP TABLE visits",
        "EXECUTE AS default SELECT 1",
        "UPDATE visits SET country = 'X' WHERE 1",
        "EXCHANGE TABLES visits AND visits",
        "ATTACH TABLE t FROM '/etc' (a Int8) ENGINE = MergeTree ORDER BY a",
        "CREATE NAMED COLLECTION c AS a = 1",
        "SELECT * FROM fuzzQuery('SELECT 1')",
        "SELECT * FROM viewExplain('EXPLAIN', '', (SELECT 1))",
        "SELECT * FROM loop(visits)",
        "KILL TRANSACTION WHERE 1",
    ],
)
def test_readers_do_not_write(server: Served, sql: str) -> None:
    assert server.code(sql, "reader") in (1, 62, 164, 452, 497)
    assert server.text("SELECT count() FROM visits") == "3\n"


@pytest.mark.parametrize("user", ["reader", "writer", "admin"])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT file('/etc/passwd')",
        "SELECT `\\x66ile`('/etc/passwd')",
        "SELECT arrayMap(file, ['/etc/passwd'])",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM s3('http://127.0.0.1:1/bucket/key.csv', 'CSV', 'a Int8')",
        "SELECT * FROM remote('127.0.0.1', system.one)",
        "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM postgresql('127.0.0.1:1', 'd', 't', 'u', 'p')",
        "SELECT * FROM executable('id', 'TSV', 'a String')",
        "SELECT * FROM sqlite('/etc/passwd', 'x')",
        "SELECT * FROM icebergLocal('/etc')",
        "SELECT * FROM filesystem('/etc')",
        "SELECT * FROM default.`/etc/passwd`",
        "SELECT 1 FORMAT Template SETTINGS format_template_row = '/etc/passwd'",
        "SELECT 1 SETTINGS additional_result_filter = 'length(file(''/etc/passwd'')) > 0'",
        "CREATE TABLE t (x String) ENGINE = File(CSV, '/etc/passwd')",
        "CREATE TABLE t (x String) ENGINE = URL('http://127.0.0.1:1/', 'CSV')",
        "CREATE DICTIONARY d (k UInt8, v String) PRIMARY KEY k SOURCE(EXECUTABLE(COMMAND 'id' FORMAT 'CSV'))"
        " LAYOUT(FLAT()) LIFETIME(0)",
        "INSERT INTO visits VALUES (9, file('/etc/passwd'))",
        "INSERT INTO visits FROM INFILE '/etc/passwd' FORMAT CSV",
        "INSERT INTO visits FORMAT values (9, file('/etc/passwd'))",
        "SELECT ‘ ' ’, file('/etc/passwd') -- '",
        "SELECT 1 AS “'”, file('/etc/passwd') -- '",
        "SELECT “file”('/etc/passwd')",
        "SELECT COLUMNS('x') APPLY “file” FROM (SELECT '/etc/passwd' AS x)",
        "SELECT file\u00a0('/etc/passwd')",
        "SELECT file\u200b('/etc/passwd')",
        "SELECT 1 AS a FORMAT Protobuf SETTINGS output_format_schema = '/tmp/x'",
        "SELECT 1 SETTINGS dialect = 'kusto'",
        "SELECT 1 SETTINGS input_format_record_errors_file_path = '/tmp/x'",
        "SELECT 1 SETTINGS format_avro_schema_registry_url = 'http://127.0.0.1:1/'",
        "DESCRIBE TABLE icebergLocal('/etc')",
        "EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:1', 'a', 'b', 'c', 'd') PARTITION BY a",
        "SET param_f = 'file'",
        "CREATE TABLE t (a String) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = web, endpoint = 'http://x')",
        "CREATE TABLE t (a String) ENGINE = EmbeddedRocksDB(0, '/tmp/x') PRIMARY KEY a",
        "CREATE TABLE t AS s3('http://127.0.0.1:1/bucket/x.csv', 'CSV', 'a Int8')",
        "CREATE VIEW v DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT * FROM icebergLocal('/etc')",
        "CREATE DICTIONARY d (k UInt8, v String) PRIMARY KEY k LAYOUT(FLAT()) LIFETIME(0)"
        " SOURCE(CLICKHOUSE(QUERY 'SELECT 1 AS k, file(''/etc/passwd'') AS v'))",
        "CREATE DICTIONARY d (user UInt64) PRIMARY KEY user LAYOUT(FLAT()) LIFETIME(0)"
        " SOURCE(CLICKHOUSE(TABLE 'visits' WHERE 'length(file(''/etc/passwd'')) > 0'))",
        "CREATE DICTIONARY d (k UInt8) PRIMARY KEY k LAYOUT(FLAT()) LIFETIME(0)"
        " SOURCE(CLICKHOUSE(HOST '127.0.0.1' PORT 1 TABLE 't'))",
    ],
)
def test_nobody_reads_files_or_addresses(server: Served, user: str, sql: str) -> None:
    assert server.code(sql, user) in (1, 452, 497)


@pytest.mark.parametrize("user", ["reader", "german", "admin"])
@pytest.mark.parametrize(
    ("described", "data"),
    [
        ({"x_structure": "a String", "x_format": "Values"}, b"(file('/etc/passwd'))"),
        ({"x_structure": "a String", "x_format": "values"}, b"((SELECT toString(groupArray(country)) FROM visits))"),
        ({"x_types": "String DEFAULT file('/etc/passwd')"}, b"a"),
        ({"x_types": "String, String DEFAULT upper('x')"}, b"a"),
        ({"x_structure": "a String) ENGINE = Memory AS SELECT toString(country) AS a FROM visits --"}, b""),
        ({"x_structure": "a String) ENGINE = S3('http://127.0.0.1:1/bucket/x.csv', 'CSV') --"}, b""),
        ({"x_structure": "a String", "x_format": "CSV SETTINGS readonly = 0"}, b"a"),
    ],
)
def test_tables_of_a_request_are_no_way_out(
    server: Served, user: str, described: dict[str, str], data: bytes
) -> None:
    """They are loaded with the server's own rights, so nothing of the request may be worked out there."""
    form = {"x": ("x", data)}
    body, kind = urllib3.encode_multipart_formdata(form)
    answer = server.ask(body, user, headers={"Content-Type": kind}, query="SELECT * FROM x", **described)
    assert answer.status in (400, 403, 404), answer.data
    assert int(answer.headers["X-ClickHouse-Exception-Code"]) in (36, 62, 73, 344, 497), answer.data


def test_a_long_insert_works_nothing_out(server: Served) -> None:
    """Values longer than the guard reads at once are taken as plain values."""
    server.text("CREATE OR REPLACE TABLE long (a String) ENGINE = Memory")
    filler = ", ".join(f"('{number:0100}')" for number in range(20_000))
    assert server.code(f"INSERT INTO long VALUES {filler}, (file('/etc/passwd'))", "writer") in (344, 497)


def test_a_format_is_a_name(server: Served) -> None:
    for shape in ("JSON SETTINGS max_execution_time = 0", "JSON\nINTO OUTFILE '/tmp/x'", "CSV; DROP TABLE visits"):
        assert server.code("SELECT 1 AS a", "reader", default_format=shape) == 73


def test_a_query_id_starts_no_header(server: Served) -> None:
    answer = server.ask("SELECT 1", "reader", query_id="a\r\nX-Evil: 1")
    assert answer.status == 200
    assert "X-Evil" not in answer.headers


def test_a_bound_name_is_no_way_out(server: Served) -> None:
    assert server.code("SELECT arrayMap({f:Identifier}, ['/etc/passwd'])", "reader", param_f="file") == 497


@pytest.mark.parametrize(
    ("sql", "codes"),
    [
        ("SELECT sleepEachRow(1) FROM numbers(5) SETTINGS max_block_size = 1", (159,)),
        ("SELECT groupArray(number) FROM numbers(40000000)", (241,)),
        ("SELECT count() FROM numbers(60000000) WHERE number % 3 = 0", (158, 307)),
        ("SELECT number FROM numbers(2000000)", (396,)),
        ("SELECT 1 SETTINGS max_execution_time = 100", (452,)),
        ("SELECT 1 SETTINGS max_execution_time = 0", (452,)),
        ("SELECT 1 SETTINGS use_query_cache = 1", (452,)),
    ],
)
def test_limits_of_a_reader(server: Served, sql: str, codes: tuple[int, ...]) -> None:
    response = server.ask(sql + " FORMAT Null", "reader", wait_end_of_query="1")
    assert int(response.headers["X-ClickHouse-Exception-Code"]) in codes, response.data


def test_limits_in_the_url(server: Served) -> None:
    assert server.code("SELECT 1", "reader", max_memory_usage="0") == 452
    assert server.code("SELECT 1", "reader", readonly="0") == 452
    assert server.text("SELECT getSetting('max_threads')", "reader", max_threads="1") == "1\n"


def test_queries_at_once_of_a_reader(server: Served) -> None:
    slow = "SELECT sleepEachRow(0.5) FROM numbers(3) SETTINGS max_block_size = 1"
    threads = [threading.Thread(target=server.ask, args=(slow, "reader")) for _ in range(2)]
    for thread in threads:
        thread.start()
    while server.text("SELECT count() FROM system.processes WHERE user = 'reader'") != "2\n":
        assert any(thread.is_alive() for thread in threads)
    refused = server.ask("SELECT 1", "reader")
    assert (refused.status, refused.headers["X-ClickHouse-Exception-Code"]) == (429, "202")
    assert refused.headers["Retry-After"] == "1"
    for thread in threads:
        thread.join()
    assert server.text("SELECT 1", "reader") == "1\n"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM visits",
        "SELECT count() FROM merge(currentDatabase(), '^visits$')",
        "SELECT count() FROM (SELECT * FROM visits AS v)",
        "SELECT countIf(country = 'DE') FROM visits",
        "SELECT uniq(user) FROM visits",
    ],
)
def test_rows_of_a_user(server: Served, sql: str) -> None:
    assert server.text(sql, "german") == "2\n"
    assert server.text(sql.replace("'DE'", "country"), "reader") == "3\n"


def test_other_tables_are_closed_to_a_user_with_rows(server: Served) -> None:
    server.text("CREATE TABLE IF NOT EXISTS sums (n UInt32) ENGINE = MergeTree ORDER BY n")
    assert server.code("SELECT * FROM sums", "german") == 497
    assert server.code("SELECT * FROM mergeTreeIndex(currentDatabase(), visits)", "german") == 497
    assert server.text("SELECT * FROM sums", "reader") == ""


@pytest.mark.parametrize(
    ("sql", "seen"),
    [
        ("SELECT throwIf(country = 'FR') FROM visits FORMAT Null", ""),
        ("SELECT 1 FROM visits PREWHERE throwIf(country = 'FR') = 0 FORMAT Null", ""),
        (
            "SELECT 1 FROM visits WHERE throwIf(country = 'FR') = 0 SETTINGS optimize_move_to_prewhere = 1",
            "1\n1\n",
        ),
        (
            "SELECT min(user), max(country), count() FROM visits SETTINGS optimize_use_implicit_projections = 1",
            "1\tDE\t2\n",
        ),
        ("SELECT count() FROM visits WHERE country = 'FR' OR user = 2", "0\n"),
        ("SELECT count() FROM view(SELECT * FROM visits)", "2\n"),
    ],
)
def test_rows_of_others_leave_no_trace(server: Served, sql: str, seen: str) -> None:
    assert server.text(sql, "german") == seen


def test_statements_of_others_are_hidden(server: Served) -> None:
    assert server.code("SELECT fail_loudly_with_a_secret") == 47
    for table in ("user_query_log", "errors", "stack_trace", "session_query_ids", "user_processes"):
        assert server.text(f"SELECT count() FROM system.{table}", "reader") == "0\n"
    assert server.text("SELECT count() FROM system.processes", "reader") == "1\n"
    server.text("SYSTEM FLUSH LOGS")
    assert server.text("SELECT groupUniqArray(user) FROM system.query_log", "reader") in ("['reader']\n", "[]\n")


def test_a_writer_keeps_the_database(server: Served) -> None:
    assert server.code("DROP DATABASE appanalytics", "writer") == 497
    assert server.code("CREATE DATABASE other", "writer") == 497


def test_a_wrong_password(server: Served) -> None:
    for headers in ({"X-ClickHouse-Key": "wrong"}, {"X-ClickHouse-User": "nobody"}):
        response = server.ask("SELECT 1", headers=headers)
        assert (response.status, response.headers["X-ClickHouse-Exception-Code"]) == (403, "516")


def test_it_refuses_to_be_open_to_others(tmp_path: Path) -> None:
    users = tmp_path / "users.toml"
    users.write_text('[ann]\nrole = "reader"\n')
    users.chmod(0o600)
    config = tmp_path / "appanalytics.toml"
    config.write_text(f'[server]\nusers = "{users}"\nhost = "0.0.0.0"\nport = 0\n')
    program = "import sys; from appanalytics.cli import main; main(['serve', *sys.argv[1:]])"
    ended = subprocess.run(
        [sys.executable, "-c", program, "--config", str(config), "--warehouse", f"chdb://{tmp_path}/w"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "users without a password (ann)" in ended.stderr
