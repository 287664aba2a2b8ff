"""Airflow for real: its programs under supervisord, our server, the emulated Bot API; everything over REST."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.telegram_emulator import TOKEN, Emulator
from tests.integration.telegram_emulator import start as start_telegram

from appanalytics.app import App, open_app
from appanalytics.jobs.demo import run_demo
from appanalytics.jobs.parts import Supervisor
from appanalytics.jobs.parts.airflow import Airflow
from appanalytics.jobs.parts.server import server_part
from appanalytics.jobs.whole import start, stop
from appanalytics.settings import load_settings
from appanalytics.warehouse.report_table import build_report_table

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
DAGS = {path.stem for path in (ROOT / "src/appanalytics/dags").glob("*.py")} - {"__init__"}
PICTURES = ROOT / "build" / "e2e"
_SQL = "SELECT * FROM report_daily WHERE event_date >= {first:Date} ORDER BY ALL"


@dataclass
class Running:
    """Airflow, its REST API, the warehouse behind the server, and the chats."""

    airflow: Airflow
    api: httpx.Client
    app: App
    telegram: Emulator
    supervisor: Supervisor
    until: date

    def trigger(self, dag: str, **conf: Any) -> str:
        reply = self.api.post(f"/dags/{dag}/dagRuns", json={"logical_date": None, "conf": conf})
        assert reply.status_code == 200, reply.text
        return str(reply.json()["dag_run_id"])

    def state(self, dag: str, run: str) -> str:
        return str(self.api.get(f"/dags/{dag}/dagRuns/{run}").json()["state"])

    def finished(self, dag: str, run: str, seconds: float = 240) -> str:
        end = time.monotonic() + seconds
        while (state := self.state(dag, run)) not in ("success", "failed"):
            assert time.monotonic() < end, f"{dag} {run}: {state}; {self.tries(dag, run)}"
            time.sleep(0.5)
        return state

    def tries(self, dag: str, run: str) -> dict[str, tuple[str, int]]:
        tasks = self.api.get(f"/dags/{dag}/dagRuns/{run}/taskInstances").json()["task_instances"]
        return {f"{each['task_id']}[{each['map_index']}]": (each["state"], each["try_number"]) for each in tasks}

    def log(self, dag: str, run: str, task: str, attempt: int = 1) -> str:
        return self.api.get(f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}").text

    def rows(self, first: date) -> list[dict[str, Any]]:
        return self.app.engine.rows(_SQL, {"first": first})

    def backfill(self, first: date, last: date, *options: str) -> None:
        """A range of days by one command; returns when all of them are done."""
        dates = ("--from-date", f"{first}", "--to-date", f"{last}T23:59:59")
        self.airflow.run("backfill", "create", "--dag-id", "daily_tables", *dates, *options)
        end = time.monotonic() + 600
        while not (self.backfills_done() and all(run["state"] == "success" for run in self.runs("daily_tables"))):
            assert time.monotonic() < end, self.runs("daily_tables")
            assert not [run for run in self.runs("daily_tables") if run["state"] == "failed"]
            time.sleep(1)

    def backfills_done(self) -> bool:
        made = self.api.get("/backfills", params={"dag_id": "daily_tables"}).json()["backfills"]
        return all(each["completed_at"] for each in made)

    def runs(self, dag: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get(f"/dags/{dag}/dagRuns", params={"limit": 100}).json()["dag_runs"]
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, unused_ports: tuple[int, int]) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("airflow")
    telegram = Emulator()
    with start_telegram(telegram) as web:
        config = folder / "appanalytics.toml"
        config.write_text(
            f"""[reporting]
