"""Backups of a warehouse in use: made under writers, kept by number, put back whole."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from appanalytics.cli.main import run
from appanalytics.errors import UserError
from appanalytics.sender import Sender
from appanalytics.warehouse.backup import Backup, backups, find_backup, prune

from .served import Served, served

USERS: dict[str, dict[str, object]] = {"admin": {"role": "admin"}, "writer": {"role": "writer"}}
NOW = datetime.now(UTC)
#: Several commands in one process, which opens its engine once; after each a line with its exit code.
PROGRAM = """
import json, sys
from appanalytics.cli.main import run
for words in json.loads(sys.argv[1]):
    print(f"\\nended {run(words)}", flush=True)
"""


def command(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> tuple[int, str]:
    code = run([*words, "--warehouse", f"chdb://{folder}"])
    said = capsys.readouterr()
    return code, said.out + said.err


def elsewhere(folder: Path, backups: Path, *commands: list[str]) -> list[tuple[int, str]]:
    """Exit codes and outputs of commands in a process of their own, with an engine of their own."""
    environ = os.environ | {"APPANALYTICS_WAREHOUSE__BACKUPS": str(backups)}
    told = json.dumps([[*words, "--warehouse", f"chdb://{folder}"] for words in commands])
    line = [sys.executable, "-c", PROGRAM, told]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False, env=environ)
    parts = re.split(r"^ended (\d+)\n", ended.stdout, flags=re.MULTILINE)
    assert len(parts) == 2 * len(commands) + 1, ended.stderr
    return [(int(code), out) for out, code in zip(parts[:-1:2], parts[1::2], strict=True)]


def counted(server: Served) -> int:
    """Events that were acknowledged, when nobody writes."""
    server.settle()
    return stored(server)


def stored(server: Served) -> int:
    """Events in the tables now; those acknowledged in the last second may follow."""
    return int(server.text("SELECT (SELECT count() FROM feed_actions) + (SELECT count() FROM message_actions)"))


@contextmanager
def written(server: Served) -> Iterator[list[int]]:
    """While the block runs, batches of ten events arrive; yields how many of them were acknowledged."""
    stop, acknowledged = threading.Event(), [0]

    def work() -> None:
        with Sender(f"http://127.0.0.1:{server.port}", "admin.secret") as sender:
            while not stop.wait(0.02):  # as fast as it can, it would take the machine from what is tested
                acknowledged[0] += sender.send(events(10)).accepted

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield acknowledged
    finally:
        stop.set()
        thread.join()


def events(count: int) -> list[dict[str, Any]]:
    return [
        {"service": "feed", "time": NOW - timedelta(hours=number), "user_id": number, "post_id": 1, "action": "view"}
        if number % 2
        else {"service": "messages", "time": NOW - timedelta(days=number), "user_id": number, "receiver_id": 9}
        for number in range(count)
    ]


def saves(capsys: pytest.CaptureFixture[str], folder: Path, number: int) -> bool:
    """Whether a backup on a full one, while nothing is written, takes less than it holds. (A merge between them may
    make every file another one.)
    """
    assert command(capsys, folder, "backup", "--name", f"full-{number}", "--full")[0] == 0
    assert command(capsys, folder, "backup", "--name", f"more-{number}")[0] == 0
    *_, last = json.loads(command(capsys, folder, "backup", "--list", "--format", "json")[1])
    assert last["base"] == f"full-{number}"
    return bool(last["own"] < last["size"])


def test_a_backup_of_a_warehouse_in_use_is_put_back_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "warehouse"
    with served(folder, USERS, rollup_every="1s") as server:
        with written(server) as acknowledged:
            before = stored(server)
            assert command(capsys, folder, "backup", "--name", "one")[0] == 0
            assert command(capsys, folder, "backup", "--name", "two")[0] == 0
            after = stored(server)
        assert acknowledged[0] == counted(server) >= after > before
        code, told = command(capsys, folder, "backup", "--list", "--format", "json")
        full, rest = json.loads(told)
        assert (code, full["base"], rest["base"]) == (0, None, "one")
        assert any(saves(capsys, folder, number) for number in range(2)), "a backup on a base holds all of it again"
        assert command(capsys, folder, "backup", "--name", "two")[0] == 2

        copy = tmp_path / "copy"
        put_back, checked, asked = elsewhere(
            copy, tmp_path / "warehouse.backups", ["restore", "two"], ["check", "--full", "--format", "json"],
            ["query", "views", "messages", "--format", "json"],
        )  # fmt: skip
        assert (put_back[0], asked[0]) == (0, 0)
        report = json.loads(checked[1])
        # How many of these events are copies of each other is chance, and another check's business.
        assert {row["status"] for row in report if row["name"] in ("user_day", "slice_day", "day_log")} == {"ok"}
        held = json.loads(asked[1])[0]
        assert before <= held["views"] + held["messages"] <= after

        code, told = command(capsys, folder, "restore", "one")
        assert (code, "--over" in told) == (2, True)
        assert command(capsys, folder, "restore", "one", "--over")[0] == 0
        assert before <= counted(server) <= after
        restored = counted(server)
        with Sender(f"http://127.0.0.1:{server.port}", "admin.secret") as sender:
            assert sender.send(events(10)).accepted == 10
        assert counted(server) == restored + 10
        databases = server.text("SELECT count() FROM system.databases WHERE name LIKE 'appanalytics%'")
        assert databases == "1\n"


def test_a_crash_after_a_restore_brings_no_replaced_event_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "warehouse"
    with served(folder, USERS) as server:
        with Sender(f"http://127.0.0.1:{server.port}", "admin.secret") as sender:
            sender.send(events(4))
            assert counted(server) == 4
            assert command(capsys, folder, "backup", "--name", "one")[0] == 0
            sender.send(events(30))
            assert counted(server) == 34
            assert command(capsys, folder, "restore", "one", "--over")[0] == 0
            sender.send(events(2))
        server.process.kill()
        server.process.wait(timeout=30)
    with served(folder, USERS) as server:
        assert counted(server) == 4 + 2


def test_only_admins_and_only_the_folder(tmp_path: Path) -> None:
    with served(tmp_path / "warehouse", USERS) as server:
        assert server.code("BACKUP DATABASE appanalytics TO Disk('backups', 'x')", "writer") == 497
        assert server.code("BACKUP DATABASE appanalytics TO Disk('default', 'x')") != 0
        assert server.code("BACKUP DATABASE appanalytics TO Disk('backups', '../x')") != 0
        assert server.code(f"BACKUP DATABASE appanalytics TO File('{tmp_path}/x')") == 497
        assert server.code("BACKUP DATABASE appanalytics TO S3('http://127.0.0.1:9/x')") == 497
        for setting in ("disk = 'backups'", "storage_policy = 'backups'"):
            assert server.code(f"CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a SETTINGS {setting}") == 452
        alter = "ALTER TABLE feed_actions MODIFY SETTING disk = 'backups'"
        assert server.code(alter) != 0
        assert not list(tmp_path.glob("**/x"))


def made(folder: Path, *given: tuple[str, str | None]) -> list[Backup]:
    for number, (name, base) in enumerate(given):
        (folder / name).mkdir()
        at = (NOW + timedelta(days=number)).isoformat()
        values = {"name": name, "database": "d", "began": at, "ended": at, "size": 1, "own": 1, "base": base}
        (folder / f"{name}.json").write_text(json.dumps(values))
    return backups(folder)


def test_the_oldest_go_but_not_those_that_others_need(tmp_path: Path) -> None:
    held = made(tmp_path, ("a", None), ("b", "a"), ("c", None), ("d", "c"), ("e", "c"))
    assert [each.name for each in held] == list("abcde")
    assert prune(tmp_path, 2) == ["a", "b"]
    assert prune(tmp_path, 2) == []
    assert [each.name for each in backups(tmp_path)] == ["c", "d", "e"]
    assert not (tmp_path / "a").exists()


def test_what_did_not_end_is_no_backup(tmp_path: Path) -> None:
    made(tmp_path, ("a", None), ("b", None), ("c", None))
    (tmp_path / "b.json").unlink()
    (tmp_path / "c.json").write_text("{")
    assert find_backup(tmp_path, None).name == "a"
    with pytest.raises(UserError, match="no backup 'b'"):
        find_backup(tmp_path, "b")
    with pytest.raises(UserError, match="there is no backup in"):
        find_backup(tmp_path / "nothing", None)
