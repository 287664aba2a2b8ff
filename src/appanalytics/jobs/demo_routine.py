"""What the schedule would have stored on the demo's days: an experiment's results, and incidents."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from appanalytics.anomalies import catchup
from appanalytics.experiments import parse_experiment
from appanalytics.experiments.ledger import entries
from appanalytics.jobs.alerts import watch_of
from appanalytics.jobs.demo import stored_world
from appanalytics.progress import Progress, silent
from appanalytics.warehouse.lock import exclusive
from appanalytics.window import day_start

if TYPE_CHECKING:
    from appanalytics.app import App

_EXPERIMENT = "feed_ranking"


def fill_routine(app: App, progress: Progress = silent) -> list[str]:
    """Fill the tables that dashboards of experiments and alerts read, where this warehouse holds the demo.

    What is there is kept: a second run reads two small tables. Returns what was filled.
    """
    world = stored_world(app)
    if world is None or app.days_with_events() is None:
        return []
    filled = []
    if _decide(app):
        filled.append("experiment")
    if not app.engine.scalar("SELECT count() FROM anomaly_state"):
        since, now = day_start(world.first_day, app.zone), app.now()
        with exclusive(app.engine, "alerts"):
            catchup.catch_up(app.engine, watch_of(app), now, events=app.known_events, progress=progress, since=since)
        filled.append("alerts")
    return filled


def _decide(app: App) -> bool:
    """Run the demo's experiment through its life, unless somebody has begun with it."""
    if _EXPERIMENT in entries(app.engine):
        return False
    text = files("appanalytics.jobs").joinpath(f"{_EXPERIMENT}.yaml").read_text(encoding="utf-8")
    found = app.opened(parse_experiment({"name": _EXPERIMENT, **yaml.safe_load(text)}, f"the demo's {_EXPERIMENT}"))
    if found.last_day is None or found.last_day < found.period.until:
        return False
    found.start()
    found.decide()
    return True
