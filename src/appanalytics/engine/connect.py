"""Open an engine by its URL, and say plainly why it cannot be opened."""

from __future__ import annotations

import os
from typing import Any

from appanalytics.engine.client import ClientEngine, translate
from appanalytics.engine.endpoint import find_endpoint
from appanalytics.engine.port import PINNED, Engine
from appanalytics.engine.url import WarehouseUrl
from appanalytics.errors import (
    AccessDenied,
    AppAnalyticsError,
    EngineError,
    WarehouseLocked,
    WarehouseMissing,
    WarehouseUnavailable,
)

_WRONG_PASSWORD = {193, 194, 516}
_UNKNOWN_DATABASE = 81
_CONNECT_SECONDS = 5


def connect(url: WarehouseUrl | str, *, create: bool = False) -> Engine:
    """Connect to the warehouse.

    ``create`` makes the folder and the database where they are absent; without it a missing folder is a
    `WarehouseMissing`. A folder that a server owns is reached through that server. The embedded engine is imported
    only when a URL asks for it.
    """
    target = WarehouseUrl.parse(url) if isinstance(url, str) else url
    if not target.is_embedded:
        return _server(target, create)
    owner = find_endpoint(target.path) if target.path else None
    if owner is None:
        return _embedded(target, create)
    found = WarehouseUrl("http", target.database, None, owner.host, owner.port, owner.user, owner.password)
    return _server(found, create)


def _embedded(url: WarehouseUrl, create: bool) -> Engine:
    folder = url.path
    if folder is not None:
        if not create and not folder.exists():
            raise WarehouseMissing(
                f"there is no warehouse in {folder}",
                hint="make one with: appanalytics simulate, or: appanalytics load",
            )
        _make_folder(folder)
    client = _open_folder(url)
    engine = ClientEngine(client, url)
    if create:
        engine.execute(f"CREATE DATABASE IF NOT EXISTS {url.database} ENGINE = Atomic")
    elif not engine.scalar("SELECT count() FROM system.databases WHERE name = {name:String}", {"name": url.database}):
        engine.close()
        raise WarehouseMissing(f"the warehouse {url} has no database {url.database}", hint="appanalytics simulate")
    client.database = url.database
    return engine


def _make_folder(folder: Any) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise WarehouseUnavailable(f"cannot use the folder {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise WarehouseUnavailable(f"cannot write in the folder {folder}")


def _open_folder(url: WarehouseUrl) -> Any:
    import clickhouse_connect

    where = {"path": str(url.path)} if url.path else {"path": ":memory:"}
    try:
        return clickhouse_connect.get_client(interface="chdb", settings=PINNED, **where)
    except Exception as error:
        text = str(error)
        if "one engine path" in text or ("already" in text and "path" in text):
            raise WarehouseLocked(
                f"this process already has another warehouse open, so it cannot open {url}",
                hint="close that one first",
            ) from error
        if "Error initializing EmbeddedServer" in text or "Cannot lock file" in text or "Code: 76" in text:
            raise WarehouseLocked(
                f"another process owns the folder {url.path}",
                hint="wait for it to end; for several at once, own the folder with: appanalytics serve",
            ) from error
        raise WarehouseUnavailable(f"cannot open {url}: {translate(error).message}") from error


def _server(url: WarehouseUrl, create: bool) -> Engine:
    import clickhouse_connect

    try:
        client = clickhouse_connect.get_client(
            interface=url.scheme,
            host=url.host,
            port=url.port,
            username=url.user,
            password=url.password,
            settings=PINNED,
            connect_timeout=_CONNECT_SECONDS,
            autogenerate_session_id=False,  # a session would allow only one query at a time
        )
    except Exception as error:
        raise _refusal(error, url) from error
    engine = ClientEngine(client, url)
    try:
        if create:
            engine.execute(f"CREATE DATABASE IF NOT EXISTS {url.database}")
        client.database = url.database
        engine.scalar("SELECT 1")
    except EngineError as error:
        raise _refusal(error, url) from error
    return engine


def _refusal(error: Exception, url: WarehouseUrl) -> AppAnalyticsError:
    known = error if isinstance(error, EngineError) else translate(error)
    if known.code in _WRONG_PASSWORD:
        return AccessDenied(f"{url} refused the user {url.user!r} or its password")
    if known.code == _UNKNOWN_DATABASE:
        return WarehouseMissing(f"{url} has no database {url.database}", hint="appanalytics simulate")
    if known.code:
        return known
    return WarehouseUnavailable(
        f"no ClickHouse answers at {url}", hint="is it running, and is the port its HTTP port?"
    )
