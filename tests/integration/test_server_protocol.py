"""ClickHouse's HTTP protocol as clients meet it: requests by hand, and the real Python client both ways."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import time

import clickhouse_connect
import lz4.frame
import pyarrow as pa
import pytest
import urllib3
from clickhouse_connect.driver.external import ExternalData

from appanalytics.engine import connect
from appanalytics.engine.endpoint import find_endpoint
from appanalytics.errors import WarehouseMissing
from appanalytics.server.compression import ENCODINGS, decompressed

from .served import DATABASE, Served


@pytest.fixture
def client(server: Served) -> clickhouse_connect.driver.Client:
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username="admin", password="secret", database=DATABASE
    )


def test_alive(server: Served) -> None:
    assert server.ask(b"", method="GET").data == b"Ok.\n"
    assert server.text("SELECT 1", "reader") == "1\n"


def test_statement_in_url_and_body(server: Served) -> None:
    assert server.text("+ 2 AS three FORMAT JSONEachRow", query="SELECT 1") == '{"three":3}\n'
    server.text("CREATE OR REPLACE TABLE both (a Int8, b String) ENGINE = MergeTree ORDER BY a")
    server.text("1,x\n2,y\n", query="INSERT INTO both FORMAT CSV")
    server.text("INSERT INTO both VALUES (3, upper('z')), (1 + 3, {b:String})", param_b="it's")
    assert server.text("SELECT * FROM both ORDER BY a FORMAT CSV") == '1,"x"\n2,"y"\n3,"Z"\n4,"it\'s"\n'


def test_data_that_read_like_a_statement(server: Served) -> None:
    """Nothing in an INSERT's rows is rewritten, refused or cut."""
    rows = "SELECT * FROM system.query_log; SELECT file('/etc/passwd') FORMAT CSV\n"
    server.text("CREATE OR REPLACE TABLE likely (a String) ENGINE = MergeTree ORDER BY a")
    server.text(f"INSERT INTO likely FORMAT TSVRaw\n{rows}")
    server.text("INSERT INTO likely VALUES ('a; system.query_log file(x)')")
    assert server.text("SELECT * FROM likely ORDER BY a FORMAT TSVRaw") == rows + "a; system.query_log file(x)\n"


def test_headers(server: Served) -> None:
    response = server.ask("SELECT number FROM numbers(10) FORMAT JSONCompact", query_id="my/id*")
    assert response.headers["X-ClickHouse-Query-Id"] == "my/id*"
    assert response.headers["X-ClickHouse-Format"] == "JSONCompact"
    assert response.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert json.loads(response.headers["X-ClickHouse-Summary"])["read_rows"] == "10"
    assert json.loads(response.data)["rows"] == 10
    assert "X-ClickHouse-Format" not in server.ask("CREATE TABLE IF NOT EXISTS h (a Int8) ENGINE = Memory").headers


def test_parameters_are_bound(server: Served) -> None:
    assert server.text("SELECT {x:String}", param_x="a\\tb'; DROP TABLE t") == "a\\tb\\'; DROP TABLE t\n"
    assert server.code("SELECT {y:Int8}", param_x="1") == 456


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT foo", 404, 47),
        ("SELEC 1", 400, 62),
        ("SELECT * FROM nothing", 404, 60),
        ("SELECT 1 FORMAT Nope", 404, 73),
        ("SELECT 1 SETTINGS nope = 1", 404, 115),
        ("SELECT throwIf(1)", 400, 395),
    ],
)
def test_errors(server: Served, sql: str, status: int, code: int) -> None:
    response = server.ask(sql)
    assert response.headers["X-ClickHouse-Exception-Code"] == str(code)
    assert response.status in (status, 400)
    assert response.data.startswith(f"Code: {code}. DB::Exception: ".encode())


def test_get_only_reads(server: Served) -> None:
    response = server.ask(b"", method="GET", query="CREATE TABLE g (a Int8) ENGINE = Memory")
    assert response.headers["X-ClickHouse-Exception-Code"] == "164"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_compressed_answers_and_errors(server: Served, encoding: str) -> None:
    asked = {"Accept-Encoding": encoding}
    for sql, wanted in [("SELECT number FROM numbers(100000)", b"0\n1\n"), ("SELECT foo", b"Code: 47")]:
        response = server.ask(sql, headers=asked, enable_http_compression="1")
        assert response.headers["Content-Encoding"] == encoding
        assert b"".join(decompressed([response.data], encoding)).startswith(wanted)
    assert (
        "Content-Encoding" not in server.ask("SELECT 1 WHERE 0", headers=asked, enable_http_compression="1").headers
    )


def test_compressed_bodies_of_several_frames(server: Served) -> None:
    server.text("CREATE OR REPLACE TABLE frames (a Int32) ENGINE = MergeTree ORDER BY a")
    for encoding, pack in (("lz4", lz4.frame.compress), ("gzip", gzip.compress)):
        body = pack(b"1\n2") + pack(b"3\n4\n")
        answer = server.ask(body, headers={"Content-Encoding": encoding}, query="INSERT INTO frames FORMAT TSV")
        assert answer.status == 200, answer.data
        assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "3"
    assert server.text("SELECT sum(a) FROM frames") == "56\n"


