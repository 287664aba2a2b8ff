"""`up` as a new user runs it: the demo, its first incident told, a second start, the end; and over a ClickHouse."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.integration.served import served
from tests.integration.shop import fill_shop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
SUPERSET = Path(__file__).resolve().parents[2] / ".venv-superset"
CLI = [sys.executable, "-m", "appanalytics"]


def port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def zone_at_noon() -> str:
    """A zone in which it is about noon: an outage of the last hour fits into today at any time of the test."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "UTC"  # its signs are those of POSIX: GMT-5 is five hours ahead


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    run(tmp_path, "down")


def settings(folder: Path, text: str) -> None:
    file = folder / "appanalytics.toml"
    file.touch(mode=0o600)
    file.write_text(text)


def run(folder: Path, *words: str, expected: int = 0) -> str:
    done = subprocess.run(
        [*CLI, *words], cwd=folder, timeout=800, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == expected, done.stdout
    return done.stdout


def test_the_demo_goes_on_and_tells_its_first_incident(folder: Path) -> None:
    settings(folder, f'[reporting]\ntimezone = "{zone_at_noon()}"\n[server]\nport = {port()}\n')
    small = ("--users", "15000", "--days", "30")
    told = run(folder, "up", "--only", "server,live", *small)
    assert "What the on-call chat was told:" in told
    assert "below expected" in told
    chat = (folder / "data/messages/local.html").read_text()
    assert "below expected" in chat
    assert "<img" in chat, "with its picture"
    parts = {each["check"]: each["state"] for each in json.loads(run(folder, "status", "--format", "json"))}
    assert (parts["part server"], parts["part live"]) == ("ok", "ok")

    again = run(folder, "up", "--only", "server,live", *small)
    assert "An outage was put" not in again, "once"
    assert "stopped: live, server" in run(folder, "down")
    assert "nothing was running" in run(folder, "down")


def test_over_an_existing_clickhouse(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `make up WAREHOUSE=…` does, with Superset as the only part: views over tables that are only read."""
    here = port()
    monkeypatch.setenv("APPANALYTICS_SUPERSET__PORT", str(here))
    monkeypatch.setenv("APPANALYTICS_SUPERSET__VENV", str(SUPERSET))
    with served(tmp_path_factory.mktemp("shop") / "warehouse", {"admin": {"role": "admin"}}) as server:
        fill_shop(server)
        run(folder, "init", "--warehouse", server.url(database="shop"), "--yes")
        told = run(folder, "up", "--only", "superset")
        assert f"http://127.0.0.1:{here}/dashboard/list/" in told
        with urllib.request.urlopen(f"http://127.0.0.1:{here}/health", timeout=30) as answer:
            assert answer.read() == b"OK"
        views = "SELECT count() FROM shop.events WHERE event_type = 'post_view' AND event_time < today()"
        asked = json.loads(run(folder, "query", "views", "--format", "json"))
        assert asked[0]["views"] == int(server.text(views))
        run(folder, "down")
