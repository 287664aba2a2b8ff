"""What a report says first: unusual moves with their segments, experiments, incidents, data quality; and failures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from appanalytics.anomalies.store import act
from appanalytics.app import App
from appanalytics.errors import IntegrityError
from appanalytics.experiments import State, parse_experiment
from appanalytics.experiments.ledger import move
from appanalytics.jobs.failures import tell_failure
from appanalytics.jobs.messages import deliver_messages, post_office
from appanalytics.jobs.report import make_report
from appanalytics.jobs.worth_knowing import worth_knowing
from appanalytics.settings import load_settings
from appanalytics.simulate import World, simulate

from .one_database import one_database
from .report_numbers import assert_told_as_queried

MOSCOW = ZoneInfo("Europe/Moscow")
UNTIL = date(2026, 11, 20)
FIRST = UNTIL - timedelta(days=75)
GOLDEN = Path(__file__).parent / "golden"
TOKEN = "123456789:AAF-emulated_token_of_the_tests_0123456"


@pytest.fixture(scope="module")
def app(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The demo, small: 75 days of 1,500 users."""
    with one_database(engine_folder, "report_news") as engine:
        folder = tmp_path_factory.mktemp("news")
        environ = {
            "APPANALYTICS_REPORTING__TIMEZONE": MOSCOW.key,
            "APPANALYTICS_MESSAGES__FOLDER": str(folder),
            "APPANALYTICS_TELEGRAM__TOKEN": TOKEN,
        }
        opened = App(load_settings(environ=environ, folder=folder), engine)
        simulate(engine, World(users=1_500, seed=7, until=UNTIL, zone=MOSCOW))
        opened.rollup()
        yield opened


def incidents(app: App, *rows: dict[str, Any], noon: datetime) -> None:
    """Write incidents into their table; what is not given is that of a fall of two hours."""
    usual = {"kind": "metric", "severity": "info", "direction": "down", "slice": "", "start": noon,
             "end": noon + timedelta(hours=2), "fired": noon, "changed": noon, "value": 50.0, "expected": 100.0,
             "score": -2.0, "members": "[]", "note": "", "version": 1}  # fmt: skip
    table = pa.Table.from_pylist([usual | row for row in rows])
    for name in ("start", "end", "fired", "changed"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).cast(pa.timestamp("s", "UTC")))
    for name in ("value", "expected"):
        table = table.set_column(table.schema.get_field_index(name), name, table.column(name).cast(pa.float64()))
    app.engine.insert("incidents", table)


