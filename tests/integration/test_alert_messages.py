"""Incidents as messages: one thread each, explained, with a picture; muted, repeated, over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from appanalytics.anomalies.store import Stored
from appanalytics.app import App
from appanalytics.engine import Engine
from appanalytics.errors import WarehouseUnavailable
from appanalytics.jobs.alert_messages import _due, investigated, letter, tell_incidents
from appanalytics.jobs.alert_watch import watch_alerts
from appanalytics.jobs.alerts import acknowledge, check_alerts, incident_records, mute, replay
from appanalytics.settings import load_settings

from .test_alerts import DROP, HISTORY, events, hour

ENVIRONMENT = {
    "APPANALYTICS_ALERTS__METRICS": "views",
    "APPANALYTICS_ALERTS__DIMENSIONS": "os",
    "APPANALYTICS_ALERTS__MINUTES": "60",
    "APPANALYTICS_ALERTS__REMIND": "1",
    "APPANALYTICS_ALERTS__DASHBOARD": "https://bi.example/d/1?from={start}&to={end}",
    "APPANALYTICS_REPORTING__LOCALE": "ru",
}


def test_an_incident_is_one_thread_from_its_first_message_to_its_end(engine: Engine, tmp_path: Path) -> None:
    app = App(load_settings(environ=ENVIRONMENT, folder=tmp_path), engine)
    engine.insert("feed_actions", HISTORY)
    now = hour(DROP + 3)
    check_alerts(app, now)
    (incident,) = incident_records(app, now)
    mute(app, incident["id"], "", "", timedelta(days=365))
    assert tell_incidents(app, now) == 0, "muted"
    mute(app, incident["id"], "", "", timedelta())
    assert tell_incidents(app, now) == 1
    assert tell_incidents(app, now) == 0, "nothing changed"
    assert tell_incidents(app, now + timedelta(hours=2)) == 1, "a reminder"
    acknowledge(app, incident["id"], "Anna")
    assert tell_incidents(app, now + timedelta(hours=4)) == 0, "somebody is on it"
    engine.insert("feed_actions", events(DROP + 4, DROP + 24))
    check_alerts(app, hour(DROP + 24))
    (incident,) = incident_records(app, now)
    assert incident["state"] == "resolved"
    assert tell_incidents(app, hour(DROP + 24)) == 1
    rows = engine.rows(
        "SELECT toString(kind) AS kind, html, length(picture) AS size, thread FROM outbox ORDER BY number"
    )
    assert [row["kind"] for row in rows] == ["send", "reply", "reply"]
    assert len({row["thread"] for row in rows}) == 1
    first, _, last = rows
    assert "Просмотры, ОС = iOS: на 100" in first["html"]
    assert "(за 60 минут)" in first["html"], "the length of the series' own bins"
    assert "https://bi.example/d/1?from=2026-03-17" in first["html"]
    assert first["size"] > 10_000
    assert last["html"].startswith("✅ <b>Просмотры, ОС = iOS: закончилось")


def test_watching_tells_what_changed_and_survives_a_warehouse_that_is_away(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.insert("feed_actions", HISTORY)
    clock = [hour(DROP - 1)]
    monkeypatch.setattr(App, "now", lambda app: clock[0])
    away = [False, True, False, False]
    looks = iter(away)

    @contextmanager
    def opened() -> Iterator[App]:
        if next(looks):
            raise WarehouseUnavailable("the server is gone")
        yield App(load_settings(environ=ENVIRONMENT, folder=tmp_path), engine)

    def sleep(seconds: float) -> None:
        assert seconds == 7
        clock[0] += timedelta(hours=2)

    told: list[str] = []
    watch_alerts(opened, 7, len(away), told.append, sleep)
    first, second, *rest = told
    assert "judged until" in first
    assert second == "not looked: the server is gone"
    assert len(rest) == 1, "told once, though looked at twice"
    assert rest[0].startswith("firing: ")
    assert "views" in rest[0]


def test_a_replay_of_the_warehouse_is_compared_with_labels_and_stores_nothing(engine: Engine, tmp_path: Path) -> None:
    app = App(load_settings(environ=ENVIRONMENT, folder=tmp_path), engine)
    engine.insert("feed_actions", HISTORY)
    labels = tmp_path / "labels.csv"
    day, wrong = f"{hour(DROP, 0):%Y-%m-%d}", f"{hour(DROP - 100, 0):%Y-%m-%d}"
    labels.write_text(f"start,end\n{hour(DROP, 0).isoformat()},{hour(DROP + 4, 0).isoformat()}\n")
    until = f"{hour(DROP + 24, 0):%Y-%m-%d}"
    found = replay(app, None, until, labels=labels)
    assert [each["kind"] for each in found.alerts] == ["metric", "data"], "the drop, and the history's end"
    assert found.alerts[0]["fired"].startswith(day)
    assert (found.precision, found.recall) == (1.0, 1.0)
    assert found.delay is not None
    assert found.delay <= 2
    labels.write_text(f"start,end\n{wrong}T00:00:00,{wrong}T03:00:00\n")
    found = replay(app, None, until, labels=labels)
    assert (found.precision, found.recall, found.delay) == (0.0, 0.0, None)
    assert engine.scalar("SELECT count() FROM incidents") + engine.scalar("SELECT count() FROM anomaly_state") == 0


def test_an_open_incident_that_the_configuration_does_not_know_any_more_ends_and_is_told_once(
    engine: Engine, tmp_path: Path
) -> None:
    app = App(load_settings(environ=ENVIRONMENT, folder=tmp_path), engine)
    engine.insert("feed_actions", HISTORY)
    now = hour(DROP + 3)
    check_alerts(app, now)
    (incident,) = incident_records(app, now)
    assert incident["state"] == "firing"
    assert tell_incidents(app, now) == 1
    other = App(
        load_settings(environ=ENVIRONMENT | {"APPANALYTICS_ALERTS__METRICS": "likes"}, folder=tmp_path), engine
    )
    for _ in range(2):
        check_alerts(other, now)
        (incident,) = incident_records(other, now)
        assert incident["state"] == "resolved"
        assert incident["note"] == "not watched any more: the configuration of the alerts changed"
    assert [tell_incidents(other, now) for _ in range(3)] == [1, 0, 0]
    html = engine.scalar("SELECT html FROM outbox ORDER BY number DESC LIMIT 1")
    assert html.startswith("⚪ <b>Просмотры, ОС = iOS: больше не наблюдается</b>")
    assert "Настройки алертов изменились" in html
    check_alerts(app, now)
    assert [each["state"] for each in incident_records(app, now)] == ["firing"], "watched again, it goes on"


def test_an_incident_that_other_thresholds_do_not_find_again_ends_and_one_that_they_find_goes_on(
    engine: Engine, tmp_path: Path
) -> None:
    engine.insert("feed_actions", HISTORY)
    now = hour(DROP + 3)
    states = []
    for size in ("5", "6", "100000"):
        app = App(
            load_settings(environ=ENVIRONMENT | {"APPANALYTICS_ALERTS__MIN_SIZE": size}, folder=tmp_path), engine
        )
        check_alerts(app, now)
        states.append([each["state"] for each in incident_records(app, now)])
    assert states == [["firing"], ["firing"], ["resolved"]]


def test_the_first_message_is_explained_again_when_the_first_whole_hour_is_there(
    engine: Engine, tmp_path: Path
) -> None:
    app = App(load_settings(environ=ENVIRONMENT | {"APPANALYTICS_ALERTS__REMIND": "6"}, folder=tmp_path), engine)
    start = hour(DROP, 30)
    row = {"kind": "metric", "state": "firing", "severity": "warning", "note": "", "start": start, "changed": start}
    told = Stored(row, False, "", int(start.timestamp()), start + timedelta(minutes=20), "warning")
    assert _due(app, told, hour(DROP + 2, 4)) == "", "from 1:00 to 2:00 there is no whole hour yet"
    assert _due(app, told, hour(DROP + 2, 5)) == "open"
    again = Stored(row, False, "", told.told, hour(DROP + 2, 5), "warning")
    assert _due(app, again, hour(DROP + 2, 20)) == ""
    over = Stored(row | {"state": "resolved"}, False, "", told.told, told.told_at, "warning")
    assert _due(app, over, hour(DROP + 2, 20)) == ""


def test_a_mean_that_nobody_changed_alone_is_said_to_be_everybodys(engine: Engine, tmp_path: Path) -> None:
    app = App(load_settings(environ=ENVIRONMENT, folder=tmp_path), engine)
    engine.insert("feed_actions", events(0, DROP + 1))
    member = '{"metric": "views_per_user", "slice": "", "score": 1.2, "actual": 3, "expected": 2, "ticks": 1}'
    texts = {"kind": "metric", "state": "firing", "severity": "warning", "direction": "up", "note": "", "id": "x"}
    numbers = {"value": 1.5, "expected": 1.0, "score": 1.2}
    times = {"start": hour(DROP, 0), "fired": hour(DROP, 0), "changed": hour(DROP, 0), "end": hour(DROP + 1, 0)}
    row = {**texts, **numbers, **times, "metric": "views_per_user", "slice": "", "members": f"[{member}]"}
    found = Stored(row, False, "", 0, None)
    why = investigated(app, found)
    assert why is not None
    assert not why.is_unusual
    assert "No segment explains it: none differs" in letter(app, found, "still", "en", why).html
