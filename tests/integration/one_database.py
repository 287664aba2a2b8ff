"""One database for the tests of a module, emptied before each: making its tables takes longer than a small load."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import rollup

from .oracle import Event, insert


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


def refilled(engine: Engine, events: list[Event], catalog: Catalog, zone: ZoneInfo, days: Iterable[date]) -> None:
    """Only these events, rolled up; ``days`` are those that may have had others before."""
    for table in ("feed_actions", "message_actions"):
        engine.execute(f"TRUNCATE TABLE {table}")
    engine.execute("TRUNCATE TABLE IF EXISTS mixed_users")  # who once changed is remembered, also without events
    insert(engine, events)
    mark_changed(engine, days)
    rollup(engine, catalog, zone)


def emptied(engine: Engine) -> Engine:
    """The same engine without a row or a stage that a test left."""
    rows = engine.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name != 'schema_migrations' "
        "AND (total_rows > 0 OR name LIKE 'load_stage_%')"
    )
    for row in rows:
        engine.execute(f"{'DROP' if row['name'].startswith('load_stage_') else 'TRUNCATE'} TABLE {row['name']}")
    return engine
