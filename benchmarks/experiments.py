"""Experiments at the demo's full scale: ``python -m benchmarks.experiments WAREHOUSE [--peers]``.

WAREHOUSE is the folder of a simulated app (`appanalytics simulate`, rolled up). Measured: false alarms of every
method in 10,000 A/A draws of the demo's own users, with Wilson's interval; coverage of intervals; one whole analysis
of five metrics; the same methods on cells that stand for a hundred times the users. ``--peers`` adds speed against
tea-tasting and scipy, in the same run (`benchmarks.stats`); tea-tasting goes into a temporary folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from appanalytics.app import App, open_app
from appanalytics.experiments import OpenExperiment, read_experiment
from appanalytics.experiments.methods import Arm, Options, answer
from appanalytics.stats import RatioCells
from benchmarks import stats as peers
from benchmarks.measure import cost, machine
from benchmarks.peers import installed

EXAMPLE = Path(__file__).parents[1] / "examples" / "experiments" / "feed_ranking.yaml"


def opened(app: App) -> OpenExperiment:
    """The demo's experiment over a warehouse."""
    return app.opened(read_experiment(EXAMPLE))


def calibration(experiment: OpenExperiment, metric: str) -> None:
    """Share of p ≤ 0.05 between groups of real users who differ in nothing."""
    for each in experiment.rehearse(metric=metric).records():
        shown = f"{each['false_positives']:.2%} ({each['low']:.2%} … {each['high']:.2%})"
        print(f"A/A {metric:16}{each['method']:24}{shown:28}{each['verdict']}", flush=True)


def whole(experiment: OpenExperiment) -> None:
    """Five metrics by every method, with segments, days, judge and checks; and what 100 times the users change."""
    analysis = experiment.analyze()
    found = cost(experiment.analyze, repeat=3, warm=0)
    methods = sum(len(each.answers.comparisons) for each in analysis.results)
    users = sum(analysis.counts.users.values())
    print(f"analysis of {len(analysis.results)} metrics, {methods} answers, {users:,} users: "
          f"{found.wall_ms / 1000:.2f} s, CPU {found.cpu_ms / 1000:.2f} s", flush=True)  # fmt: skip
    result = analysis.result()
    arms = result.control_arm, result.treatment_arm
    once = cost(lambda: answer(result.metric, *arms, Options()), repeat=5)
    for times in (100, 100_000_000 // users + 1):
        many = [Arm(scaled(arm.cells, times), arm.buckets, arm.history) for arm in arms]
        more = cost(lambda many=many: answer(result.metric, *many, Options()), repeat=5)  # type: ignore[misc]
        print(f"all methods on the cells of {users * times:,} users: CPU {more.cpu_ms:.0f} ms, "
              f"of {users:,} users {once.cpu_ms:.0f} ms: {more.cpu_ms / once.cpu_ms:.2f}×", flush=True)  # fmt: skip


def scaled(cells: RatioCells, times: int) -> RatioCells:
    """The same users, so many times."""
    return RatioCells(cells.numerators, cells.denominators, cells.counts * times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--peers", action="store_true")
    asked = parser.parse_args()
    print(machine(), flush=True)
    with open_app(f"chdb://{asked.warehouse.resolve()}") as app:
        experiment = opened(app)
        whole(experiment)
        for metric in ("ctr", "likes", "messages", "views", "messenger_users"):
            calibration(experiment, metric)
    peers.coverage()
    if asked.peers:
        likes, views = peers.feed(1_000_000)
        with installed("tea-tasting"):
            peers.bootstrap(likes, views)
            peers.ranks(likes, views)
            peers.rehearsals(likes[:10_000], views[:10_000])


if __name__ == "__main__":
    main()
