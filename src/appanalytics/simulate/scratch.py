"""The small scratch tables that come from Python: of cities, of days, of chances to return."""

from __future__ import annotations

from itertools import accumulate

import pyarrow as pa

from appanalytics.simulate.curves import CURVES, return_chance
from appanalytics.simulate.intensity import DayPlan, newcomers_weight, plan_day
from appanalytics.simulate.places import places, thresholds
from appanalytics.simulate.world import World

_PLANNED = (
    "return_factor",
    "write_chance",
    "views_scale",
    "messages_scale",
    "ctr",
    "first_post",
    "posts",
    "post_life",
)


def places_table(world: World) -> pa.Table:
    """Rows of `simulation_places`."""
    known = places()
    return pa.table(
        {
            "number": pa.array(range(len(known)), pa.uint32()),
            "country": [place.country for place in known],
            "city": [place.city for place in known],
            "upto": thresholds(known),
            "campaign_upto": thresholds(known, world.story.campaign_country),
        }
    )


def days_table(world: World) -> pa.Table:
    """Rows of `simulation_days`: the history's."""
    numbers = range(world.days)
    weights = [newcomers_weight(world, number) for number in numbers]
    others = [0.0 if number == world.story.outage else weight for number, weight in enumerate(weights)]
    return _days(world, [plan_day(world, number) for number in numbers], weights, others, story=True)


def days_after(world: World, number: int) -> pa.Table:
    """Rows of `simulation_days` up to a day after the history, on which nothing of the story happens."""
    plans = [plan_day(world, each, story=False) for each in range(number + 1)]
    return _days(world, plans, [1.0] * len(plans), [1.0] * len(plans), story=False)


def _days(world: World, plans: list[DayPlan], weights: list[float], others: list[float], *, story: bool) -> pa.Table:
    numbers = range(len(plans))
    starts = [int(world.start(number).timestamp()) for number in range(len(plans) + 1)]
    told = world.story
    return pa.table(
        {
            "number": pa.array(numbers, pa.uint32()),
            "start": pa.array(starts[:-1], pa.int64()),
            "seconds": pa.array([starts[number + 1] - starts[number] for number in numbers], pa.uint32()),
            "arrivals": _cumulative(weights),
            "other_arrivals": _cumulative(others),
            **{name: [getattr(plan, name) for plan in plans] for name in _PLANNED},
            "is_outage": pa.array([int(story and number == told.outage) for number in numbers], pa.uint8()),
            "is_experiment": pa.array([int(story and told.is_experiment(number)) for number in numbers], pa.uint8()),
        }
    )


def returns_table(world: World, most: int = 0) -> pa.Table:
    """Rows of `simulation_returns`, up to an age in days."""
    ages = range(1, max(most, world.days) + 1)
    return pa.table(
        {
            "kind": pa.array([number for number, _ in enumerate(CURVES) for _ in ages], pa.uint8()),
            "age": pa.array([age for _ in CURVES for age in ages], pa.uint32()),
            "chance": [return_chance(kind, age) for kind in CURVES for age in ages],
        }
    )


def _cumulative(weights: list[float]) -> list[float]:
    sums = list(accumulate(weights))
    # The last sum may fall short of 1 by rounding; draws lie below 1.
    return [1.0 if value >= sums[-1] else value / sums[-1] for value in sums]
