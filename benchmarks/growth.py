"""What more events, and more users, cost: ``python -m benchmarks.growth FOLDER [--times 10] [--kinds users,events]``.

``FOLDER`` is the full demo's warehouse, rolled up (only read). Its events are multiplied inside the engine into a
warehouse beside it, by new users (each of the copies has ids of its own) or by more events of the same users (each
event again, some seconds later). Then: how fast the first and the last quarter went in, what it takes on disk against
what `appanalytics.warehouse.sizing` predicts from the original, the roll-up, and the dashboards' questions. Writes
``GROWTH.md``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from appanalytics.app import App, open_app
from appanalytics.warehouse.sizing import EVENT_TABLES, Held, grown
from appanalytics.window import Window
from benchmarks.measure import cpu_seconds, machine, peak_gib
from benchmarks.questions import question

PAGE = Path(__file__).with_name("GROWTH.md")
KEPT = Path(__file__).with_name("results") / "growth.json"
DATABASE = "appanalytics"
#: What dashboards ask: metrics, dimensions, grain, days (0: all).
QUESTIONS: tuple[tuple[str, tuple[str, ...], str, int], ...] = (
    ("views,likes,ctr", (), "day", 0),
    ("views,likes,ctr", ("source",), "day", 30),
    ("views,likes", ("country",), "total", 30),
    ("dau,wau,mau", (), "day", 0),
    ("mau", ("source",), "day", 0),
    ("mau", ("os",), "day", 30),
    ("stickiness", ("country",), "week", 0),
    ("users", ("source",), "day", 0),
    ("users", ("age_group",), "week", 0),
    ("users", ("city",), "total", 30),
    ("new_users", ("source",), "day", 0),
    ("messages,senders", (), "day", 0),
    ("wau_calendar,mau_calendar", (), "day", 0),
    ("feed_only_users,messenger_only_users", (), "day", 0),
    ("messenger_share", ("gender",), "week", 0),
    ("views,likes,ctr", ("post",), "total", 1),
    ("views,likes,ctr,feed_users", ("post",), "total", 7),
    ("posts", (), "day", 0),
    ("likes_per_user", ("os",), "week", 0),
    ("feed_dau,feed_mau", ("gender",), "day", 0),
)
_REPEAT = 5
#: Whose event a copy is, and when: other users' at the same time, or the same user's some seconds later, as another
#: event of a visit would be. (Times at random would cost bytes that no real visit does.)
_USER = {"users": "user_id + 1000000000 * copy", "events": "user_id"}
_TIME = {"users": "time", "events": "time + toIntervalMillisecond(cityHash64(time, user_id, copy) % 9000)"}


@dataclass
class Found:
    """One warehouse: users × days active, events, bytes by table, seconds, and each question's processor time."""

    kind: str
    times: int
    events: int = 0
    user_days: int = 0
    bytes: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    columns: dict[str, dict[str, int]] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    cpu_rates: list[float] = field(default_factory=list)
    insert_cpu: float = 0.0
    rollup_wall: float = 0.0
    rollup_cpu: float = 0.0
    peak: float = 0.0
    cpu_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)


def multiply(app: App, source: str, kind: str, times: int) -> Iterator[tuple[int, float, float]]:
    """Write the multiplied events, a few days at a time; yields each step's rows, seconds and processor seconds."""
    held = app.engine.rows(f"SELECT toDate(min(time)) AS first, toDate(max(time)) AS last FROM {source}.feed_actions")
    day, step = held[0]["first"], timedelta(days=5)
    settings = {"max_insert_block_size": 4_000_000, "min_insert_block_size_rows": 4_000_000, "max_threads": 2}
    while day <= held[0]["last"]:
        rows, started, used, span = 0, time.perf_counter(), cpu_seconds(), {"a": day, "b": day + step, "times": times}
        for table in ("feed_actions", "message_actions"):
            some = f"FROM {source}.{table} WHERE time >= {{a:Date}} AND time < {{b:Date}}"
            app.engine.execute(
                f"INSERT INTO {table}"
                f" SELECT * EXCEPT (copy) REPLACE ({_USER[kind]} AS user_id, {_TIME[kind]} AS time)"
                f" FROM (SELECT * {some}) ARRAY JOIN range({{times:UInt8}}) AS copy",
                span,
                settings,
            )
            rows += times * app.engine.scalar(f"SELECT count() {some}", span)
        yield rows, time.perf_counter() - started, cpu_seconds() - used
        day += step


def run(folder: Path, kind: str, times: int) -> Found:
    """Measure one warehouse in this process: the original (``times`` 1) or one that is made of it."""
    found = Found(kind, times)
    source = DATABASE
    own = DATABASE if times == 1 else f"grown_{kind}"
    with open_app(f"chdb://{folder}?database={own}", create=True) as app:
        if times > 1:
            used = cpu_seconds()
            steps = list(multiply(app, source, kind, times))
            found.insert_cpu = cpu_seconds() - used
            found.rates = [rows / seconds for rows, seconds, _ in steps]
            found.cpu_rates = [rows / seconds for rows, _, seconds in steps]
            used, started = cpu_seconds(), time.perf_counter()
            app.rollup()
            found.rollup_wall, found.rollup_cpu = time.perf_counter() - started, cpu_seconds() - used
        days = app.days_with_events()
        assert days is not None
        for metrics, by, grain, length in QUESTIONS:
            window = Window(days.end - timedelta(days=length), days.end, days.zone) if length else days
            cpu, wall = _cost(app, window, metrics, by, grain)
            found.cpu_ms.append(cpu)
            found.wall_ms.append(wall)
        found.events = sum(
            app.engine.scalar(f"SELECT count() FROM {each.table}") for each in app.catalog.sources.values()
        )
        found.user_days = app.engine.scalar("SELECT count() FROM user_day")
        if times > 1:
            for table in ("feed_actions", "message_actions"):
                app.engine.execute(f"OPTIMIZE TABLE {table}")
        rows: list[dict[str, Any]] = app.engine.rows(
            "SELECT table, sum(bytes_on_disk) AS n FROM system.parts WHERE active AND database = currentDatabase()"
            " GROUP BY table"
        )
        found.bytes = {row["table"]: row["n"] for row in rows}
        for table in EVENT_TABLES:
            found.rows[table] = app.engine.scalar(f"SELECT count() FROM {table}")
            columns: list[dict[str, Any]] = app.engine.rows(
                "SELECT column, sum(column_data_compressed_bytes) AS n FROM system.parts_columns WHERE active"
                " AND database = currentDatabase() AND table = {table:String} GROUP BY column",
                {"table": table},
            )
            found.columns[table] = {row["column"]: row["n"] for row in columns}
        if times > 1:
            app.engine.execute(f"DROP DATABASE {own} SYNC")
    found.peak = peak_gib()
    return found


