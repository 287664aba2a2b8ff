"""What goes over the wire beside rows: headers while a statement runs, ClickHouse's own blocks, credentials."""

from __future__ import annotations

import gzip
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appanalytics.server.blocks import BlockCompressor, unblocked
from appanalytics.server.problems import Problem

from .served import DATABASE, Served

_SLOW = "SELECT count() FROM numbers(8) WHERE sleepEachRow(0.1) = 0"
_BY_ROW = " SETTINGS max_block_size = 1"
_PROGRESS = "&send_progress_in_http_headers=1&http_headers_progress_interval_ms=1"


def _answers(server: Served, *requests: tuple[str, str]) -> Iterator[tuple[bytes, bytes]]:
    """Head and body of requests on one connection, as they come from the socket."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        stream = line.makefile("rb")
        for fields, sql in requests:
            head = f"POST /?{fields} HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: admin\r\nX-ClickHouse-Key: secret\r\n"
            line.sendall(f"{head}Content-Length: {len(sql)}\r\n\r\n{sql}".encode())
            got = b"".join(iter(stream.readline, b"\r\n"))
            size = int(got.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            yield got, stream.read(size)


def test_progress_in_headers(server: Served) -> None:
    """Headers come while the statement runs, then the answer's own; the connection serves another request after."""
    first, second = _answers(server, (_PROGRESS, _SLOW + _BY_ROW), ("", "SELECT 2"))
    head, body = first
    assert body == b"8\n"
    assert head.startswith(b"HTTP/1.1 200 OK\r\nX-ClickHouse-Progress: ")
    assert head.count(b"HTTP/1.1") == 1
    told = [json.loads(row.partition(b": ")[2]) for row in head.split(b"\r\n") if b"-Progress: " in row]
    read = [int(each["read_rows"]) for each in told]
    assert len(read) >= 3
    assert read == sorted(read)
    assert int(told[-1]["total_rows_to_read"]) == 8
    assert b"x-clickhouse-summary: " in head
    assert (second[0].split(b"\r\n")[0], second[1]) == (b"HTTP/1.1 200 OK", b"2\n")
    assert b"Progress" not in second[0]


def test_an_error_after_progress(server: Served) -> None:
    """The status is sent already, so the code stands in a header."""
    sql = f"{_SLOW} AND NOT throwIf(number = 6){_BY_ROW}"
    ((head, body),) = _answers(server, (_PROGRESS, sql))
    assert head.startswith(b"HTTP/1.1 200 OK\r\nX-ClickHouse-Progress: ")
    assert b"x-clickhouse-exception-code: 395\r\n" in head
    assert body.startswith(b"Code: 395. DB::Exception: ")


def test_progress_in_rows(server: Served) -> None:
    rows = server.text(f"SELECT number, sleepEachRow(0.1) FROM numbers(3){_BY_ROW} FORMAT JSONEachRowWithProgress")
    told = [line for line in map(json.loads, rows.splitlines()) if "progress" in line]
    assert [line["progress"]["read_rows"] for line in told] == ["1", "2", "3"]


@pytest.mark.parametrize("user", ["admin", "writer", "reader"])
def test_the_engine_reports_progress_only_so_often(server: Served, user: str) -> None:
    """Without a pause between two reports it would never end."""
    assert server.code("SELECT 1", user, interactive_delay="0") == 452
    assert server.code("SELECT 1 SETTINGS interactive_delay = 0", user) == 452
    assert server.code("SET interactive_delay = 0", user) == 452


@pytest.mark.parametrize("user", ["admin", "reader"])
def test_nobody_sleeps_on_purpose(server: Served, user: str) -> None:
    """A statement that reads a byte a second would hear neither KILL nor its limit of time."""
    assert server.code("SELECT * FROM visits", user, max_local_read_bandwidth="1") == 452
    assert server.code("SELECT * FROM visits SETTINGS max_local_read_bandwidth = 1", user) == 452


def test_progress_needs_a_number(server: Served) -> None:
    fields = {"send_progress_in_http_headers": "1", "http_headers_progress_interval_ms": "soon"}
    assert server.code("SELECT 1", **fields) == 72


def test_blocks_are_the_engines(server: Served) -> None:
    """What the engine itself wrote to disk can be read, so checksum and layout are ClickHouse's."""
    server.text(
        "CREATE OR REPLACE TABLE packed (a UInt64) ENGINE = MergeTree ORDER BY a SETTINGS min_bytes_for_wide_part = 0"
    )
    server.text("INSERT INTO packed SELECT number FROM numbers(100000)")
    path = server.text("SELECT path FROM system.parts WHERE table = 'packed' AND active").strip()
    data = (server.folder / path / "a.bin").read_bytes()
    plain = b"".join(unblocked([data[:7], data[7:1000], data[1000:]]))
    assert plain == b"".join(number.to_bytes(8, "little") for number in range(100_000))


