"""A lock that all processes of one warehouse share, kept in the warehouse itself.

ClickHouse has no advisory locks, but ``CREATE TABLE`` succeeds once: whoever makes the table ``lock_<name>``, with
who he is as its comment, holds the lock, tells every few seconds that he is alive, and drops the table at the
end. A holder that has been silent for a whole lease is dead, and his lock is taken. Between processes of an
embedded engine's folder that cannot happen: its owner is alive or the folder is nobody's, so a lock left by an
earlier owner is void at once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from appanalytics.engine import Engine, connect
from appanalytics.errors import EngineError, IntegrityError
from appanalytics.progress import Progress, silent
from appanalytics.sqltext import literal

#: Seconds of silence after which a holder is taken for dead, and seconds between his signs of life.
LEASE, BEAT = 60.0, 10.0
#: Seconds between two looks at a lock that another holds.
_PAUSE = 0.2
_TABLE_EXISTS, _UNKNOWN_TABLE = 57, 60
_OWNER = f"owner-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class _Held:
    """Who holds a lock, and seconds since his last sign of life."""

    holder: str
    silent: float


@dataclass
class Lock:
    """A lock that is held. `check` says whether it still is."""

    engine: Engine
    table: str
    holder: str
    lost: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raises `IntegrityError` when another process has taken the lock, because this one was silent too long."""
        held = _read(self.engine, self.table)
        if self.lost.is_set() or held is None or held.holder != self.holder:
            raise IntegrityError(
                f"another process took over {self.table} while this one was paused", hint="run the command again"
            )


@contextlib.contextmanager
def exclusive(engine: Engine, name: str, *, lease: float = LEASE, progress: Progress = silent) -> Iterator[Lock]:
    """Hold the lock ``name`` for the length of the block; waits while another process or thread holds it.

    Raises `EngineError` where the user may not make tables.
    """
    who = _OWNER if engine.url.is_embedded else "client"
    lock = Lock(engine, f"lock_{name}", f"{who}/{secrets.token_hex(6)}")
    _acquire(lock, lease, progress)
    ended = threading.Event()
    signs = threading.Thread(target=_stay_alive, args=(lock, ended, min(BEAT, lease / 4)), daemon=True)
    signs.start()
    try:
        yield lock
    finally:
        ended.set()
        signs.join()
        held = _read(engine, lock.table)
        if held is not None and held.holder == lock.holder:
            engine.execute(f"DROP TABLE IF EXISTS {lock.table} SYNC")


def _acquire(lock: Lock, lease: float, progress: Progress) -> None:
    started = time.monotonic()
    while not _make(lock):
        held = _read(lock.engine, lock.table)
        if held is not None and (_is_void(held.holder, lock) or held.silent > lease):
            _take_away(lock, held)
            continue
        progress(f"wait for {lock.table}", time.monotonic() - started, 0, "s")
        time.sleep(_PAUSE)


def _make(lock: Lock) -> bool:
    """Try to be the one whose ``CREATE TABLE`` succeeds."""
    try:
        lock.engine.execute(
            f"CREATE TABLE {lock.table} (holder String, at DateTime64(3, 'UTC') DEFAULT now64(3))"
            f" ENGINE = MergeTree ORDER BY at COMMENT {literal(lock.holder)}"
        )
    except EngineError as error:
        if error.code == _TABLE_EXISTS:
            return False
        raise
    return True


def _tell(engine: Engine, lock: Lock) -> None:
    engine.execute(f"INSERT INTO {lock.table} (holder) SELECT {{holder:String}}", {"holder": lock.holder})


def _read(engine: Engine, table: str) -> _Held | None:
    """The state of a lock, by the engine's own clock; None while nobody holds it."""
    try:
        rows = engine.rows(
            f"""
            WITH (
                SELECT (any(comment), max(toDateTime64(metadata_modification_time, 3, 'UTC'))) FROM system.tables
                WHERE database = currentDatabase() AND name = {{table:String}}
            ) AS made
            SELECT if(made.1 != '', made.1, argMax(holder, at)) AS holder,
                   dateDiff('millisecond', greatest(max(at), made.2), now64(3)) / 1000 AS silent
            FROM {table}
            """,
            {"table": table},
        )
    except EngineError as error:
        if error.code == _UNKNOWN_TABLE:
            return None
        raise
    return _Held(rows[0]["holder"], float(rows[0]["silent"]))


def _is_void(holder: str, lock: Lock) -> bool:
    """True for a lock of an earlier owner of this process's folder."""
    return lock.engine.url.is_embedded and holder.startswith("owner-") and not holder.startswith(_OWNER)


def _take_away(lock: Lock, dead: _Held) -> None:
    """Remove a dead holder's table. It is renamed first, so that of two who try only one removes it."""
    grave = f"{lock.table}_{secrets.token_hex(4)}"
    with contextlib.suppress(EngineError):  # another was faster
        lock.engine.execute(f"RENAME TABLE {lock.table} TO {grave}")
        found = _read(lock.engine, grave)
        if found is not None and found.holder != dead.holder:  # a living one's: it was made a moment ago
            lock.engine.execute(f"RENAME TABLE {grave} TO {lock.table}")
        else:
            lock.engine.execute(f"DROP TABLE IF EXISTS {grave} SYNC")


def _stay_alive(lock: Lock, ended: threading.Event, pause: float) -> None:
    """Give signs of life on a connection of its own, because the holder's is busy with long statements."""
    if ended.wait(pause):  # most work is over sooner and needs no second connection
        return
    with contextlib.closing(connect(lock.engine.url)) as engine:
        while not lock.lost.is_set():
            try:
                _tell(engine, lock)
            except EngineError as error:
                if error.code == _UNKNOWN_TABLE:
                    lock.lost.set()
            if ended.wait(pause):
                return
