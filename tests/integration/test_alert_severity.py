"""An incident that becomes more severe is told anew: an answer that notifies, and the first message as it is now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from appanalytics.anomalies import store
from appanalytics.anomalies.incidents import Alarm, Book
from appanalytics.anomalies.watch import Key
from appanalytics.app import App
from appanalytics.engine import Engine
from appanalytics.jobs.alert_messages import tell_incidents
from appanalytics.jobs.alerts import acknowledge, watch_of
from appanalytics.settings import load_settings

from .test_alert_messages import ENVIRONMENT
from .test_alerts import hour


def test_a_total_that_falls_renews_the_message(engine: Engine, tmp_path: Path) -> None:
    app = App(load_settings(environ=ENVIRONMENT, folder=tmp_path), engine)
    book, first = Book(watch_of(app)), int(hour(0, 0).timestamp()) // 3600
    small = Alarm(Key("views", "os", "iOS"), first, -2.5, 80.0, 100.0)

    def tick(number: int, *alarms: Alarm) -> int:
        changed = book.tick(first + number, alarms, {})
        store.write_incidents(engine, book.watch, changed, number + 1)
        return tell_incidents(app, hour(number + 1))

    assert tick(0, small) == 0, "a doubt"
    assert tick(1, small) == 1
    acknowledge(app, book.open[0].id, "Anna")
    assert tick(2, small, Alarm(Key("views"), first + 2, -5.0, 30.0, 100.0)) == 2
    assert tell_incidents(app, hour(3) + timedelta(minutes=1)) == 0, "once"
    rows = engine.rows("SELECT toString(kind) AS kind, html FROM outbox ORDER BY number")
    assert [row["kind"] for row in rows] == ["send", "reply", "edit"]
    assert "Усилилось: Просмотры: на 70" in rows[1]["html"]
    assert rows[2]["html"].startswith("🔴")
    engine.execute("ALTER TABLE alert_actions DELETE WHERE version = (SELECT max(version) FROM alert_actions)"
                   " AND kind = 'told' SETTINGS mutations_sync = 1")  # fmt: skip
    assert tell_incidents(app, hour(3) + timedelta(minutes=2)) == 0, "killed before it was noted: nothing twice"
