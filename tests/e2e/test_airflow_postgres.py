"""Airflow's metadata in a Postgres of this machine, by one setting."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.e2e.airflow_stand import free_port, stand

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def postgres() -> Iterator[str]:
    """Address of an empty database of a Postgres that lives as long as the test."""
    programs = {name: shutil.which(name) for name in ("initdb", "pg_ctl")}
    if None in programs.values():
        pytest.skip("no Postgres here: initdb and pg_ctl are needed")
    user = None
    if os.getuid() == 0:  # Postgres refuses to be run by root
        user = next((each.pw_name for each in pwd.getpwall() if each.pw_name in ("postgres", "nobody")), None)
        if user is None:
            pytest.skip("root cannot run Postgres, and there is neither a user postgres nor nobody")
    folder, port = Path(tempfile.mkdtemp(prefix="pg")), free_port()
    if user is not None:
        shutil.chown(folder, user)
        folder.chmod(0o700)

    def run(name: str, *words: str) -> None:
        done = subprocess.run(
            [str(programs[name]), *words], user=user, cwd="/", timeout=120, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "airflow", "--auth", "trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-D", data, "-l", str(folder / "log"), "-w", "-o", options, "start")
    try:
        yield f"postgresql://airflow:secret-of-the-test@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def test_metadata_in_postgres(tmp_path: Path, postgres: str) -> None:
    with stand(tmp_path, f'database = "{postgres}"', users=300, days=10) as running:
        day = running.until - timedelta(days=2)
        running.succeeds("daily_tables", running.trigger("daily_tables", day=f"{day}"))
        assert [row for row in running.rows() if row["event_date"] == day] == [
            row for row in running.direct if row["event_date"] == day
        ]
        told = running.airflow.run("db", "check")
        assert "secret-of-the-test" not in told
        assert not (running.airflow.home / "airflow.db").exists()
