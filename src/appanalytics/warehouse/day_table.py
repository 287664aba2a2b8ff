"""Tables of results by day for dashboards and schedulers: a day is a partition, and is put in place whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date

from appanalytics.engine import Engine
from appanalytics.warehouse.report_table.build import work_table


@contextlib.contextmanager
def replaced_day(engine: Engine, table: str, day: date) -> Iterator[str]:
    """A work table; its rows replace the day's rows of ``table``, at once, when the block ends without an error.

    ``table`` is partitioned by its column ``event_date``. A day without rows becomes empty.
    """
    with work_table(engine, table) as work:
        yield work
        rows = engine.scalar(f"SELECT count() FROM {work} WHERE event_date = {{day:Date}}", {"day": day})
        # An empty partition cannot replace one: the engine refuses it.
        change = f"REPLACE PARTITION ID '{day:%Y%m%d}' FROM {work}" if rows else f"DROP PARTITION ID '{day:%Y%m%d}'"
        engine.execute(f"ALTER TABLE {table} {change}")
