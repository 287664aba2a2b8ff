"""The port to ClickHouse. Everything above it speaks to this protocol and never asks which engine it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa

from appanalytics.engine.url import WarehouseUrl

Parameters = Mapping[str, Any]
Settings = Mapping[str, Any]

#: Pinned for every statement, so that a server's profile cannot change a number.
PINNED: dict[str, Any] = {
    "session_timezone": "UTC",
    "join_use_nulls": 1,  # a missing side of a join is null, not 0
    "date_time_input_format": "best_effort",
    "max_partitions_per_insert_block": 0,  # a load of years touches many months
    "throw_on_max_partitions_per_insert_block": 0,
}


class Engine(Protocol):
    """One connection to one database of one ClickHouse, embedded or a server.

    Statements take ``{name:Type}`` parameters bound by the engine; text of users is never put into SQL.
    Errors are `EngineError` (with ClickHouse's code) or one of the `WarehouseUnavailable` family.
    """

    url: WarehouseUrl
    database: str

    def query(self, sql: str, parameters: Parameters | None = None, settings: Settings | None = None) -> pa.Table:
        """Run a SELECT and return its result as an Arrow table (strings as text)."""

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: Settings | None = None
    ) -> list[dict[str, Any]]:
        """Run a SELECT whose result is small; one dictionary a row, Python values."""

    def scalar(self, sql: str, parameters: Parameters | None = None, settings: Settings | None = None) -> Any:
        """Run a SELECT of one row and one column and return that value."""

    def execute(self, sql: str, parameters: Parameters | None = None, settings: Settings | None = None) -> None:
        """Run a statement without a result: DDL, INSERT … SELECT, ALTER."""

    def insert(self, table: str, rows: pa.Table, settings: Settings | None = None) -> None:
        """Append an Arrow table; columns are matched by name, the rest take their defaults."""

    def close(self) -> None:
        """Release the connection; an embedded engine also releases its folder with its last connection."""
