"""How often the interval of the difference holds the truth: many small apps, drawn in memory.

Run ``python -m benchmarks.retention_coverage --runs 2000``. Users arrive, leave for good and come back as those of
`simulate` do (same curves, chances and rhythm of days, the campaign too), but nothing is written anywhere.
"""

from __future__ import annotations

import argparse
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from appanalytics.retention.groups import Arm, Stratum, driving, overall
from appanalytics.simulate import World
from appanalytics.simulate.curves import CURVES, LEAVING_DAYS, return_chance, share_active
from appanalytics.simulate.intensity import campaign_newcomers, ordinary_newcomers, plan_day
from appanalytics.stats import Share, wilson

LEVELS = (0.99, 0.95, 0.9)


def newcomers(generator: np.random.Generator, kind: str, size: int, chances: np.ndarray) -> np.ndarray:
    """For each user and age from 1 on: did he come?"""
    draws = generator.random(size)
    leavers = CURVES[kind].leavers
    leaves = np.full(size, np.inf)
    going = draws < leavers
    leaves[going] = -LEAVING_DAYS * np.log(1 - draws[going] / leavers)
    ages = np.arange(1, len(chances) + 1)
    return (generator.random((size, len(chances))) < chances) & (ages <= leaves[:, None])


def run(
    world: World, generator: np.random.Generator
) -> tuple[list[Stratum], dict[date, dict[int, tuple[float, float]]]]:
    """One app's cohorts."""
    strata, by_step = [], {}
    for arrival in range(world.days - 1):
        steps = world.days - 1 - arrival
        factors = np.array([plan_day(world, arrival + age).return_factor for age in range(1, steps + 1)])
        groups = {"ads": ["ads"], "organic": ["organic"]}
        if arrival == world.story.campaign:
            groups["ads"].append("campaign")
        arms, came = [], []
        for kinds in groups.values():
            parts = []
            for kind in kinds:
                mean = campaign_newcomers(world) if kind == "campaign" else ordinary_newcomers(world, arrival) / 2
                chances = factors * [return_chance(kind, age) for age in range(1, steps + 1)]
                parts.append(newcomers(generator, kind, generator.poisson(mean), chances))
            back = np.concatenate(parts)
            totals = back.sum(axis=1)
            arms.append(Arm(len(back), int(totals.sum()), int((totals**2).sum())))
            came.append(back.mean(axis=0))
        if min(arm.users for arm in arms) > 1:
            stratum = Stratum(world.day(arrival), steps, *arms)
            strata.append(stratum)
            by_step[stratum.cohort] = {
                step + 1: (stratum.weight, float(came[1][step] - came[0][step])) for step in range(steps)
            }
    return strata, by_step


def truth(world: World, strata: list[Stratum]) -> float:
    """The weighted mean of the curves' differences, each day with its rhythm."""
    above = below = 0.0
    for each in strata:
        arrival = (each.cohort - world.day(0)).days
        for age in range(1, each.steps + 1):
            apart = share_active("organic", age) - share_active("ads", age)
            above += each.weight * apart * plan_day(world, arrival + age).return_factor
            below += each.weight
    return above / below


def main() -> None:
    """Draw, compare, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--users", type=int, default=4_000)
    parser.add_argument("--days", type=int, default=48)
    given = parser.parse_args()
    world = World(until=date(2026, 11, 1), zone=ZoneInfo("UTC"), users=given.users, days=given.days, seed=1)
    generator = np.random.default_rng(20_261_101)
    inside: dict[float, list[bool]] = {level: [] for level in LEVELS}
    named, right, scores = 0, 0, []
    for _ in range(given.runs):
        strata, by_step = run(world, generator)
        drives = {each.stratum.cohort for each in driving(strata, by_step)}
        named += world.day(world.story.campaign) in drives
        right += drives == {world.day(world.story.campaign)}
        kept = [each for each in strata if each.cohort not in drives | {world.day(world.story.campaign)}]
        true = truth(world, kept)
        for level in LEVELS:
            found = overall(kept, level)
            inside[level].append((found.low or 0.0) <= true <= (found.high or 0.0))
        scores.append(((found.effect or 0.0) - true) / (found.standard_error or np.inf))
    for level, held in inside.items():
        rate = wilson(Share(sum(held), given.runs))
        twenties = [all(held[start : start + 20]) for start in range(0, given.runs - 19, 20)]
        print(
            f"{level:.0%} intervals held the truth: {rate.estimate:.2%} ({rate.low:.2%} … {rate.high:.2%}) "
            f"of {given.runs}; all of twenty: {np.mean(twenties):.0%} of {len(twenties)} times"
            f" (a right interval: {level**20:.0%})"
        )
    print(
        f"(estimate - truth) / standard error: mean {np.mean(scores):.3f}, deviation {np.std(scores):.3f} (right: 1)"
    )
    print(f"the campaign's cohort was named: {named / given.runs:.2%}; it and no other: {right / given.runs:.2%}")


if __name__ == "__main__":
    main()