@pytest.mark.parametrize(("number", "locale"), [(40, "en"), (57, "ru"), (74, "en")])
def test_the_report_of_a_demo_day(
    app: App,
    engine_folder: Path,
    number: int,
    locale: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole texts that were read by a person: the campaign, the flash mob, an ordinary day."""
    day = FIRST + timedelta(days=number)
    report = make_report(app, day, locale)
    path = GOLDEN / f"daily_report.demo_{number}.{locale}.txt"
    if os.environ.get("WRITE_GOLDEN"):
        path.write_text(report.text, encoding="utf-8")
    assert report.text == path.read_text(encoding="utf-8")
    monkeypatch.setenv("APPANALYTICS_REPORTING__TIMEZONE", MOSCOW.key)
    assert assert_told_as_queried(report, app.catalog, f"chdb://{engine_folder}?database=report_news", capsys) == 12
    for each in report.figures:
        if each["metric"] in ("dau", "views", "ctr"):
            found = app.investigate(each["metric"], day)
            assert each["value"] == found.actual
            assert (each["expected"], each["low"], each["high"]) == (found.expected, found.low, found.high)


def test_what_other_rooms_know_comes_in_the_order_of_its_weight(app: App) -> None:
    day = UNTIL - timedelta(days=1)
    assert worth_knowing(app, day, "en") == []
    feed = {"since": str(day - timedelta(days=3)), "until": str(day + timedelta(days=4)), "primary": "ctr",
            "variants": {"a": {"value": 1}, "b": {"value": 2}}, "assignment": {"dimension": "exp_group"}}  # fmt: skip
    over = {**feed, "until": str(day + timedelta(days=1))}
    for name, raw in (("ranking", feed), ("colours", over)):
        experiment = parse_experiment({"name": name, **raw}, name)
        move(app.engine, experiment, app.catalog, experiment.period(None), State.RUNNING, at=app.now())
    noon = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    incidents(
        app,
        {"id": "open", "state": "firing", "severity": "warning", "metric": "views", "value": 60, "expected": 100},
        {"id": "worse", "state": "recovering", "severity": "critical", "metric": "ctr", "slice": "os=iOS",
         "value": 0.1, "expected": 0.2, "direction": "down", "start": noon - timedelta(days=3)},
        {"id": "doubt", "state": "pending", "fired": None, "severity": "critical", "metric": "likes"},
        {"id": "muted", "state": "firing", "severity": "critical", "metric": "likes"},
        {"id": "over", "state": "resolved", "metric": "messages", "direction": "up", "value": 300, "expected": 100},
        {"id": "long over", "state": "resolved", "metric": "likes", "start": noon - timedelta(days=9),
         "end": noon - timedelta(days=8)},
        {"id": "later", "state": "firing", "metric": "likes", "start": noon + timedelta(days=1)},
        noon=noon,
    )  # fmt: skip
    act(app.engine, "mute", app.now(), incident="muted", until=app.now() + timedelta(days=9))
    app.engine.execute(
        "INSERT INTO quality (day, position, name, status, compared, about_day, checked_at) VALUES"
        f" ('{day}', 1, 'volume', 'failed', 'events against the days before', '{day}', '2026-11-20'),"
        f" ('{day}', 2, 'copies', 'warning', 'copies', '{day}', '2026-11-20'),"
        f" ('{day}', 3, 'old', 'failed', 'another day', '{day - timedelta(days=1)}', '2026-11-20')"
    )
    found = sorted(worth_knowing(app, day, "en"), key=lambda each: -each.weight)
    assert [f"{each.emoji} {each.text}" for each in found] == [
        "🧹 Data quality: 1 failed checks of the day, first events against the days before.",
        "🚨 Open incident: CTR, OS = iOS: 50.0% below expected, since Mon 16 Nov, 12:00 (and 1 more).",
        "🧪 Experiment colours: the planned 4 days are over, decide on it.",
        "🚨 Incident of the day: Messages: 200% above expected, Thu 19 Nov, 12:00 – Thu 19 Nov, 14:00.",
        "🧪 Experiment ranking: day 4 of 7.",
    ]
    russian = [each.text for each in worth_knowing(app, day, "ru")]
    assert russian[1] == (
        "Открытый инцидент: CTR, ОС = iOS: на 50,0\u00a0% ниже ожидаемого, с пн 16.11, 12:00 (и ещё 1)."
    )
    told = make_report(app, day, "en").caption
    assert "🚨 Open incident: CTR, OS = iOS: 50.0% below expected" in told
    assert "day 4 of 7" not in told  # three things at most, and this one matters least


def test_a_failed_job_is_told_once_for_each_try_and_keeps_secrets(app: App, tmp_path: Path) -> None:
    deliver_messages(app)
    error = IntegrityError(f"2 checks failed at https://api/bot{TOKEN}/x", hint="appanalytics check <day>")
    for attempt in (1, 1, 2):
        tell_failure(app, "daily_tables", date(2026, 11, 19), error, attempt=attempt)
    tell_failure(app, "ticks", datetime(2026, 11, 19, 8, 15, tzinfo=UTC), ValueError("x < y"))
    rows = [
        row for row in app.engine.rows("SELECT key, html FROM outbox ORDER BY number") if "failure/" in row["key"]
    ]
    assert [row["key"] for row in rows] == [
        "failure/daily_tables/2026-11-19/1/local",
        "failure/daily_tables/2026-11-19/2/local",
        "failure/ticks/2026-11-19T08:15:00+00:00/1/local",
    ]
    assert TOKEN not in str(rows)
    assert "<b>daily_tables failed for 2026-11-19</b>" in rows[0]["html"]
    assert "appanalytics check &lt;day&gt;" in rows[0]["html"]
    assert "<code>appanalytics run daily_tables --day 2026-11-19</code>" in rows[0]["html"]
    assert "ValueError: x &lt; y" in rows[2]["html"]
    assert post_office(app).outbox.summary().waiting == 0
