"""Organic against ads on a simulated app, whose truth is known: its curves times each day's rhythm."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from benchmarks.retention import true_difference

from appanalytics.app import App
from appanalytics.retention import Verdict
from appanalytics.settings import load_settings
from appanalytics.simulate import World, simulate

from .one_database import one_database

UTC = ZoneInfo("UTC")
WORLD = World(until=date(2026, 11, 1), zone=UTC, users=2_500, days=48, seed=7)


@pytest.fixture(scope="module")
def app(engine_folder: Path) -> Iterator[App]:
    with one_database(engine_folder, "retention_truth") as engine:
        opened = App(load_settings(environ={}, folder=Path("/nowhere")), engine)
        simulate(engine, WORLD)
        opened.rollup()
        yield opened


def test_the_difference_is_the_true_one_and_the_campaign_is_named(app: App) -> None:
    found = app.compare_retention("source", "ads", "organic", service="feed", level=0.99)
    assert found.verdict is Verdict.HIGHER
    assert [each.cohort for each in found.drivers] == [WORLD.day(WORLD.story.campaign)]
    assert found.drivers[0].group == "ads"
    assert found.drivers[0].share.high < found.drivers[0].usual.low
    assert found.without.low <= true_difference(WORLD, found) <= found.without.high
    # Day by day, too: at most a few of all the steps may miss theirs by chance.
    steps = [each for each in found.steps if each.cohorts >= 20]
    assert sum(each.without.effect > 0 for each in steps) > 0.9 * len(steps)