def test_an_error_in_the_middle(server: Served) -> None:
    sql = "SELECT number, sleepEachRow(0.01), throwIf(number = 40) FROM numbers(80) SETTINGS max_block_size = 1"
    response = server.ask(sql)
    assert response.status == 200
    tag = response.headers["X-ClickHouse-Exception-Tag"].encode()
    rows, _, tail = response.data.partition(b"\r\n__exception__\r\n" + tag + b"\r\n")
    text, _, end = tail.rpartition(b"\n" + str(len(tail.partition(b"\n")[0]) + 1).encode() + b" ")
    assert rows.startswith(b"0\t0\t0\n1\t0\t0\n")
    assert text.startswith(b"Code: 395")
    assert end == tag + b"\r\n__exception__\r\n"
    held = server.ask(sql, wait_end_of_query="1")
    assert (held.status, held.headers["X-ClickHouse-Exception-Code"]) == (400, "395")


def test_a_session_keeps_what_is_its_own(server: Served) -> None:
    name = {"session_id": "s1"}
    server.text("CREATE TEMPORARY TABLE mine (a Int8)", **name)
    server.text("INSERT INTO mine VALUES (1)", **name)
    server.text("SET max_block_size = 7", **name)
    read = "SELECT getSetting('max_block_size'), getSetting('max_threads') FROM mine"
    first = server.text(read, **name)
    assert server.text(read, **name, max_threads="1", max_block_size="9") == "9\t1\n"
    assert server.text(read, **name) == first
    assert first.startswith("7\t")
    server.text("USE system", **name)
    assert server.text("SELECT currentDatabase()", **name) == "system\n"
    assert server.text("SELECT currentDatabase()", **name, database=DATABASE) == f"{DATABASE}\n"
    assert server.text("SELECT currentDatabase()", **name) == "system\n"
    assert server.code("SELECT * FROM mine") == 60
    assert server.code("SELECT 1", "reader", session_id="s1", session_check="1") == 372
    assert server.code("SELECT 1", session_id="s1", session_timeout="never") == 36


def test_a_session_is_one_at_a_time(server: Served) -> None:
    slow = threading.Thread(target=server.ask, args=("SELECT sleep(1)",), kwargs={"session_id": "s2"})
    slow.start()
    while server.text("SELECT count() FROM system.processes WHERE query LIKE '%sleep(1)'") == "0\n":
        assert slow.is_alive()
    assert server.code("SELECT 1", session_id="s2") == 373
    slow.join()


def test_kill_by_the_clients_id(server: Served) -> None:
    answers = []
    sql = "SELECT count() FROM numbers(100000000000) WHERE number % 3 = 0"
    long = threading.Thread(target=lambda: answers.append(server.ask(sql, query_id="to be killed")))
    long.start()
    while server.text("SELECT count() FROM system.processes WHERE query_id = 'to be killed'") == "0\n":
        assert long.is_alive()
    assert server.code("SELECT 1", query_id="to be killed") == 216
    server.text("KILL QUERY WHERE query_id = 'to be killed' SYNC", "writer")  # of another user: nothing happens
    assert long.is_alive()
    server.text("KILL QUERY WHERE query_id = 'to be killed' SYNC")
    long.join(timeout=20)
    assert answers[0].headers["X-ClickHouse-Exception-Code"] == "394"


def test_a_client_that_leaves_stops_its_query(server: Served) -> None:
    sql = "SELECT count() FROM numbers(100000000001) WHERE number % 3 = 0"
    with pytest.raises(Exception, match="timed out"):
        server.ask(sql, timeout=1)
    _wait_for_the_end_of(server, "%100000000001%3 = 0")


@pytest.mark.parametrize("shape", ["TSV", "JSON"])
def test_a_client_that_leaves_in_the_middle_stops_its_query(server: Served, shape: str) -> None:
    sql = f"SELECT number FROM numbers(100000000002) FORMAT {shape}"
    response = urllib3.PoolManager(retries=False, timeout=20).request(
        "POST",
        f"http://127.0.0.1:{server.port}/",
        body=sql,
        headers={"X-ClickHouse-User": "admin", "X-ClickHouse-Key": "secret"},
        preload_content=False,
    )
    assert len(response.read(1 << 20)) == 1 << 20
    response.close()
    _wait_for_the_end_of(server, "%100000000002)%")


def test_a_client_that_leaves_an_insert_stores_nothing(server: Served) -> None:
    server.text("CREATE OR REPLACE TABLE left_alone (a UInt32) ENGINE = MergeTree ORDER BY a")
    head = "POST /?query=INSERT+INTO+left_alone+FORMAT+TSV HTTP/1.1\r\nHost: x\r\n"
    head += "X-ClickHouse-User: admin\r\nX-ClickHouse-Key: secret\r\nContent-Length: 100000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(head.encode() + b"7\n" * 1_000_000)
    _wait_for_the_end_of(server, "INSERT INTO left_alone%")
    assert server.text("SELECT count() FROM left_alone") == "0\n"