def test_answers_in_blocks(server: Served) -> None:
    wanted = server.text("SELECT number FROM numbers(300000)")
    packed = server.ask("SELECT number FROM numbers(300000)", compress="1").data
    assert len(packed) < len(wanted)
    assert b"".join(unblocked([packed])).decode() == wanted
    failed = server.ask("SELECT nothing", compress="1")
    assert failed.headers["X-ClickHouse-Exception-Code"] == "47"
    assert b"".join(unblocked([failed.data])).startswith(b"Code: 47")


def test_bodies_in_blocks(server: Served) -> None:
    pack = BlockCompressor().compress
    server.text("CREATE OR REPLACE TABLE unpacked (a UInt32) ENGINE = MergeTree ORDER BY a")
    rows = b"".join(b"%d\n" % number for number in range(200_000))
    server.text(pack(rows[:999]) + pack(rows[999:]), query="INSERT INTO unpacked FORMAT TSV", decompress="1")
    assert server.text(pack(b"SELECT sum(a) FROM unpacked"), decompress="1") == f"{sum(range(200_000))}\n"
    broken = pack(b"SELECT 1")
    assert server.code(broken[:-1], decompress="1") == 354
    assert server.code(b"\0" + broken[1:], decompress="1") == 40


def test_a_block_says_its_size() -> None:
    """A block that claims much takes no memory."""
    huge = bytes(16) + b"\x82" + (9).to_bytes(4, "little") + (2**31).to_bytes(4, "little")
    with pytest.raises(Problem, match="unpacked"):
        list(unblocked([huge]))


@pytest.mark.parametrize(
    "headers",
    [
        {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "secret"},
        {"Authorization": "Basic cmVhZGVyOnNlY3JldA=="},
        {"Authorization": "Bearer reader.secret"},
    ],
)
def test_ways_to_say_who_asks(server: Served, headers: dict[str, str]) -> None:
    bare = {"X-ClickHouse-User": "", "X-ClickHouse-Key": ""} | headers
    assert server.ask("SELECT currentDatabase()", headers=bare).data.decode() == f"{DATABASE}\n"
    wrong = {key: value[:-8] + "AAAAAAAA" for key, value in headers.items()}
    assert server.ask("SELECT 1", headers=bare | wrong).status == 403


@pytest.mark.parametrize("path", ["ping", "replicas_status"])
def test_is_it_alive(server: Served, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(f"GET /{path} HTTP/1.0\r\n\r\n".encode())
        assert b"".join(iter(lambda: line.recv(1000), b"")).endswith(b"\r\n\r\nOk.\n")


def test_held_back_answers_in_blocks(server: Served) -> None:
    """An answer that is held back comes whole and in blocks, however long."""
    held = server.ask("SELECT number FROM numbers(2000000)", compress="1", wait_end_of_query="1")
    assert int(held.headers.get("Content-Length", 0)) == 0 or len(held.data) == int(held.headers["Content-Length"])
    assert sum(len(piece) for piece in unblocked([held.data])) == len("".join(f"{n}\n" for n in range(2_000_000)))


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl(server: Served, tmp_path: Path) -> None:
    """The commands of docs/server.md and of everybody's scripts."""
    where = f"http://127.0.0.1:{server.port}/"

    def curl(*words: str, data: str = "") -> str:
        command = ["curl", "-sS", "--max-time", "20", "-u", "admin:secret", *words]
        return subprocess.run(command, input=data, capture_output=True, text=True, check=True).stdout

    assert curl(where, "--data-binary", "SELECT 1 + 1") == "2\n"
    assert curl(
        "-G", where, "--data-urlencode", "query=SELECT {n:Int8} * 2 FORMAT JSONEachRow", "-d", "param_n=21"
    ) == ("{\"multiply(_CAST(21, 'Int8'), 2)\":42}\n")
    curl(where, "--data-binary", "CREATE OR REPLACE TABLE curled (a UInt32, b String) ENGINE = MergeTree ORDER BY a")
    file = tmp_path / "rows.csv.gz"
    file.write_bytes(gzip.compress(b"1,x\n2,y\n"))
    packed = ["-H", "Content-Encoding: gzip", "--data-binary", f"@{file}"]
    assert curl(f"{where}?query=INSERT%20INTO%20curled%20FORMAT%20CSV", *packed) == ""
    assert curl("--compressed", f"{where}?enable_http_compression=1", "-d", "SELECT * FROM curled FORMAT CSV") == (
        '1,"x"\n2,"y"\n'
    )
    form = ["-F", "ext=1,2\n;filename=ext", "-F", "query=SELECT a * 10, b FROM ext"]
    assert curl(f"{where}?ext_structure=a%20Int8,b%20Int8&ext_format=CSV", *form) == "10\t2\n"
    failed = curl("-i", where, "-d", "SELECT nothing")
    assert "x-clickhouse-exception-code: 47" in failed.lower()
