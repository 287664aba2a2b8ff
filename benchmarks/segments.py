"""How well segments that explain a change are found: real ratio cases and simulated days.

Run ``python -m benchmarks.segments``. Options: ``--seeds 200`` for the simulated days. The real cases are skipped
where they are absent.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import os
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import yaml

from appanalytics.investigate import RATIOS, Ratios, Scan, calm_baseline, explain, strongest
from benchmarks.segments_world import Case, Where, count_case, ratio_case

ARCHIVE = Path(__file__).resolve().parents[2] / "shared" / "data" / "rootcause" / "robustspot.tar.gz"
#: What is tuned on one half of the real cases. The first of equally good ones wins; the defaults are not the first.
GRID = [
    replace(RATIOS, shrinkage=rows, drift=drift, per_dimension=(nats, 0.02), whole=whole)
    for rows, drift, nats, whole in itertools.product(
        (100.0, 50.0, 20.0), (0.06, 0.03), (0.5, 0.25, 1.0), (0.0, -0.05)
    )
]


@dataclass(frozen=True)
class RealCase:
    """A table and the set of segments that experts named."""

    name: str
    table: Ratios
    truth: frozenset[Where]


def value(text: object) -> str:
    """2000 and 2000.0 are one value."""
    return str(text).removesuffix(".0")


def real_cases(archive: Path) -> Iterator[RealCase]:
    """The 135 cases: stalling viewers of all viewers by minute; earlier minutes are the baseline."""
    with tarfile.open(archive) as files:
        contents = {Path(each.name).name: files.extractfile(each) for each in files.getmembers() if each.isfile()}
        texts = {name: stream.read().decode("utf-8-sig") for name, stream in contents.items() if stream}
    for case in yaml.safe_load(texts["anomaly.yaml"]):
        causes = case["cause"] if isinstance(case["cause"], list) else [case["cause"]]
        truth = frozenset(frozenset((name, value(at)) for name, at in cause.items()) for cause in causes)
        yield RealCase(case["data"], real_table(texts[f"{case['data']}.csv"], case["timestamp"]), truth)


def real_table(text: str, minute: int) -> Ratios:
    """One minute against the calm ones before it."""
    rows = list(csv.DictReader(io.StringIO(text)))
    names = [name for name in rows[0] if name not in ("min", "value", "cnt")]
    now = [row for row in rows if int(row["min"]) == minute]
    before = [row for row in rows if int(row["min"]) < minute]
    cells = {tuple(value(row[name]) for name in names): 0 for row in now + before}
    cells = {key: number for number, key in enumerate(cells)}
    minutes = {each: number for number, each in enumerate(sorted({int(row["min"]) for row in before}))}
    current, earlier = np.zeros((2, len(cells))), np.zeros((2, len(minutes), len(cells)))
    for row in now + before:
        at = cells[tuple(value(row[name]) for name in names)]
        into = current[:, at] if int(row["min"]) == minute else earlier[:, minutes[int(row["min"])], at]
        into += float(row["value"]), float(row["cnt"])
    hits, seen = calm_baseline(*earlier)
    columns = {name: [key[position] for key in cells] for position, name in enumerate(names)}
    return Ratios.of(columns, *current, baseline_numerator=hits, baseline_denominator=seen)


def rank(case: RealCase, scan: Scan = RATIOS) -> int:
    """Place of the truth among the candidates, 99 if it is not among the first five."""
    for place, each in enumerate(strongest(case.table, scan), 1):
        if frozenset(frozenset((name, str(at)) for name, at in where) for where in each.segments) == case.truth:
            return place
    return 99


def hit_rates(ranks: np.ndarray) -> str:
    """Top-1, top-3 and top-5."""
    return " / ".join(f"{np.mean(ranks <= top):.3f}" for top in (1, 3, 5))


def swap_validated(ranks: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Rank of each case under the knobs that are best on the other half: (knobs, cases) to (cases)."""
    found = np.empty(ranks.shape[1], dtype=int)
    for tuned in (half, ~half):
        merit = (ranks[:, tuned] == 1).mean(axis=1) + 0.2 * (ranks[:, tuned] <= 5).mean(axis=1)
        found[~tuned] = ranks[merit.argmax()][~tuned]
    return found


