"""A Postgres of this machine that lives as long as a test, also where the tests are run by root."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest


@contextmanager
def fresh_postgres(owner: str) -> Iterator[str]:
    """An empty cluster on loopback that believes everyone; yields its port. Skips where there is no Postgres."""
    programs = {name: shutil.which(name) for name in ("initdb", "pg_ctl")}
    if None in programs.values():
        pytest.skip("Postgres (initdb, pg_ctl) is not on PATH")
    folder, user, port = Path(tempfile.mkdtemp(prefix="pg")), _runner(), _free_port()
    if user is not None:
        shutil.chown(folder, user)
        folder.chmod(0o700)

    def run(name: str, *words: str) -> None:
        done = subprocess.run(
            [str(programs[name]), *words], user=user, cwd="/", timeout=120, check=False,
            env={**os.environ, "LC_ALL": "C"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    data = str(folder / "data")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    try:
        run("initdb", "-D", data, "-U", owner, "--auth", "trust", "--no-sync", "-E", "UTF8")
        run("pg_ctl", "-D", data, "-l", str(folder / "log"), "-w", "-t", "60", "-o", options, "start")
        try:
            yield port
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _runner() -> str | None:
    """Postgres refuses to be run by root; then by another user of the machine."""
    if os.getuid() != 0:
        return None
    user = next((each.pw_name for each in pwd.getpwall() if each.pw_name in ("postgres", "nobody")), None)
    return user or pytest.skip("root cannot run Postgres, and there is neither a user postgres nor nobody")


def _free_port() -> str:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
