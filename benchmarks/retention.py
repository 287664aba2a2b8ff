"""Retention and audience: does the difference of two groups find the truth, and how fast is the engine?

``python -m benchmarks.retention truth --seeds 20`` simulates that many small apps and sets organic against ads;
what is true of every cohort and day follows from the simulation's own curves.
``python -m benchmarks.retention speed URL`` measures a warehouse that is there, such as the demo at full scale.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from math import inf
from pathlib import Path
from statistics import mean, stdev
from zoneinfo import ZoneInfo

from appanalytics.app import App, open_app
from appanalytics.audience import AudienceQuestion
from appanalytics.audience.decompose import compiled as compiled_audience
from appanalytics.query import Observed, default_window, read_coverage
from appanalytics.retention import RetentionComparison, RetentionQuestion
from appanalytics.retention.read import compiled
from appanalytics.simulate import World, simulate
from appanalytics.simulate.curves import share_active
from appanalytics.simulate.intensity import plan_day
from benchmarks.measure import cost

UTC = ZoneInfo("UTC")
UNTIL = date(2026, 11, 1)
LEVELS = (0.99, 0.95)


def true_difference(world: World, found: RetentionComparison) -> float:
    """The mean difference without driving cohorts if there were no chance: the curves times each day's rhythm."""
    drives = {each.cohort for each in found.drivers}
    above = below = 0.0
    for stratum in found.strata:
        if stratum.cohort in drives:
            continue
        arrival = (stratum.cohort - world.day(0)).days
        for age in range(1, stratum.steps + 1):
            apart = share_active("organic", age) - share_active("ads", age)
            above += stratum.weight * apart * plan_day(world, arrival + age).return_factor
            below += stratum.weight
    return above / below


def compared(app: App, world: World, level: float) -> tuple[RetentionComparison, float]:
    """Organic against ads in the feed, and the truth."""
    found = app.compare_retention("source", "ads", "organic", service="feed", level=level)
    return found, true_difference(world, found)


def truth(folder: Path, seeds: Sequence[int], users: int, days: int) -> None:
    """Print a line for each seed, then how often the intervals held the truth."""
    inside = dict.fromkeys(LEVELS, 0)
    named, scores = 0, []
    for seed in seeds:
        world = World(until=UNTIL, zone=UTC, users=users, days=days, seed=seed)
        url = f"chdb://{folder}?database=seed_{seed}"
        with open_app(url, create=True) as app:
            simulate(app.engine, world)
            app.rollup()
            texts = []
            for level in LEVELS:
                found, true = compared(app, world, level)
                low, high = found.without.low or 0.0, found.without.high or 0.0
                inside[level] += low <= true <= high
                texts.append(f"{level:.0%} {low:.4f} … {high:.4f}")
            scores.append(((found.without.effect or 0.0) - true) / (found.without.standard_error or inf))
            campaign = world.day(world.story.campaign)
            right = [each.cohort for each in found.drivers] == ([campaign] if world.story.campaign < days - 1 else [])
            named += right
            who = "named" if right else [str(each.cohort) for each in found.drivers]
            sizes = f"true {true:.4f}  found {found.without.effect:.4f}  {scores[-1]:+.2f} standard errors"
            print(f"{seed:3d}  {sizes}  {'  '.join(texts)}  campaign {who}", flush=True)
            app.engine.execute(f"DROP DATABASE seed_{seed} SYNC")
    print(f"(found - true) / standard error: mean {mean(scores):.2f}, deviation {stdev(scores):.2f} (right: 0, 1)")
    for level, count in inside.items():
        print(f"{level:.0%} intervals held the truth: {count} of {len(seeds)}")
    print(f"the campaign's cohort, and no other, was named: {named} of {len(seeds)}")


def speed(url: str) -> Iterator[tuple[str, str, float, float]]:
    """Question, relation, and median elapsed and CPU milliseconds in the engine."""
    with open_app(url) as app:
        coverage = read_coverage(app.engine, app.layout)
        window = default_window(coverage, app.layout)
        assert window
        seen = Observed.of(coverage, window, app.today())
        questions: dict[str, dict[str, object]] = {
            "triangle by source": {"by": "source"},
            "triangle by source, 20 cohorts": {"by": "source", "periods": 20},
            "triangle of the feed by source": {"by": "source", "service": "feed"},
            "triangle by city, came back and liked": {"by": "city", "event": "likes"},
            "weekly cohorts by source": {"by": "source", "grain": "week"},
            "unbounded, by source": {"by": "source", "kind": "unbounded"},
            "rolling 7 days, by source": {"by": "source", "kind": "rolling"},
        }
        for name, how in questions.items():
            statement = compiled(
                app.layout, RetentionQuestion.of(app.catalog, window, **how), seen, has_changing=False
            )  # type: ignore[arg-type]
            took = cost(lambda s=statement: app.engine.query(s.sql, s.parameters))  # type: ignore[misc]
            yield name, statement.relation, took.wall_ms, took.cpu_ms
        for name, by in (("audience", ()), ("audience by source", "source"), ("audience by city", "city"),
                         ("audience by source and OS", ["source", "os"])):  # fmt: skip
            for grain in ("day", "week"):
                question = AudienceQuestion.of(app.catalog, window, grain=grain, by=by)
                relation, sql, parameters = compiled_audience(app.layout, coverage, question)
                took = cost(lambda s=sql, p=parameters: app.engine.query(s, p))  # type: ignore[misc]
                yield f"{name}, by {grain}", relation, took.wall_ms, took.cpu_ms
        took = cost(lambda: app.retention(by="source"), repeat=3)
        yield "whole call: triangle by source", "", took.wall_ms, took.cpu_ms
        took = cost(lambda: app.compare_retention("source", "ads", "organic"), repeat=3)
        yield "whole call: organic against ads", "", took.wall_ms, took.cpu_ms
        took = cost(lambda: app.migration(grain="week"), repeat=3)
        yield "whole call: migration by week", "", took.wall_ms, took.cpu_ms


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(dest="part", required=True)
    of_truth = parts.add_parser("truth")
    of_truth.add_argument("--seeds", type=int, default=20)
    of_truth.add_argument("--first", type=int, default=1, help="the first seed")
    of_truth.add_argument("--users", type=int, default=4_000)
    of_truth.add_argument("--days", type=int, default=48)
    parts.add_parser("speed").add_argument("url")
    given = parser.parse_args()
    if given.part == "speed":
        print("| Question | Answered by | Engine, ms | CPU, ms |\n| --- | --- | ---: | ---: |")
        for name, relation, wall, cpu in speed(given.url):
            print(f"| {name} | {f'`{relation}`' if relation else ''} | {wall:.0f} | {cpu:.0f} |", flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        truth(Path(folder) / "warehouse", range(given.first, given.first + given.seeds), given.users, given.days)


if __name__ == "__main__":
    main()
