"""A real Airflow under supervisord beside our server and the emulated Bot API; everything over REST."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
from tests.e2e.processes import memory_bytes
from tests.integration.telegram_emulator import TOKEN, Emulator
from tests.integration.telegram_emulator import start as start_telegram

from appanalytics.app import App, open_app
from appanalytics.jobs.demo import run_demo
from appanalytics.jobs.parts import Supervisor
from appanalytics.jobs.parts.airflow import Airflow
from appanalytics.jobs.whole import start, stop
from appanalytics.settings import Loaded, load_settings
from appanalytics.warehouse.report_table import build_report_table

ROOT = Path(__file__).resolve().parents[2]
DAGS = {path.stem for path in (ROOT / "src/appanalytics/dags").glob("*.py")} - {"__init__"}
#: Retries wait for 4, 8 and 16 seconds here.
SETTINGS = """[reporting]
timezone = "Europe/Moscow"
[server]
port = {server_port}
rollup_every = "off"
[airflow]
port = {airflow_port}
venv = "{venv}"
{more}
[telegram]
token = "{token}"
chat_id = "-100123"
base_url = "{telegram}"
[schedule]
anomaly_alerts = "off"
retry_seconds = 4
"""
_ROWS = "SELECT * FROM report_daily WHERE event_date >= {first:Date} ORDER BY ALL"


@dataclass
class Stand:
    """Airflow, its REST API, the warehouse behind the server, and the chats.

    Airflow's tasks reach the warehouse by its HTTP address, as from another machine; ``local`` are the settings of
    the server, which owns the warehouse's folder.
    ``direct`` is the report table of the last week, computed in one go before Airflow began; ``seconds`` is how long
    the start took.
    """

    airflow: Airflow
    local: Loaded
    api: httpx.Client
    app: App
    telegram: Emulator
    supervisor: Supervisor
    until: date
    direct: list[dict[str, Any]]
    seconds: float
    peak_bytes: int = field(default=0, init=False)

    @property
    def first(self) -> date:
        """The first day of `direct`."""
        return self.until - timedelta(days=7)

    # --- runs ---

    def trigger(self, dag: str, **conf: Any) -> str:
        reply = self.api.post(f"/dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["dag_run_id"])

    def run(self, dag: str, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/dags/{dag}/dagRuns/{run}").json()
        return found

    def finished(self, dag: str, run: str, seconds: float = 240) -> str:
        """The state in which a run ended."""
        end = time.monotonic() + seconds
        while (state := self.run(dag, run)["state"]) not in ("success", "failed"):
            assert time.monotonic() < end, f"{dag} {run}: {state}; {self.tries(dag, run)}"
            self.weigh()
            time.sleep(0.5)
        return str(state)

    def succeeds(self, dag: str, run: str, seconds: float = 240) -> None:
        assert self.finished(dag, run, seconds) == "success", (dag, self.tries(dag, run))

    def instances(self, dag: str, run: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"/dags/{dag}/dagRuns/{run}/taskInstances").json()[
            "task_instances"
        ]
        return found

    def tries(self, dag: str, run: str) -> dict[str, tuple[str, int]]:
        """State and number of tries by task."""
        return {
            f"{each['task_id']}[{each['map_index']}]": (each["state"], each["try_number"])
            for each in self.instances(dag, run)
        }

    def rests(self, seconds: float = 180) -> None:
        """Returns when no run of any DAG goes on."""
        end = time.monotonic() + seconds
        while active := self.api.get("/dags/~/dagRuns", params={"state": ["running", "queued"]}).json()["dag_runs"]:
            assert time.monotonic() < end, active
            self.weigh()
            time.sleep(0.5)

    def waits_for(self, dag: str, run: str, state: str, task: str = "", seconds: float = 120) -> dict[str, Any]:
        """The first task instance (of a task) that is seen in a state."""
        end = time.monotonic() + seconds
        while True:
            for each in self.instances(dag, run):
                if each["state"] == state and each["task_id"].startswith(task):
                    return each
            assert time.monotonic() < end, (dag, run, state, self.tries(dag, run))
            time.sleep(0.1)

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        return self.api.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}").text

    def runs(self, dag: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"/dags/{dag}/dagRuns", params={"limit": 100}).json()["dag_runs"]
        return found

    def backfill(self, first: date, last: date, *options: str) -> None:
        """A range of days by one command; returns when all of them are done."""
        dates = ("--from-date", f"{first}", "--to-date", f"{last}T23:59:59")
        self.airflow.run("backfill", "create", "--dag-id", "daily_tables", *dates, *options)
        end = time.monotonic() + 600
        while not (self.backfills_done() and all(run["state"] == "success" for run in self.runs("daily_tables"))):
            assert time.monotonic() < end, self.runs("daily_tables")
            assert not [run for run in self.runs("daily_tables") if run["state"] == "failed"]
            self.weigh()
            time.sleep(1)

    def backfills_done(self) -> bool:
        made = self.api.get("/backfills", params={"dag_id": "daily_tables"}).json()["backfills"]
        return all(each["completed_at"] for each in made)

    # --- what came of it ---

    def rows(self) -> list[dict[str, Any]]:
        """The report table of the last week, asked by a connection of its own."""
        with open_app(config=self.airflow.loaded.file) as app:
            return app.engine.rows(_ROWS, {"first": self.first})

    def whole(self) -> None:
        """Have all days of the week in the table, also where a test runs alone."""
        if self.rows() != self.direct:
            window = self.app.window(self.first, self.until, None)
            build_report_table(self.app.engine, self.app.layout, window)

    def told(self, *words: str) -> list[str]:
        """Messages in the chat that have all of these words."""
        return [text for each in self.telegram.sent() if all(word in (text := each["text"]) for word in words)]

    def arrives(self, *words: str, seconds: float = 60) -> None:
        """A message with these words is in the chat, once."""
        end = time.monotonic() + seconds
        while not self.told(*words):
            assert time.monotonic() < end, (words, [each["text"][:200] for each in self.telegram.sent()])
            time.sleep(0.5)
        assert len(self.told(*words)) == 1

    # --- processes ---

    def pids(self) -> list[int]:
        """Airflow's three programs."""
        return [state.pid for state in self.supervisor.states() if state.name.startswith("airflow")]

    def weigh(self) -> None:
        """Note how much memory Airflow's processes have now."""
        self.peak_bytes = max(self.peak_bytes, memory_bytes(self.pids()))

    @contextmanager
    def server_frozen(self) -> Iterator[None]:
        """Our server does not answer inside of the block."""
        (pid,) = [state.pid for state in self.supervisor.states() if state.name == "server" and state.runs]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def stand(folder: Path, more: str = "", *, days: int = 21, users: int = 600) -> Iterator[Stand]:
    """Start everything, wait until every DAG is scheduled, stop it in the end. ``more`` are settings of Airflow."""
    telegram = Emulator()
    web = start_telegram(telegram)
    os.environ["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"] = "0.2"  # tests wait for many short tasks
    config, remote = folder / "appanalytics.toml", folder / "airflow.toml"
    places = {"server_port": free_port(), "airflow_port": free_port(), "venv": ROOT / ".venv-airflow"}
    config.touch(mode=0o600)
    config.write_text(SETTINGS.format(**places, more=more, token=TOKEN, telegram=telegram.url))
    local = load_settings(config, environ={})
    with open_app(config=config, create=True) as app:
        until = run_demo(app, users=users, days=days, seed=3).world.until
        first = until - timedelta(days=7)
        build_report_table(app.engine, app.layout, app.window(first, until, None))
        direct = app.engine.rows(_ROWS, {"first": first})
        app.engine.execute("TRUNCATE TABLE report_daily")
    assert len({row["event_date"] for row in direct}) == 7
    began = time.monotonic()
    try:
        password = start(local, ["server"]).passwords["admin"]
        url = f"http://admin:{password}@127.0.0.1:{places['server_port']}/{local.warehouse().database}"
        remote.touch(mode=0o600)
        remote.write_text(f'{config.read_text()}\n[warehouse]\nurl = "{url}"\nbackups = "{local.backups()}"\n')
        loaded = load_settings(remote, environ={})
        assert not start(loaded, ["airflow"]).missing
        airflow = Airflow(loaded)
        with open_app(config=remote) as app, httpx.Client(base_url=f"{airflow.url}/api/v2", timeout=60) as api:
            user = {"username": "admin", "password": airflow.password}
            token = httpx.post(f"{airflow.url}/auth/token", json=user, timeout=60)
            api.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
            made = Stand(
                airflow,
                local,
                api,
                app,
                telegram,
                Supervisor(loaded.path(loaded.settings.parts.folder)),
                until,
                direct,
                0.0,
            )
            while len(api.get("/dags").json()["dags"]) < len(DAGS):
                assert time.monotonic() < began + 300, api.get("/importErrors").text
                time.sleep(0.5)
            made.seconds = time.monotonic() - began
            yield made
    finally:
        stop(local)
        web.shutdown()
        web.server_close()
