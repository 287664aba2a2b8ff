"""The statements that compute users and days inside the engine, and their parameters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.simulate.curves import CURVES, LEAVING_DAYS, return_chance
from appanalytics.simulate.intensity import (
    ADS_SHARE,
    LIFE_SHARES,
    MESSENGER_SHARE,
    DayPlan,
    newcomers_weight,
    plan_day,
)
from appanalytics.simulate.places import places, thresholds
from appanalytics.simulate.rhythm import day_quantiles
from appanalytics.simulate.world import World
from appanalytics.sqltext import read_sql

PACKAGE = "appanalytics.simulate"
SCRATCH = ("simulation_users", "simulation_places")

#: One block, hence one part a month and one token: a chunk is stored or it is not.
ONE_BLOCK = {
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 1_000_000_000,
    "min_insert_block_size_bytes": 0,
    "max_insert_block_size": 1_000_000_000,
    "optimize_on_insert": 0,
}


def make_users(engine: Engine, world: World) -> None:
    """Draw all users into the scratch table."""
    _make_places(engine, world)
    engine.execute(read_sql(PACKAGE, "users"))
    engine.execute(read_sql(PACKAGE, "fill_users"), _user_parameters(world), {"max_insert_threads": 1})


def drop_scratch(engine: Engine) -> None:
    """Remove the scratch tables."""
    for table in SCRATCH:
        engine.execute(f"DROP TABLE IF EXISTS {table} SYNC")


def write_feed_day(engine: Engine, world: World, number: int) -> None:
    """Insert a day's events of the feed; repeating it changes nothing."""
    token = {"insert_deduplication_token": f"{world.digest}/feed/{number}"}
    engine.execute(read_sql(PACKAGE, "feed_day"), _feed_parameters(world, number), ONE_BLOCK | token)


def write_messages_day(engine: Engine, world: World, number: int) -> None:
    """Insert a day's messages; repeating it changes nothing."""
    token = {"insert_deduplication_token": f"{world.digest}/messages/{number}"}
    engine.execute(read_sql(PACKAGE, "messages_day"), _message_parameters(world, number), ONE_BLOCK | token)


def day_parameters(world: World, plan: DayPlan) -> dict[str, Any]:
    """What the statements of both services need to know of a day."""
    start = world.start(plan.number)
    return {
        "seed": world.seed,
        "day": plan.number,
        "start": int(start.timestamp()),
        "day_seconds": int((world.start(plan.number + 1) - start).total_seconds()),
        "rhythm": day_quantiles(),
        "is_outage": int(plan.number == world.story.outage),
        "outage_cities": list(world.story.outage_cities),
    }


def return_parameters(plan: DayPlan) -> dict[str, Any]:
    """Chances to come back on a day, by kind of user and age in days (from 1)."""
    return {
        "return_factor": plan.return_factor,
        "chances": [[return_chance(kind, age) for age in range(1, plan.number + 1)] for kind in CURVES],
    }


def _feed_parameters(world: World, number: int) -> dict[str, Any]:
    plan, story = plan_day(world, number), world.story
    earlier = [plan_day(world, number - age) for age in range(min(number + 1, len(LIFE_SHARES)))]
    return {
        **day_parameters(world, plan),
        **return_parameters(plan),
        "views_scale": plan.views_scale,
        "ctr": plan.ctr,
        "new_posts": plan.posts,
        "last_post": plan.first_post + plan.posts - 1,
        "first_posts": [shelf.first_post for shelf in earlier],
        "oldest_post": earlier[-1].first_post,
        "life_shares": list(plan.life_shares),
        "is_experiment": int(story.is_experiment(number)),
        "polarised_group": story.polarised_group,
        "polarisation": story.polarisation,
        "duller_group": story.duller_group,
        "duller": story.duller,
    }


def _message_parameters(world: World, number: int) -> dict[str, Any]:
    plan = plan_day(world, number)
    return {
        **day_parameters(world, plan),
        "write_chance": plan.write_chance,
        "messages_scale": plan.messages_scale,
    }


def _user_parameters(world: World) -> dict[str, Any]:
    story = world.story
    weights = [newcomers_weight(world, number) for number in range(world.days)]
    campaign = story.campaign_size if story.campaign < world.days else 0.0
    others = [0.0 if number == story.outage else weight for number, weight in enumerate(weights)]
    return {
        "seed": world.seed,
        "users": world.users,
        "salt": world.salt,
        "arrivals": list(_cumulative([*weights, campaign])),
        "other_arrivals": list(_cumulative(others)) if any(others) else [1.0],
        "campaign_class": world.days,
        "campaign_day": story.campaign,
        "outage_day": story.outage,
        "outage_cities": list(story.outage_cities),
        "ads_share": ADS_SHARE,
        "messenger_share": MESSENGER_SHARE,
        "leavers": [curve.leavers for curve in CURVES.values()],
        "leaving_days": LEAVING_DAYS,
    }


def _make_places(engine: Engine, world: World) -> None:
    engine.execute(read_sql(PACKAGE, "places"))
    known = places()
    engine.insert(
        "simulation_places",
        pa.table(
            {
                "number": pa.array(range(len(known)), pa.uint32()),
                "country": [place.country for place in known],
                "city": [place.city for place in known],
                "upto": thresholds(known),
                "campaign_upto": thresholds(known, world.story.campaign_country),
            }
        ),
    )


def _cumulative(weights: list[float]) -> Iterator[float]:
    total = sum(weights)
    sums = [value / total for value in accumulate(weights)]
    # The last sum may fall short of 1 by rounding; draws lie below 1.
    return (1.0 if value >= sums[-1] else value for value in sums)
