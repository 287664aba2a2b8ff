"""Checks of a warehouse: a sound one passes, and each injected defect is found by its own check and no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import Catalog, load_catalog
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import WindowError
from appanalytics.warehouse.checks import CheckReport, Limits, Status, run_checks
from appanalytics.warehouse.checks.arrival import freshness
from appanalytics.warehouse.checks.scope import read_scope
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.report_table import build_report_table
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Window

UTC_ZONE = ZoneInfo("UTC")
FIRST = date(2026, 3, 1)
DAYS = 7
DAY = date(2026, 3, 4)
AS_OF = datetime(2026, 3, 8, 0, 30, tzinfo=UTC)
CHECKS = {
    "freshness", "future", "volume", "values", "blind_likes", "copies", "day_log", "user_day", "post_day",
    "active_delta", "retention_day", "report_daily", "slice_day", "user_month",
}  # fmt: skip

# A user views ten posts a day and likes every fourth; 40 users, whose attributes never change.
VIEWS = """
INSERT INTO feed_actions (time, user_id, post_id, action, gender, age, os, country)
SELECT toDateTime64({first:Date}, 3, 'UTC') + toIntervalDay(intDiv(number, 400))
           + toIntervalSecond(number % 400 * 215),
       1 + number % 40 AS who, 1 + number % 400 % 23, 'view',
       who % 2, 14 + who, ['iOS', 'Android'][1 + who % 3 % 2], 'Russia'
FROM numbers({days:UInt32} * 400)
"""
LIKES = """
INSERT INTO feed_actions (time, user_id, post_id, action, gender, age, os, country)
SELECT time + 2, user_id, post_id, 'like', gender, age, os, country FROM feed_actions
WHERE modulo(user_id, 4) = 0 AND {days:UInt32} > 0 AND {first:Date} > '2000-01-01'
"""
MESSAGES = """
INSERT INTO message_actions (time, user_id, receiver_id, gender, age, os, country)
SELECT toDateTime64({first:Date}, 3, 'UTC') + toIntervalDay(intDiv(number, 150))
           + toIntervalSecond(number % 150 * 573),
       1 + number % 30 AS who, 1 + number * 7 % 60,
       who % 2, 14 + who, ['iOS', 'Android'][1 + who % 3 % 2], 'Russia'
FROM numbers({days:UInt32} * 150)
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def fill(engine: Engine, days: int) -> None:
    for statement in (VIEWS, LIKES, MESSAGES):
        engine.execute(statement, {"first": FIRST, "days": days})
    mark_changed(engine, [FIRST + timedelta(days=each) for each in range(days)])


@pytest.fixture(scope="module")
def sound(engine_folder: Path, catalog: Catalog) -> Iterator[str]:
    """Name of a database with a sound warehouse; tests clone it."""
    engine = connect(WarehouseUrl.parse(f"chdb://{engine_folder}?database=sound"), create=True)
    migrate(engine)
    fill(engine, DAYS)
    rollup(engine, catalog, UTC_ZONE)
    layout = Layout.read(engine, catalog, UTC_ZONE)
    build_report_table(engine, layout, Window.of(DAY, DAY + timedelta(days=2), UTC_ZONE))
    yield "sound"
    engine.execute("DROP DATABASE sound SYNC")
    engine.close()


@pytest.fixture
def good(engine_folder: Path, warehouse_url: str, sound: str) -> Iterator[Engine]:
    """A sound warehouse of the test's own."""
    engine = connect(WarehouseUrl.parse(warehouse_url), create=True)
    for row in engine.rows("SELECT name FROM system.tables WHERE database = {sound:String}", {"sound": sound}):
        engine.execute(f"CREATE TABLE {row['name']} CLONE AS {sound}.{row['name']}")
    yield engine
    engine.execute(f"DROP DATABASE {engine.database} SYNC")
    engine.close()


def check(engine: Engine, catalog: Catalog, as_of: datetime | None = AS_OF, **more: object) -> CheckReport:
    return run_checks(engine, Layout.read(engine, catalog, UTC_ZONE), as_of=as_of, **more)  # type: ignore[arg-type]


def names(report: CheckReport, status: Status = Status.FAILED) -> set[str]:
    return {each.name for each in report.checks if each.status is status}


