"""The daily jobs: every step can be repeated, alone and in any order of days, and nothing is ever half there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.app import App
from appanalytics.catalog import load_catalog
from appanalytics.cli.main import run
from appanalytics.errors import IntegrityError, QuestionError, WarehouseMissing
from appanalytics.jobs import tables
from appanalytics.jobs.registry import JOBS, job, run_days
from appanalytics.settings import load_settings
from appanalytics.simulate import World, simulate
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.report_table import build_report_table, build_slice, load_slices
from appanalytics.window import Window

from .one_database import one_database

MOSCOW = ZoneInfo("Europe/Moscow")
UNTIL = date(2026, 11, 20)
DAYS = [UNTIL - timedelta(days=back) for back in range(3, 0, -1)]


@pytest.fixture(scope="module")
def app(engine_folder: Path) -> Iterator[App]:
    """Three weeks of a small app, rolled up."""
    with one_database(engine_folder, "daily_jobs") as engine:
        settings = load_settings(environ={"APPANALYTICS_REPORTING__TIMEZONE": MOSCOW.key}, folder=Path("/nowhere"))
        opened = App(settings, engine)
        simulate(engine, World(users=400, days=21, seed=3, until=UNTIL, zone=MOSCOW))
        opened.rollup()
        yield opened


def content(app: App) -> list[tuple[object, ...]]:
    rows = app.engine.rows("SELECT * FROM report_daily ORDER BY event_date, dimension, dimension_value")
    return [tuple(row.values()) for row in rows]


@pytest.fixture(scope="module")
def direct(app: App) -> list[tuple[object, ...]]:
    """The same days, computed in one go."""
    build_report_table(app.engine, app.layout, Window.of(DAYS[0], UNTIL, MOSCOW))
    rows = content(app)
    assert len({row[0] for row in rows}) == len(DAYS)
    return rows


@pytest.mark.parametrize("order", [sorted, lambda days: days[::-1], lambda days: days + days])
def test_days_by_steps_equal_days_in_one_go_in_any_order(
    app: App, direct: list[tuple[object, ...]], order: Callable[[list[date]], list[date]]
) -> None:
    app.engine.execute("TRUNCATE TABLE report_daily")
    lines = list(run_days(app, "daily_tables", order(DAYS)))
    assert content(app) == direct
    assert all("checks: ok" in line or "checks: warning" in line for line in lines)


def test_a_run_that_dies_between_steps_leaves_the_day_as_it_was(app: App, direct: list[tuple[object, ...]]) -> None:
    day = DAYS[2]
    app.engine.execute("TRUNCATE TABLE report_slices")
    build_slice(app.engine, app.layout, day, "gender")  # … and the process was killed here
    assert content(app) == direct
    with pytest.raises(IntegrityError, match="no slice of age, os"):
        load_slices(app.engine, day)
    assert content(app) == direct
    tables.make_slice(app, day, "age")
    tables.make_slice(app, day, "os")
    tables.load(app, day)
    assert content(app) == direct


def test_slices_of_different_states_of_the_events_are_not_loaded(app: App, direct: list[tuple[object, ...]]) -> None:
    day = DAYS[1]
    for dimension in tables.slices(app):
        tables.make_slice(app, day, dimension)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=MOSCOW).astimezone(UTC)
    columns = ", ".join(
        row["name"] for row in app.engine.rows("DESCRIBE TABLE feed_actions") if row["name"] != "time"
    )
    app.engine.execute(
        f"INSERT INTO feed_actions (time, {columns}) SELECT {{noon:DateTime64(3, 'UTC')}}, {columns} "
        "FROM feed_actions WHERE time >= {noon:DateTime64(3, 'UTC')} ORDER BY time LIMIT 1",
        {"noon": noon},
    )
    tables.make_slice(app, day, "os")
    with pytest.raises(IntegrityError, match="gender and os differ"):
        tables.load(app, day)
    assert content(app) == direct
    app.engine.execute("ALTER TABLE feed_actions DELETE WHERE time = {noon:DateTime64(3, 'UTC')}", {"noon": noon})


def test_a_day_without_events_replaces_nothing(app: App, direct: list[tuple[object, ...]]) -> None:
    early = UNTIL - timedelta(days=60)
    with pytest.raises(WarehouseMissing, match="no source has events"):
        job("daily_tables").run(app, early)
    with pytest.raises(WarehouseMissing, match="is not over yet"):
        job("daily_tables").run(app, app.today())
    assert content(app) == direct


def test_what_the_checks_found_is_kept_once(app: App) -> None:
    held = []
    for _ in range(2):
        tables.check_day(app, DAYS[0])
        held.append(
            app.engine.rows("SELECT position, name, status FROM quality WHERE day = {day:Date}", {"day": DAYS[0]})
        )
    assert sorted(map(str, held[0])) == sorted(map(str, held[1]))
    assert len({row["position"] for row in held[1]}) == len(held[1]) >= 12
    assert {row["status"] for row in held[1]} <= {"ok", "warning", "skipped"}


def test_a_failed_check_stops_the_day_and_is_kept(app: App) -> None:
    day = DAYS[0]
    app.engine.execute("ALTER TABLE slice_day DELETE WHERE day = {day:Date}", {"day": day})
    with pytest.raises(IntegrityError, match=r"checks of .* failed, first: failed"):
        tables.check_day(app, day)
    found = app.engine.rows("SELECT name FROM quality WHERE day = {day:Date} AND status = 'failed'", {"day": day})
    assert "slice_day" in {row["name"] for row in found}
    app.rollup(since=day, until=day + timedelta(days=1), force=True)
    tables.check_day(app, day)


def test_tables_are_ready_when_the_day_is_built_and_nothing_came_later(app: App) -> None:
    tables.make_tables(app, DAYS[-1])
    assert tables.tables_ready(app, DAYS[-1])
    assert not tables.tables_ready(app, UNTIL + timedelta(days=3))
    mark_changed(app.engine, [DAYS[-1]])
    assert not tables.tables_ready(app, DAYS[-1])
    app.rollup()


def test_names_of_jobs_and_sources() -> None:
    assert {"daily_tables", "daily_report", "data_quality"} <= set(JOBS)
    with pytest.raises(QuestionError, match="unknown job 'daily_table'") as caught:
        job("daily_table")
    assert "daily_tables" in (caught.value.hint or "")
    assert load_catalog().sources.keys() == {"feed", "messages"}


def test_the_command_runs_a_range_and_tells_each_day(
    app: App, engine_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APPANALYTICS_REPORTING__TIMEZONE", MOSCOW.key)
    url = f"chdb://{engine_folder}?database=daily_jobs"
    words = ["run", "daily_tables", "--since", str(DAYS[0]), "--until", str(DAYS[2]), "--warehouse", url]
    assert run([*words, "--reverse"]) == 0
    told = capsys.readouterr()
    lines = [line for line in (told.out + told.err).splitlines() if str(DAYS[0]) in line or str(DAYS[1]) in line]
    assert [str(DAYS[1]) in line for line in lines] == [True, False]
    assert run(["run", "daily_tables", "--day", str(DAYS[0]), "--format", "json", "--warehouse", url]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["job"], str(DAYS[0]) in record["result"]) == ("daily_tables", True)


def test_an_unknown_source_is_told(app: App) -> None:
    with pytest.raises(QuestionError, match="unknown source 'fed'") as told:
        tables.extract(app, DAYS[0], "fed")
    assert "feed" in (told.value.hint or "")
