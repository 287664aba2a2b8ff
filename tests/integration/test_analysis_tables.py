"""Tables of audience and retention: the same as the analyses, and the same when made again or in another order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.app import App
from appanalytics.errors import WarehouseMissing
from appanalytics.jobs.registry import run_days
from appanalytics.settings import load_settings
from appanalytics.simulate import World, simulate

from .one_database import one_database

MOSCOW = ZoneInfo("Europe/Moscow")
UNTIL = date(2026, 11, 2)  # so that a week and a month end with the days
DAYS = [UNTIL - timedelta(days=back) for back in (3, 2, 1)]


@pytest.fixture(scope="module")
def app(engine_folder: Path) -> Iterator[App]:
    with one_database(engine_folder, "analysis_tables") as engine:
        settings = load_settings(environ={"APPANALYTICS_REPORTING__TIMEZONE": MOSCOW.key}, folder=Path("/nowhere"))
        opened = App(settings, engine)
        simulate(engine, World(users=300, days=16, seed=3, until=UNTIL, zone=MOSCOW))
        yield opened


def content(app: App) -> list[list[dict]]:
    return [app.engine.rows(f"SELECT * FROM report_{name} ORDER BY ALL") for name in ("audience", "retention")]


def test_the_tables_have_what_the_analyses_say_however_they_are_made(app: App) -> None:
    lines = [*run_days(app, "audience_table", DAYS), *run_days(app, "retention_table", DAYS)]
    assert "(day)" in lines[0]
    assert "(day, month)" in lines[1]  # Saturday, 31 October
    assert "(day, week)" in lines[2]
    audience, retention = content(app)
    found = {
        (r["event_date"], r["dimension_value"]): r for r in audience if (r["grain"], r["dimension"]) == ("day", "os")
    }
    for record in app.audience(grain="day", by="os", since=DAYS[0], until=UNTIL).records:
        row = found[date.fromisoformat(record["time"]), record["os"]]
        assert [row[name] for name in ("active", "new", "retained", "returning", "gone")] == [
            record[name] for name in ("active", "new", "retained", "returning", "gone")
        ]
    (week,) = [r for r in audience if (r["grain"], r["dimension"]) == ("week", "")]
    (record,) = app.audience(since=DAYS[2], until=UNTIL).records
    assert (week["period_start"].isoformat(), week["active"], week["gone"]) == (
        record["time"], record["active"], record["gone"]
    )  # fmt: skip

    cells = {
        (r["cohort"].isoformat(), r["dimension_value"], r["offset"]): (r["size"], r["users"])
        for r in retention if r["dimension"] == "source"
    }  # fmt: skip
    days = {day.isoformat() for day in DAYS}
    expected = {
        (r["cohort"], r["source"], r["offset"]): (r["size"], r["users"])
        for r in app.retention(by="source").records
        if (date.fromisoformat(r["cohort"]) + timedelta(days=r["offset"])).isoformat() in days
    }
    assert cells == expected
    assert any(users == 0 for _, users in cells.values()) or len(cells) > 20

    before = content(app)
    for name in ("audience_table", "retention_table"):
        list(run_days(app, name, [*reversed(DAYS), DAYS[0]]))
    assert content(app) == before


def test_a_day_that_is_not_over_is_refused(app: App) -> None:
    with pytest.raises(WarehouseMissing, match="not over"):
        list(run_days(app, "audience_table", [app.today()]))