timezone = "Europe/Moscow"
[server]
port = {unused_ports[0]}
rollup_every = "off"
[airflow]
port = {unused_ports[1]}
venv = "{ROOT / ".venv-airflow"}"
[telegram]
token = "{TOKEN}"
chat_id = "-100123"
base_url = "{telegram.url}"
[schedule]
anomaly_alerts = "off"
"""
        )
        config.chmod(0o600)
        loaded = load_settings(config, environ={})
        with open_app(config=config, create=True) as app:
            outcome = run_demo(app, users=600, days=21, seed=3)
            app.engine.execute("TRUNCATE TABLE report_daily")
        supervisor = Supervisor(loaded.path(loaded.settings.parts.folder))
        try:
            told = start(loaded, ["server", "airflow"])
            assert not told.missing
            airflow = Airflow(loaded)
            with open_app(config=config) as app, httpx.Client(base_url=f"{airflow.url}/api/v2", timeout=60) as api:
                token = httpx.post(
                    f"{airflow.url}/auth/token", json={"username": "admin", "password": airflow.password}, timeout=60
                )
                api.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
                yield Running(airflow, api, app, telegram, supervisor, outcome.world.until)
        finally:
            stop(loaded)
            web.shutdown()


@pytest.fixture(scope="module")
def unused_ports() -> tuple[int, int]:
    import socket

    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture(scope="module")
def direct(running: Running) -> list[dict[str, Any]]:
    """The last week computed in one go, and taken away again."""
    app = running.app
    build_report_table(app.engine, app.layout, app.window(running.until - timedelta(days=7), running.until, None))
    rows = running.rows(running.until - timedelta(days=7))
    assert len({row["event_date"] for row in rows}) == 7
    app.engine.execute("TRUNCATE TABLE report_daily")
    return rows


def test_all_dags_are_there_and_on(running: Running) -> None:
    end = time.monotonic() + 120
    while len(dags := running.api.get("/dags").json()["dags"]) < len(DAGS):
        assert time.monotonic() < end, dags
        time.sleep(1)
    assert {dag["dag_id"] for dag in dags} == DAGS
    assert not [dag["dag_id"] for dag in dags if dag["is_paused"]]
    assert running.api.get("/importErrors").json()["import_errors"] == []


def test_a_week_backfilled_equals_the_week_computed_at_once_in_any_order(
    running: Running, direct: list[dict[str, Any]]
) -> None:
    first, last = running.until - timedelta(days=7), running.until - timedelta(days=1)
    # The schedule does the last day by itself; the rest is a backfill.
    running.backfill(first, last)
    assert running.rows(first) == direct
    running.backfill(last - timedelta(days=2), last, "--run-backwards", "--reprocess-behavior", "completed")
    assert running.rows(first) == direct


def test_a_day_by_hand_changes_nothing_the_second_time(running: Running, direct: list[dict[str, Any]]) -> None:
    day = running.until - timedelta(days=2)
    run = running.trigger("daily_tables", day=day.isoformat())
    assert running.finished("daily_tables", run) == "success", running.tries("daily_tables", run)
    assert running.rows(running.until - timedelta(days=7)) == direct
    shown = running.tries("daily_tables", run)
    assert {"extract_feed[-1]", "extract_messages[-1]", "merge[-1]", "make_slice[0]", "make_slice[2]"} <= set(shown)


def test_the_report_arrives_once(running: Running, direct: list[dict[str, Any]]) -> None:
    day = (running.until - timedelta(days=4)).isoformat()  # one that the schedule did not send by itself
    before = len(running.telegram.delivered)
    dry = running.trigger("daily_report", day=day, dry_run=True)
    assert running.finished("daily_report", dry) == "success"
    assert len(running.telegram.delivered) == before
    for _ in range(2):
        run = running.trigger("daily_report", day=day)
        assert running.finished("daily_report", run) == "success", running.tries("daily_report", run)
        assert len(running.telegram.delivered) == before + 1


def test_other_routines_are_green(running: Running) -> None:
    for dag in sorted(DAGS - {"daily_tables", "daily_report"}):
        run = running.trigger(dag)
        assert running.finished(dag, run) == "success", (dag, running.tries(dag, run))


def test_mistakes_are_told_in_a_line(running: Running) -> None:
    reply = running.api.post("/dags/daily_tables/dagRuns", json={"logical_date": None, "conf": {"day": "tomorrow"}})
    assert reply.status_code == 400
    assert "tomorrow" in reply.text
    run = running.trigger("daily_report", day="2026-11-22", chats=["nobody"])
    assert running.finished("daily_report", run, 300) in ("failed", "success")
    assert running.tries("daily_report", run)["send[-1]"] == ("failed", 1), "a mistake is not tried again"
    assert "there is no chat 'nobody'" in running.log("daily_report", run, "send")


def test_a_server_that_is_down_is_waited_for(running: Running, direct: list[dict[str, Any]]) -> None:
    """The task fails with one line, is tried again, and the day is whole."""
    pid = next(state.pid for state in running.supervisor.states() if state.name == "server")
    loaded = running.airflow.loaded
    day = running.until - timedelta(days=3)
    running.supervisor.pause("server")
    run = running.trigger("daily_tables", day=day.isoformat())
    end = time.monotonic() + 120
    while not any(state == "up_for_retry" for state, _ in running.tries("daily_tables", run).values()):
        assert time.monotonic() < end, running.tries("daily_tables", run)
        time.sleep(0.5)
    running.supervisor.start([server_part(loaded)])
    assert running.finished("daily_tables", run) == "success", running.tries("daily_tables", run)
    assert pid != next(state.pid for state in running.supervisor.states() if state.name == "server")
    with open_app(config=loaded.file) as app:
        assert app.engine.rows(_SQL, {"first": running.until - timedelta(days=7)}) == direct


def test_the_grid_as_a_picture(running: Running) -> None:
    from playwright.sync_api import sync_playwright

    chromium = "/usr/bin/chromium"
    if not Path(chromium).exists():
        pytest.skip("no Chromium here")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(running.airflow.url, timeout=60_000)
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", running.airflow.password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/*", timeout=60_000)
        page.goto(f"{running.airflow.url}/dags/daily_tables", timeout=60_000)
        page.get_by_text("extract_feed").first.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        page.screenshot(path=str(PICTURES / "airflow-daily_tables.png"))
        page.goto(f"{running.airflow.url}/dags", timeout=60_000)
        page.get_by_text("daily_report").first.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        page.screenshot(path=str(PICTURES / "airflow-dags.png"))
        browser.close()
    assert (PICTURES / "airflow-dags.png").stat().st_size > 10_000
