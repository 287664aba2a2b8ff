"""Work tables that killed runs left behind."""

from __future__ import annotations

from appanalytics.engine import Engine


def drop_leftovers(engine: Engine, prefix: str, work: str) -> None:
    """Drop tables whose names begin with ``prefix`` and that are more than an hour older than the table ``work``."""
    rows = engine.rows(
        """
        SELECT name FROM system.tables
        WHERE database = currentDatabase() AND startsWith(name, {prefix:String})
          AND metadata_modification_time < (
              SELECT metadata_modification_time FROM system.tables
              WHERE database = currentDatabase() AND name = {work:String}) - 3600
        """,
        {"prefix": prefix, "work": work},
    )
    for row in rows:
        engine.execute(f"DROP TABLE IF EXISTS {row['name']} SYNC")
