"""Broken requests of a reader: always an answer of the protocol, never a failure of the server, nothing changed."""

from __future__ import annotations

import random
from pathlib import Path

import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .mutations import CANARY, mutated, send_broken_http
from .served import Served

_STATEMENTS = st.sampled_from(
    [
        "SELECT 1",
        "INSERT INTO visits FORMAT CSV\n9,XX\n",
        "SELECT file('/etc/passwd')",
        "DROP TABLE visits",
        "SELECT {x:String}",
    ]
)
_ODDITIES = st.sampled_from(["'", "`", "/*", "--", ";", "(", "\\", "\x00", "FORMAT", "INTO OUTFILE '/tmp/x'", "ü"])
_HEADERS = st.dictionaries(
    st.sampled_from(["Content-Encoding", "Accept-Encoding", "Content-Type", "X-ClickHouse-Format", "Authorization"]),
    st.sampled_from(["gzip", "zstd", "br", "lz4", "multipart/form-data; boundary=b", "JSON", "Basic !!", "nope"]),
    max_size=2,
)
_FIELDS = st.dictionaries(
    st.sampled_from(
        ["database", "session_id", "session_timeout", "max_threads", "param_x", "query_id", "query", "readonly"]
    ),
    st.text(max_size=8),
    max_size=3,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    _STATEMENTS,
    st.lists(st.tuples(st.integers(0, 40), _ODDITIES), max_size=3),
    _HEADERS,
    _FIELDS,
    st.binary(max_size=20),
)
def test_broken_requests(
    server: Served,
    sql: str,
    oddities: list[tuple[int, str]],
    headers: dict[str, str],
    fields: dict[str, str],
    tail: bytes,
) -> None:
    for place, oddity in oddities:
        sql = sql[:place] + oddity + sql[place:]
    answer: urllib3.BaseHTTPResponse = server.ask(
        sql.encode() + tail, "reader", headers=headers, timeout=20, **fields
    )
    assert answer.status != 500, answer.data
    assert b"root:x:0" not in answer.data
    assert server.text("SELECT count() FROM visits") == "3\n"


def test_broken_bodies_and_broken_http(server: Served, tmp_path: Path) -> None:
    """A short run of what ``python -m benchmarks.server fuzz`` does at length."""
    chance = random.Random(11)
    canary = tmp_path / "canary"
    canary.write_text(CANARY)
    http = urllib3.PoolManager(retries=False, timeout=20)
    tables = server.text("SHOW TABLES")
    for number in range(300):
        if number % 20 == 0:
            assert CANARY.encode() not in send_broken_http(chance, server.port, str(canary))
            continue
        method, path, headers, body = what = mutated(chance, str(canary))
        try:
            answer = http.request(method, f"http://127.0.0.1:{server.port}{path}", body=body, headers=headers)
        except (urllib3.exceptions.LocationParseError, urllib3.exceptions.ProtocolError, ValueError):
            continue  # the client does not send it, or the server refuses it as malformed
        assert answer.status != 500, (what, answer.data)
        assert CANARY.encode() not in answer.data, what
    assert server.text("SHOW TABLES") == tables
    assert server.text("SELECT 1") == "1\n"
