"""When an outage is put into a demo's live stream, and when not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from appanalytics.app import App, open_app
from appanalytics.engine import Engine
from appanalytics.jobs.demo import make_history
from appanalytics.jobs.first_incident import plan_outage
from appanalytics.simulate.ledger import record_injection

TODAY = datetime(2026, 11, 29, tzinfo=UTC)


def at(monkeypatch: pytest.MonkeyPatch, time: str) -> None:
    hour, minute = map(int, time.split(":"))
    monkeypatch.setattr(App, "now", lambda app: TODAY + timedelta(hours=hour, minutes=minute))


def test_an_outage_is_planned_once_for_a_demo_that_ends_today(
    engine: Engine, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_app(warehouse_url) as app:
        at(monkeypatch, "14:52")
        assert plan_outage(app) is None, "no demo"
        make_history(app, users=100, days=2, seed=7, until=TODAY.date())
        outage = plan_outage(app)
        assert outage is not None
        assert (outage.start, outage.end) == (TODAY + timedelta(hours=13.5), TODAY + timedelta(hours=14.5))
        assert outage.options[-3:] == ("2026-11-29T13:30+00:00", "--lasting", "60m")
        assert str(outage) == "os=Android, 13:30–14:30"

        at(monkeypatch, "01:05")
        young = plan_outage(app)
        assert young is not None
        assert (young.start, young.end) == (TODAY, TODAY + timedelta(minutes=45))
        at(monkeypatch, "00:50")
        assert plan_outage(app) is None, "the stream has begun too lately"
        at(monkeypatch, "38:00")
        assert app.today() == date(2026, 11, 30)
        assert plan_outage(app) is None, "the demo ended before today"

        at(monkeypatch, "14:52")
        record_injection(app.engine, {"kind": "outage"})
        assert plan_outage(app) is None, "only once"
