"""The world's parameters and the pure functions of a day."""

from __future__ import annotations

import dataclasses
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanalytics.errors import SettingsError
from appanalytics.simulate import GroundTruth, Story, World
from appanalytics.simulate.chunks import MOST_DAYS, MOST_EVENTS, cut
from appanalytics.simulate.curves import CURVES, return_chance, share_active, share_staying
from appanalytics.simulate.intensity import daily_newcomers, new_posts, ordinary_newcomers, plan_day
from appanalytics.simulate.places import places, thresholds
from appanalytics.simulate.rhythm import day_quantiles, noise
from appanalytics.simulate.scratch import days_table, returns_table
from appanalytics.simulate.truth import Injected

MOSCOW = ZoneInfo("Europe/Moscow")
UNTIL = date(2026, 11, 23)
FULL = World(until=UNTIL, zone=MOSCOW)


def test_day_numbers_count_from_the_first_day() -> None:
    assert FULL.first_day == date(2026, 9, 9)
    assert FULL.day(0) == FULL.first_day
    assert FULL.day(FULL.days) == UNTIL
    assert FULL.start(0).isoformat() == "2026-09-08T21:00:00+00:00"


@pytest.mark.parametrize(
    "wrong",
    [{"users": 99}, {"users": 10**8}, {"days": 0}, {"days": 1001}, {"seed": -1}, {"until": date(1970, 1, 30)}],
)
def test_senseless_worlds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        dataclasses.replace(FULL, **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        {"users": 140_999},
        {"days": 74},
        {"seed": 8},
        {"until": date(2026, 11, 24)},
        {"zone": ZoneInfo("UTC")},
        {"salt": "other"},
        {"story": Story(outage=48)},
    ],
)
def test_every_parameter_is_in_the_digest(other: dict[str, object]) -> None:
    assert dataclasses.replace(FULL, **other).digest != FULL.digest  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "shares"),
    [
        ("ads", {1: 0.367, 5: 0.284, 10: 0.198, 20: 0.098, 30: 0.075}),
        ("organic", {1: 0.436, 5: 0.355, 10: 0.268, 20: 0.159, 30: 0.144}),
        ("campaign", {1: 0.029, 14: 0.010}),
    ],
)
def test_curves_pass_through_the_reference_figures(kind: str, shares: dict[int, float]) -> None:
    assert {age: round(share_active(kind, age), 4) for age in shares} == shares


@given(st.sampled_from(sorted(CURVES)), st.integers(0, 400))
def test_returns_of_those_who_stay_add_up_to_the_curve(kind: str, age: int) -> None:
    assert share_active(kind, age + 1) < share_active(kind, age) <= 1
    assert 0 < return_chance(kind, age) <= 1
    assert return_chance(kind, age) * share_staying(kind, age) == pytest.approx(share_active(kind, age))


def test_newcomers_add_up_to_the_users() -> None:
    ordinary = sum(ordinary_newcomers(FULL, number) for number in range(FULL.days))
    campaign = daily_newcomers(FULL) * FULL.story.campaign_size
    assert ordinary + campaign == pytest.approx(FULL.users)
    assert 3_300 <= campaign <= 3_700


def test_days_follow_the_reference_app() -> None:
    plans = [plan_day(FULL, number) for number in range(FULL.days)]
    assert sum(plan.views for plan in plans) == pytest.approx(37.9e6, rel=0.05)
    assert sum(plan.views * plan.ctr for plan in plans) == pytest.approx(7.9e6, rel=0.05)
    assert plans[0].actives == pytest.approx(1_000, rel=0.2)
    assert 18_000 <= plans[74].actives <= 22_000
    assert all(0.197 <= plan.ctr <= 0.23 for plan in plans)
    assert all(70 <= plan.posts <= 110 for plan in plans)
    assert max(plan.writers for plan in plans) == pytest.approx(3_000, rel=0.1)


