"""Engine time of every chart: ``python -m benchmarks.dashboards [SETTINGS]`` beside a running Superset and server.

Superset writes each chart's SQL; the server of the warehouse runs it with no cache in between, three times. The best
elapsed time depends on what else the machine does; the processor's time, over all threads, does not.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from appanalytics.dashboards import Connection
from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.names import is_ours
from appanalytics.jobs.dashboards import connection_of, log_in
from appanalytics.settings import load_settings

RUNS = 3
TARGET_MS = 150.0
_PATIENCE_SECONDS = 5
_HTTP = urllib3.PoolManager(retries=False, timeout=60)


@dataclass
class Measured:
    """One chart: rows read, best elapsed and best processor time in milliseconds; how many statements it has."""

    name: str
    rows: int = 0
    elapsed: float = 0.0
    statements: int = 0
    processor: float | None = None

    def __str__(self) -> str:
        late = "  over the target" if self.elapsed > TARGET_MS else ""
        return f"{self.name:36} {self.rows:11,} {self.elapsed:10.1f} {self.processor or 0:12.1f}{late}"


def ask(connection: Connection, sql: str) -> urllib3.BaseHTTPResponse:
    response = _HTTP.request(
        "POST",
        f"http://{connection.host}:{connection.port}/?database={connection.database}&wait_end_of_query=1",
        body=sql.encode(),
        headers={"X-ClickHouse-User": connection.user, "X-ClickHouse-Key": connection.password},
    )
    assert response.status == 200, response.data[:400]
    return response


def statements(superset: Superset, number: int) -> list[str]:
    """The SQL of a chart's stored query."""
    chart = superset.get(f"/api/v1/chart/{number}", "read a chart")["result"]
    context = json.loads(chart["query_context"]) | {"result_type": "query"}
    texts = [each["query"] for each in superset.ask(context)]
    return [
        part.strip() for text in texts for part in re.split(r";\s*(?:\n|$)", text) if part.strip()
    ]  # charts that compare


def measure(superset: Superset, connection: Connection) -> Iterator[Measured]:
    """Every chart as soon as the engine's log tells its processor time, which is a second after it ran."""
    run = f"bench-{time.time():.0f}"
    waiting: list[Measured] = []
    for chart in superset.listed("chart"):
        if is_ours("chart", chart["uuid"], chart["mark"]):
            waiting.append(_run(superset, connection, chart, run))
            yield from _told(connection, run, waiting)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while waiting and time.monotonic() < deadline:
        time.sleep(0.2)
        yield from _told(connection, run, waiting)
    yield from waiting


def _run(superset: Superset, connection: Connection, chart: dict[str, Any], run: str) -> Measured:
    one = Measured(chart["mark"].removeprefix("spec:"))
    for number, sql in enumerate(statements(superset, chart["id"])):
        text = f"{sql}\nSETTINGS log_comment = '{run}/{one.name}#{number}'"
        summaries = [json.loads(ask(connection, text).headers["X-ClickHouse-Summary"]) for _ in range(RUNS)]
        one.elapsed += min(int(each["elapsed_ns"]) for each in summaries) / 1e6
        one.rows += int(summaries[0]["read_rows"])
        one.statements += 1
    return one


def _told(connection: Connection, run: str, waiting: list[Measured]) -> Iterator[Measured]:
    """Take those whose runs are all in the log out of the ones that wait."""
    answer = ask(
        connection,
        "SELECT name, sum(best), sum(runs) FROM (SELECT splitByChar('#', log_comment)[1] AS name, count() AS runs,"
        " min(ProfileEvents['OSCPUVirtualTimeMicroseconds']) / 1000 AS best FROM system.query_log"
        f" WHERE type = 'QueryFinish' AND startsWith(log_comment, '{run}/') GROUP BY log_comment) GROUP BY name",
    )
    lines = [line.split("\t") for line in answer.data.decode().splitlines()]
    logged = {name.removeprefix(f"{run}/"): (float(best), int(runs)) for name, best, runs in lines}
    for one in list(waiting):
        best, runs = logged.get(one.name, (0.0, 0))
        if runs == RUNS * one.statements:
            one.processor = best
            waiting.remove(one)
            yield one


def main() -> None:
    """Print a line for each chart, then how many are over the target."""
    loaded = load_settings(Path(sys.argv[1]) if sys.argv[1:] else None)
    print(f"{'chart':36} {'rows read':>11} {'elapsed ms':>10} {'processor ms':>12}")
    found = []
    with log_in(loaded) as superset:
        for one in measure(superset, connection_of(loaded)):
            found.append(one)
            print(one, flush=True)
    over = [one.name for one in found if one.elapsed > TARGET_MS]
    print(
        f"{len(found)} charts; {len(over)} took more than {TARGET_MS:.0f} ms{': ' if over else ''}{', '.join(over)}"
    )


if __name__ == "__main__":
    main()