def report_real(archive: Path) -> None:
    """Default knobs, then swap cross-validation over ten halvings."""
    cases = list(real_cases(archive))
    started = time.process_time()
    default = np.array([rank(case) for case in cases])
    each = (time.process_time() - started) / len(cases)
    print(f"real cases, default knobs: top-1 / top-3 / top-5 {hit_rates(default)}; {each * 1000:.1f} ms a case")
    started, exact = time.process_time(), 0
    for case in cases:
        found = explain(case.table).segments
        exact += frozenset(frozenset((name, str(at)) for name, at in each.where) for each in found) == case.truth
    each = (time.process_time() - started) / len(cases)
    print(f"  the whole explanation names exactly the truth in {exact / len(cases):.3f}; {each * 1000:.1f} ms a case")
    ranks = np.array([[rank(case, scan) for case in cases] for scan in GRID])
    halves = [np.arange(len(cases)) % 2 == 0]
    halves += [np.random.default_rng(seed).permutation(len(cases)) % 2 == 0 for seed in range(9)]
    swapped = [swap_validated(ranks, half) for half in halves]
    print(f"  swap cross-validated, even against odd: {hit_rates(swapped[0])}")
    print(f"  swap cross-validated, mean of ten halvings: {hit_rates(np.concatenate(swapped))}")
    lowest = min(float(np.mean(each == 1)) for each in swapped)
    first = np.mean(ranks == 1, axis=1)
    print(
        f"  lowest top-1 of the ten {lowest:.3f}; {len(GRID)} settings, top-1 {first.min():.3f} … {first.max():.3f}"
    )


@dataclass(frozen=True)
class Score:
    """Segments found rightly, wrongly, and missed, on one day; seconds of CPU."""

    right: int
    wrong: int
    missed: int
    general: bool
    seconds: float


def judged(make: Callable[[int], Case], seed: int) -> Score:
    """Explain one day. A segment is right when it is one of the truth, value for value."""
    case = make(seed)
    started = time.process_time()
    found = explain(case.table)
    seconds = time.process_time() - started
    named = {frozenset((name, str(at)) for name, at in each.where) for each in found.segments}
    right = len(named & case.truth)
    return Score(right, len(named) - right, len(case.truth) - right, found.general, seconds)


def report_simulated(
    title: str, make: Callable[[int], Case], seeds: Iterable[int], pool: ProcessPoolExecutor
) -> None:
    """F1 over all segments of all days; days on which a segment was named."""
    scores = list(pool.map(partial(judged, make), seeds, chunksize=5))
    right, wrong, missed = (sum(getattr(each, name) for each in scores) for name in ("right", "wrong", "missed"))
    f1 = f"F1 {2 * right / (2 * right + wrong + missed):.4f}, " if right + missed else ""
    days = sum(each.right + each.wrong > 0 for each in scores)
    exact = sum(each.wrong + each.missed == 0 for each in scores)
    print(
        f"{title}: {f1}{right} right, {wrong} wrong, {missed} missed; {exact} of {len(scores)} days exact, "
        f"a segment named on {days}, a general change on {sum(each.general for each in scores)}; "
        f"{1000 * np.mean([each.seconds for each in scores]):.0f} ms a day",
        flush=True,
    )


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    archive = Path(os.environ.get("APPANALYTICS_REAL_DATA", ARCHIVE.parents[1])) / "rootcause" / ARCHIVE.name
    if archive.exists():
        report_real(archive)
    else:
        print(f"no real cases at {archive}")
    seeds, few = range(given.seeds), range(given.seeds // 2)
    with ProcessPoolExecutor(given.processes) as pool:
        say = partial(report_simulated, pool=pool)
        for title, days in (("seen while tuning", seeds), ("never seen before", range(5000, 5000 + given.seeds))):
            say(f"outages, {title}", partial(count_case, kind="outage"), days)
            say(f"campaigns, {title}", partial(count_case, kind="campaign"), days)
        say("no effect", partial(count_case, kind="none"), range(1000, 1000 + 2 * given.seeds))
        say("everything −20 %", partial(count_case, kind="none", general=0.8), few)
        say("everything +60 %", partial(count_case, kind="none", general=1.6), few)
        say("no effect on a ratio", partial(ratio_case, fall=0.0), seeds)
        say("a ratio falls everywhere by 20 %", partial(ratio_case, fall=0.0, general=0.8), few)
        for fall in (0.1, 0.3, 0.5):
            say(f"a ratio falls by {fall:.0%}", partial(ratio_case, fall=fall), few)
        for users in (5_000, 1_500):
            say(f"outages, {users:,} users", partial(count_case, kind="outage", users=users), few)
            say(f"campaigns, {users:,} users", partial(count_case, kind="campaign", users=users), few)


if __name__ == "__main__":
    main()
