"""One database for the tests of a module, emptied before each: making its tables takes longer than a small load."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.warehouse.migrate import migrate


@contextmanager
def one_database(folder: Path, name: str) -> Iterator[Engine]:
    """A migrated database that lives as long as the block."""
    opened = connect(WarehouseUrl.parse(f"chdb://{folder}?database={name}"), create=True)
    try:
        migrate(opened)
        yield opened
    finally:
        opened.execute(f"DROP DATABASE {name} SYNC")
        opened.close()


def emptied(engine: Engine) -> Engine:
    """The same engine without a row or a stage that a test left."""
    rows = engine.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations' "
        "AND (total_rows > 0 OR name LIKE 'load_stage_%')"
    )
    for row in rows:
        engine.execute(f"{'DROP' if row['name'].startswith('load_stage_') else 'TRUNCATE'} TABLE {row['name']}")
    return engine
