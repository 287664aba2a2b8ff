"""The same part of several days, read in one scan: equal to a question about each part by itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from appanalytics.catalog import load_catalog
from appanalytics.catalog import sql as catalog_sql
from appanalytics.engine import Engine
from appanalytics.investigate.reader import Reader
from appanalytics.investigate.target import Target
from appanalytics.query import Filter, Prefer, Question, make_plan, read_coverage
from appanalytics.query.cube import Cube
from appanalytics.query.timeline import parts_fit
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window

from .oracle import Event, insert

CATALOG = load_catalog()
METRICS = (
    "feed_dau",
    "dau",
    "messenger_dau",
    "ctr",
    "likes_per_user",
    "messages",
    "both_users",
    "receivers",
    "posts",
)
FIRST, DAYS = datetime(2026, 3, 10, tzinfo=UTC), 30


@pytest.fixture
def stocked(engine: Engine) -> Engine:
    """Events at all hours of a month in which clocks change in Berlin; some users have two cities."""
    chance = random.Random(7)
    migrate(engine)
    insert(engine, [
        Event(
            FIRST + timedelta(milliseconds=chance.randrange(DAYS * 86_400_000)), chance.randrange(40),
            chance.choice(["view", "view", "like"]), chance.choice([0, 1, 2, 3]), receiver=chance.randrange(9),
            os=chance.choice(["iOS", "Android"]), city=chance.choice(["Moscow", "Omsk"]),
        )
        for _ in range(9_000)
    ])  # fmt: skip
    return engine


def answers(
    engine: Engine, layout: Layout, parts: Sequence[Window], grain: Grain, *, by: tuple[str, ...],
    where: tuple[Filter, ...], together: bool,
) -> list[dict[tuple[object, ...], dict[str, float]]]:  # fmt: skip
    """For each part: combination of dimensions → metric → value; zeros and gaps left out."""
    coverage = read_coverage(engine, layout)
    whole = Window(parts[0].start, parts[-1].end, layout.zone)
    asked = [(whole, tuple(parts))] if together else [(each, ()) for each in parts]
    found = []
    for window, own in asked:
        question = Question(METRICS, window, grain, by, where, parts=own).checked(layout.catalog)
        plan = make_plan(layout, coverage, question, Prefer.AUTO)
        cube = Cube(plan, lambda each: engine.query(each.sql, each.parameters), layout.catalog)
        held = {name: np.nan_to_num(cube.value(name).astype(float)) for name in METRICS}
        for bucket in range(len(plan.timeline.buckets)):
            values = {
                key: {name: float(each[bucket, place]) for name, each in held.items() if each[bucket, place]}
                for key, place in cube.combinations.items()
            }
            found.append({key: some for key, some in values.items() if some})
    return found


@pytest.mark.parametrize(
    ("zone", "at", "sorted_by_hour"),
    [
        ("Europe/Berlin", "2026-04-08T12:00", True),
        ("Asia/Kolkata", "2026-04-08T23:15", True),
        ("Europe/Berlin", "2026-04-08T00:00", False),
    ],
)
def test_one_scan_equals_many(
    stocked: Engine, zone: str, at: str, *, sorted_by_hour: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not sorted_by_hour:
        monkeypatch.setattr(catalog_sql, "_SORTED_BY_HOUR", frozenset())
    layout = Layout.read(stocked, CATALOG, ZoneInfo(zone))
    target = Target.of(at, layout.zone)
    parts = [target.before(back) for back in (27, 14, 3, 1, 0)]
    assert parts_fit(parts)
    for by, where in (((), ()), (("os", "city"), (Filter("age", ("20",)),))):
        one, many = (
            answers(stocked, layout, parts, target.grain, by=by, where=where, together=together)
            for together in (True, False)
        )
        assert one == many
        assert all(one)


def test_parts_that_do_not_fit(stocked: Engine) -> None:
    """An hour that clocks skipped is no part, and a window of many days is asked for each part by itself."""
    berlin = ZoneInfo("Europe/Berlin")
    skipped = Target.of("2026-04-08T02:00", berlin)
    reader = Reader(stocked, Layout.read(stocked, CATALOG, berlin), None, skipped)  # type: ignore[arg-type]
    reader.coverage = read_coverage(stocked, reader.layout)
    days = [each.first_day.isoformat() for each in reader.periods]
    assert "2026-03-29" not in days
    assert {"2026-03-28", "2026-03-30"} < set(days)
    assert len(reader.history(["views"])["views"]) == len(days)
    assert np.all(reader.history(["wau"], most=2)["wau"] >= reader.history(["dau"], most=2)["dau"])
    twice = [Window(FIRST + timedelta(hours=hour), FIRST + timedelta(hours=hour + 1), berlin) for hour in (1, 3)]
    assert not parts_fit(twice)
