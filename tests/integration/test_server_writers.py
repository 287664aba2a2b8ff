"""What writers cannot do: work with rights of others, make tables that reach out, stop the engine's work."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appanalytics.server.body import LONGEST_STATEMENT
from appanalytics.server.passwords import hashed, matches
from appanalytics.server.users import Users, read_users

from .served import Served, served

_LOG = "SELECT count() AS c FROM system.query_log"


@pytest.fixture(scope="module")
def _owned(server: Served) -> None:
    server.text("CREATE TABLE owned (a UInt32, at DateTime) ENGINE = MergeTree ORDER BY a")
    server.text("INSERT INTO owned VALUES (1, 0), (2, 0)")
    server.text("CREATE VIEW seen AS SELECT a FROM owned")


@pytest.mark.usefixtures("_owned")
@pytest.mark.parametrize(
    "sql",
    [
        f"CREATE VIEW v DEFINER = CURRENT_USER SQL SECURITY DEFINER AS {_LOG}",
        f"create view v sql security definer as {_LOG}",
        f"CREATE VIEW v /**/ SQL -- x\n SECURITY NONE AS {_LOG}",
        f"CREATE OR REPLACE VIEW v SQL SECURITY DEFINER AS {_LOG}",
        f"CREATE VIEW v AS {_LOG} SETTINGS default_normal_view_sql_security = 'DEFINER'",
        "SET default_view_definer = 'default'",
        "ALTER TABLE seen MODIFY SQL SECURITY DEFINER",
        "ALTER TABLE seen MODIFY QUERY SELECT 1 AS a",
        f"CREATE MATERIALIZED VIEW v (c UInt64) ENGINE = MergeTree ORDER BY c AS {_LOG}",
        f"CREATE MATERIALIZED VIEW v REFRESH EVERY 1 SECOND (c UInt64) ENGINE = MergeTree ORDER BY c AS {_LOG}",
        "CREATE DICTIONARY d (k UInt8, c UInt64) PRIMARY KEY k LAYOUT(FLAT()) LIFETIME(0)"
        f" SOURCE(CLICKHOUSE(QUERY '{_LOG}'))",
        f"ALTER TABLE owned UPDATE a = ({_LOG}) WHERE 1",
        f"ALTER TABLE owned DELETE WHERE a IN ({_LOG})",
        "ALTER TABLE owned DELETE WHERE a IN system.one",
        "ALTER TABLE owned DELETE WHERE a IN ((system.one))",
        "ALTER TABLE owned DELETE WHERE in(a, system.one)",
        "ALTER TABLE owned DELETE WHERE globalNotNullIn(a, `system`.`one`)",
        "DELETE FROM owned WHERE a = (SELECT 1)",
        "CREATE TABLE t (a UInt8, at DateTime) ENGINE = MergeTree ORDER BY a TTL at DELETE WHERE a IN (SELECT 1)",
        "CREATE TABLE t AS owned ENGINE = MergeTree ORDER BY a TTL at DELETE WHERE a IN (SELECT 1)",
        "CREATE TABLE t (a UInt8 DEFAULT dictGet('other.d', 'x', 1)) ENGINE = Memory",
        "CREATE TABLE t (a UInt8 MATERIALIZED joinGet('other.j', 'x', 1)) ENGINE = Memory",
        "SYSTEM STOP MERGES",
        "SYSTEM STOP VIEWS",
        "SYSTEM START MERGES owned",
        "SYSTEM DROP MARK CACHE",
        "SYSTEM FLUSH LOGS",
        "KILL TRANSACTION WHERE 1",
        "BACKUP TABLE owned TO Null",
        "BACKUP TABLE system.query_log TO Memory('b')",
        "CREATE TABLE t AS system.query_log ENGINE = Memory",
        "CREATE FUNCTION f AS x -> x",
    ],
)
def test_a_writer_works_with_its_own_rights(server: Served, sql: str) -> None:
    assert server.code(sql, "writer") in (452, 497)
    assert server.text("SELECT count() FROM owned") == "2\n"


@pytest.mark.parametrize("user", ["writer", "admin"])
@pytest.mark.parametrize(
    "engine",
    ["= QueryRunner", "QueryRunner", "= `QueryRunner`", "= \"QueryRunner\"", "=/**/QueryRunner()", "= Kafka",
     "= Distributed(c, d, t)", "= Executable('x', 'CSV')", "= FileLog('/etc', 'CSV')", "= S3Queue('x')",
     "= Loop(owned)", "= PostgreSQL('a', 'b', 'c', 'd', 'e')"],
)  # fmt: skip
def test_tables_keep_their_data_here(server: Served, user: str, engine: str) -> None:
    for kind in ("TABLE", "TEMPORARY TABLE", "OR REPLACE TABLE"):
        columns = "(query String, db String, settings Map(String, String))"
        assert server.code(f"CREATE {kind} t {columns} ENGINE {engine}", user) == 497


@pytest.mark.usefixtures("_owned")
def test_links_between_tables_are_an_admins(server: Served) -> None:
    buffer = "CREATE OR REPLACE TABLE linked AS owned ENGINE = Buffer(currentDatabase(), owned, 1, 1, 1, 1, 1, 1, 1)"
    assert server.code(buffer, "writer") == 497
    server.text(buffer)


@pytest.mark.usefixtures("_owned")
@pytest.mark.parametrize(
    "sql",
    [
        "CREATE OR REPLACE VIEW v SQL SECURITY INVOKER AS SELECT a AS definer FROM owned WHERE a IN (SELECT 1)",
        "CREATE OR REPLACE TABLE t ENGINE = ReplacingMergeTree ORDER BY a AS SELECT a, (SELECT 2) AS b FROM owned",
        "CREATE OR REPLACE TABLE t (`in` UInt8, security UInt8 MATERIALIZED 1, engine String) ENGINE = Memory",
        "CREATE TEMPORARY TABLE t (a UInt8)",
        "ALTER TABLE owned ADD COLUMN IF NOT EXISTS b UInt8 DEFAULT a IN (1, 2)",
        "ALTER TABLE owned DELETE WHERE a IN (7, 8) OR at > toDateTime(0) + INTERVAL 1 DAY",
        "DELETE FROM owned WHERE a = 9",
        "KILL MUTATION WHERE table = 'owned'",
        "KILL QUERY WHERE query_id = 'nobody'",
        "OPTIMIZE TABLE owned FINAL",
    ],
)  # fmt: skip
def test_what_a_writer_may(server: Served, sql: str) -> None:
    server.text(sql, "writer")


def test_a_view_shows_a_writer_no_statements_of_others(server: Served) -> None:
    """Also through a view that an admin made without naming anybody's rights."""
    server.text("SELECT 'somebody else'")
    server.text("SYSTEM FLUSH LOGS")
    server.text("CREATE OR REPLACE VIEW logs AS SELECT user FROM system.query_log")
    assert "admin" in server.text("SELECT DISTINCT user FROM logs")
    assert "admin" not in server.text("SELECT DISTINCT user FROM logs", "writer")


