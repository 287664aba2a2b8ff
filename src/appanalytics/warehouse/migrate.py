"""Make a database's tables, and bring older ones up to date.

Every file of ``schema/`` is one statement that can be repeated; they run in the order of their numbers, each
once, and are recorded in ``schema_migrations`` with a hash so that a file that was edited after it ran is told.
"""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.errors import IntegrityError, UserError

#: What a database keeps of its migrations.
LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    name    String,
    sha256  String,
    applied DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(applied) ORDER BY name
"""


def migrate(engine: Engine) -> list[str]:
    """Run the migrations that this database has not seen; returns their names, oldest first."""
    engine.execute(LEDGER)
    seen = {
        row["name"]: row["sha256"]
        for row in engine.rows("SELECT name, argMax(sha256, applied) AS sha256 FROM schema_migrations GROUP BY name")
    }
    applied: dict[str, str] = {}
    views = event_views(engine)
    try:
        for name, sql in migrations():
            digest = hashlib.sha256(sql.encode()).hexdigest()
            if name not in seen:
                if not applied:
                    _refuse_cluster(engine, name)
                if table_of(sql) not in views:  # their table is another's, who decides what it is like
                    engine.execute(sql)
                applied[name] = digest
            elif seen[name] != digest:
                raise IntegrityError(
                    f"migration {name} was changed after it ran in {engine.url}",
                    hint="add a new migration instead of editing one",
                )
    finally:  # what ran is recorded also when the next one failed; a statement that ran unrecorded is repeated
        if applied:
            ledger = pa.table({"name": list(applied), "sha256": list(applied.values())})
            engine.insert("schema_migrations", ledger)
    return list(applied)


def _refuse_cluster(engine: Engine, name: str) -> None:
    """A migration by itself would make a table on one node of a cluster."""
    clustered = engine.scalar(
        "SELECT count() FROM system.tables WHERE database = currentDatabase()"
        " AND (engine = 'Distributed' OR startsWith(engine, 'Replicated'))"
    )
    if clustered:
        raise UserError(
            f"{engine.url} is on a cluster and lacks {name}", hint="run what appanalytics warehouse ddl prints"
        )


def event_views(engine: Engine) -> set[str]:
    """Names of this database that are views, such as event tables laid over an app's own."""
    rows = engine.rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View'")
    return {row["name"] for row in rows}


def table_of(sql: str) -> str:
    """The table that a migration makes or alters; empty where it is about something else."""
    found = re.search(r"^(?:CREATE TABLE IF NOT EXISTS|ALTER TABLE) (\w+)", sql, re.MULTILINE)
    return found[1] if found else ""


def migrations() -> list[tuple[str, str]]:
    """All migrations as (name, SQL), in the order of their numbers."""
    folder = files("appanalytics.warehouse").joinpath("schema")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return [(name.removesuffix(".sql"), folder.joinpath(name).read_text(encoding="utf-8")) for name in names]
