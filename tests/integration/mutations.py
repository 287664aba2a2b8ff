"""Requests of a reader, somewhat broken: statements, URLs, headers, compressed bodies, and HTTP itself."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from urllib.parse import urlencode

from appanalytics.server.blocks import BlockCompressor

#: A text in a file that no answer may hold; ``{canary}`` in a statement is the file's path.
CANARY = "canary-7f3a"
_SQL = [
    "SELECT 1", "SELECT * FROM kept FORMAT JSON", "INSERT INTO kept FORMAT CSV\n1\n", "INSERT INTO kept VALUES (1)",
    "SELECT number FROM numbers(10) FORMAT Native", "SELECT {x:String}", "SELECT file('{canary}')", "SHOW TABLES",
    "SELECT * FROM file('{canary}', 'LineAsString')", "CREATE TABLE t (a Int8) ENGINE = Memory",
    "DESCRIBE TABLE kept",
    "DROP TABLE kept", "SELECT 1 INTO OUTFILE '/tmp/x'", "SET max_threads = 1", "USE system", "SYSTEM SHUTDOWN",
    "WITH 1 AS a INSERT INTO kept SELECT a", "SELECT arrayMap(file, ['{canary}'])", "KILL QUERY WHERE 1",
    "SELECT 1 SETTINGS max_execution_time = 0", "EXPLAIN SELECT 1", "SELECT * FROM kept SETTINGS a = 1 FORMAT CSV",
    "SELECT sum(number) FROM numbers(300000) FORMAT JSONEachRowWithProgress", "ALTER TABLE kept DELETE WHERE 1",
    "SELECT number, throwIf(number = 70000) FROM numbers(90000)", "INSERT INTO FUNCTION file('/tmp/x') SELECT 1",
    "SELECT * FROM url('file://{canary}', LineAsString)", "OPTIMIZE TABLE kept FINAL", "TRUNCATE TABLE kept",
    "CREATE TEMPORARY TABLE m (a Int8) ENGINE = File(CSV, '{canary}')", "SELECT * FROM system.users",
]  # fmt: skip
_FIELDS = [
    ("database", "default"), ("database", "x`y"), ("session_id", "s"), ("session_timeout", "x"), ("max_threads", "1"),
    ("max_memory_usage", "-1"), ("param_x", "\\N"), ("wait_end_of_query", "1"), ("enable_http_compression", "1"),
    ("default_format", "JSON"), ("default_format", "Nope"), ("query_id", "*/ SELECT"), ("role", "admin"), ("a", "b"),
    ("readonly", "0"), ("extremes", "1"), ("decompress", "1"), ("compress", "1"), ("profile", "default"),
    ("x_structure", "a String"), ("query", "SELECT 1"), ("send_progress_in_http_headers", "1"),
    ("http_headers_progress_interval_ms", "0"), ("http_headers_progress_interval_ms", "-1"), ("max_block_size", "1"),
    ("format_schema", "{canary}"), ("user", "admin"), ("password", "\x00"), ("log_comment", "*/"),
]  # fmt: skip
_HEADERS = [
    ("Content-Encoding", "gzip"), ("Content-Encoding", "zstd"), ("Content-Encoding", "br"), ("Content-Encoding", "x"),
    ("Accept-Encoding", "lz4"), ("X-ClickHouse-Format", "JSON"), ("X-ClickHouse-Database", "system"),
    ("Content-Type", "multipart/form-data; boundary=b"), ("Content-Type", "multipart/form-data"),
    ("X-ClickHouse-Key", "wrong"), ("Authorization", "Basic !!"), ("Authorization", "Bearer reader.secret"),
]  # fmt: skip
_SIGNS = [b"'", b"`", b"/*", b"--", b";", b"(", b")", b"{x:", b"\\", b"\x00", b"\xff", "\u2018".encode(), b"$$"]


def mutated(chance: random.Random, canary: str) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path, headers and body."""
    body = bytearray(_statement(chance, canary))
    for _ in range(chance.choice([0, 0, 1, 1, 2, 5])):
        _break(body, chance, canary)
    fields = [(key, value.replace("{canary}", canary)) for key, value in _some(chance, _FIELDS, [0, 0, 1, 2])]
    if ("decompress", "1") in fields and chance.random() < 0.8:
        body = bytearray(BlockCompressor().compress(bytes(body)))
        if chance.random() < 0.5:
            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    headers = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "secret"}
    headers |= dict(_some(chance, _HEADERS, [0, 0, 0, 1, 2]))
    method = chance.choice(["POST"] * 8 + ["GET", "PUT", "DELETE"])
    path = "/" + chance.choice([""] * 20 + ["ping", "x", "%ff"])
    return method, path + "?" + urlencode(fields) if fields else path, headers, bytes(body)


def send_broken_http(chance: random.Random, port: int, canary: str) -> bytes:
    """Send a request whose HTTP itself is broken, and return what comes back before the connection ends."""
    method, path, headers, body = mutated(chance, canary)
    lines = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
    text = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    request = bytearray(text.encode() + body)
    for _ in range(chance.randrange(1, 6)):
        _break(request, chance, canary)
    answer = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.3) as line:
        line.sendall(request)
        line.shutdown(socket.SHUT_WR)
        while piece := line.recv(1 << 16):
            answer += piece
    return answer


def _some(chance: random.Random, choices: list[tuple[str, str]], counts: list[int]) -> list[tuple[str, str]]:
    return [chance.choice(choices) for _ in range(chance.choice(counts))]


def _statement(chance: random.Random, canary: str) -> bytes:
    return chance.choice(_SQL).replace("{canary}", canary).encode()


def _break(body: bytearray, chance: random.Random, canary: str) -> None:
    at = chance.randrange(len(body) + 1)
    how = chance.randrange(5)
    if how == 0:
        body[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 4)))
    elif how == 1:
        del body[at : at + chance.randrange(1, 6)]
    elif how == 2:
        body[at:at] = chance.choice(_SIGNS)
    elif how == 3:
        body[at:at] = b" " + _statement(chance, canary)
    else:
        body[at : at + 1] = bytes([chance.randrange(256)])