def again(engine: Engine, catalog: Catalog) -> None:
    """Bring rollups and report table up to the events, so that nothing but the events is wrong."""
    rollup(engine, catalog, UTC_ZONE)
    layout = Layout.read(engine, catalog, UTC_ZONE)
    build_report_table(engine, layout, Window.of(DAY, DAY + timedelta(days=2), UTC_ZONE))


def test_a_sound_warehouse_passes(good: Engine, catalog: Catalog) -> None:
    report = check(good, catalog)
    assert {each.name for each in report.checks} == CHECKS
    assert not report.failed
    assert not report.warnings
    assert names(report, Status.SKIPPED) == {"volume"}  # a week is too short to expect anything
    assert report.status is Status.OK
    assert check(good, catalog, full=True).status is Status.OK
    records = report.to_records()
    assert list(records[0]) == ["name", "status", "compared", "found", "expected", "day", "slice", "hint"]
    assert "results: " in str(report)


def test_without_the_present_time_and_with_a_window(good: Engine, catalog: Catalog) -> None:
    report = check(good, catalog, as_of=None, window=Window.of_day(DAY, UTC_ZONE))
    assert names(report, Status.SKIPPED) == {"freshness", "future", "volume"}
    assert report.days == (DAY,)
    with pytest.raises(WindowError):
        check(good, catalog, as_of=AS_OF.replace(tzinfo=None))


def test_an_empty_warehouse_skips_everything(engine: Engine, catalog: Catalog) -> None:
    report = check(engine, catalog)
    assert report.status in (Status.SKIPPED, Status.OK)
    assert names(report, Status.OK) == {"future"}


DEFECTS = {
    "a day is gone from user_day": ("ALTER TABLE user_day DELETE WHERE day = '2026-03-04'", "user_day"),
    "a user counts twice on a day": (
        "ALTER TABLE user_day UPDATE lead = 0 WHERE user_id = 3 AND day = '2026-03-04'", "user_day"),
    "a day is gone from post_day": ("ALTER TABLE post_day DELETE WHERE day = '2026-03-04'", "post_day"),
    "a user's days are linked wrong": (
        "ALTER TABLE user_day UPDATE prev_day = prev_day - 1 WHERE user_id = 3 AND day = '2026-03-04'", "user_day"),
    "a first day is wrong": (
        "ALTER TABLE user_day UPDATE first_day = day WHERE user_id = 3 AND day = '2026-03-04'", "user_day"),
    "a slice is gone": ("ALTER TABLE slice_day DELETE WHERE day = '2026-03-04' AND os = 'iOS'", "slice_day"),
    "a user's month is wrong": ("ALTER TABLE user_month UPDATE likes = likes + 1 WHERE user_id = 4", "user_month"),
    "posts are counted wrong": ("ALTER TABLE post_day UPDATE likes = likes + 1 WHERE post = 3", "post_day"),
    "active_delta lost a change": (
        "ALTER TABLE active_delta DELETE WHERE day = '2026-03-01' AND service = 'any'", "active_delta"),
    "a cohort's cell is wrong": (
        "ALTER TABLE retention_day DELETE WHERE dimension = 'os' AND value = 'iOS' AND day = '2026-03-04'",
        "retention_day"),
    "a dimension of the report table is not whole": (
        "ALTER TABLE report_daily DELETE WHERE dimension = 'gender' AND dimension_value = 'male'", "report_daily"),
    "the report table is there twice": ("INSERT INTO report_daily SELECT * FROM report_daily", "report_daily"),
    "the report table is old": (
        "ALTER TABLE report_daily UPDATE views = views - (dimension_value IN ('male', 'iOS', '20'))"
        " WHERE event_date = '2026-03-04'",
        "report_daily"),
    "ages that nobody has": ("ALTER TABLE feed_actions UPDATE age = 200 WHERE user_id = 3", "values"),
    "a gender outside of the catalog": ("ALTER TABLE message_actions UPDATE gender = 7 WHERE user_id = 3", "values"),
    "messages to nobody": ("ALTER TABLE message_actions UPDATE receiver_id = 0 WHERE user_id = 3", "values"),
    "events of the future": (
        "INSERT INTO feed_actions (time, user_id, post_id, action) VALUES ('2026-03-19 10:00:00', 1, 1, 'view')",
        "future"),
    "events that nobody marked": (
        "INSERT INTO feed_actions (time, user_id, post_id, action) VALUES ('2026-03-05 10:00:00', 1, 1, 'view')",
        "day_log"),
}  # fmt: skip


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_found_by_its_own_check(good: Engine, catalog: Catalog, defect: str) -> None:
    statement, name = DEFECTS[defect]
    good.execute(statement, settings={"mutations_sync": 2})
    report = check(good, catalog)
    assert names(report) == {name}, str(report)
    assert all(each.hint or each.found is not None for each in report.failed)


