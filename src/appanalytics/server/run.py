"""Start and stop the server: the engine with its users, the listening socket, the endpoint file."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.engine.endpoint import Endpoint, claimed, server_folder
from appanalytics.engine.url import WarehouseUrl
from appanalytics.errors import SettingsError, WarehouseLocked, WarehouseUnavailable
from appanalytics.server.access import connection_string, write_configuration
from appanalytics.server.allocator import bound_pools
from appanalytics.server.app import Application
from appanalytics.server.collector import KEYS_FILE, CollectorEndpoint, CollectorOptions, open_collector
from appanalytics.server.connections import Connection, Connections, owner
from appanalytics.server.handler import Facts, Handler
from appanalytics.server.logs import make_logs
from appanalytics.server.own import own_engine
from appanalytics.server.problems import Problem, from_engine
from appanalytics.server.running import Run, Running
from appanalytics.server.sessions import Sessions
from appanalytics.server.users import User, Users, make_users, read_users
from appanalytics.sqltext import identifier, literal

#: The user of the endpoint file, with a password that lives as long as the process.
LOCAL = "local"
_NAME = "appanalytics"
_GRACE_SECONDS = 10
_BACKLOG = 1024
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class ServerOptions:
    """How to serve. ``users`` defaults to ``users.toml`` in the folder beside the data; port 0 is any free one.

    ``memory`` is what all statements together may take, in bytes; ``queries`` how many read, and how many write, at
    once; ``patience`` how many seconds a client may be silent in the middle of its body; ``backups`` the folder that
    backups may be in. With a ``catalog`` and ``collector`` the server also takes events of the catalog's services,
    and days are those of ``zone``.
    """

    url: WarehouseUrl
    host: str = "127.0.0.1"
    port: int = 8123
    users: Path | None = None
    memory: int = 8 << 30
    queries: int = 32
    patience: float = 30
    backups: Path | None = None
    catalog: Catalog | None = None
    zone: ZoneInfo = _UTC
    collector: CollectorOptions | None = None


class Server:
    """A running server. `opened` yields it; ``passwords`` are those of users made just now."""

    def __init__(self, options: ServerOptions) -> None:
        if options.url.path is None:
            raise SettingsError("only a warehouse in a folder can be served", hint="write chdb:///folder")
        self.options = options
        self.folder: Path = options.url.path
        self.beside = server_folder(self.folder)
        self.users_file = options.users or self.beside / "users.toml"
        self.passwords: dict[str, str] = {}
        self.port = 0
        self.key = ""
        self.crashed = False
        self._where = ""
        self._local_password = secrets.token_urlsafe(24)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Own the folder and listen; yields the ASGI server, whose ``run`` blocks until it is told to stop.

        Raises `WarehouseLocked` when another process owns the folder, `SettingsError` for users or addresses that
        would leave the data open, `WarehouseUnavailable` for a port that is taken.
        """
        bound_pools()
        with ExitStack() as stack:
            users = self._users()
            listener = stack.enter_context(self._listener())
            publish = stack.enter_context(claimed(self.folder))
            handler, root = self._engine(users, stack)
            collector = self._collector(users, stack)
            serve = self._server(handler, root, listener, stack, collector)
            listener.listen(_BACKLOG)  # who comes before the server accepts waits, so it may be found from now on
            host = _reachable(self.options.host)
            publish(Endpoint(host, self.port, LOCAL, self._local_password, os.getpid()))
            yield serve

    @property
    def keys_file(self) -> Path:
        """The file of the apps' keys."""
        given = self.options.collector.keys if self.options.collector else None
        return given or self.beside / KEYS_FILE

    def run(self) -> None:
        """Serve until a signal to end."""
        with self.opened() as serve:
            serve()

    def _users(self) -> Users:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.beside.mkdir(exist_ok=True, mode=0o700)
        file = self.users_file
        if not file.exists() and self.options.users is None:
            self.passwords = make_users(file)
        users = Users(read_users(file))
        bare = users.without_password()
        if bare and not _is_loopback(self.options.host):
            text = f"users without a password ({', '.join(bare)}) and an address that others reach"
            raise SettingsError(text, hint=f"give them passwords in {file}, or listen on 127.0.0.1")
        users.add(LOCAL, User(role="admin"), self._local_password)
        return users

    @contextmanager
    def _listener(self) -> Iterator[socket.socket]:
        family = socket.AF_INET6 if ":" in self.options.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((self.options.host, self.options.port))
            except OSError as error:
                where = f"{self.options.host}:{self.options.port}"
                raise WarehouseUnavailable(f"cannot listen on {where}: {error.strerror}", hint="--port") from None
            self.port = listener.getsockname()[1]
            yield listener

    def _engine(self, users: Users, stack: ExitStack) -> tuple[Handler, Connection]:
        database = self.options.url.database
        main = write_configuration(self.beside, users.users, database, self.options.memory, self.options.backups)
        self._where = connection_string(self.folder, main)
        connect = _opener(self._where)
        try:
            root = owner(connect)
        except (Problem, RuntimeError) as error:
            raise _cannot_open(self.folder, error) from error
        stack.callback(root.close)
        root.run(f"CREATE DATABASE IF NOT EXISTS {identifier(database)} ENGINE = Atomic")
        make_logs(root)
        pipes = self.beside / "pipes"
        pipes.mkdir(exist_ok=True, mode=0o700)
        for left in pipes.glob("*.pipe"):
            left.unlink()
        facts = Facts(root.value("SELECT version()"), root.value("SELECT timezone()"), _NAME, database, pipes)
        connections = Connections(connect, users.users)
        sessions = Sessions(connections)
        stack.callback(connections.close)
        stack.callback(sessions.close)
        return Handler(users, connections, sessions, Running(self.options.queries), facts, {}), root

    def own_engine(self) -> Engine:
        """An engine of this process, without HTTP; while the server is open."""
        return own_engine(self._where, self.options.url)

    def _collector(self, users: Users, stack: ExitStack) -> CollectorEndpoint | None:
        options = self.options
        if options.collector is None or options.catalog is None:
            return None
        raw = owner(_opener(self._where))
        stack.callback(raw.close)
        engine = stack.enter_context(closing(self.own_engine()))
        opened = open_collector(
            options.collector, options.catalog, options.zone, self.beside, users, engine, raw.raw, stack
        )
        self.key, self.crashed = opened.key, opened.crashed
        return opened.endpoint

    def _server(
        self,
        handler: Handler,
        root: Connection,
        listener: socket.socket,
        stack: ExitStack,
        collector: CollectorEndpoint | None,
    ) -> Callable[[], None]:
        import uvicorn

        from appanalytics.server.early import Protocol

        lock = threading.Lock()

        def kill(run: Run) -> None:
            with lock:
                root.run(f"KILL QUERY WHERE startsWith(query, {literal(run.tag)}) ASYNC")

        threads = ThreadPoolExecutor(self.options.queries * 4, thread_name_prefix="query")
        stack.callback(threads.shutdown)
        stack.callback(handler.running.stop_all, kill)
        config = uvicorn.Config(
            Application(handler, kill, threads, self.options.patience, collector),
            http=Protocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            timeout_keep_alive=30,
            backlog=_BACKLOG,
        )
        self.asgi = uvicorn.Server(config)
        return lambda: self.asgi.run(sockets=[listener])


def _opener(where: str) -> Callable[[], Any]:
    from chdb import _chdb

    connect: Callable[[str], Any] = getattr(_chdb, "connect")  # noqa: B009  # no stubs
    return lambda: connect(where)


def _cannot_open(folder: Path, error: Exception) -> WarehouseUnavailable:
    known = error if isinstance(error, Problem) else from_engine(error)
    if "EmbeddedServer" in known.message or known.code in (36, 76):
        return WarehouseLocked(f"another process owns the folder {folder}", hint="wait for it to end")
    return WarehouseUnavailable(f"cannot open {folder}: {known.message}")


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # a client's bad form is told to the client
