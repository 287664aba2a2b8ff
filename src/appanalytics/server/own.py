"""Engines of the server's own process: like everybody's, but without HTTP and with every right."""

from __future__ import annotations

from appanalytics.engine import Engine, WarehouseUrl
from appanalytics.engine.client import ClientEngine
from appanalytics.engine.port import PINNED
from appanalytics.server.access import OWNER


def own_engine(where: str, url: WarehouseUrl) -> Engine:
    """An engine on a folder that this process has open already; ``where`` is the string it was opened with."""
    import clickhouse_connect

    client = clickhouse_connect.get_client(interface="chdb", path=where, settings=dict(PINNED))
    client.command(f"SET ROLE {OWNER}")
    client.command(f"USE {url.database}")
    client.database = url.database
    return ClientEngine(client, url)