def test_a_load_that_came_twice(good: Engine, catalog: Catalog) -> None:
    good.execute(
        "INSERT INTO feed_actions SELECT * FROM feed_actions WHERE toDate(time) = '2026-03-04' AND user_id < 9"
    )
    mark_changed(good, [DAY])
    again(good, catalog)
    report = check(good, catalog)
    assert names(report) == {"copies"}
    (found,) = report.failed
    assert (found.day, found.slice) == (DAY, "feed")
    assert found.found == pytest.approx((8 * 10 + 2 * 10) / (500 + 100))


def test_everything_that_came_twice(good: Engine, catalog: Catalog) -> None:
    good.execute("INSERT INTO message_actions SELECT * FROM message_actions")
    mark_changed(good, [FIRST + timedelta(days=each) for each in range(DAYS)])
    again(good, catalog)
    assert names(check(good, catalog)) == {"copies"}


def test_a_silent_day(good: Engine, catalog: Catalog) -> None:
    good.execute("DELETE FROM feed_actions WHERE toDate(time) = '2026-03-05'")
    mark_changed(good, [date(2026, 3, 5)])
    again(good, catalog)
    report = check(good, catalog)
    assert names(report) == {"volume"}
    (found,) = report.failed
    assert (found.found, found.day, found.slice) == (0, date(2026, 3, 5), "feed")


def test_an_old_roll_up_is_a_warning_because_answers_come_from_the_events(good: Engine, catalog: Catalog) -> None:
    good.execute(
        "INSERT INTO message_actions (time, user_id, receiver_id, age) VALUES ('2026-03-05 10:00:00', 1, 2, 15)"
    )
    mark_changed(good, [date(2026, 3, 5)])
    report = check(good, catalog)
    assert names(report) == set()
    assert names(report, Status.WARNING) == {"day_log"}


def test_other_warnings(good: Engine, catalog: Catalog) -> None:
    good.execute(
        "ALTER TABLE feed_actions UPDATE action = 'share' WHERE action = 'view' AND user_id < 5",
        settings={"mutations_sync": 2},
    )
    mark_changed(good, [FIRST + timedelta(days=each) for each in range(DAYS)])
    again(good, catalog)
    report = check(good, catalog, limits=Limits(blind_likes=0.05))
    assert names(report) == set()
    assert names(report, Status.WARNING) == {"values", "blind_likes"}
    assert {each.slice for each in report.warnings if each.name == "values"} == {"feed action"}


@pytest.mark.parametrize(("hours", "status"), [(2, Status.OK), (5, Status.WARNING), (40, Status.FAILED)])
def test_freshness(good: Engine, catalog: Catalog, hours: int, status: Status) -> None:
    layout = Layout.read(good, catalog, UTC_ZONE)
    scope = read_scope(good, layout, Limits(), AS_OF + timedelta(hours=hours), None, full=False)
    found = freshness(scope)
    assert {each.status for each in found} == {status}
    assert {each.slice for each in found} == {"feed", "messages"}


def test_a_day_that_lost_half_of_its_events(engine: Engine, catalog: Catalog) -> None:
    fill(engine, 45)
    as_of = datetime(2026, 4, 15, tzinfo=UTC)
    assert names(check(engine, catalog, as_of=as_of)) == set()
    engine.execute("DELETE FROM message_actions WHERE toDate(time) = '2026-04-12' AND toHour(time) >= 12")
    report = check(engine, catalog, as_of=as_of)
    assert names(report) == set()  # 150 messages a day are too few to judge …
    engine.execute("DELETE FROM feed_actions WHERE toDate(time) = '2026-04-12' AND toHour(time) >= 12")
    report = check(engine, catalog, as_of=as_of, limits=Limits(volume_scales=2))
    assert {(each.name, each.day, each.slice) for each in report.failed} == {("volume", date(2026, 4, 12), "feed")}
    assert names(report, Status.SKIPPED) >= {"user_day", "post_day", "active_delta", "day_log"}
