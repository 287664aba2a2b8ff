"""A day of the live app in 24 minutes: nothing missed, every incident told once, memory flat.

    python -m benchmarks.soak [--minutes 24] [--speed 60] [--users 141000] [--days 35] [--folder FOLDER]

Makes a demo whose history ends a day ago, starts its server, `alerts watch`, and three streams one after the other,
each with something injected (an outage, a spike, a drop; in less than 16 minutes the outage alone, because what
follows within hours is one incident). All on this machine; everything is stopped at the end.
``FOLDER`` is kept and used again; without it a temporary one is removed. Exits with 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.e2e.processes import cpu_seconds, memory_bytes

from appanalytics.app import App, open_app
from appanalytics.jobs.alerts import incident_records
from appanalytics.simulate.ledger import read_injections

#: What each part of the stream is made to do; begins and lengths are shares of the part.
INJECTED = (
    ("outage", ("os=Android",)),
    ("spike", ("gender=female",)),
    ("drop", ("source=organic",)),
)
_AFTER, _LASTING = 0.3, 0.25
_EVERY = 5
_CONFIG = """\
[warehouse]
url = "chdb://./data/warehouse"
[server]
port = 0
[[messages.chats]]
name = "on-call"
channel = "folder"
"""


def main() -> None:
    """Make, stream, look, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=24)
    parser.add_argument("--speed", type=float, default=60)
    parser.add_argument("--users", type=int, default=141_000)
    parser.add_argument("--days", type=int, default=35)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        raise SystemExit(0 if soak(folder, given.minutes, given.speed, given.users, given.days) else 1)


def soak(folder: Path, minutes: float, speed: float, users: int, days: int) -> bool:
    """Run it; True where everything was as it should be."""
    config = folder / "appanalytics.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    config.chmod(0o600)
    until = (datetime.now(UTC) - timedelta(minutes=minutes * speed)).date()
    _run(folder, ["simulate", "--users", str(users), "--days", str(days), "--until", until.isoformat()], 900)
    injected = INJECTED[: max(1, min(3, int(minutes / 8)))]
    length = timedelta(minutes=minutes * speed)
    with _child(folder, ["serve"]) as server:
        time.sleep(5)
        _run(folder, ["alerts", "check"], 600)
        with _child(folder, ["alerts", "watch", "--every", str(_EVERY)]) as watch:
            memory = [_memory(server, watch)]
            for kind, where in injected:
                _stream(folder, length / len(injected), speed, kind, where, minutes)
                memory.append(_memory(server, watch))
            time.sleep(3 * _EVERY)
            cpu = cpu_seconds([watch])
        with open_app(config=config) as app:
            return _judge(app, until, length, memory, cpu, minutes)


def _stream(folder: Path, length: timedelta, speed: float, kind: str, where: Sequence[str], minutes: float) -> None:
    command = [
        *("simulate", "--live", "--speed", str(speed), "--for", _span(length), "--inject", kind),
        *("--after", _span(length * _AFTER), "--lasting", _span(length * _LASTING)),
        *(part for each in where for part in ("--where", each)),
    ]
    _run(folder, command, minutes * 60 + 600)


def _judge(app: App, until: object, length: timedelta, memory: list[int], cpu: float, minutes: float) -> bool:
    start = app.window(str(until), None, None).start
    bins = int(length / timedelta(minutes=15)) - 1  # the last one may not be over
    seen = app.engine.rows(
        "SELECT count() AS rows, uniqExact(time) AS times FROM anomaly_points FINAL WHERE metric = 'views'"
        " AND dimension = '' AND minutes = 15 AND time >= {start:DateTime('UTC')} AND time < {end:DateTime('UTC')}",
        {"start": start, "end": start + timedelta(minutes=15 * bins)},
    )[0]
    found = [each for each in incident_records(app, app.now()) if datetime.fromisoformat(each["start"]) >= start]
    wrong = []
    if not seen["rows"] == seen["times"] == bins:
        wrong.append(f"{seen['times']} of {bins} bins were judged, {seen['rows']} times")
    for injected in read_injections(app.engine):
        first, last = (datetime.fromisoformat(injected[name]) for name in ("start", "end"))
        earliest = first - timedelta(minutes=15)  # an incident begins with the bin in which it began
        mine = [each for each in found if earliest < datetime.fromisoformat(each["start"]) < last]
        found = [each for each in found if each not in mine]
        for each in mine:
            delay = datetime.fromisoformat(each["fired"]) + timedelta(minutes=15) - first
            name = f"{injected['kind']} {first:%H:%M}–{last:%H:%M}"
            print(f"{name}: {each['metric']} {each['slice']} {each['state']}, certain {delay} after its start")
        if len(mine) != 1:
            wrong.append(f"{injected['kind']} at {first:%H:%M} is {len(mine)} incidents")
    threads = app.engine.rows(
        "SELECT thread, countIf(kind = 'send') AS sent FROM outbox WHERE thread != '' GROUP BY thread"
    )
    wrong += [f"{row['thread']} was sent {row['sent']} times" for row in threads if row["sent"] != 1]
    weeks = length / timedelta(days=7)
    print(f"{len(found)} other incidents in {weeks:.2f} weeks: {[(e['metric'], e['slice']) for e in found]}")
    if len(found) > max(1.0, weeks):
        wrong.append(f"{len(found)} other incidents")
    megabytes = [round(each / 2**20) for each in memory]
    print(f"{seen['times']} bins judged once each; {len(threads)} threads; server and watch {megabytes} MiB; "
          f"watch {cpu:.0f} s of CPU in {minutes:g} minutes")  # fmt: skip
    if memory[-1] > 1.25 * memory[1]:
        wrong.append("memory grows")
    print("\n".join(wrong) or "all as it should be")
    return not wrong


def _memory(*roots: int) -> int:
    return memory_bytes(roots)


def _span(length: timedelta) -> str:
    return f"{round(length.total_seconds() / 60)}m"


def _environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("APPANALYTICS_")}


def _run(folder: Path, arguments: Sequence[str], seconds: float) -> None:
    command = [sys.executable, "-m", "appanalytics", *arguments]
    subprocess.run(command, cwd=folder, env=_environment(), check=True, timeout=seconds)


@contextmanager
def _child(folder: Path, arguments: Sequence[str]) -> Iterator[int]:
    log = (folder / f"{arguments[0]}.log").open("w")
    child = subprocess.Popen(
        [sys.executable, "-m", "appanalytics", *arguments], cwd=folder, env=_environment(), stdout=log, stderr=log,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield child.pid
    finally:
        child.send_signal(signal.SIGTERM if arguments[0] == "serve" else signal.SIGINT)
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait(10)
        log.close()


if __name__ == "__main__":
    main()
