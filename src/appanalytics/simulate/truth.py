"""What was injected where: the answers that the analyses have to find."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from appanalytics.engine import Engine
from appanalytics.simulate import chunks
from appanalytics.simulate.curves import CURVES, share_active
from appanalytics.simulate.intensity import plan_day
from appanalytics.simulate.ledger import TRUTH_KEY
from appanalytics.simulate.world import World
from appanalytics.sqltext import read_sql
from appanalytics.warehouse.meta import read_meta, write_meta

MOST_AGES = 60  # days of life that the truth tells of


@dataclass(frozen=True, slots=True)
class Injected:
    """One event of the story: its kind, its days (ISO), the slice it hit, and its true sizes."""

    kind: str
    days: tuple[str, ...]
    slice: dict[str, Any]
    sizes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class GroundTruth:
    """The world's parameters, its events, and the true return curves.

    ``curves`` gives for ``ads``, ``organic`` and ``campaign`` newcomers the share of a cohort that is active
    in the feed ``n`` days after its first day (index ``n``), before the rhythm of weekdays and the story.
    ``returned`` gives what ordinary newcomers really did, the story included: ``feed`` or ``either`` service →
    source → share by age in days, over all cohorts that are old enough (the campaign's users left out).
    """

    world: dict[str, Any]
    events: tuple[Injected, ...]
    curves: dict[str, tuple[float, ...]] = field(default_factory=dict)
    returned: dict[str, dict[str, tuple[float, ...]]] = field(default_factory=dict)

    def event(self, kind: str) -> Injected | None:
        """The event of a kind, or None when the history ended before it."""
        return next((event for event in self.events if event.kind == kind), None)

    def to_json(self) -> str:
        """The whole truth as indented JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)

    def write(self, path: Path) -> None:
        """Write the JSON into a file."""
        path.write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def from_json(cls, text: str) -> GroundTruth:
        """Read what `to_json` wrote."""
        raw = json.loads(text)
        return cls(
            world=raw["world"],
            events=tuple(
                Injected(event["kind"], tuple(event["days"]), event["slice"], event["sizes"])
                for event in raw["events"]
            ),
            curves={kind: tuple(curve) for kind, curve in raw["curves"].items()},
            returned={
                service: {source: tuple(shares) for source, shares in by_source.items()}
                for service, by_source in raw["returned"].items()
            },
        )


def read_truth(engine: Engine) -> GroundTruth | None:
    """The truth of the world in this warehouse, or None when none was simulated to its end."""
    text = read_meta(engine, TRUTH_KEY)
    return GroundTruth.from_json(text) if text else None


def write_truth(engine: Engine, truth: GroundTruth) -> None:
    """Store the truth beside the events."""
    write_meta(engine, TRUTH_KEY, truth.to_json())


def measure_truth(engine: Engine, world: World) -> GroundTruth:
    """Put the truth together; sizes that are counts are counted in the scratch table of users."""
    found = [
        _experiment(engine, world),
        _campaign(engine, world),
        _outage(engine, world),
        _flash_mob(world),
        _chatter(world),
    ]
    ages = range(min(world.days, MOST_AGES))
    return GroundTruth(
        world=world.as_record() | {"digest": world.digest},
        events=tuple(event for event in found if event is not None),
        curves={kind: tuple(share_active(kind, age) for age in ages) for kind in CURVES},
        returned=_returned(engine, len(ages)),
    )


def _returned(engine: Engine, ages: int) -> dict[str, dict[str, tuple[float, ...]]]:
    rows = engine.rows(read_sql(chunks.PACKAGE, "truth_returns"), {"ages": ages})
    return {
        service: {
            source: tuple(round(row[f"{service}_share"], 6) for row in rows if row["source"] == source)
            for source in ("ads", "organic")
        }
        for service in ("feed", "either")
    }


def _experiment(engine: Engine, world: World) -> Injected | None:
    story = world.story
    days = _days(world, *story.experiment)
    if not days:
        return None
    counted = engine.rows(
        read_sql(chunks.PACKAGE, "truth_experiment"),
        {"first": story.experiment[0], "last": story.experiment[1], "group": story.polarised_group},
    )[0]
    return Injected(
        "experiment",
        days,
        {"exp_group": story.polarised_group, "against": 1, "metric": "ctr"},
        {
            "factor_up": 1 + story.polarisation,
            "factor_down": 1 - story.polarisation,
            "mean_factor": 1.0,
            "users_up": counted["users_up"],
            "users_down": counted["users_down"],
            "other_group": story.duller_group,
            "other_group_likes_factor": story.duller,
            "untouched_groups": sorted(set(range(5)) - {story.polarised_group, story.duller_group}),
            "salt": world.salt,
        },
    )


def _campaign(engine: Engine, world: World) -> Injected | None:
    story = world.story
    days = _days(world, story.campaign, story.campaign)
    if not days:
        return None
    counted = engine.rows(read_sql(chunks.PACKAGE, "truth_campaign"), {"day": story.campaign})[0]
    return Injected(
        "campaign",
        days,
        {"source": "ads", "country": story.campaign_country, "metric": "users"},
        {
            "newcomers": counted["campaign"],
            "other_newcomers": counted["others"],
            "other_ads_newcomers": counted["other_ads"],
            "share_back_next_day": share_active("campaign", 1),
            "share_back_after_two_weeks": share_active("campaign", 14),
        },
    )


def _outage(engine: Engine, world: World) -> Injected | None:
    story = world.story
    days = _days(world, story.outage, story.outage)
    if not days:
        return None
    silenced = engine.rows(read_sql(chunks.PACKAGE, "truth_outage"))
    return Injected(
        "outage",
        days,
        {"city": list(story.outage_cities), "country": "Russia", "metric": "users"},
        {
            "silenced_feed_users": {row["city"]: row["feed_users"] for row in silenced},
            "silenced_messenger_users": {row["city"]: row["messenger_users"] for row in silenced},
        },
    )


def _flash_mob(world: World) -> Injected | None:
    story = world.story
    days = _days(world, *story.flash_mob)
    if not days:
        return None
    numbers = range(story.flash_mob[0], story.flash_mob[0] + len(days))
    plans = [plan_day(world, number) for number in numbers]
    ordinary = [plan_day(world, number, story=False) for number in numbers]
    return Injected(
        "flash_mob",
        days,
        {"metric": "views"},
        {
            "views_factor": story.flash_views,
            "users_factor": story.flash_users,
            "ctr_factor": story.flash_ctr,
            "expected_views": [round(plan.views) for plan in plans],
            "expected_views_without": [round(plan.views) for plan in ordinary],
            "expected_users": [round(plan.actives) for plan in plans],
            "expected_users_without": [round(plan.actives) for plan in ordinary],
        },
    )


def _chatter(world: World) -> Injected | None:
    story = world.story
    days = _days(world, story.chatter, story.chatter)
    if not days:
        return None
    return Injected(
        "chatter",
        days,
        {"metric": "messages"},
        {
            "messages_factor": story.chatter_messages,
            "expected_messages": round(plan_day(world, story.chatter).messages),
            "expected_messages_without": round(plan_day(world, story.chatter, story=False).messages),
        },
    )


def _days(world: World, first: int, last: int) -> tuple[str, ...]:
    """The days of an event that lie within the history, as ISO dates."""
    days: list[date] = [world.day(number) for number in range(first, min(last, world.days - 1) + 1)]
    return tuple(day.isoformat() for day in days)
