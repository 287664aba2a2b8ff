"""Alerts over a real engine: what a tick stores, and what repeating, killing, lateness and clocks do to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from appanalytics.anomalies import store
from appanalytics.anomalies.catchup import backtest, catch_up
from appanalytics.anomalies.watch import Watch
from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine

START = datetime(2026, 3, 2, tzinfo=UTC)
WATCH = Watch(load_catalog(), ZoneInfo("UTC"), ("views",), ("os",), minutes=60, hold=120)
DROP = 16 * 24 + 3  # the hour at which iOS falls silent


def events(first: int, until: int, *, drop: int = 10**9, seed: int = 1) -> pa.Table:
    """Views of the hours ``[first, until)``, a user each; from hour ``drop`` on those of iOS are absent."""
    times, systems = [], []
    for hour in range(first, until):
        rng = np.random.default_rng([seed, hour])
        count = rng.poisson(300 * (1 + 0.5 * np.sin(hour / 24 * 2 * np.pi)))
        os = rng.random(count) < 0.5
        second = rng.uniform(0, 3600, count)
        keep = ~(os & (hour >= drop))
        times += [START + timedelta(hours=hour, seconds=float(each)) for each in second[keep]]
        systems += np.where(os[keep], "iOS", "Android").tolist()
    return pa.table(
        {
            "time": pa.array(times, pa.timestamp("ms", "UTC")),
            "user_id": pa.array(np.arange(len(times)) + first * 10**6, pa.uint64()),
            "post_id": pa.array(np.ones(len(times)), pa.uint64()),
            "action": ["view"] * len(times),
            "os": systems,
        }
    )


HISTORY = events(0, DROP + 4, drop=DROP)


def hour(number: int, minute: int = 10) -> datetime:
    return START + timedelta(hours=number, minutes=minute)


def stored(engine: Engine) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Everything that is kept, but for versions."""
    points = engine.rows("SELECT * FROM anomaly_points FINAL ORDER BY ALL")
    incidents = engine.rows("SELECT * EXCEPT version FROM incidents FINAL ORDER BY ALL")
    return points, incidents


def test_a_slice_that_dies_is_one_incident_and_a_repeated_tick_changes_nothing(engine: Engine) -> None:
    engine.insert("feed_actions", HISTORY)
    catch_up(engine, WATCH, hour(DROP + 3))
    (found,) = store.read_incidents(engine, hour(DROP + 3))
    assert (found.row["metric"], found.row["direction"]) == ("views", "down")
    worst = max(found.members, key=lambda each: abs(each["score"]))
    assert (worst["slice"], worst["actual"]) == ("os=iOS", 0)
    assert found.row["state"] == "firing"
    assert abs((found.row["start"] - hour(DROP, 0)) / timedelta(hours=1)) <= 2
    before = stored(engine)
    assert catch_up(engine, WATCH, hour(DROP + 3)).bins == 0
    assert stored(engine) == before


def test_another_configuration_judges_anew_and_its_incidents_replace_those_of_the_last(engine: Engine) -> None:
    engine.insert("feed_actions", HISTORY)
    catch_up(engine, WATCH, hour(DROP + 3))
    before = engine.scalar("SELECT max(version) FROM incidents FINAL")
    catch_up(engine, replace(WATCH, min_size=6.0), hour(DROP + 3))
    (found,) = store.read_incidents(engine, hour(DROP + 3))
    assert found.row["version"] > before


def test_ticks_one_by_one_give_what_a_catch_up_over_the_gap_gives(engine: Engine) -> None:
    engine.insert("feed_actions", HISTORY)
    catch_up(engine, WATCH, hour(DROP - 2))
    for number in range(DROP - 1, DROP + 4):
        catch_up(engine, WATCH, hour(number))
    one_by_one = stored(engine)
    for table in ("anomaly_points", "incidents", "anomaly_state"):
        engine.execute(f"TRUNCATE TABLE {table}")
    catch_up(engine, WATCH, hour(DROP + 3))
    points, incidents = stored(engine)
    assert points == one_by_one[0]
    assert [each["id"] for each in incidents] == [each["id"] for each in one_by_one[1]]
    assert incidents == one_by_one[1]


