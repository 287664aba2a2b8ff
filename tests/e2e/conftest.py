"""One real Superset beside one real server with a small simulated warehouse, for all tests of dashboards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.e2e.guard import guarded
from tests.e2e.oracle import Oracle
from tests.integration.served import Served, served
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from appanalytics.app import App, open_app
from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.plan import apply
from appanalytics.jobs.dashboards import (
    bundle_of,
    connection_of,
    log_in,
    prepare_superset,
    running_superset,
    state_file,
    superset_url,
)
from appanalytics.jobs.demo_routine import fill_routine
from appanalytics.jobs.quality import check_everything
from appanalytics.settings import Loaded, load_settings

ROOT = Path(__file__).resolve().parents[2]
USERS = {"admin": {"role": "admin"}, "superset": {"role": "reader", "max_seconds": 60, "max_queries": 32}}
_CLI = "import sys; from appanalytics.cli import main; main(sys.argv[1:])"


class TogetherScheduling(LoadFileScheduling):
    """A file is run by one worker, and all files that ask Superset by the same one: it takes minutes to set up."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "superset" if "test_dashboards" in file else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TogetherScheduling:
    """How `pytest -n` shares these tests out."""
    return TogetherScheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def nothing_stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests start dies with them, also by Ctrl-C."""
    with guarded(tmp_path_factory.getbasetemp()):
        yield


@dataclass(frozen=True)
class Stand:
    """Everything that runs. ``pictures`` is where screenshots are kept."""

    server: Served
    config: Path
    loaded: Loaded
    url: str
    pictures: Path

    def log_in(self) -> Superset:
        """A session with Superset."""
        return log_in(self.loaded)

    def open(self) -> App:
        """The warehouse as `query` sees it."""
        return open_app(config=self.config)

    def fill(self) -> None:
        """What jobs store: the demo's experiment, judged bins, checks, and an incident that goes on."""
        with self.open() as app:
            fill_routine(app)
            check_everything(app, app.today() - timedelta(days=1))
        self.server.text(
            "INSERT INTO incidents SELECT '1-views', 'metric', 'firing', 'critical', 'down', 'views', '',"
            " toStartOfHour(now()) - 7200, toStartOfHour(now()), toStartOfHour(now()) - 3600, now(), 50, 100, -2.5,"
            ' \'[{"metric": "views", "slice": ""}]\', \'\', 1'
        )

    def stream(self) -> None:
        """Events of today up to now: those of yesterday a day later, as they would have come."""
        for table in ("feed_actions", "message_actions"):
            newest = f"(SELECT greatest(max(time), toStartOfDay(now())) FROM {table} WHERE time <= now())"
            self.server.text(
                f"INSERT INTO {table} SELECT * REPLACE(old.time + toIntervalDay(1) AS time) FROM {table} AS old"
                f" WHERE old.time > {newest} - toIntervalDay(1) AND old.time <= now() - toIntervalDay(1)"
            )


@pytest.fixture(scope="session")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """The stand; the warehouse ends yesterday, and today's events are those streamed in."""
    if not (ROOT / ".venv-superset" / "bin" / "superset").exists():
        pytest.fail("Superset is not installed: make superset-venv")
    folder = tmp_path_factory.mktemp("stand")
    warehouse = folder / "warehouse"
    for words in (["simulate", "--users", "3000", "--days", "75"], ["rollup"]):
        command = [sys.executable, "-c", _CLI, *words, "--warehouse", f"chdb://{warehouse}"]
        done = subprocess.run(command, cwd=folder, timeout=900, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
    with served(warehouse, USERS, rollup_every="off") as server:
        config = folder / "appanalytics.toml"
        config.touch(mode=0o600)
        config.write_text(
            f'[warehouse]\nurl = "{server.url()}"\n[superset]\nport = {_free_port()}\n'
            f'venv = "{ROOT}/.venv-superset"\n'
            f'folder = "{folder}/superset"\nwarehouse = "{server.url("superset")}"\n'
        )
        loaded = load_settings(config, environ={})
        if ready := os.environ.get("SUPERSET_FOLDER"):  # one that was set up before; saves minutes
            shutil.copytree(
                ready, folder / "superset", ignore=shutil.ignore_patterns("cache", "*.log", "applied.json")
            )
        else:
            assert prepare_superset(loaded), "the admin's password is shown at the first start"
        assert prepare_superset(loaded) is None, "and never again"
        pictures = ROOT / "build" / "e2e"
        pictures.mkdir(parents=True, exist_ok=True)
        with running_superset(loaded), running_superset(loaded):  # a second start is harmless
            made = Stand(server, config, loaded, superset_url(loaded), pictures)
            made.fill()  # before rows that nobody marks: experiments want to know which days are rolled up
            made.stream()
            with made.log_in() as superset:
                apply(superset, bundle_of(loaded), connection_of(loaded), state_file(loaded))
            yield made


@pytest.fixture(scope="session")
def oracle(stand: Stand) -> Oracle:
    """All users' days up to yesterday."""
    with stand.open() as app:
        return Oracle.read(app.engine, datetime.now(UTC).date())


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
