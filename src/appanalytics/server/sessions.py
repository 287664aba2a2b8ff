"""Sessions: a connection that is kept between requests of one user, with its temporary tables and settings.

A URL's database and settings hold for its request only. They are put back when a later request of the session asks
for others, so that a client that repeats them pays nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from appanalytics.server.connections import Connection, Connections, Profile
from appanalytics.server.problems import Problem
from appanalytics.sqltext import identifier, literal

_MOST = 1000


@dataclass(eq=False)
class Session:
    """A kept connection. ``database`` is the session's own; ``originals`` are what a URL's settings replaced."""

    connection: Connection
    database: str
    until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)
    settings: dict[str, str] = field(default_factory=dict)
    originals: dict[str, str] = field(default_factory=dict)
    used: str = ""

    def wear(self, settings: Mapping[str, str], database: str) -> None:
        """Apply a request's settings and database, and take off those of the one before."""
        if any(self.settings.get(name) != value for name, value in settings.items()) or len(settings) < len(
            self.settings
        ):
            self.undress()
            for name in settings:
                self.originals[name] = self._value(name)
            self.connection.set(settings)
            self.settings = dict(settings)
        wanted = database or self.database
        if wanted != (self.used or self.database):
            self.connection.run(f"USE {identifier(wanted)}")
            self.used = wanted

    def undress(self) -> None:
        """Put the session's own settings back."""
        if self.settings:
            self.connection.set(self.originals)
        self.settings, self.originals = {}, {}

    def remember(self) -> None:
        """After USE: the database in use is the session's own."""
        self.database = self.used = self.connection.value("SELECT currentDatabase()")

    def _value(self, name: str) -> str:
        found = self.connection.run(f"SELECT value FROM system.settings WHERE name = {literal(name)}", "RawBLOB")
        return str(found.bytes().decode("utf-8", "replace"))


class Sessions:
    """All sessions, by user and name."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str], Session] = {}

    @contextmanager
    def enter(self, profile: Profile, name: str, timeout: int, must_exist: bool) -> Iterator[Session]:
        """Hold a session for one request.

        Raises `Problem` when another request holds it (373), when it must exist and does not (372), and when there
        are too many.
        """
        key = (profile.name, name)
        with self._lock:
            self._sweep()
            session = self._sessions.get(key)
            if session is None:
                if must_exist:
                    raise Problem(372, f"Session {name} not found", "SESSION_NOT_FOUND")
                if len(self._sessions) >= _MOST:
                    raise Problem(202, "Too many sessions", "TOO_MANY_SIMULTANEOUS_QUERIES")
                plain = Profile(profile.name, profile.database)
                session = self._sessions[key] = Session(self._connections.open(plain), profile.database)
            if not session.lock.acquire(blocking=False):
                raise Problem(373, f"Session {name} is locked by a concurrent client", "SESSION_IS_LOCKED")
            session.until = float("inf")
        try:
            yield session
        finally:
            session.until = time.monotonic() + timeout
            session.lock.release()

    def close(self) -> None:
        """Close every session that no request holds."""
        with self._lock:
            for session in self._sessions.values():
                if session.lock.acquire(blocking=False):
                    session.connection.close()
            self._sessions.clear()

    def _sweep(self) -> None:
        now = time.monotonic()
        for key, session in list(self._sessions.items()):
            if session.until < now and session.lock.acquire(blocking=False):
                session.connection.close()
                del self._sessions[key]
