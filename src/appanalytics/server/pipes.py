"""Results in formats that have a beginning and an end, streamed: the engine writes into a named pipe.

Handed out block by block, the engine would write such a format's frame round every block.
"""

from __future__ import annotations

import fcntl
import os
import select
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_SIZE = 1 << 20


def piped(folder: Path, write: Callable[[str], Any]) -> Iterator[bytes]:
    """Yield what ``write`` puts into the pipe whose path it is given; raises what ``write`` raises.

    ``write`` runs in a thread of its own. When the reader stops early, the rest is read and thrown away, because the
    engine would wait for ever on a full pipe; the caller stops the statement.
    """
    path = folder / f"{uuid.uuid4().hex}.pipe"
    os.mkfifo(path, 0o600)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    ended, end = os.pipe()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            write(str(path))
        except BaseException as error:
            failed.append(error)
        finally:
            os.close(end)

    thread = threading.Thread(target=work, daemon=True)
    try:
        fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, _SIZE)
        thread.start()
        yield from _read(reading, ended)
        thread.join()
        if failed:
            raise failed[0]
    finally:
        if thread.is_alive():
            for _ in _read(reading, ended):
                pass
            thread.join()
        os.close(reading)
        os.close(ended)
        path.unlink()


def _read(reading: int, ended: int) -> Iterator[bytes]:
    """Whatever comes until the writer's thread has ended."""
    watch = select.poll()
    watch.register(reading, select.POLLIN)
    watch.register(ended, select.POLLIN)
    while True:
        events = dict(watch.poll())
        if events.get(reading, 0) & select.POLLIN:
            while piece := _piece(reading):
                yield piece
        elif ended in events:
            return
        elif reading in events:
            watch.poll(1)  # nobody has opened the pipe yet, or the writer has closed it and is about to end


def _piece(reading: int) -> bytes:
    try:
        return os.read(reading, _SIZE)
    except BlockingIOError:
        return b""
