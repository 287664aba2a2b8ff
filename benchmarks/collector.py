"""What the collector takes: python -m benchmarks.collector [SECONDS a step]
                           python -m benchmarks.collector memory [MINUTES] [EVENTS a second; 0: as fast as it goes]

A server in a process of its own, clients in threads of this one, all on one machine. Bodies are made beforehand, so
that a client costs little. Beside events a second stands the server's own CPU: on a machine with other work the first
falls and the second stays. Writes ``COLLECTOR.md``; `memory` prints how large the server is while events come, with
keys as clients send them.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import clickhouse_connect
import numpy as np
import pyarrow as pa
from tests.integration.served import Served, served

from benchmarks.measure import machine
from benchmarks.resident import sampled, size_now

RESULTS = Path(__file__).with_name("COLLECTOR.md")
_USERS: dict[str, dict[str, object]] = {"admin": {"role": "admin"}}
_HEADERS = {"Authorization": "Bearer admin.secret", "Content-Type": "application/json"}
_ROWS = 1_000_000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Step:
    """Requests of ``size`` events from so many connections at once; ``wanted`` is the goal in events a second."""

    size: int
    connections: int
    wanted: int


STEPS = (Step(100, 16, 20_000), Step(1_000, 8, 100_000), Step(10_000, 4, 250_000))


@dataclass(frozen=True)
class Figure:
    """What came of a step: events, seconds, latencies in ms, CPU seconds of the server, its size in MB."""

    events: int
    seconds: float
    median: float
    p99: float
    cpu: float
    resident: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds of the server for a million events."""
        return self.cpu / self.events * 1e6


def body(size: int, seed: int) -> bytes:
    """A request of feed and messages as an app sends them."""
    dice = np.random.default_rng(seed)
    now = datetime.now(UTC)
    events: list[dict[str, Any]] = []
    for number in range(size):
        event = {
            "service": "feed" if number % 4 else "messages",
            "time": (now - timedelta(milliseconds=int(dice.integers(0, 60_000)))).isoformat(timespec="milliseconds"),
            "user_id": int(dice.integers(1, 1_000_000)),
            "gender": int(dice.integers(0, 2)),
            "age": int(dice.integers(14, 60)),
            "country": "Russia",
            "city": str(dice.choice(["Moscow", "Samara", "Saint Petersburg"])),
            "os": str(dice.choice(["iOS", "Android"])),
            "source": "ads",
            "exp_group": int(dice.integers(0, 5)),
        }
        what = (
            {"post_id": int(dice.integers(1, 7000)), "action": "view"} if number % 4 else {"receiver_id": number + 1}
        )
        events.append(event | what)
    return json.dumps(events).encode()


@cache
def _bodies(size: int) -> list[bytes]:
    return [body(size, seed) for seed in range(3)]


def _client(
    port: int, step: Step, seconds: float, pause: float, seed: int, out: list[tuple[list[float], float]]
) -> None:
    """Send for so many seconds; a pause between the starts of requests (0: none) makes the load."""
    bodies = _bodies(step.size)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    taken: list[float] = []
    started = time.perf_counter()
    due = started + pause * (seed % step.connections) / step.connections
    while (now := time.perf_counter()) < started + seconds:
        if pause and due > now:
            time.sleep(due - now)
        begun = max(due, now) if pause else now  # waiting for the request before is waiting, too
        headers = _HEADERS | {"Idempotency-Key": f"{seed}-{started}-{len(taken)}"}
        connection.request("POST", "/v1/events", body=bodies[len(taken) % len(bodies)], headers=headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            taken.append(time.perf_counter() - begun)
        elif answer.status == 429:
            time.sleep(float(answer.headers.get("Retry-After", "1")))
        else:
            raise AssertionError(answer.status)
        due += pause
    out.append((taken, time.perf_counter() - started))


def run(server: Served, step: Step, seconds: float, rate: float = 0) -> Figure:
    """Load the server: as fast as it goes, or at so many events a second."""
    pause = step.size * step.connections / rate if rate else 0.0
    answers: list[tuple[list[float], float]] = []
    _bodies(step.size)
    clients = [
        threading.Thread(target=_client, args=(server.port, step, seconds, pause, seed, answers))
        for seed in range(step.connections)
    ]
    cpu = _cpu(server)
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    used = _cpu(server) - cpu
    assert len(answers) == step.connections, "a client failed"
    taken = np.concatenate([np.array(each, dtype=float) for each, _ in answers]) * 1000
    span = max(seconds for _, seconds in answers)
    median, p99 = (float(np.percentile(taken, share)) for share in (50, 99))
    return Figure(step.size * len(taken), span, median, p99, used, _resident(server))


def native(server: Served) -> tuple[float, float]:
    """Rows a second of one Arrow insert of a million rows into ``feed_actions``, and the server's CPU seconds."""
    dice = np.random.default_rng(7)
    now = int(time.time() * 1000)
    table = pa.table(
        {
            "time": pa.array(now - dice.integers(0, 86_400_000, _ROWS), pa.timestamp("ms", "UTC")),
            "user_id": pa.array(dice.integers(1, 1_000_000, _ROWS), pa.uint64()),
            "post_id": pa.array(dice.integers(1, 7000, _ROWS), pa.uint64()),
            "action": pa.array(np.where(dice.random(_ROWS) < 0.2, "like", "view")),
            "age": pa.array(dice.integers(14, 60, _ROWS), pa.uint8()),
            "country": pa.array(np.repeat("Russia", _ROWS)),
            "os": pa.array(np.where(dice.random(_ROWS) < 0.6, "Android", "iOS")),
        }
    )
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username="admin", password="secret", database="appanalytics"
    )
    best, cpu = 0.0, _cpu(server)
    for _ in range(3):
        started = time.perf_counter()
        client.insert_arrow("feed_actions", table)
        best = max(best, _ROWS / (time.perf_counter() - started))
    return best, (_cpu(server) - cpu) / 3


