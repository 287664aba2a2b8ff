"""A ClickHouse HTTP endpoint just large enough for clickhouse-connect: one statement a request, no sessions.

It lets tests run the ordinary HTTP client against the engine of this process, because no server can be
installed beside it. Statements are passed on as they come; results and errors go back as a server sends them.
"""

from __future__ import annotations

import base64
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import chdb

#: Parts of a URL that a server takes for itself.
_NOT_SETTINGS = frozenset(
    [
        "database",
        "query",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "client_protocol_version",
        "compress",
        "decompress",
        "buffer_size",
        "wait_end_of_query",
        "send_progress_in_http_headers",
        "role",
        "enable_http_compression",
        "quota_key",
        "http_headers_progress_interval_ms",
    ]
)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: Path
    password: str
    statements: list[str]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._serve(body)

    def _serve(self, body: bytes) -> None:
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        given = base64.b64decode((self.headers.get("Authorization") or "").removeprefix("Basic ")).decode()
        if given.partition(":")[2] != self.password:
            self._answer(
                403, b"Code: 516. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)", 516
            )
            return
        try:
            self._answer(200, self._run(asked, body))
        except Exception as error:
            text = str(error)
            code = re.search(r"Code: (\d+)", text)
            self._answer(500, text.encode(), int(code[1]) if code else 1000)

    def _run(self, asked: dict[str, str], body: bytes) -> bytes:
        sql, data = (asked["query"], body) if "query" in asked else (body.decode(), b"")
        self.statements.append(sql)
        connection = chdb.connect(str(self.folder))
        try:
            if asked.get("database"):
                connection.query(f"USE {asked['database']}")
            for name, value in asked.items():
                if name not in _NOT_SETTINGS and not name.startswith("param_"):
                    connection.query(f"SET {name} = '{value}'")
            parameters = {name[6:]: value for name, value in asked.items() if name.startswith("param_")}
            if data:
                return self._insert(connection, sql, data)
            shape = re.search(r"\bFORMAT\s+(\w+)\s*$", sql)
            if shape:
                sql = sql[: shape.start()]
            return connection.query(sql, shape[1] if shape else "TabSeparatedWithNames", params=parameters).bytes()
        finally:
            connection.close()

    def _insert(self, connection: object, sql: str, data: bytes) -> bytes:
        head, _, shape = sql.rpartition("FORMAT")
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            connection.query(f"{head} FROM INFILE '{file.name}' FORMAT {shape}")  # type: ignore[attr-defined]
        return b""

    def _answer(self, status: int, body: bytes, code: int = 0) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("X-ClickHouse-Summary", "{}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def relay(folder: Path, password: str) -> Iterator[tuple[int, list[str]]]:
    """Serve the engine of a folder on a free port of loopback; yields the port and the statements it got."""
    statements: list[str] = []
    handler = type("Handler", (_Handler,), {"folder": folder, "password": password, "statements": statements})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], statements
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
