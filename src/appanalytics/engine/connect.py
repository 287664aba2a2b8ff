"""Open an engine by its URL, and say plainly why it cannot be opened."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from appanalytics.engine.client import ClientEngine, translate
from appanalytics.engine.endpoint import find_endpoint
from appanalytics.engine.port import PINNED, Engine, Settings
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
#: Name of the engine's disk that is the folder of backups.
BACKUPS = "backups"


def connect(
    url: WarehouseUrl | str, *, create: bool = False, max_memory: int = 0, backups: Path | None = None
) -> Engine:
    """Connect to the warehouse.

    ``max_memory`` bounds each statement, in bytes (0: as the engine has it).
    ``backups`` lets an embedded engine write and read backups in a folder, if this is the first connection of the
    process; a server has a folder of its own.
    ``create`` makes the folder and the database where they are absent; without it a missing folder is a
    `WarehouseMissing`. A folder that a server owns is reached through that server. The embedded engine is imported
    only when a URL asks for it.
    """
    target = WarehouseUrl.parse(url) if isinstance(url, str) else url
    settings = PINNED | ({"max_memory_usage": max_memory} if max_memory else {})
    if not target.is_embedded:
        return _server(target, create, settings)
    owner = find_endpoint(target.path) if target.path else None
    if owner is None:
        return _embedded(target, create, settings, backups)
    found = WarehouseUrl("http", target.database, None, owner.host, owner.port, owner.user, owner.password)
    return _server(found, create, settings)


def _embedded(url: WarehouseUrl, create: bool, settings: Settings, backups: Path | None) -> Engine:
    folder = url.path
    if folder is not None:
        if not create and not folder.exists():
            raise WarehouseMissing(
                f"there is no warehouse in {folder}",
                hint="make one with: appanalytics simulate, or: appanalytics load",
            )
        _make_folder(folder)
    client = _open_folder(url, settings, backups)
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


def _open_folder(url: WarehouseUrl, settings: Settings, backups: Path | None) -> Any:
    import clickhouse_connect

    if url.path is not None and _is_locked(url.path):
        raise _owned_by_another(url)

    where = str(url.path) if url.path else ":memory:"
    try:
        with _configuration(backups) as file:
            path = f"{where}?config-file={quote(file)}" if file else where
            return clickhouse_connect.get_client(interface="chdb", settings=dict(settings), path=path)
    except Exception as error:
        text = str(error)
        if "one engine path" in text or ("already" in text and "path" in text):
            raise WarehouseLocked(
                f"this process already has another warehouse open, so it cannot open {url}",
                hint="close that one first",
            ) from error
        if "Error initializing EmbeddedServer" in text or "Cannot lock file" in text or "Code: 76" in text:
            raise _owned_by_another(url) from error
        raise WarehouseUnavailable(f"cannot open {url}: {translate(error).message}") from error


def backup_configuration(folder: Path) -> str:
    """What an engine's configuration says so that it may write backups into a folder: XML."""
    place = escape(str(folder))
    disk = f"<{BACKUPS}><type>local</type><path>{place}/</path></{BACKUPS}>"
    return (
        f"<storage_configuration><disks>{disk}</disks></storage_configuration>"
        f"<backups><allowed_disk>{BACKUPS}</allowed_disk></backups>"
    )


@contextlib.contextmanager
def _configuration(backups: Path | None) -> Iterator[str]:
    """The engine reads it once, when it starts."""
    if backups is None:
        yield ""
        return
    with tempfile.NamedTemporaryFile("w", suffix=".xml", encoding="utf-8") as file:
        file.write(f"<clickhouse>{backup_configuration(backups)}</clickhouse>\n")
        file.flush()
        yield file.name


def _is_locked(folder: Path) -> bool:
    """Is another process using the folder? Asked first, because the engine would print lines of its own."""
    import fcntl

    try:
        with (folder / "status").open("rb") as status:
            fcntl.flock(status, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return not _is_ours(folder)
    except OSError:
        pass
    return False


def _is_ours(folder: Path) -> bool:
    """A lock of this very process is no obstacle: connections of one process share the engine."""
    opened = Path("/proc/self/fd")
    if not opened.is_dir():  # no Linux: leave the question to the engine
        return True
    held = (folder / "status").stat()
    for entry in opened.iterdir():
        with contextlib.suppress(OSError):
            if os.path.samestat(entry.stat(), held):
                return True
    return False


def _owned_by_another(url: WarehouseUrl) -> WarehouseLocked:
    return WarehouseLocked(
        f"another process owns the folder {url.path}",
        hint="wait for it to end; for several at once, own the folder with: appanalytics serve",
    )


def _server(url: WarehouseUrl, create: bool, settings: Settings) -> Engine:
    import clickhouse_connect

    try:
        client = clickhouse_connect.get_client(
            interface=url.scheme,
            host=url.host,
            port=url.port,
            username=url.user,
            password=url.password,
            settings=dict(settings),
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
