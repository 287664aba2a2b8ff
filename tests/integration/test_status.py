"""`appanalytics status` beside a server that works, that died, and that ended well."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appanalytics.cli.main import run
from appanalytics.sender import Sender

from .served import Served, served

USERS: dict[str, dict[str, object]] = {"admin": {"role": "admin"}}


def status(capsys: pytest.CaptureFixture[str], folder: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    code = run(["status", "--format", "json", "--warehouse", f"chdb://{folder}"])
    return code, {row["check"]: row for row in json.loads(capsys.readouterr().out)}


def send(server: Served, at: datetime) -> None:
    event = {"service": "messages", "time": at, "user_id": 1, "receiver_id": 2}
    with Sender(f"http://127.0.0.1:{server.port}", "admin.secret") as sender:
        assert sender.send([event]).accepted == 1
    server.settle()


def test_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "warehouse"
    now = datetime.now(UTC)
    with served(folder, USERS, rollup_every="off") as server:
        send(server, now - timedelta(hours=30))
        code, found = status(capsys, folder)
        assert code == 1
        assert {name: row["state"] for name, row in found.items() if name != "disk"} == {
            "server": "ok",
            "collector": "ok",
            "events feed": "off",
            "events messages": "failed",
            "rollups": "ok",
            "messages": "ok",
            "routine": "ok",
            "backups": "off",
        }
        assert found["events messages"]["value"] == pytest.approx(1800, abs=3)
        assert 0 <= found["rollups"]["value"] < 3
        assert "wait: appanalytics rollup" in found["rollups"]["detail"]
        send(server, now)
        code, found = status(capsys, folder)
        assert (code, found["events messages"]["state"]) == (0, "ok")
        assert "2 events in 2 requests" in found["collector"]["detail"]
        server.text("INSERT INTO outbox_log (key, chat, mark, state, error) VALUES ('a', 'team', 1, 'dead', 'no')")
        server.text("INSERT INTO outbox (key, chat, number) VALUES ('a', 'team', 1)")
        code, found = status(capsys, folder)
        assert (code, found["messages"]["state"], found["messages"]["value"]) == (1, "failed", 1)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(timeout=30)
    assert list((tmp_path / "warehouse.server" / "journal").glob("*.journal"))


def test_a_server_that_died_and_one_that_ended_are_told_apart(tmp_path: Path) -> None:
    from appanalytics.jobs.status import outside
    from appanalytics.settings import load_settings

    folder = tmp_path / "warehouse"
    loaded = load_settings(None, overrides={"warehouse.url": f"chdb://{folder}"})
    with served(folder, USERS) as server:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=30)
    assert {each.check: each.state for each in outside(loaded)}["server"] == "off"
    (tmp_path / "warehouse.server" / "endpoint.json").write_text("{}")
    (tmp_path / "warehouse.server" / "journal" / "000000000001.journal").touch()
    states = {each.check: each.state for each in outside(loaded)}
    assert (states["server"], states["collector"]) == ("failed", "failed")