def test_plans_reach_beyond_the_end_and_scale_with_the_users() -> None:
    small = World(until=UNTIL, zone=MOSCOW, users=14_100)
    for number in (0, 40, 58, 74, 90):
        assert plan_day(small, number).views * 10 == pytest.approx(plan_day(FULL, number).views)
        assert plan_day(small, number).ctr == plan_day(FULL, number).ctr


@pytest.mark.parametrize(
    ("number", "name", "factor"),
    [(58, "views", 2.8), (58, "actives", 1.1), (58, "ctr", 1.03), (66, "messages", 1.7), (65, "messages", 1.0)],
)
def test_the_story_multiplies_a_day(number: int, name: str, factor: float) -> None:
    told, silent = plan_day(FULL, number), plan_day(FULL, number, story=False)
    assert getattr(told, name) / getattr(silent, name) == pytest.approx(factor)


def test_posts_are_numbered_without_gaps() -> None:
    assert plan_day(FULL, 0).first_post == 1
    for number in range(1, 80):
        before = plan_day(FULL, number - 1)
        assert plan_day(FULL, number).first_post == before.first_post + before.posts
        assert plan_day(FULL, number).posts == new_posts(FULL, number)


@pytest.mark.parametrize("days", [1, 8, 9, 75, 120])
@pytest.mark.parametrize("users", [100, 3_000, 141_000, 1_000_000])
def test_chunks_cover_every_day_once(users: int, days: int) -> None:
    plan = cut(World(until=UNTIL, zone=MOSCOW, users=users, days=days))
    assert [day for chunk in plan for day in range(chunk.first, chunk.last + 1)] == list(range(days))
    assert all(chunk.last - chunk.first < MOST_DAYS for chunk in plan)
    assert all(chunk.events <= MOST_EVENTS or chunk.first == chunk.last for chunk in plan)


def test_days_keep_their_length_when_clocks_change() -> None:
    world = World(until=date(2026, 11, 2), zone=ZoneInfo("Europe/Berlin"), days=240, users=1_000)
    seconds = days_table(world)["seconds"].to_pylist()
    assert [seconds.count(length) for length in (82_800, 86_400, 90_000)] == [1, 238, 1]
    arrivals = days_table(world)["arrivals"].to_pylist()
    assert arrivals == sorted(arrivals)
    assert arrivals[-1] == 1
    assert returns_table(world).num_rows == 3 * world.days


def test_cities_belong_to_their_countries() -> None:
    known = places()
    assert sum(place.share for place in known) == pytest.approx(1)
    assert len({place.city for place in known}) == len(known)
    upto = thresholds(known, "Ukraine")
    first = next(number for number, value in enumerate(upto) if value > 0)
    assert known[first].country == "Ukraine"
    assert upto[-1] == 1


def test_the_day_has_its_night() -> None:
    cuts = day_quantiles()
    assert (cuts[0], cuts[-1]) == (0, 1)
    assert cuts == sorted(cuts)
    night = sum(1 for value in cuts if 3 / 24 <= value < 5 / 24)
    evening = sum(1 for value in cuts if 19 / 24 <= value < 21 / 24)
    assert 4 < evening / night < 6


@given(st.integers(0, 2**63 - 1), st.integers(0, 1000), st.floats(0, 1))
def test_noise_stays_within_its_width(seed: int, day: int, width: float) -> None:
    assert 1 - width <= noise(seed, "x", day, width) <= 1 + width


def test_truth_survives_its_json() -> None:
    truth = GroundTruth(
        world=FULL.as_record(),
        events=(Injected("outage", ("2026-10-28",), {"city": ["Москва"]}, {"users": 3}),),
        curves={"ads": (1.0, 0.3)},
        returned={"feed": {"ads": (1.0, 0.31)}},
    )
    assert "Москва" in truth.to_json()
    again = GroundTruth.from_json(truth.to_json())
    assert again.events == truth.events
    assert again.returned == truth.returned
    assert again.to_json() == truth.to_json()
    assert again.event("flash_mob") is None