@pytest.mark.parametrize("what", ["MUTATION", "TRANSACTION", "PART_MOVE_TO_SHARD"])
def test_a_reader_stops_queries_alone(server: Served, what: str) -> None:
    assert server.code(f"KILL {what} WHERE 1", "reader") == 497


@pytest.mark.parametrize("value", ["0", "'auto'", "100000"])
def test_threads_of_a_reader(server: Served, value: str) -> None:
    for setting in ("max_threads", "max_final_threads"):
        assert server.code(f"SELECT 1 SETTINGS {setting} = {value}", "reader") == 452
        assert server.code("SELECT 1", "reader", **{setting: value.strip("'")}) == 452
    assert server.text("SELECT 1 SETTINGS max_threads = 1", "reader") == "1\n"


def test_the_longest_statement(server: Served) -> None:
    long = "SELECT 1 /* " + "x" * LONGEST_STATEMENT + " */"
    answer = server.ask(long)
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (413, "307")
    server.text("CREATE OR REPLACE TABLE many (a UInt64, b String) ENGINE = Memory")
    rows = ", ".join(f"({number}, '{number:040}')" for number in range(60_000))  # data may be longer
    server.text(f"INSERT INTO many VALUES {rows}", "writer")
    assert server.text("SELECT count(), max(a) FROM many") == "60000\t59999\n"


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that waits half a second for a body."""
    folder = tmp_path_factory.mktemp("hasty") / "warehouse"
    with served(folder, {"admin": {"role": "admin"}}, patience="0.5") as running:
        yield running


@pytest.mark.parametrize("drips", [0, 200])
def test_a_body_that_does_not_come(hasty: Served, drips: int) -> None:
    """Silence ends after the server's patience, a drip of bytes after ten times that."""
    head = "POST /?query=SELECT HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: admin\r\nX-ClickHouse-Key: secret\r\n"
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=20) as client:
        client.sendall(f"{head}Content-Length: 100000\r\n\r\n 1".encode())
        client.settimeout(0.1)
        answer = b""
        for _ in range(drips):
            client.sendall(b" ")
            try:
                answer = client.recv(1 << 16)
                break
            except TimeoutError:
                continue
        client.settimeout(20)
        while piece := client.recv(1 << 16):  # the server closes the connection
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"Code: 209" in answer
    assert (4 if drips else 0.4) < time.monotonic() - started < 15
    assert hasty.text("SELECT 1") == "1\n"


def test_guesses_are_hashed_one_at_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Guesses do not take all cores, and whoever is known waits for none of them."""
    file = tmp_path / "users.toml"
    file.write_text(f'[ann]\nrole = "reader"\npassword = "{hashed("right")}"\n')
    file.chmod(0o600)
    users = Users(read_users(file))
    assert users.find("ann", "right")
    at_once, most = 0, 0
    go_on = threading.Event()

    def slow(password: str, stored: str) -> bool:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        go_on.wait(5)
        at_once -= 1
        return matches(password, stored)

    monkeypatch.setattr("appanalytics.server.passwords.matches", slow)
    guesses = [threading.Thread(target=users.find, args=(name, "wrong")) for name in ("ann", "ann", "bob", "cec")]
    for guess in guesses:
        guess.start()
    assert users.find("ann", "right")
    go_on.set()
    for guess in guesses:
        guess.join()
    assert most == 1


def test_dropping_many_parts_leaves_no_crowd_of_threads(server: Served) -> None:
    server.text("CREATE TABLE crowd (a Int64) ENGINE = MergeTree ORDER BY a PARTITION BY a")
    server.text("INSERT INTO crowd SELECT number FROM numbers(120)", max_partitions_per_insert_block="0")
    server.text("TRUNCATE TABLE crowd")
    server.text("DROP TABLE crowd SYNC")
    assert int(server.text("SELECT value FROM system.metrics WHERE metric = 'GlobalThread'")) < 100
