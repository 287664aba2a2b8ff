"""Lay the views: a database of our own, in which the event tables are views over the app's tables.

Their tables are only read. Everything of ours (rollups, reports, ledgers) is in our database, so that dropping it
leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence

from appanalytics.adopt.mapping import SourceMap
from appanalytics.adopt.views import view_sql
from appanalytics.engine import Engine
from appanalytics.errors import MappingError
from appanalytics.sqltext import identifier
from appanalytics.warehouse.migrate import migrate


def lay(engine: Engine, sources: Sequence[SourceMap], zone: str = "UTC") -> list[str]:
    """Make the views and our tables in the engine's database; returns the names of the views.

    A second time replaces the views. A source that is not mapped becomes an empty table, which files and the
    collector fill. Raises `MappingError` where an event table of that name holds events of its own.
    """
    held = {
        row["name"]: row["engine"]
        for row in engine.rows(
            "SELECT name, engine FROM system.tables"
            " WHERE database = currentDatabase() AND name IN {names:Array(String)}",
            {"names": [each.table for each in sources]},
        )
    }
    for name, kind in held.items():
        if kind != "View":
            if engine.scalar(f"SELECT count() FROM {identifier(name)}"):
                raise MappingError(
                    f"the database {engine.database} has events of its own in {name}",
                    hint="take another database of ours: --own NAME",
                )
            engine.execute(f"DROP TABLE {identifier(name)} SYNC")
    for each in sources:
        engine.execute(f"CREATE OR REPLACE VIEW {identifier(each.table)} AS\n{view_sql(each, zone)}")
    migrate(engine)
    return [each.table for each in sources]
