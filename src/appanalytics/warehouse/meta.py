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


def values_of_shards(engine: Engine, key: str) -> set[str]:
    """Newest value of a key in each shard that has one; where there are no shards, the newest value."""
    rows = engine.rows(
        "SELECT shardNum() AS shard, argMax(value, written) AS value FROM warehouse_meta WHERE key = {key:String}"
        " GROUP BY shard",
        {"key": key},
    )
    return {row["value"] for row in rows}


def write_meta(engine: Engine, key: str, value: str) -> None:
    """Set a key; the newest value wins."""
    engine.insert("warehouse_meta", pa.table({"key": [key], "value": [value]}))
