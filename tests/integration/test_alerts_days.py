"""Metrics of whole days over a real engine: read by the query compiler, judged once, whatever the ticks were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from appanalytics.anomalies import store
from appanalytics.anomalies.catchup import backtest, catch_up
from appanalytics.anomalies.watch import Watch
from appanalytics.app import App
from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine
from appanalytics.jobs.alert_messages import tell_incidents
from appanalytics.jobs.alerts import metric_records
from appanalytics.settings import load_settings

START = datetime(2026, 3, 2, tzinfo=UTC)
WATCH = Watch(load_catalog(), ZoneInfo("UTC"), ("new_users", "wau"), ("os",), minutes=60)
FALL, DAYS = 35, 40


def history(days: int = DAYS) -> pa.Table:
    """Some 400 new users a day and as many of the day before who came back; on one day only 150 are new."""
    times, users = [], []
    yesterday: list[int] = []
    for day in range(days):
        rng = np.random.default_rng([7, day])
        new = [day * 1000 + each for each in range(150 if day == FALL else int(rng.poisson(400)))]
        for user in [*new, *yesterday]:
            times.append(START + timedelta(days=day, seconds=float(rng.uniform(0, 86400))))
            users.append(user)
        yesterday = new
    return pa.table(
        {
            "time": pa.array(times, pa.timestamp("ms", "UTC")),
            "user_id": pa.array(users, pa.uint64()),
            "post_id": pa.array(np.ones(len(times)), pa.uint64()),
            "action": ["view"] * len(times),
            "os": ["iOS" if user % 3 else "Android" for user in users],
        }
    )


def at(day: int, hour: float) -> datetime:
    return START + timedelta(days=day, hours=hour)


def kept(engine: Engine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    points = engine.rows("SELECT * FROM anomaly_points FINAL ORDER BY ALL")
    return points, engine.rows("SELECT * EXCEPT (version, changed) FROM incidents FINAL ORDER BY ALL")


def test_a_day_is_judged_once_when_it_is_over_and_its_values_are_those_of_the_query(
    engine: Engine, tmp_path: Path
) -> None:
    engine.insert("feed_actions", history())
    app = App(load_settings(environ={}, folder=tmp_path), engine)
    catch_up(engine, WATCH, at(FALL, 12.5))
    assert engine.scalar("SELECT max(time) FROM anomaly_points") == at(FALL - 1, 0)
    catch_up(engine, WATCH, at(FALL + 1, 3))
    assert engine.scalar("SELECT max(time) FROM anomaly_points") == at(FALL - 1, 0), "nobody rolled it up yet"
    catch_up(engine, WATCH, at(FALL + 1, 12.5))
    (found,) = store.read_incidents(engine, at(FALL + 1, 13))
    assert (found.row["metric"], found.row["slice"], found.row["direction"]) == ("new_users", "", "down")
    assert (found.row["start"], found.row["end"], found.row["value"]) == (at(FALL, 0), at(FALL + 1, 0), 150)
    before = kept(engine)
    catch_up(engine, WATCH, at(FALL + 1, 12.5))
    assert kept(engine) == before
    rows = engine.rows(
        "SELECT metric, slice, toDate(time) AS day, value FROM anomaly_points FINAL WHERE minutes = 1440"
    )
    told = {(row["metric"], row["slice"], str(row["day"])): row["value"] for row in rows}
    for by in ((), ("os",)):
        for record in app.query(["new_users", "wau"], by=by, grain="day").records:
            for metric in ("new_users", "wau"):
                key = (metric, record.get("os", ""), str(record["time"])[:10])
                assert told.get(key, record[metric]) == record[metric]
    assert len(told) > 150


def test_rolled_up_days_are_judged_at_midnight_and_tick_by_tick_gives_what_one_run_gives(
    engine: Engine, tmp_path: Path
) -> None:
    engine.insert("feed_actions", history())
    app = App(load_settings(environ={}, folder=tmp_path), engine)
    app.rollup()
    for day in range(FALL - 2, FALL + 4):
        for hour in (0.05, 0.5, 17):
            catch_up(engine, WATCH, at(day, hour), since=START)
            newest = engine.scalar("SELECT max(time) FROM anomaly_points WHERE minutes = 1440")
            assert newest == at(day - (2 if hour < 0.1 else 1), 0), "as soon as the day's last bin is judged"
    ticks = kept(engine)
    for table in ("anomaly_points", "incidents", "anomaly_state"):
        engine.execute(f"TRUNCATE TABLE {table}")
    catch_up(engine, WATCH, at(FALL + 3, 17), since=START)
    assert kept(engine) == ticks
    found, _ = backtest(engine, WATCH, START, at(FALL + 3, 17))
    assert [each.id for each in found] == [row["id"] for row in ticks[1]]


def test_an_incident_of_days_is_told_with_its_days(engine: Engine, tmp_path: Path) -> None:
    engine.insert("feed_actions", history())
    environment = {"APPANALYTICS_ALERTS__METRICS": "new_users, wau", "APPANALYTICS_ALERTS__DIMENSIONS": "os"}
    app = App(load_settings(environ=environment | {"APPANALYTICS_ALERTS__MINUTES": "60"}, folder=tmp_path), engine)
    catch_up(engine, WATCH, at(FALL + 1, 12.5))
    assert tell_incidents(app, at(FALL + 1, 13)) == 1
    (row,) = engine.rows("SELECT html, length(picture) AS size FROM outbox")
    assert "New users:" in row["html"]
    assert "(whole days)" in row["html"]
    assert row["size"] > 10_000


@pytest.mark.parametrize("metrics", ["all", "views"])
def test_every_metric_is_listed_with_its_grain_or_the_reason(engine: Engine, tmp_path: Path, metrics: str) -> None:
    app = App(load_settings(environ={"APPANALYTICS_ALERTS__METRICS": metrics}, folder=tmp_path), engine)
    rows = {row["metric"]: row for row in metric_records(app)}
    assert set(rows) == {each.name for each in app.catalog.quantities()}
    assert rows["mau"]["grain"] == "day"
    assert rows["views"]["grain"] == "15 min, small slices 1 h"
    assert all(bool(row["reason"]) != bool(row["grain"]) for row in rows.values())
    assert "calendar" in rows["wau_calendar"]["reason"]
    watched = {name for name, row in rows.items() if row["watched"]}
    assert watched == ({"views"} if metrics == "views" else {name for name, row in rows.items() if row["grain"]})
    assert [name for name, row in rows.items() if row["grain"] and not row["slices"]] == [
        "receivers", "posts", "likes_per_post",
    ]  # fmt: skip