def memory(minutes: float, rate: float) -> Iterator[str]:
    """The server's size for minutes under load."""
    step, figures = STEPS[1], []
    with tempfile.TemporaryDirectory() as name, served(Path(name) / "w", _USERS, rollup_every="off") as server:
        run(server, step, 5)  # what comes in once: code, connections, the first parts
        with sampled(server.process.pid) as sizes:
            end = time.monotonic() + 60 * minutes
            while (left := end - time.monotonic()) > 1:
                figures.append(run(server, step, min(30.0, left), rate))
                print(_piece(figures[-1]), file=sys.stderr, flush=True)
        parts = server.text("SELECT countIf(active), countIf(NOT active) FROM system.parts").split()
    events, seconds = sum(figure.events for figure in figures), sum(figure.seconds for figure in figures)
    rates = [figure.rate for figure in figures]
    yield f"{events:,} events in {seconds / 60:.1f} minutes, {step.size:,} a request, {step.connections} connections:"
    yield f"{events / seconds:,.0f} events/s, {min(rates):,.0f} to {max(rates):,.0f} in pieces of half a minute;"
    yield f"p99 of the pieces {min(f.p99 for f in figures):.0f} to {max(f.p99 for f in figures):.0f} ms"
    yield f"the engine's parts at the end: {parts[0]} active, {parts[1]} merged away and not dropped yet"
    yield from sizes.told()


def _piece(figure: Figure) -> str:
    return f"{figure.resident:,.0f} MB, {figure.rate:,.0f} events/s, p99 {figure.p99:.0f} ms"


def _cpu(server: Served) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _resident(server: Served) -> float:
    return size_now(server.process.pid).resident


def main() -> None:
    """Print and write all figures."""
    if sys.argv[1:2] == ["memory"]:
        minutes = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
        for line in memory(minutes, float(sys.argv[3]) if len(sys.argv) > 3 else 0):
            print(line, flush=True)
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name, served(Path(name) / "w", _USERS, rollup_every="off") as server:
        lines = list(_lines(server, seconds))
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"wrote {RESULTS.parent.name}/{RESULTS.name}")


def _lines(server: Served, seconds: float) -> Iterator[str]:
    load = os.getloadavg()[0]
    yield "# The collector\n"
    yield f"Made by `python -m benchmarks.collector` on {machine()}; {load:.0f} other processes were running.\n"
    yield "Clients are on the same machine; bodies are made beforehand (a client takes 0.1 to 2 s of CPU a million"
    yield "events, not counted). Each answer means that the events are in the journal, on disk (fsync)."
    yield "*Half load* is half of the rate before it; p99 counts the time for which a request waited for its turn.\n"
    heads = [
        "Events a request",
        "Connections",
        "Wanted, events/s",
        "Events/s",
        "Server CPU, s a million",
        "Median, ms",
    ]
    heads += ["p99, ms", "Half load: median, ms", "p99, ms", "Server, MB"]
    yield f"| {' | '.join(heads)} |\n| {'---: | ' * 10}".rstrip()
    run(server, STEPS[0], 3)
    for step in STEPS:
        full = run(server, step, seconds)
        half = run(server, step, seconds, full.rate / 2)
        cells = [f"{step.size:,}", f"{step.connections}", f"{step.wanted:,}", f"{full.rate:,.0f}"]
        cells += [f"{full.cpu_per_million:.1f}", f"{full.median:.0f}", f"{full.p99:.0f}"]
        line = f"| {' | '.join([*cells, f'{half.median:.0f}', f'{half.p99:.0f}', f'{full.resident:,.0f}'])} |"
        print(line, flush=True)
        yield line
    rate, cpu = native(server)
    line = f"\nNative insert of {_ROWS:,} rows (Arrow, fsync): {rate:,.0f} rows/s, {cpu:.2f} s of the server's CPU."
    print(line, flush=True)
    yield line


if __name__ == "__main__":
    main()