def _cost(app: App, window: Window, metrics: str, by: tuple[str, ...], grain: str) -> tuple[float, float]:
    """Median processor and wall milliseconds of a whole call after one that is not counted."""
    cpu, wall = [], []
    for _ in range(_REPEAT + 1):
        started, used = time.perf_counter(), cpu_seconds()
        question(app, window, metrics, by, grain, limit=20 if by else None)
        cpu.append((cpu_seconds() - used) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    return statistics.median(cpu[1:]), statistics.median(wall[1:])


def p95(values: list[float]) -> float:
    """The 95th percentile, interpolated as numpy does."""
    return float(np.percentile(values, 95))


def _quarters(rates: list[float]) -> str:
    """How fast the first and the last quarter of the steps were, in millions."""
    quarter = max(1, len(rates) // 4)
    parts = (rates[:quarter], rates[-quarter:])
    return ", ".join(f"{statistics.mean(part) / 1e6:.2f}" for part in parts) if rates else "–"


_HEADS = (
    "Events", "Rows of `user_day`", "Bytes", "An event", "Predicted", "Off by", "Inserted M/s, first, last quarter",
    "M a CPU second, first, last quarter",
    "Roll-up, s (CPU s a million)", "Peak GiB", "Questions' p95, CPU ms", "Against 1×", "p95, wall ms", "Against 1×",
    "Slowest, CPU ms", "Against 1×",
)  # fmt: skip


def page(found: list[Found]) -> str:
    """The page of what was found."""
    base = found[0]
    held = {name: Held(size, base.rows.get(name, 0), base.columns.get(name, {})) for name, size in base.bytes.items()}
    lines = [
        "# Growth", "",
        f"Made by `python -m benchmarks.growth` on {machine()}.",
        f"The full demo ({base.events:,} events) and the same with more, made of it inside the engine: *users*: each",
        "event again for other users; *events*: each event again, seconds later, for the same user.", "",
        f"| | {' | '.join(_HEADS)} |", "| --- |" + " ---: |" * len(_HEADS),
    ]  # fmt: skip
    for each in found:
        total = sum(each.bytes.values())
        predicted = grown(held, each.events / base.events, each.user_days / base.user_days)
        cells = [
            f"{each.times}× {each.kind}" if each.times > 1 else "1×", f"{each.events:,}", f"{each.user_days:,}",
            f"{total:,}", f"{total / each.events:.2f}", f"{predicted:,.0f}", f"{total / predicted - 1:+.1%}",
            _quarters(each.rates), _quarters(each.cpu_rates),
            f"{each.rollup_wall:.0f} ({each.rollup_cpu / each.events * 1e6:.2f})" if each.rates else "–",
            f"{each.peak:.2f}", f"{p95(each.cpu_ms):.0f}", f"{p95(each.cpu_ms) / p95(base.cpu_ms):.2f}×",
            f"{p95(each.wall_ms):.0f}", f"{p95(each.wall_ms) / p95(base.wall_ms):.2f}×",
            f"{max(each.cpu_ms):.0f}", f"{max(each.cpu_ms) / max(base.cpu_ms):.2f}×",
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Questions", "", "Processor milliseconds of a whole call (median of five).", ""]
    names = [f"{each.times}× {each.kind}" if each.times > 1 else "1×" for each in found]
    lines += [f"| Question | {' | '.join(names)} |", "| --- |" + " ---: |" * len(found)]
    for place, (metrics, by, grain, length) in enumerate(QUESTIONS):
        told = f"{metrics}{' by ' + ', '.join(by) if by else ''}, {grain}, {length or 'all'} days"
        lines.append(f"| {told} | " + " | ".join(f"{each.cpu_ms[place]:.0f}" for each in found) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure each warehouse in a process of its own, so that memory is its own; write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--kinds", default="users,events")
    parser.add_argument("--more", action="store_true", help="keep what was measured before, and add")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        kind, times = given.one.split(":")
        print(json.dumps(asdict(run(given.folder, kind, int(times)))))
        return
    held = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() and given.more else {}
    with tempfile.TemporaryDirectory(dir=given.folder.parent) as place:
        folder = Path(place) / "warehouse"
        shutil.copytree(given.folder, folder, symlinks=True)
        for one in (*(() if held else ("users:1",)), *(f"{each}:{given.times}" for each in given.kinds.split(","))):
            command = [sys.executable, "-m", "benchmarks.growth", str(folder), "--one", one]
            told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            held[one] = json.loads(told.stdout.splitlines()[-1])
            KEPT.write_text(json.dumps(held), encoding="utf-8")
            PAGE.write_text(page([Found(**each) for each in held.values()]), encoding="utf-8")
            print(f"{one}: done", flush=True)
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
