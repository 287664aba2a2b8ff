"""Small facts that the warehouse keeps about itself, by key."""

from __future__ import annotations

import pyarrow as pa

from appanalytics.engine import Engine


def read_meta(engine: Engine, key: str) -> str | None:
    """Newest value of a key, or None."""
    value: str | None = engine.scalar(
        "SELECT argMax(value, written) FROM warehouse_meta WHERE key = {key:String} HAVING count() > 0", {"key": key}
    )
    return value


def write_meta(engine: Engine, key: str, value: str) -> None:
    """Set a key; the newest value wins."""
    engine.insert("warehouse_meta", pa.table({"key": [key], "value": [value]}))
