"""A program: the DDL of a cluster in an engine that has a cluster of one shard in its configuration.

Prints JSON: which statements the engine took with replicas (an in-memory keeper, no data), and what questions answer
through Distributed tables compared with the shard's own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import traceback
from datetime import date
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import clickhouse_connect

from appanalytics.catalog import Catalog, load_catalog
from appanalytics.engine.client import ClientEngine
from appanalytics.engine.port import PINNED
from appanalytics.engine.url import WarehouseUrl
from appanalytics.errors import AppAnalyticsError, QuestionError
from appanalytics.query import Question, ask, read_coverage
from appanalytics.warehouse.cluster import PROFILE, Topology, cluster_ddl
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Window

from .split import FIRST, LAST, fill

UTC = ZoneInfo("UTC")
CONFIGURATION = """<clickhouse>
<tcp_port>9000</tcp_port>
<remote_servers><metrics><shard><internal_replication>true</internal_replication>
<replica><host>localhost</host><port>9000</port></replica></shard></metrics></remote_servers>
<macros><shard>01</shard><replica>one</replica></macros>
<zookeeper><implementation>testkeeper</implementation></zookeeper>
</clickhouse>"""


#: Kept to the end: an engine whose keeper is in memory waits for it when it is closed.
OPEN: list[Any] = []


def opened(place: str, database: str) -> ClientEngine:
    client: Any = clickhouse_connect.get_client(interface="chdb", settings=PINNED | dict(PROFILE), path=place)
    client.database = database
    OPEN.append(client)
    return ClientEngine(client, WarehouseUrl.parse(f"chdb://memory?database={database}"))


def accepted(engine: ClientEngine, catalog: Catalog) -> dict[str, Any]:
    """With replicas: every statement parsed as written, and run without ON CLUSTER as far as no rows are written."""
    written = cluster_ddl(catalog, UTC, Topology("metrics"))
    for sql in written:
        if not sql.startswith("INSERT"):
            engine.scalar("SELECT formatQuery({sql:String})", {"sql": sql})  # the engine's own parser
    run = [
        sql
        for sql in cluster_ddl(catalog, UTC, Topology("metrics", "big", "big_shard", on_cluster=False))
        if not sql.startswith(("INSERT", "ALTER", "CREATE SETTINGS"))  # without a real keeper it is read-only
    ]
    for sql in (*run, *run):  # a second time changes nothing
        engine.execute(sql)
    rows = engine.rows(
        "SELECT database, engine, count() AS n FROM system.tables WHERE database LIKE 'big%' GROUP BY ALL"
    )
    return {
        "parsed": len(written),
        "run": len(run),
        "tables": {f"{r['database']}.{r['engine']}": r["n"] for r in rows},
    }


def answers(engine: ClientEngine, catalog: Catalog, prefer: str) -> list[Any]:
    layout = Layout.read(engine, catalog, UTC)
    coverage = read_coverage(engine, layout)
    window = Window.of(FIRST, LAST, UTC)
    found: list[Any] = []
    for by in ((), ("city",)):
        names = [each.name for each in catalog.quantities() if may_ask(catalog, each.name, by)]
        question = Question.of(catalog, names, window, by=by, grain="week")
        answer = ask(engine, layout, question, prefer=prefer, coverage=coverage)
        found += [[name, list(by), answer.column(name)] for name in names]
    return found


def may_ask(catalog: Catalog, name: str, by: tuple[str, ...]) -> bool:
    """False where the slice makes no sense for the metric."""
    try:
        Question.of(catalog, [name], Window.of(FIRST, LAST, UTC), by=by)
    except QuestionError:
        return False
    return True


def questions(place: str, engine: ClientEngine, catalog: Catalog) -> dict[str, Any]:
    """Without replicas: written through the whole, rolled up in the shard, asked of both."""
    for sql in cluster_ddl(catalog, UTC, Topology("metrics", "w", "s", replicated=False, on_cluster=False)):
        if not sql.startswith("CREATE SETTINGS"):
            engine.execute(sql)
    whole, shard = opened(place, "w"), opened(place, "s")
    migrated = [migrate(whole), migrate(shard)]
    fill(whole)
    refused = ""
    try:
        rollup(whole, catalog, UTC)
    except AppAnalyticsError as error:
        refused = str(error)
    before = read_coverage(whole, Layout.read(whole, catalog, UTC)).reason
    report = rollup(shard, catalog, UTC)
    coverage = read_coverage(whole, Layout.read(whole, catalog, UTC))
    asked = {prefer: answers(whole, catalog, prefer) for prefer in ("auto", "events")}
    same = {prefer: found == answers(shard, catalog, prefer) for prefer, found in asked.items()}
    shard.execute(
        "INSERT INTO feed_actions (time, user_id, post_id, action) VALUES ('2026-03-01 10:00:00', 1, 1, 'view')"
    )
    late = read_coverage(whole, Layout.read(whole, catalog, UTC)).reason
    return {
        "migrated": migrated, "refused": refused, "before": before, "events": report.events,
        "reason": coverage.reason, "mixed": coverage.has_mixed, "same": same, "late": late,
        "asked": len(asked["auto"]), "day": str(date(2026, 3, 1)),
    }  # fmt: skip


def main() -> None:
    catalog = load_catalog()
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(CONFIGURATION)
        file.flush()
        place = f":memory:?config-file={quote(file.name)}"
        engine = opened(place, "default")
        told = {"accepted": accepted(engine, catalog), "questions": questions(place, engine, catalog)}
    print(json.dumps(told, default=str), flush=True)


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)  # see OPEN
