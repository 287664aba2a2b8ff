"""Read the report table back, as records or as an Arrow table."""

from __future__ import annotations

from datetime import date
from typing import Any

import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.window import Window

MEASURES = ("views", "likes", "messages_sent", "users_sent", "messages_received", "users_received")
COLUMNS = ("event_date", "dimension", "dimension_value", *MEASURES)


def read_report_day(engine: Engine, day: date) -> list[dict[str, Any]]:
    """One day's rows as records, ``event_date`` in ISO; empty when the day was not built or had no events.

    Ordered by dimension, then by value: numbers by size, texts by name.
    """
    rows = _read(engine, day, day).to_pylist()
    for row in rows:
        row["event_date"] = row["event_date"].isoformat()
    return sorted(rows, key=lambda row: (row["dimension"], *_natural(row["dimension_value"])))


def read_report_days(engine: Engine, window: Window) -> pa.Table:
    """All rows of the days that a window touches."""
    return _read(engine, window.first_day, window.last_day)


def _read(engine: Engine, first: date, last: date) -> pa.Table:
    return engine.query(
        f"SELECT {', '.join(COLUMNS)} FROM report_daily"
        " WHERE event_date >= {first:Date} AND event_date <= {last:Date}"
        " ORDER BY event_date, dimension, dimension_value",
        {"first": first, "last": last},
    )


def _natural(value: str) -> tuple[bool, int, str]:
    return (False, int(value), "") if value.lstrip("-").isdecimal() else (True, 0, value)
