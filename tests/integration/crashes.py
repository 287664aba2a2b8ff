"""Kill the server at random moments under writers who retry, and count.

Each batch has a user of its own, so after every crash the events of a batch can be counted: all of them if it was
acknowledged, all or none if it was not, never more. A writer sends a batch until it is acknowledged, over crashes,
under the same Idempotency-Key. Meanwhile the server rolls up every second; where it says that a day is rolled up, the
rollups must say what the events say.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import urllib3

from appanalytics.app import App, open_app
from appanalytics.engine.endpoint import Endpoint, find_endpoint, server_folder
from appanalytics.warehouse.checks import run_checks

from .served import wait_for_collector

#: Imports take half of a server's start, so the next one does them while this one works, and waits for a line.
_PROGRAM = """
import sys
import appanalytics.server.run, clickhouse_connect, uvicorn
from chdb import _chdb
from appanalytics.cli import main
if sys.stdin.readline():
    main(sys.argv[1:])
"""
_SERVE = ("serve", "--port", "0", "--rollup-every", "1s", "--log-format", "json", "--warehouse")
_SIZES = (1, 7, 20, 50, 100, 400, 3000)  # small requests and large ones take different ways
_DAYS = 3


@dataclass
class Outcome:
    """What came of all rounds. ``lost`` and ``doubled`` are events, ``partial`` batches stored in part."""

    rounds: int = 0
    acknowledged: int = 0
    replayed: int = 0
    lost: int = 0
    doubled: int = 0
    partial: int = 0
    rollups_differ: int = 0
    checks_failed: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """True when nothing is lost, doubled, in part or different."""
        return not (self.lost or self.doubled or self.partial or self.rollups_differ or self.checks_failed)

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds of kill -9: {self.acknowledged:,} events acknowledged, {self.replayed} flushes "
            f"stored from the journal, {self.lost} events lost, {self.doubled} doubled, {self.partial} batches in "
            f"part, {self.rollups_differ} rollups that differ, failed checks: {self.checks_failed or 'none'}"
        )


@dataclass
class _Writer:
    """Sends batch after batch. ``waiting`` is the one that nobody acknowledged yet."""

    number: int
    dice: random.Random
    sent: dict[int, int] = field(default_factory=dict)
    acknowledged: set[int] = field(default_factory=set)
    waiting: int | None = None

    def write(self, endpoint: Endpoint, stop: threading.Event) -> None:
        """Until told to stop, or until the server is gone."""
        http = urllib3.PoolManager(retries=False, timeout=20)
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            while not stop.is_set():
                if self.waiting is None:
                    self.waiting = self.number * 1_000_000 + len(self.sent) + 1
                    self.sent[self.waiting] = self.dice.choice(_SIZES)
                if self._send(http, endpoint, self.waiting) == 200:
                    self.acknowledged.add(self.waiting)
                    self.waiting = None

    def _send(self, http: urllib3.PoolManager, endpoint: Endpoint, user: int) -> int:
        key = f"{endpoint.user}.{endpoint.password}"
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"batch-{user}"}
        url = f"http://{endpoint.host}:{endpoint.port}/v1/events"
        body = json.dumps(_events(user, self.sent[user])).encode()
        return http.request("POST", url, body=body, headers=headers).status


def _events(user: int, count: int) -> list[dict[str, Any]]:
    start = datetime.now(UTC) - timedelta(days=user % _DAYS)
    kinds = itertools.cycle([{"service": "feed", "action": "view"}, {"service": "messages", "receiver_id": 9}])
    events = []
    for place, kind in zip(range(count), kinds, strict=False):
        event = {"time": start.isoformat(timespec="milliseconds"), "user_id": user, **kind}
        events.append(event | ({"post_id": place} if kind["service"] == "feed" else {}))
    return events


def crash_rounds(
    folder: Path,
    *,
    rounds: int,
    writers: int,
    seed: int,
    longest: float = 1.5,
    compare_every: int = 1,
    tell: Any = None,
) -> Outcome:
    """Run it on a new folder, and count. The server is killed up to ``longest`` seconds after it answers.

    What is lost or doubled stays so, so it need not be looked for after each crash.
    """
    dice = random.Random(seed)
    outcome = Outcome(rounds=rounds)
    crew = [_Writer(number + 1, random.Random(dice.random())) for number in range(writers)]
    servers = _Servers(folder)
    for number in range(rounds):
        with servers.next() as (process, endpoint):
            if number and number % compare_every == 0:
                _compare(folder, crew, outcome)
            _write_until(process, endpoint, crew, dice.uniform(0.02, longest))
        if tell is not None:
            tell(f"round {number + 1}: {outcome}")
    with servers.next(last=True) as (process, endpoint):
        _finish(endpoint, crew)
        wait_for_collector(f"http://{endpoint.host}:{endpoint.port}", f"{endpoint.user}.{endpoint.password}")
        _compare(folder, crew, outcome)
        _check(folder, outcome)
        process.terminate()
        process.wait(timeout=60)
    outcome.acknowledged = sum(writer.sent[user] for writer in crew for user in writer.acknowledged)
    outcome.replayed = _replayed(folder)
    return outcome


def _write_until(process: subprocess.Popen[bytes], endpoint: Endpoint, crew: list[_Writer], seconds: float) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=writer.write, args=(endpoint, stop)) for writer in crew]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    process.kill()
    process.wait(timeout=30)
    stop.set()
    for thread in threads:
        thread.join()


def _finish(endpoint: Endpoint, crew: list[_Writer]) -> None:
    """Have everything acknowledged that was begun."""
    for writer in crew:
        stop = threading.Event()
        thread = threading.Thread(target=writer.write, args=(endpoint, stop))
        thread.start()
        stop.set()
        thread.join()


def _compare(folder: Path, crew: list[_Writer], outcome: Outcome) -> None:
    with open_app(f"chdb://{folder}") as app:
        stored = _stored(app)
        for writer in crew:
            for user, sent in writer.sent.items():
                found = stored.get(user, 0)
                outcome.doubled += max(0, found - sent)
                outcome.lost += max(0, sent - found) if user in writer.acknowledged else 0
                outcome.partial += 0 < found < sent
        outcome.rollups_differ += _differing(app)


def _stored(app: App) -> dict[int, int]:
    sql = """
        SELECT user_id, count() AS events
        FROM (SELECT user_id FROM feed_actions UNION ALL SELECT user_id FROM message_actions) GROUP BY user_id
    """
    return {row["user_id"]: row["events"] for row in app.engine.rows(sql)}


def _differing(app: App) -> int:
    """Days and metrics whose answer, from whatever the planner trusts, is not that of the events."""
    metrics = ["views", "messages", "users"]
    trusted, exact = app.query(metrics, grain="day"), app.query(metrics, grain="day", prefer="events")
    pairs = zip(trusted.records, exact.records, strict=True)
    return sum(one[name] != other[name] for one, other in pairs for name in ("time", *metrics))


def _check(folder: Path, outcome: Outcome) -> None:
    with open_app(f"chdb://{folder}") as app:
        app.rollup()
        report = run_checks(app.engine, app.layout, as_of=app.now(), full=True)
        named = ("user_day", "user_month", "slice_day", "active_delta", "retention_day", "post_day", "day_log")
        outcome.checks_failed = [str(each) for each in report.failed if each.name in named]
        outcome.rollups_differ += _differing(app)


def _log(folder: Path) -> Path:
    return folder.with_name(folder.name + ".log")


def _replayed(folder: Path) -> int:
    lines = _log(folder).read_text(encoding="utf-8").splitlines()
    return sum(json.loads(line).get("flushes", 0) for line in lines if line.startswith("{"))


class _Servers:
    """Servers of a folder, one after another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ready = self._made()

    @contextmanager
    def next(self, *, last: bool = False) -> Iterator[tuple[subprocess.Popen[bytes], Endpoint]]:
        """A running server; it is killed at the end, if it still runs."""
        process = self._ready
        try:
            assert process.stdin is not None
            process.stdin.write(b"serve\n")
            process.stdin.close()
            if not last:
                self._ready = self._made()
            yield process, _endpoint(self._folder, process)
        except BaseException:
            self._ready.kill()
            raise
        finally:
            process.kill()
            process.wait(timeout=30)

    def _made(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _PROGRAM, *_SERVE, f"chdb://{self._folder}"]
        with _log(self._folder).open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=self._folder.parent)


def _endpoint(folder: Path, process: subprocess.Popen[bytes]) -> Endpoint:
    for _ in range(600):
        found = find_endpoint(folder) if server_folder(folder).exists() else None
        if found is not None and found.pid == process.pid:
            return found
        if process.poll() is not None:
            raise AssertionError(f"the folder does not open again: {_log(folder).read_text(encoding='utf-8')}")
        time.sleep(0.1)
    raise AssertionError("the server did not start")
