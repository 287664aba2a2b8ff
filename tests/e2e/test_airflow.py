"""Airflow for real: a week of days in any order, the report once, and everything that can go wrong on the way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.e2e.airflow_stand import DAGS, ROOT, Stand, stand
from tests.e2e.processes import cpu_seconds, tree
from tests.integration.telegram_emulator import TOKEN

from appanalytics.jobs.parts.server import server_part
from appanalytics.locales import locale_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

PICTURES = ROOT / "build" / "e2e"
#: A DAG of a team's own, whose run takes longer than it may.
SLOW = '''"""DAG: A run that is never over (for Airflow's tests)."""

import time
from datetime import timedelta

from airflow.sdk import dag, task

from appanalytics.scheduling import routine

told = routine("data_quality", __doc__, name="slow", within=timedelta(seconds=5))


@dag(**told | {"schedule": None, "tags": ["own"], "default_args": told["default_args"] | {"execution_timeout": None}})
def slow():
    @task
    def sleep():
        time.sleep(300)

    sleep()


slow()
'''


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "own").mkdir()
    (folder / "own" / "slow.py").write_text(SLOW)
    with stand(folder, 'dags = "own"') as made:
        yield made


def test_all_dags_are_there_and_scheduled_in_time(running: Stand) -> None:
    print(f"\nfrom start to all scheduled: {running.seconds:.0f} s")
    assert running.seconds < 180
    end = time.monotonic() + 60
    while len(dags := running.api.get("/dags").json()["dags"]) <= len(DAGS):
        assert time.monotonic() < end, dags
        time.sleep(1)
    assert {dag["dag_id"] for dag in dags} == DAGS | {"slow"}
    assert not [dag["dag_id"] for dag in dags if dag["is_paused"]]
    assert running.api.get("/importErrors").json()["import_errors"] == []
    for dag in sorted(DAGS):
        told = running.api.get(f"/dags/{dag}/details").json()
        assert told["doc_md"], dag
        assert (told["owners"], told["max_active_runs"]) == (["analytics"], 1)
        assert "appanalytics" in {tag["name"] for tag in told["tags"]}
        assert set(told["params"]) & {"day", "at"}


def test_a_week_backfilled_equals_the_week_computed_at_once_twice_and_in_reverse(running: Stand) -> None:
    last = running.until - timedelta(days=1)
    running.backfill(running.first, last)  # the schedule does the last day by itself
    assert running.rows() == running.direct
    running.app.engine.execute("TRUNCATE TABLE report_daily")
    running.backfill(running.first, last, "--run-backwards", "--reprocess-behavior", "completed")
    assert running.rows() == running.direct


def test_a_day_by_hand_changes_nothing(running: Stand) -> None:
    running.whole()
    run = running.trigger("daily_tables", day=f"{running.until - timedelta(days=2)}")
    running.succeeds("daily_tables", run)
    assert running.rows() == running.direct
    shown = running.tries("daily_tables", run)
    assert {"extract_feed[-1]", "extract_messages[-1]", "merge[-1]", "make_slice[0]", "make_slice[2]"} <= set(shown)


def test_the_report_arrives_once(running: Stand) -> None:
    running.whole()
    day = running.until - timedelta(days=4)  # one that the schedule did not send by itself
    title = locale_of("en").day(day)
    running.succeeds("daily_report", running.trigger("daily_report", day=f"{day}", dry_run=True))
    assert running.told(title) == []
    for _ in range(2):
        running.succeeds("daily_report", running.trigger("daily_report", day=f"{day}"))
        assert len(running.told(title)) == 1


def test_other_routines_are_green(running: Stand) -> None:
    others = sorted(DAGS - {"daily_tables", "daily_report"})
    for dag, run in [(dag, running.trigger(dag)) for dag in others]:
        running.succeeds(dag, run)


def test_the_grid_as_a_picture(running: Stand) -> None:
    """Everything that ran until here is green."""
    running.whole()
    running.rests()
    for dag in DAGS:
        assert {run["state"] for run in running.runs(dag)} == {"success"}, dag
    from playwright.sync_api import sync_playwright

    chromium = "/usr/bin/chromium"
    if not Path(chromium).exists():
        pytest.skip("no Chromium here")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1180})
        page.goto(running.airflow.url, timeout=60_000)
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", running.airflow.password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "login" not in url, timeout=60_000)
        page.goto(f"{running.airflow.url}/dags?tags=appanalytics", timeout=60_000)
        for dag in DAGS:
            page.get_by_text(dag, exact=True).first.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        page.screenshot(path=str(PICTURES / "airflow-dags.png"))
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"{running.airflow.url}/dags/daily_tables", timeout=60_000)
        page.get_by_text("extract_feed").first.wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        page.screenshot(path=str(PICTURES / "airflow-daily_tables.png"))
        browser.close()
    assert (PICTURES / "airflow-dags.png").stat().st_size > 10_000


def test_overhead_of_a_tick(running: Stand) -> None:
    """All CPU of Airflow from asking for a run of the 15-minute DAG to its end, that of the job included."""
    running.whole()
    running.rests()
    began, ticks = cpu_seconds(running.pids()), 3
    for _ in range(ticks):
        running.succeeds("anomaly_alerts", running.trigger("anomaly_alerts"))
    tick = (cpu_seconds(running.pids()) - began) / ticks
    print(f"\na tick: {tick:.1f} s of CPU")
    assert tick < 10


def test_mistakes_missing_days_and_late_runs_are_told(running: Stand) -> None:
    running.whole()
    reply = running.api.post("/dags/daily_tables/dagRuns", json={"logical_date": None, "conf": {"day": "tomorrow"}})
    assert reply.status_code == 400
    assert "tomorrow" in reply.text
    slow = running.trigger("slow")
    nobody = running.trigger("daily_report", day=f"{running.first}", chats=["nobody"])
    missing = running.trigger("daily_tables", day="2020-01-01")
    assert running.finished("daily_report", nobody) == "failed"
    assert running.tries("daily_report", nobody)["send[-1]"] == ("failed", 1), "a mistake is not tried again"
    assert "there is no chat 'nobody'" in running.log("daily_report", nobody, "send")
    assert running.finished("slow", slow) == "failed"
    assert running.finished("daily_tables", missing) == "failed"
    tries = running.tries("daily_tables", missing)
    assert tries["merge[-1]"] == ("failed", 4), "what may come yet is tried again"
    assert tries["load[-1]"][0] == "upstream_failed"
    for words in (
        ("daily_report.send failed for", "there is no chat 'nobody'"),
        ("daily_tables.merge failed for 2020-01-01", "no source has events of 2020-01-01"),
        ("slow failed for", "not over by its deadline"),
    ):
        running.arrives(*words)
    assert running.rows() == running.direct


def test_telegram_that_is_down_is_waited_for(running: Stand) -> None:
    running.whole()
    day = running.until - timedelta(days=5)
    running.telegram.is_down = True
    run = running.trigger("daily_report", day=f"{day}")
    running.waits_for("daily_report", run, "up_for_retry", "send")
    assert f"the report of {day} waits for telegram: " in running.log("daily_report", run, "send")
    running.telegram.is_down = False
    running.succeeds("daily_report", run)
    assert len(running.told(locale_of("en").day(day))) == 1


def test_a_server_that_is_down_is_waited_for(running: Stand) -> None:
    """The task fails with one line and is tried again; what fails for good is told without the warehouse."""
    running.whole()
    running.supervisor.pause("server")
    checks = running.trigger("data_quality")
    assert running.finished("data_quality", checks) == "failed"
    assert running.tries("data_quality", checks)["data_quality[-1]"] == ("failed", 4)
    running.arrives("data_quality.data_quality failed for", "127.0.0.1")
    run = running.trigger("daily_tables", day=f"{running.until - timedelta(days=3)}")
    running.waits_for("daily_tables", run, "up_for_retry")
    running.supervisor.start([server_part(running.local)])
    running.succeeds("daily_tables", run)
    assert max(attempt for _, attempt in running.tries("daily_tables", run).values()) > 1
    assert running.rows() == running.direct
    running.succeeds("data_quality", running.trigger("data_quality"))


@pytest.mark.parametrize("task", ["merge", "load"])
def test_a_task_killed_in_the_middle_leaves_no_half_day(running: Stand, task: str) -> None:
    running.whole()
    day = running.until - timedelta(days=3)
    run = running.trigger("daily_tables", day=f"{day}")
    instance = running.waits_for("daily_tables", run, "running", task)
    with running.server_frozen():
        time.sleep(3)  # long enough to be inside of a statement
        assert running.tries("daily_tables", run)[f"{task}[-1]"] == ("running", 1)
        (worker,) = [pid for pid in tree(running.pids()) if pid == instance["pid"]]
        os.kill(worker, signal.SIGKILL)
    running.waits_for("daily_tables", run, "up_for_retry", task)
    assert running.rows() == running.direct
    running.succeeds("daily_tables", run)
    assert running.tries("daily_tables", run)[f"{task}[-1]"] == ("success", 2)
    assert running.rows() == running.direct


def test_memory(running: Stand) -> None:
    print(f"\nmost memory of Airflow's processes: {running.peak_bytes / 1e9:.2f} GB")
    assert running.peak_bytes < 1.5e9


def test_no_secret_is_in_a_log(running: Stand) -> None:
    url = running.airflow.loaded.settings.warehouse.url
    secrets = [TOKEN, url.partition("//admin:")[2].partition("@")[0], running.airflow.password]
    folders = [running.airflow.home / "logs", running.supervisor.folder]
    logs = [path for folder in folders for path in folder.rglob("*.log")]
    assert len(logs) > 20
    for path in logs:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert not [secret for secret in secrets if secret in text], path
