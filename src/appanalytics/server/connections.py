"""Connections to the embedded engine: opened as one user, and kept for the next request that wants the same.

A connection carries a role, a database and settings. Making one costs a few statements, so a used one waits for a
request of the same profile; what changed its connection is closed instead.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from appanalytics.server.access import OWNER, role_of
from appanalytics.server.problems import Problem, from_engine
from appanalytics.server.users import User
from appanalytics.sqltext import identifier, literal

_KEPT = 64


@dataclass(frozen=True, slots=True)
class Profile:
    """As whom, where and with which settings a connection works."""

    name: str
    database: str
    settings: tuple[tuple[str, str], ...] = ()


class Connection:
    """One connection of the engine. ``spoilt`` means that it must not serve another request."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.spoilt = False

    def run(self, sql: str, shape: str = "Null", parameters: Mapping[str, str] | None = None) -> Any:
        """Run a statement and return the engine's result; raises `Problem`."""
        try:
            return self.raw.query(sql, shape, params=dict(parameters or {}))
        except Exception as error:
            raise from_engine(error) from None

    def value(self, sql: str) -> str:
        """The first line of a result."""
        return str(self.run(sql, "TSVRaw").bytes().decode("utf-8", "replace")).partition("\n")[0]

    def set(self, settings: Mapping[str, str]) -> None:
        """Set settings, all or none."""
        if settings:
            self.run("SET " + ", ".join(f"{identifier(name)} = {literal(value)}" for name, value in settings.items()))

    def close(self) -> None:
        """Give the connection back to the engine."""
        self.raw.close()


class Connections:
    """Opens connections and keeps idle ones by profile."""

    def __init__(self, connect: Callable[[], Any], users: Mapping[str, User], kept: int = _KEPT) -> None:
        self._connect = connect
        self._users = users
        self._kept = kept
        self._lock = threading.Lock()
        self._idle: OrderedDict[int, tuple[Profile, Connection]] = OrderedDict()

    def open(self, profile: Profile) -> Connection:
        """A new connection of that profile; raises `Problem` for an unknown database or setting."""
        connection = Connection(self._connect())
        try:
            prepare(connection, profile, self._users[profile.name])
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def lease(self, profile: Profile, *, fresh: bool = False) -> Iterator[Connection]:
        """A connection of that profile for the time of one request."""
        connection = (None if fresh else self._take(profile)) or self.open(profile)
        try:
            yield connection
        except BaseException:
            connection.spoilt = True
            raise
        finally:
            if connection.spoilt or fresh:
                connection.close()
            else:
                self._keep(profile, connection)

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, OrderedDict()
        for _, connection in idle.values():
            connection.close()

    def _take(self, profile: Profile) -> Connection | None:
        with self._lock:
            for key, (kept, connection) in reversed(self._idle.items()):
                if kept == profile:
                    del self._idle[key]
                    return connection
        return None

    def _keep(self, profile: Profile, connection: Connection) -> None:
        with self._lock:
            self._idle[id(connection)] = (profile, connection)
            oldest = self._idle.popitem(last=False)[1][1] if len(self._idle) > self._kept else None
        if oldest is not None:
            oldest.close()


def prepare(connection: Connection, profile: Profile, user: User) -> None:
    """Make a new connection the user's: role, limits that hold, the client's settings, the database."""
    connection.run(f"SET ROLE {role_of(profile.name)}")
    connection.set({name: str(value) for name, value in user.limits().items()})
    connection.run(f"SET profile = '{role_of(profile.name)}'")
    connection.set(dict(profile.settings))
    if user.reads_only:
        connection.run("SET readonly = 2")
    if profile.database:
        connection.run(f"USE {identifier(profile.database)}")


@contextmanager
def as_owner(connection: Connection, name: str) -> Iterator[None]:
    """For a moment without the user's restrictions, to put what the request itself brought into a temporary table."""
    connection.run(f"SET ROLE {OWNER}")
    try:
        yield
    finally:
        connection.run(f"SET ROLE {role_of(name)}")


def owner(connect: Callable[[], Any]) -> Connection:
    """A connection of the server's own, with every right."""
    connection = Connection(connect())
    connection.run(f"SET ROLE {OWNER}")
    return connection


__all__ = ["Connection", "Connections", "Problem", "Profile", "as_owner", "owner", "prepare"]
