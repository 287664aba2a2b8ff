"""A real server in a process of its own, for tests: `appanalytics serve` on a fresh folder and any free port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import urllib3

from appanalytics.engine.endpoint import find_endpoint
from appanalytics.server.passwords import hashed

DATABASE = "appanalytics"
_PROGRAM = "import sys; from appanalytics.cli import main; main(['serve', '--port', '0', '--warehouse', sys.argv[1]])"
_PASSWORD = "secret"


@dataclass
class Served:
    """A running server; users' passwords are all ``secret``."""

    folder: Path
    port: int
    process: subprocess.Popen[str]

    def url(self, user: str = "admin", database: str = DATABASE, password: str = _PASSWORD) -> str:
        """A warehouse URL for a user."""
        return f"http://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def ask(
        self,
        sql: str | bytes,
        user: str = "admin",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
        timeout: float = 30,
        **fields: str,
    ) -> urllib3.BaseHTTPResponse:
        """One request as it is, nothing retried, nothing decoded."""
        given = {"X-ClickHouse-User": user, "X-ClickHouse-Key": _PASSWORD, **(headers or {})}
        body = sql.encode() if isinstance(sql, str) else sql
        url = f"http://127.0.0.1:{self.port}/?{urlencode(fields)}"
        http = urllib3.PoolManager(retries=False, timeout=timeout)
        return http.request(method, url, body=body, headers=given, decode_content=False)

    def text(self, sql: str | bytes, user: str = "admin", **fields: str) -> str:
        """The answer of a statement that must succeed."""
        response = self.ask(sql, user, **fields)
        assert response.status == 200, response.data
        return response.data.decode()

    def code(self, sql: str | bytes, user: str = "admin", **fields: str) -> int:
        """ClickHouse's code of a statement that must fail; never a failure of the server."""
        response = self.ask(sql, user, **fields)
        assert response.status != 200, response.data
        assert response.status != 500, response.data
        return int(response.headers["X-ClickHouse-Exception-Code"])

    def settle(self) -> None:
        """Wait until everything that the collector acknowledged is in the tables."""
        wait_for_collector(f"http://127.0.0.1:{self.port}", f"admin.{_PASSWORD}")


def wait_for_collector(url: str, key: str) -> None:
    """Wait until a collector's tables have what it acknowledged; fails after half a minute."""
    deadline = time.monotonic() + 30
    while urllib3.request("GET", f"{url}/v1/status", headers={"Authorization": f"Bearer {key}"}).json()["waiting"]:
        assert time.monotonic() < deadline, "the collector does not store what it acknowledged"
        time.sleep(0.02)


@contextmanager
def served(folder: Path, users: Mapping[str, Mapping[str, object]], **settings: str) -> Iterator[Served]:
    """Serve a folder to users that are given as the users' file has them; ``settings`` are of the server.

    A folder that was served before keeps its users.
    """
    beside = folder.with_name(folder.name + ".server")
    if not beside.exists():
        beside.mkdir(mode=0o700)
        _write_users(beside / "users.toml", users)
    log = beside / "log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, f"chdb://{folder}"],
            stdout=subprocess.DEVNULL,
            stderr=errors,  # a pipe that nobody reads would fill and stop the server
            text=True,
            cwd=folder.parent,
            env=os.environ | {f"APPANALYTICS_SERVER__{name.upper()}": value for name, value in settings.items()},
        ) as process,
    ):
        try:
            yield Served(folder, _port(folder, process), process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _write_users(file: Path, users: Mapping[str, Mapping[str, object]]) -> None:
    secret = hashed(_PASSWORD)
    lines = []
    for name, values in users.items():
        rows: dict[str, str] = dict(values).pop("rows", {})  # type: ignore[assignment]
        lines += [f"[{name}]", f'password = "{secret}"']
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items() if key != "rows"]
        lines += [f"[{name}.rows]", *(f"{key} = {json.dumps(value)}" for key, value in rows.items())] if rows else []
    file.write_text("\n".join(lines))
    file.chmod(0o600)


def _port(folder: Path, process: subprocess.Popen[str]) -> int:
    for _ in range(600):
        found = find_endpoint(folder)
        if found is not None:
            return found.port
        if process.poll() is not None:
            raise AssertionError((folder.with_name(folder.name + ".server") / "log").read_text())
        time.sleep(0.1)
    raise AssertionError("the server did not start")
