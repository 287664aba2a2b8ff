"""Make a database's tables, and bring older ones up to date.

Every file of ``schema/`` is one statement that can be repeated; they run in the order of their numbers, each
once, and are recorded in ``schema_migrations`` with a hash so that a file that was edited after it ran is told.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.errors import IntegrityError

_LEDGER = """
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
    engine.execute(_LEDGER)
    seen = {
        row["name"]: row["sha256"]
        for row in engine.rows("SELECT name, argMax(sha256, applied) AS sha256 FROM schema_migrations GROUP BY name")
    }
    applied = []
    for name, sql in migrations():
        digest = hashlib.sha256(sql.encode()).hexdigest()
        if name not in seen:
            engine.execute(sql)
            engine.insert("schema_migrations", pa.table({"name": [name], "sha256": [digest]}))
            applied.append(name)
        elif seen[name] != digest:
            raise IntegrityError(
                f"migration {name} was changed after it ran in {engine.url}",
                hint="add a new migration instead of editing one",
            )
    return applied


def migrations() -> list[tuple[str, str]]:
    """All migrations as (name, SQL), in the order of their numbers."""
    folder = files("appanalytics.warehouse").joinpath("schema")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return [(name.removesuffix(".sql"), folder.joinpath(name).read_text(encoding="utf-8")) for name in names]
