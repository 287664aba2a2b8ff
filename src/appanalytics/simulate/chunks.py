"""The statements that compute users and days inside the engine: scratch tables first, then chunks of days.

A chunk is one INSERT for each service, of one block, with a token of its own, so it is stored once or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from appanalytics.engine import Engine
from appanalytics.simulate.curves import CURVES, LEAVING_DAYS
from appanalytics.simulate.intensity import (
    ADS_SHARE,
    FEED_DAY_FACTOR,
    MESSENGER_SHARE,
    campaign_newcomers,
    plan_day,
)
from appanalytics.simulate.rhythm import day_quantiles
from appanalytics.simulate.scratch import days_after, days_table, places_table, returns_table
from appanalytics.simulate.world import World
from appanalytics.sqltext import read_sql

PACKAGE = "appanalytics.simulate"
SCRATCH = ("places", "days", "returns", "users", "visits", "shelves")

MOST_EVENTS = 1_000_000
MOST_DAYS = 8

#: Squash the whole statement into one block: one part a month, one token, all or nothing.
ONE_BLOCK = {
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 1_000_000_000,
    "min_insert_block_size_bytes": 0,
    "max_insert_block_size": 1_000_000_000,
}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Days ``first`` … ``last`` (both included), written together; ``events`` is what to expect of both services."""

    first: int
    last: int
    events: int


def cut(world: World) -> list[Chunk]:
    """Cut the history into chunks; the same world always gives the same ones."""
    return list(_cut(world))


def fill_scratch(engine: Engine, world: World) -> None:
    """Make the scratch tables: places, days, users, who comes when, what the feed shows."""
    fill_users(engine, world)
    engine.insert("simulation_returns", returns_table(world))
    engine.execute(read_sql(PACKAGE, "fill_visits"), _visit_parameters(world, 0))
    engine.execute(read_sql(PACKAGE, "fill_shelves"), {"seed": world.seed, "first": 0})


def fill_users(engine: Engine, world: World) -> None:
    """Make the scratch tables, and fill those of places, days and users."""
    for name in SCRATCH:
        engine.execute(read_sql(PACKAGE, f"scratch_{name}"))
    engine.insert("simulation_places", places_table(world))
    engine.insert("simulation_days", days_table(world))
    engine.execute(read_sql(PACKAGE, "fill_users"), _user_parameters(world))


def add_newcomers(engine: Engine, world: World, number: int, users: int) -> None:
    """Users who arrive on a day after the history, after all users that are there."""
    held = engine.rows("SELECT count() AS users, max(friend_rank) AS friends FROM simulation_users")[0]
    known = {
        "users": users,
        "users_before": held["users"],
        "friends_before": held["friends"],
        "arrival_day": number,
        "campaign_share": 0.0,
        "outage_day": 2**32 - 1,
    }
    engine.execute(read_sql(PACKAGE, "fill_users"), _user_parameters(world) | known)


def fill_day(engine: Engine, world: World, number: int) -> None:
    """Make days, visits and shelves those of one day after the history."""
    for name in ("days", "returns", "visits", "shelves"):
        engine.execute(read_sql(PACKAGE, f"scratch_{name}"))
    engine.insert("simulation_days", days_after(world, number))
    engine.insert("simulation_returns", returns_table(world, number + 1))
    engine.execute(read_sql(PACKAGE, "fill_visits"), _visit_parameters(world, number))
    engine.execute(read_sql(PACKAGE, "fill_shelves"), {"seed": world.seed, "first": number})


def drop_scratch(engine: Engine) -> None:
    """Remove the scratch tables."""
    for name in SCRATCH:
        engine.execute(f"DROP TABLE IF EXISTS simulation_{name} SYNC")


def write_chunk(engine: Engine, world: World, chunk: Chunk) -> None:
    """Insert a chunk's events; repeating it changes nothing."""
    known = {
        "seed": world.seed,
        "first": chunk.first,
        "last": chunk.last,
        "rhythm": day_quantiles(),
        "polarised_group": world.story.polarised_group,
        "polarisation": world.story.polarisation,
        "duller_group": world.story.duller_group,
        "duller": world.story.duller,
    }
    for service in ("feed", "messages"):
        token = {"insert_deduplication_token": f"{world.digest}/{service}/{chunk.first}-{chunk.last}"}
        engine.execute(read_sql(PACKAGE, f"{service}_days"), known, ONE_BLOCK | token)


def _visit_parameters(world: World, first: int) -> dict[str, Any]:
    return {
        "seed": world.seed,
        "first": first,
        "outage_cities": list(world.story.outage_cities),
        "feed_day_factor": FEED_DAY_FACTOR,
    }


def _user_parameters(world: World) -> dict[str, Any]:
    story = world.story
    happens = story.campaign < world.days
    return {
        "seed": world.seed,
        "users": world.users,
        "users_before": 0,
        "friends_before": 0,
        "arrival_day": -1,
        "salt": world.salt,
        "campaign_day": story.campaign,
        "campaign_share": campaign_newcomers(world) / world.users if happens else 0.0,
        "outage_day": story.outage,
        "outage_cities": list(story.outage_cities),
        "ads_share": ADS_SHARE,
        "messenger_share": MESSENGER_SHARE,
        "leavers": [curve.leavers for curve in CURVES.values()],
        "leaving_days": LEAVING_DAYS,
    }


def _cut(world: World) -> Iterator[Chunk]:
    first, events = 0, 0
    for number in range(world.days):
        expected = _events(world, number)
        if number > first and (events + expected > MOST_EVENTS or number - first >= MOST_DAYS):
            yield Chunk(first, number - 1, events)
            first, events = number, 0
        events += expected
    yield Chunk(first, world.days - 1, events)


def _events(world: World, number: int) -> int:
    plan = plan_day(world, number)
    return round(plan.views * (1 + plan.ctr) + plan.messages)