def test_a_run_that_is_killed_anywhere_loses_and_doubles_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.insert("feed_actions", HISTORY)
    catch_up(engine, WATCH, hour(DROP - 2))
    expected, _ = backtest(engine, WATCH, START, hour(DROP + 3))
    for name in ("save", "write_incidents"):
        real = getattr(store, name)
        calls: list[int] = []

        def dies(*args: Any, real: Any = real, calls: list[int] = calls, name: str = name) -> None:
            calls.append(1)
            if len(calls) > (name == "write_incidents"):  # the first one repeats what the last run found
                raise KeyboardInterrupt
            real(*args)

        with monkeypatch.context() as patched:
            patched.setattr(store, name, dies)
            with pytest.raises(KeyboardInterrupt):
                catch_up(engine, WATCH, hour(DROP + 3))
    catch_up(engine, WATCH, hour(DROP + 3))
    found = store.read_incidents(engine, hour(DROP + 3))
    assert [each.row["id"] for each in found] == [each.id for each in expected]
    count = engine.scalar("SELECT count() - uniqExact(metric, slice, time) FROM anomaly_points FINAL")
    assert count == 0


def test_events_that_do_not_arrive_are_an_incident_of_data_and_never_a_drop(engine: Engine) -> None:
    engine.insert("feed_actions", events(0, DROP))
    catch_up(engine, WATCH, hour(DROP))
    assert store.read_incidents(engine, hour(DROP)) == []
    catch_up(engine, WATCH, hour(DROP + 1))
    assert store.read_incidents(engine, hour(DROP + 1)) == [], "a while is waited"
    for number in range(DROP + 3, DROP + 6):
        catch_up(engine, WATCH, hour(number))
    (found,) = store.read_incidents(engine, hour(DROP + 5))
    assert (found.row["kind"], found.row["metric"], found.row["state"]) == ("data", "feed", "firing")
    assert found.row["start"] == hour(DROP, 0)
    engine.insert("feed_actions", events(DROP, DROP + 10))
    catch_up(engine, WATCH, hour(DROP + 10))
    (found,) = store.read_incidents(engine, hour(DROP + 10))
    assert found.row["state"] == "resolved", "it came late, and was judged in order"
    assert engine.scalar("SELECT countIf(value IS NULL) FROM anomaly_points FINAL") == 0


def test_a_stream_that_lags_behind_the_clock_is_judged_as_far_as_it_came(engine: Engine) -> None:
    late = hour(DROP + 200)
    engine.insert("feed_actions", events(0, DROP))
    engine.insert("feed_actions", events(DROP, DROP + 1).slice(0, 40))  # the bin that is arriving
    catch_up(engine, WATCH, late)
    assert engine.scalar("SELECT max(time) FROM anomaly_points") == hour(DROP - 1, 0)
    engine.insert("feed_actions", events(DROP, DROP + 3).slice(40))
    catch_up(engine, WATCH, late + timedelta(minutes=1))
    assert engine.scalar("SELECT max(time) FROM anomaly_points") == hour(DROP + 1, 0)
    assert store.read_incidents(engine, late, all_states=True) == [], "neither a drop nor missing data"
    silent = late + timedelta(minutes=WATCH.hold + 1)
    catch_up(engine, WATCH, silent)
    catch_up(engine, WATCH, silent + timedelta(minutes=1))
    (found,) = store.read_incidents(engine, silent)
    assert (found.row["kind"], found.row["start"]) == ("data", hour(DROP + 3, 0))


def test_a_clock_that_goes_back_and_one_that_runs_ahead_do_no_harm(engine: Engine) -> None:
    engine.insert("feed_actions", HISTORY)
    catch_up(engine, WATCH, hour(DROP + 1))
    before = stored(engine)
    assert catch_up(engine, WATCH, hour(DROP - 50)).bins == 0
    assert stored(engine) == before
    catch_up(engine, WATCH, hour(DROP + 500))
    catch_up(engine, WATCH, hour(DROP + 4))
    newest = engine.scalar("SELECT max(time) FROM anomaly_points")
    assert newest <= hour(DROP + 3, 0), "no bin without any event was judged"


def test_empty_tables_have_nothing_to_say(engine: Engine) -> None:
    assert str(catch_up(engine, WATCH, hour(0))) == "no events to watch yet"
    assert store.read_incidents(engine, hour(0), all_states=True) == []


def test_a_new_slice_is_watched_from_the_day_after_it_became_large_enough(engine: Engine) -> None:
    engine.insert("feed_actions", events(0, 60))
    new = events(30, 60, seed=2)
    engine.insert("feed_actions", new.set_column(4, "os", pa.array(["Tizen"] * len(new))))
    catch_up(engine, WATCH, hour(60))
    first = engine.scalar("SELECT min(time) FROM anomaly_points WHERE slice = 'Tizen'")
    assert first == hour(48, 0)
    judged = engine.scalar("SELECT uniqExact(time) FROM anomaly_points WHERE slice = ''")
    assert judged == 59, "the last bin may still be arriving"
