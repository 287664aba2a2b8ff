"""The engine port: the same code embedded and over HTTP, and why an engine cannot be opened."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import (
    AccessDenied,
    EngineError,
    SettingsError,
    WarehouseLocked,
    WarehouseMissing,
    WarehouseUnavailable,
)
from appanalytics.query import Question, ask
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Window

from .oracle import Event, insert
from .served import Served
from .test_rollups_exact import at


def test_values_come_back_as_they_went_in(engine: Engine) -> None:
    text = 'it\'s \\ "quoted" {x:String} ünï 🙂'
    assert engine.scalar("SELECT {text:String}", {"text": text}) == text
    assert engine.rows("SELECT {a:Array(String)} AS a, toUInt64(18446744073709551615) AS b", {"a": [text]}) == [
        {"a": [text], "b": 18446744073709551615}
    ]
    engine.execute("CREATE TABLE t (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
    engine.insert("t", pa.table({"b": ["x"], "a": pa.array([1], pa.uint64())}))
    assert engine.rows("SELECT * FROM t") == [{"a": 1, "b": "x"}]


def test_pinned_settings(engine: Engine) -> None:
    assert (
        engine.scalar("SELECT b.x FROM (SELECT 1 AS k) AS a LEFT JOIN (SELECT 2 AS k, 3 AS x) AS b USING k") is None
    )
    assert engine.scalar("SELECT timezone()") == "UTC"


def test_an_error_is_ours_with_the_engines_code(engine: Engine) -> None:
    with pytest.raises(EngineError, match="foo") as caught:
        engine.query("SELECT foo")
    assert caught.value.code == 47
    assert "version" not in str(caught.value)


def test_a_folder_of_another_process(engine: Engine, engine_folder: Path) -> None:
    program = f"from appanalytics.engine import connect; connect('chdb://{engine_folder}', create=True)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert "WarehouseLocked: another process owns the folder" in ended.stderr


def test_a_second_folder_in_one_process(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(WarehouseLocked, match="already has another warehouse open"):
        connect(f"chdb://{tmp_path}/other", create=True)


def test_what_is_not_there(engine: Engine, tmp_path: Path, engine_folder: Path) -> None:
    with pytest.raises(WarehouseMissing, match="there is no warehouse in"):
        connect(f"chdb://{tmp_path}/nothing")
    with pytest.raises(WarehouseMissing, match="has no database nowhere"):
        connect(f"chdb://{engine_folder}?database=nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(WarehouseUnavailable, match="cannot use the folder"):
        connect(f"chdb://{tmp_path}/file/folder", create=True)


def test_a_server_that_does_not_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(WarehouseUnavailable, match=f"no ClickHouse answers at http://127.0.0.1:{port}/x"):
        connect(f"http://127.0.0.1:{port}/x")


def test_something_that_is_not_clickhouse() -> None:
    import http.server
    import threading

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(WarehouseUnavailable, match="no ClickHouse answers"):
            connect(f"http://127.0.0.1:{server.server_address[1]}/x")
    finally:
        server.shutdown()
        server.server_close()


def test_the_same_numbers_over_http(engine: Engine, server: Served, utc: ZoneInfo) -> None:
    """Everything from DDL to rollups and questions through the ordinary HTTP client."""
    catalog = load_catalog()
    loaded = [Event(at(day), user, post=(day + user) % 3) for day in range(5) for user in range(1, 4)]
    insert(engine, loaded)
    rollup(engine, catalog, utc)
    window = Window.of("2026-01-01", "2026-01-06", utc)
    question = Question.of(catalog, ["views", "ctr", "users", "mau", "new_users"], window, grain="day", by="country")
    wanted = ask(engine, Layout.read(engine, catalog, utc), question).records
    remote = connect(server.url(database=f"{engine.database}_http"), create=True)
    migrate(remote)
    insert(remote, loaded)
    rollup(remote, catalog, utc)
    found = ask(remote, Layout.read(remote, catalog, utc), question).records
    remote.execute(f"DROP DATABASE {remote.database} SYNC")
    remote.close()
    assert found == wanted
    server.text("SYSTEM FLUSH LOGS")
    assert server.text("SELECT count() > 0 FROM system.query_log WHERE query LIKE '%REPLACE PARTITION%'") == "1\n"


def test_a_wrong_password(server: Served) -> None:
    with pytest.raises(AccessDenied) as caught:
        connect(server.url("me", password="wr0ng"))
    with pytest.raises(WarehouseMissing, match="has no database nowhere"):
        connect(server.url(database="nowhere"))
    assert "wr0ng" not in str(caught.value)
    assert "refused the user 'me'" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "ftp://x/y", "chdb://", "chdb:///", "http://", "http://h:99999/x", "http://h:1/a-b", "http://h:1/a;b"],
)
def test_urls_that_are_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        WarehouseUrl.parse(text)


def test_urls(tmp_path: Path) -> None:
    assert WarehouseUrl.parse("chdb://./a", base=tmp_path).path == (tmp_path / "a").resolve()
    assert WarehouseUrl.parse("chdb:///a%20b").path == Path("/a b")
    assert WarehouseUrl.parse("chdb://memory").path is None
    remote = WarehouseUrl.parse("https://u%40x:p%3Aw@host/db")
    assert (remote.user, remote.password, remote.port, remote.database) == ("u@x", "p:w", 8443, "db")
    assert "p:w" not in str(remote)


def test_instants_are_read_as_pyarrow_reads_them(engine: Engine) -> None:
    """They are taken apart by ourselves, as pyarrow would import pandas for them; nanoseconds are left to it."""
    zoned = "toDateTime64('2026-03-29 01:30:00.123', {}, 'Europe/Berlin') AS {}".format
    sql = (
        f"SELECT number, {zoned(3, 'milli')}, {zoned(6, 'micro')}, if(number = 1, NULL, {zoned(3, 'x')}) AS gap,"
        " today() AS day, [now64(3)] AS nested FROM numbers(3)"
    )
    table = engine.query(sql)
    rows = engine.rows(sql.replace("now64(3)", "toDateTime64(0, 3, 'UTC')"))
    expected = table.drop_columns(["nested"]).to_pylist()
    assert [{name: value for name, value in row.items() if name != "nested"} for row in rows] == expected
    assert rows[0]["milli"].utcoffset() == expected[0]["milli"].utcoffset()
    assert engine.scalar(f"SELECT {zoned(3, 'milli')}") == expected[0]["milli"]
