"""Ends what tests started also when their own process is killed.

Airflow, Superset and the parts under supervisord outlive whoever starts them, and pytest-xdist kills its workers on
Ctrl-C without a word, so no fixture is torn down. A process of its own waits at the other end of a pipe. When it
breaks, every program dies whose command line or environment names the temporary folder of the tests.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROUNDS, _PAUSE = 40, 0.25  # a supervisor that is at work may have started another program meanwhile


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """If this process dies inside of the block, what it started in ``folder`` dies, too. Else nothing is done."""
    command = [sys.executable, __file__, str(folder)]
    # A session of its own: Ctrl-C at a terminal goes to a group of processes.
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watcher:
        try:
            yield
        finally:
            watcher.communicate(b".", timeout=30)


def named(folder: str) -> set[int]:
    """Processes, but this one, that have the folder in a word of their command line or in a variable."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            words = (entry / "cmdline").read_bytes().split(b"\0") + (entry / "environ").read_bytes().split(b"\0")
            # Where a shell happened to be says nothing about who started a program.
            if any(folder.encode() in word for word in words if not word.startswith((b"PWD=", b"OLDPWD="))):
                found.add(int(entry.name))
    return found - {os.getpid()}


def _watch(folder: str) -> None:
    if sys.stdin.buffer.read(1):
        return
    quiet = 0
    for _ in range(_ROUNDS):
        left = named(folder)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        quiet = 0 if left else quiet + 1
        if quiet == 3:
            return
        time.sleep(_PAUSE)


if __name__ == "__main__":
    _watch(sys.argv[1])
