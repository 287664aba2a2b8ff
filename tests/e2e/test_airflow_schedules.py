"""DAGs as Airflow reads them: whole, and with one run for each day, also on those on which clocks change."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.e2e.airflow_stand import DAGS, ROOT

from appanalytics.jobs.days import day_processed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DAILY = sorted(DAGS - {"anomaly_alerts"})


def schedules(folder: Path, zone: str, first: str, last: str, **more: str) -> dict[str, Any]:
    command = [
        str(ROOT / ".venv-airflow/bin/python"),
        str(Path(__file__).with_name("airflow_schedules.py")),
        first,
        last,
    ]
    environment = {**os.environ, "AIRFLOW_HOME": str(folder), "APPANALYTICS_REPORTING__TIMEZONE": zone, **more}
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


@pytest.fixture(scope="module", params=["2026-03-29", "2026-10-25"])
def berlin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Any]:
    """Schedules of four days around one on which Berlin's clocks change: 02:30 is there never, or twice."""
    changes = datetime.fromisoformat(request.param).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    first, last = changes - timedelta(days=2), changes + timedelta(days=2)
    told = schedules(tmp_path_factory.mktemp("home"), "Europe/Berlin", first.isoformat(), last.isoformat())
    return request.param, told


def test_dags_are_whole(berlin: tuple[str, Any]) -> None:
    _, told = berlin
    assert told["errors"] == {}
    assert set(told["dags"]) == DAGS
    for name, dag in told["dags"].items():
        assert dag["doc"], name
        assert (dag["active"], dag["catchup"]) == (1, False)
        assert "appanalytics" in dag["tags"]
        assert set(map(tuple, dag["tasks"].values())) == {(3, "analytics")}


@pytest.mark.parametrize("name", DAILY)
def test_every_day_is_processed_once(berlin: tuple[str, Any], name: str) -> None:
    """The partition is the day before the run, by the calendar of reporting time; a backfill's range is the days."""
    changes, told = berlin
    runs = told["dags"][name]["runs"]
    day = datetime.fromisoformat(changes).date()
    assert [partition for _, partition in runs] == [f"{day + timedelta(days=at)}" for at in (-3, -2, -1, 0)]
    assert told["dags"][name]["backfill"] == [f"{day + timedelta(days=at)}" for at in (-2, -1, 0, 1)]
    for run_after, partition in runs:
        local = datetime.fromisoformat(run_after).astimezone(ZoneInfo("Europe/Berlin"))
        assert f"{local.date() - timedelta(days=1)}" == partition


def test_a_cron_at_an_hour_that_the_clock_skips(tmp_path: Path) -> None:
    """Airflow names the partition of that run wrongly; `scheduling.step.moment_of` therefore goes by its time."""
    zone = ZoneInfo("Europe/Berlin")
    told = schedules(
        tmp_path, zone.key, "2026-03-27T00:00+01:00", "2026-04-01T00:00+02:00",
        APPANALYTICS_SCHEDULE__DAILY_TABLES="30 2 * * *",
    )  # fmt: skip
    runs = told["dags"]["daily_tables"]["runs"]
    ends = [datetime.fromisoformat(run_after) for run_after, _ in runs]
    days = [day_processed(asked=None, partition=None, end=end, zone=zone) for end in ends]
    assert [f"{day}" for day in days] == [f"2026-03-{number}" for number in (26, 27, 28, 29, 30)]


def test_the_ticks_of_the_alerts_do_not_stop(berlin: tuple[str, Any]) -> None:
    _, told = berlin
    ticks = [datetime.fromisoformat(run_after) for run_after, _ in told["dags"]["anomaly_alerts"]["runs"]]
    assert {later - earlier for earlier, later in itertools.pairwise(ticks)} == {timedelta(minutes=15)}
