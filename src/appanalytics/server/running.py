"""Statements under way: their names, who runs them, how many at once, and how they are stopped."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from appanalytics.server.problems import Problem
from appanalytics.server.users import User

#: SQL that finds the client's query id in a statement's text, because the engine gives ids of its own.
QUERY_ID = "decodeURLComponent(extract(query, '^/\\\\*[^:]*:([^*]*)\\\\*/'))"
#: SQL that finds the user there.
USER = "extract(query, '^/\\\\*([^:*]*):')"


@dataclass(eq=False)
class Run:
    """One statement under way. ``tag`` is the comment that stands before it in the engine's lists."""

    user: str
    query_id: str
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def tag(self) -> str:
        """A comment that names user and query."""
        return f"/*{self.user}:{quote(self.query_id, safe='')}*/ "


class Lane:
    """Places for statements of one kind: some run, some wait, more are refused."""

    def __init__(self, places: int, waiting: int, seconds: float) -> None:
        self._free = threading.BoundedSemaphore(places)
        self._queue = threading.BoundedSemaphore(places + waiting)
        self._seconds = seconds

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; raises `Problem` (202) when too many wait or it takes too long."""
        if not self._queue.acquire(blocking=False):
            raise _too_many()
        try:
            if not self._free.acquire(timeout=self._seconds):
                raise _too_many()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._queue.release()


class Running:
    """All statements under way. Reads and writes have places of their own, so neither waits for the other."""

    def __init__(self, places: int, seconds: float = 30) -> None:
        self.reads = Lane(places, places, seconds)
        self.writes = Lane(places, places, seconds)
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._by_user: Counter[str] = Counter()

    @contextmanager
    def enter(self, name: str, user: User, query_id: str) -> Iterator[Run]:
        """Register a statement; raises `Problem` for a name that is taken (216) and for too many of a user (202)."""
        run = Run(name, query_id or str(uuid.uuid4()))
        with self._lock:
            if run.query_id in self._runs:
                text = f"Query with id = {run.query_id} is already running"
                raise Problem(216, text, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING")
            if self._by_user[name] >= user.max_queries:
                raise _too_many(f" of the user {name}: at most {user.max_queries}")
            self._runs[run.query_id] = run
            self._by_user[name] += 1
        try:
            yield run
        finally:
            with self._lock:
                del self._runs[run.query_id]
                self._by_user[name] -= 1

    def stop_all(self, kill: Callable[[Run], None]) -> None:
        """Stop every statement, because the server ends."""
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stopped.set()
            kill(run)

    def __len__(self) -> int:
        return len(self._runs)


def _too_many(what: str = "") -> Problem:
    return Problem(202, f"Too many simultaneous queries{what}", "TOO_MANY_SIMULTANEOUS_QUERIES")
