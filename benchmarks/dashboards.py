"""Engine time of every chart: ``python -m benchmarks.dashboards [SETTINGS]`` beside a running Superset and server.

Superset writes each chart's SQL; the server of the warehouse runs it with no cache in between, three times. The best
elapsed time depends on what else the machine does; the processor's time, over all threads, does not.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import urllib3

from appanalytics.dashboards import Connection
from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.names import is_ours
from appanalytics.jobs.dashboards import connection_of, log_in
from appanalytics.settings import load_settings

RUNS = 3
TARGET_MS = 150.0
_FLUSH_SECONDS = 3
_HTTP = urllib3.PoolManager(retries=False, timeout=60)


@dataclass
class Measured:
    """One chart: rows read, best elapsed and best processor time in milliseconds."""

    name: str
    rows: int
    elapsed: float
    processor: float = 0.0


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


def measure(superset: Superset, connection: Connection) -> list[Measured]:
    """Every chart, the most expensive first."""
    found, run = [], f"bench-{time.time():.0f}"
    for chart in superset.listed("chart"):
        if not is_ours("chart", chart["uuid"], chart["mark"]):
            continue
        name = chart["mark"].removeprefix("spec:")
        one = Measured(name, 0, 0.0)
        for number, sql in enumerate(statements(superset, chart["id"])):
            text = f"{sql}\nSETTINGS log_comment = '{run}/{name}/{number}'"
            summaries = [json.loads(ask(connection, text).headers["X-ClickHouse-Summary"]) for _ in range(RUNS)]
            one.elapsed += min(int(each["elapsed_ns"]) for each in summaries) / 1e6
            one.rows += int(summaries[0]["read_rows"])
        found.append(one)
    time.sleep(_FLUSH_SECONDS)
    for one in found:
        one.processor = _processor(connection, f"{run}/{one.name}/")
    return sorted(found, key=lambda each: -each.processor)


def _processor(connection: Connection, prefix: str) -> float:
    answer = ask(
        connection,
        "SELECT sum(best) FROM (SELECT log_comment, min(ProfileEvents['OSCPUVirtualTimeMicroseconds']) / 1000 AS best"
        " FROM system.query_log WHERE type = 'QueryFinish'"
        f" AND startsWith(log_comment, '{prefix}') GROUP BY log_comment)",
    )
    return float(answer.data or 0)


def main() -> None:
    """Print the table."""
    loaded = load_settings(Path(sys.argv[1]) if sys.argv[1:] else None)
    with log_in(loaded) as superset:
        found = measure(superset, connection_of(loaded))
    print(f"{'chart':36} {'rows read':>11} {'elapsed ms':>10} {'processor ms':>12}")
    for one in found:
        late = "  over the target" if one.elapsed > TARGET_MS else ""
        print(f"{one.name:36} {one.rows:11,} {one.elapsed:10.1f} {one.processor:12.1f}{late}")
    over = sum(one.elapsed > TARGET_MS for one in found)
    print(f"{len(found)} charts; {over} took more than {TARGET_MS:.0f} ms")


if __name__ == "__main__":
    main()
