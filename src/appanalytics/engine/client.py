"""Both engines through clickhouse-connect: the same calls, embedded or over HTTP."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from appanalytics.engine.port import Parameters, Settings
from appanalytics.engine.url import WarehouseUrl
from appanalytics.errors import EngineError

_CODE = re.compile(r"Code:\s*(\d+)")
_TAIL = re.compile(r"\s*\(version [^)]*\)|\s*\(for url [^)]*\)|^HTTPDriver[^\n]*?:\s*|\.?\s*(?=\([A-Z_]+\)\s*$)")


class ClientEngine:
    """An `Engine` over a clickhouse-connect client."""

    def __init__(self, client: Any, url: WarehouseUrl) -> None:
        self.url = url
        self.database = url.database
        self._client = client

    def query(self, sql: str, parameters: Parameters | None = None, settings: Settings | None = None) -> pa.Table:
        """See `Engine.query`."""
        try:
            table = self._client.query_arrow(
                sql, parameters=_bound(sql, parameters), settings=dict(settings or {}), use_strings=True
            )
        except Exception as error:
            raise translate(error) from error
        return table

    def rows(
        self, sql: str, parameters: Parameters | None = None, settings: Settings | None = None
    ) -> list[dict[str, Any]]:
        """See `Engine.rows`."""
        table = self.query(sql, parameters, settings)
        columns = [_values(column) for column in table.columns]
        return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]

    def scalar(self, sql: str, parameters: Parameters | None = None, settings: Settings | None = None) -> Any:
        """See `Engine.scalar`."""
        table = self.query(sql, parameters, settings)
        return _values(table.column(0).slice(0, 1))[0] if table.num_rows else None

    def execute(self, sql: str, parameters: Parameters | None = None, settings: Settings | None = None) -> None:
        """See `Engine.execute`."""
        try:
            self._client.command(sql, parameters=_bound(sql, parameters), settings=dict(settings or {}))
        except Exception as error:
            raise translate(error) from error

    def insert(self, table: str, rows: pa.Table, settings: Settings | None = None) -> None:
        """See `Engine.insert`."""
        try:
            self._client.insert_arrow(table, rows, settings=dict(settings or {}))
        except Exception as error:
            raise translate(error) from error

    def close(self) -> None:
        """See `Engine.close`."""
        self._client.close()


def _values(column: pa.ChunkedArray) -> list[Any]:
    """A column as Python values.

    Instants are taken apart here, because pyarrow imports pandas, a third of a second, for any of a time zone.
    """
    kind = column.type
    if not pa.types.is_timestamp(kind) or kind.tz is None or kind.unit == "ns":
        plain: list[Any] = column.to_pylist()
        return plain
    zone, naive = ZoneInfo(kind.tz), pa.timestamp(kind.unit)
    moments = [moment for chunk in column.chunks for moment in chunk.view(naive).to_pylist()]
    return [None if moment is None else moment.replace(tzinfo=UTC).astimezone(zone) for moment in moments]


def _bound(sql: str, parameters: Parameters | None) -> dict[str, Any] | None:
    """The parameters that the statement names as ``{name:Type}``.

    With none of them named, the driver would take ``%`` in the statement for a placeholder of Python's.
    """
    named = {key: value for key, value in (parameters or {}).items() if f"{{{key}:" in sql}
    return named or None


def translate(error: Exception) -> EngineError:
    """Turn a driver's error into ours: one line, ClickHouse's code, no address and no version."""
    text = str(error)
    found = _CODE.search(text)
    message = text[found.start() :] if found else text
    message = re.sub(r"^Code:\s*\d+\.\s*(DB::Exception:\s*)?", "", message)
    message = _TAIL.sub("", " ".join(message.split()))
    return EngineError(message[:600], code=int(found[1]) if found else 0)
