"""Engine time of every chart: ``python -m benchmarks.dashboards`` beside a running Superset and server.

Superset writes each chart's SQL; the server of the warehouse runs it with no cache in between, three times; the best
and the median are printed. The settings say where both are.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import urllib3

from appanalytics.dashboards import Connection
from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.names import is_ours
from appanalytics.jobs.dashboards import connection_of, log_in
from appanalytics.settings import load_settings

RUNS = 3
TARGET_MS = 150.0


def engine_ms(connection: Connection, sql: str) -> tuple[float, int]:
    """What the engine took, and how many rows it read."""
    response = urllib3.PoolManager(retries=False, timeout=60).request(
        "POST",
        f"http://{connection.host}:{connection.port}/?database={connection.database}&wait_end_of_query=1",
        body=sql.encode(),
        headers={"X-ClickHouse-User": connection.user, "X-ClickHouse-Key": connection.password},
    )
    assert response.status == 200, response.data[:400]
    summary = json.loads(response.headers["X-ClickHouse-Summary"])
    return int(summary["elapsed_ns"]) / 1e6, int(summary["read_rows"])


def statements(superset: Superset, number: int) -> list[str]:
    """The SQL of a chart's stored query."""
    chart = superset.get(f"/api/v1/chart/{number}", "read a chart")["result"]
    context = json.loads(chart["query_context"]) | {"result_type": "query"}
    return [each["query"] for each in superset.ask(context)]


def measure(superset: Superset, connection: Connection) -> list[tuple[str, float, float, int]]:
    """Key, best and median milliseconds and rows read of each chart, the slowest first."""
    found = []
    for chart in superset.listed("chart"):
        if not is_ours("chart", chart["uuid"], chart["mark"]):
            continue
        best, median, rows = 0.0, 0.0, 0
        for sql in statements(superset, chart["id"]):
            taken = [engine_ms(connection, sql) for _ in range(RUNS)]
            best += min(ms for ms, _ in taken)
            median += statistics.median(ms for ms, _ in taken)
            rows += taken[0][1]
        found.append((chart["mark"].removeprefix("spec:"), best, median, rows))
    return sorted(found, key=lambda each: -each[2])


def main() -> None:
    """Print the table."""
    loaded = load_settings(Path(sys.argv[1]) if sys.argv[1:] else None)
    with log_in(loaded) as superset:
        rows = measure(superset, connection_of(loaded))
    print(f"{'chart':40} {'best ms':>8} {'median ms':>9} {'rows read':>11}")
    for key, best, median, read in rows:
        print(f"{key:40} {best:8.1f} {median:9.1f} {read:11,}{'  over the target' if median > TARGET_MS else ''}")
    print(f"{len(rows)} charts, {sum(median > TARGET_MS for _, _, median, _ in rows)} over {TARGET_MS:.0f} ms")


if __name__ == "__main__":
    main()