def _wait_for_the_end_of(server: Served, like: str) -> None:
    sql = f"SELECT count() FROM system.processes WHERE query LIKE '{like}' AND query NOT LIKE '%processes%'"
    for _ in range(100):
        if server.text(sql) == "0\n":
            return
        time.sleep(0.1)
    raise AssertionError("it still runs")


@pytest.mark.parametrize("shape", ["Native", "JSON", "Parquet", "CSVWithNames"])
def test_large_answers_are_whole(server: Served, shape: str) -> None:
    expected = server.ask(f"SELECT number AS n FROM numbers(300000) FORMAT {shape}", wait_end_of_query="1")
    streamed = server.ask(f"SELECT number AS n FROM numbers(300000) FORMAT {shape}")
    assert streamed.status == 200
    if shape == "JSON":
        assert len(json.loads(streamed.data)["data"]) == 300_000
    else:
        assert len(streamed.data) == len(expected.data)


def test_totals(server: Served) -> None:
    sql = "SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k"
    assert server.text(sql) == "0\t5\n1\t5\n\n0\t10\n"


def test_the_python_client(client: clickhouse_connect.driver.Client, server: Served) -> None:
    client.command(
        "CREATE OR REPLACE TABLE py (a Int64, b String, at DateTime64(3, 'Europe/Moscow')) ENGINE = Memory"
    )
    rows = pa.table(
        {"a": range(1000), "b": [str(n) for n in range(1000)], "at": pa.array(range(1000), pa.timestamp("ms", "UTC"))}
    )
    client.insert_arrow("py", rows)
    client.insert("py", [[1000, "ünï", 0]], column_names=["a", "b", "at"])
    assert client.query("SELECT count(), max(a) FROM py WHERE a >= {x:Int64}", {"x": 10}).result_rows == [(991, 1000)]
    assert client.query("SELECT at FROM py WHERE a = 1").result_rows[0][0].utcoffset().total_seconds() == 10800
    assert client.query_arrow("SELECT a FROM py ORDER BY a").num_rows == 1001
    with client.query_rows_stream("SELECT number FROM numbers(200000)") as stream:
        assert sum(1 for _ in stream) == 200_000
    external = ExternalData(file_name="ext.csv", data=b"1,x\n5,y\n", fmt="CSV", structure=["k Int64", "v String"])
    sql = "SELECT a, v FROM py JOIN ext ON a = k ORDER BY a"
    assert client.query(sql, external_data=external).result_rows == [(1, "x"), (5, "y")]


def test_external_data_of_a_reader(server: Served) -> None:
    client = clickhouse_connect.get_client(host="127.0.0.1", port=server.port, username="reader", password="secret")
    external = ExternalData(file_name="ext.csv", data=b"1\n2\n", fmt="CSV", structure="k Int64")
    assert client.query("SELECT sum(k) FROM ext", external_data=external).result_rows == [(3,)]
    bad = ExternalData(file_name="ext.csv", data=b"1\n", fmt="CSV", structure="k String DEFAULT file('/etc/passwd')")
    with pytest.raises(Exception, match="497"):
        client.query("SELECT * FROM ext", external_data=bad)


def test_32_queries_at_once_and_an_insert_beside_them(server: Served) -> None:
    """Reads that together take 32 s end in a few, and a write does not wait for them."""
    server.text("CREATE OR REPLACE TABLE beside (a Int8) ENGINE = MergeTree ORDER BY a")
    done: list[str] = []
    threads = [threading.Thread(target=lambda: done.append(server.text("SELECT sleep(2)"))) for _ in range(32)]
    for thread in threads:
        thread.start()
    while server.text("SELECT count() FROM system.processes WHERE query = 'SELECT sleep(2)'") == "0\n":
        pass
    server.text("INSERT INTO beside VALUES (1)")
    assert len(done) < 32
    for thread in threads:
        thread.join()
    assert done == ["0\n"] * 32


def test_the_async_python_client(server: Served) -> None:
    async def ask() -> list[int]:
        client = await clickhouse_connect.get_async_client(
            host="127.0.0.1", port=server.port, username="admin", password="secret"
        )
        answers = await asyncio.gather(*(client.query(f"SELECT {n}") for n in range(8)))
        await client.close()
        return [answer.result_rows[0][0] for answer in answers]

    assert asyncio.run(ask()) == list(range(8))


def test_other_commands_find_the_server(server: Served) -> None:
    """The folder's own URL leads to the server that owns the folder."""
    engine = connect(f"chdb://{server.folder}")
    assert engine.scalar("SELECT count() FROM visits") == 3
    assert engine.scalar("SELECT currentUser() = 'default' AND getSetting('join_use_nulls')") == 1
    engine.close()
    with pytest.raises(WarehouseMissing, match="has no database nowhere"):
        connect(f"chdb://{server.folder}?database=nowhere")
    found = find_endpoint(server.folder)
    assert found is not None
    assert found.port == server.port
    assert found.pid == server.process.pid
