"""The endpoint file: how every other command finds the server that owns an embedded folder.

A server keeps ``<folder>.server/endpoint.json`` (mode 600, so the credential is for the same account of the machine)
and holds a lock on it while it lives. A file without a lock was left by a server that died and means nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from appanalytics.errors import WarehouseLocked

_FILE = "endpoint.json"
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens, and the credential for commands of the same account."""

    host: str
    port: int
    user: str
    password: str
    pid: int


def server_folder(folder: Path) -> Path:
    """The folder of what belongs to the server, beside the data's."""
    return folder.with_name(folder.name + ".server")


def find_endpoint(folder: Path, wait_seconds: float = 15) -> Endpoint | None:
    """The living server that owns a folder, or None; waits for one that is just starting.

    A file that belongs to another account, or that others may read, is not trusted.
    """
    file = server_folder(folder) / _FILE
    for _ in range(max(1, int(wait_seconds / _PAUSE))):
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        with os.fdopen(descriptor, encoding="utf-8") as stream:
            state = os.fstat(descriptor)
            if state.st_uid != os.getuid() or stat.S_IMODE(state.st_mode) & 0o077 or not _is_locked(descriptor):
                return None
            text = stream.read()
        if text:
            try:
                return Endpoint(**json.loads(text))
            except (ValueError, TypeError):
                return None
        time.sleep(_PAUSE)
    return None


def left_by_a_crash(folder: Path) -> bool:
    """True when the last server of a folder did not end well: nobody lives, and its endpoint is still written."""
    file = server_folder(folder) / _FILE
    try:
        return file.stat().st_size > 0 and find_endpoint(folder) is None
    except OSError:
        return False


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


@contextmanager
def claimed(folder: Path) -> Iterator[Callable[[Endpoint], None]]:
    """Claim a folder for a server; yields what publishes its endpoint once it answers.

    Raises `WarehouseLocked` if another server lives. The file is emptied at the end.
    """
    file = server_folder(folder) / _FILE
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            hint = "it is found by itself by every other command"
            raise WarehouseLocked(f"another server owns the folder {folder}", hint=hint) from None
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        try:
            yield lambda endpoint: _write(descriptor, endpoint)
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _write(descriptor: int, endpoint: Endpoint) -> None:
    os.pwrite(descriptor, json.dumps(asdict(endpoint)).encode(), 0)
