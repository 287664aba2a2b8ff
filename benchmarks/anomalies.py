"""Detectors against the truth: made-up worlds, the Numenta benchmark, labelled series of real services.

    python -m benchmarks.anomalies [worlds|nab|cloud|speed] [--seeds 1000 1001] [--data FOLDER]

Seeds from 1,000 on test; nothing was chosen by them. The real data are those of others and no part of this
repository: `FOLDER` holds ``nab/`` (data, labels) and ``cloud/cloud_monitoring.tar.gz``.
"""

from __future__ import annotations

import argparse
import csv
import io
import tarfile
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from appanalytics.anomalies.detector import Detector, Tick, make_detector
from benchmarks.anomalies_score import Score, score
from benchmarks.anomalies_world import DAY, WEEK, Floats, Incident, World, counts, ratios, unsuitable
from benchmarks.nab import nab_scores
from benchmarks.nab import read as read_nab

MAKERS = {"counts": counts, "ratios": ratios, "unsuitable": unsuitable}
#: The two registered configurations: metrics of our own, and series of which nothing is known.
OWN, UNKNOWN = "seasonal", "experts"


def openings(detector: Detector, world: World) -> list[list[int]]:
    """Bins at which each series of a world became anomalous, after two weeks of learning."""
    found: list[list[int]] = [[] for _ in range(world.values.shape[1])]
    before = np.zeros(world.values.shape[1], dtype=bool)
    for at, values in enumerate(world.values):
        detector.step(Tick(at), values, None if world.trials is None else world.trials[at])
        now = detector.open > 0
        if at >= 2 * WEEK:
            for column in np.flatnonzero(now & ~before):
                found[column].append(at)
        before = now
    return found


def judge_world(method: str, name: str, seeds: Iterable[int], series: int = 60, days: int = 60) -> Score:
    """One method on one world, all seeds together."""
    alerts: list[list[int]] = []
    truth: list[Sequence[Incident]] = []
    for seed in seeds:
        world = MAKERS[name](series, days, seed)
        alerts += openings(make_detector(method, series, DAY), world)
        truth += world.truth
    return score(alerts, truth, (days * DAY - 2 * WEEK) / WEEK)


def rows_scored(method: str, values: Floats, bins_a_day: int) -> tuple[Floats, Floats]:
    """Score of each row of one series, and 1 where an alert opens."""
    detector = make_detector(method, 1, bins_a_day)
    scores, opened = np.zeros(len(values)), np.zeros(len(values))
    before = False
    for at, value in enumerate(values):
        verdict = detector.step(Tick(at), np.array([value]))
        scores[at] = abs(verdict.score[0])
        now = bool(detector.open[0] > 0)
        opened[at] = now and not before
        before = now
    return scores, opened


def silenced(scores: Floats, rows: int) -> Floats:
    """Scores without those that follow a larger or equal alarm within so many rows: one incident, one alarm."""
    kept = np.zeros_like(scores)
    last = -rows
    for at in np.flatnonzero(scores >= 1):
        if at - last >= rows:
            kept[at] = scores[at]
            last = at
    return kept


def judge_nab(method: str, folder: Path, hours: float = 12) -> dict[str, float]:
    """NAB's three scores; an alarm is not repeated within ``hours``."""
    files = read_nab(folder)
    scores = {}
    for file in files:
        raw, _ = rows_scored(method, file.values, file.bins_a_day)
        scores[file.name] = silenced(raw, max(1, round(file.bins_a_day * hours / 24)))
    return nab_scores(files, scores)


def read_cloud(path: Path) -> list[tuple[list[datetime], Floats, list[tuple[int, int]]]]:
    """Times, values and labelled spans ``[first, end)`` of each series of the archive."""
    found = []
    with tarfile.open(path) as archive:
        for member in sorted(archive.getmembers(), key=lambda each: each.name):
            if not member.name.endswith(".csv"):
                continue
            stream = archive.extractfile(member)
            assert stream is not None
            rows = list(csv.DictReader(io.TextIOWrapper(stream)))
            if not rows or "Label" not in rows[0]:
                continue
            times = [datetime.fromisoformat(row["TimeStamp"]) for row in rows]
            label = np.array([float(row["Label"]) > 0 for row in rows])
            edges = np.flatnonzero(np.diff(np.concatenate([[False], label, [False]]).astype(int)))
            values = np.array([float(row["Value"]) for row in rows])
            found.append((times, values, list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))))
    return found


def judge_cloud(method: str, path: Path) -> Score:
    """Event score of the labelled series."""
    alerts, truth, weeks = [], [], 0.0
    for times, values, spans in read_cloud(path):
        gap = float(np.median(np.diff([each.timestamp() for each in times])))
        _, opened = rows_scored(method, values, max(1, round(86400 / gap)))
        alerts.append(np.flatnonzero(opened).tolist())
        truth.append([Incident(first, end, "") for first, end in spans])
        weeks += len(values) * gap / 604800
    return score(alerts, truth, weeks / len(alerts))


def measure_speed(method: str, series: int = 500, days: int = 60) -> float:
    """CPU seconds to replay so many series of quarter hours."""
    world = counts(series, days, 7)
    detector = make_detector(method, series, DAY)
    started = time.process_time()
    for at, values in enumerate(world.values):
        detector.step(Tick(at), values)
    return time.process_time() - started


def _show(name: str, method: str, found: Score) -> None:
    print(
        f"{name:12} {method:15} precision {found.precision:.3f}  recall {found.recall:.3f}  F1 {found.f1:.3f}"
        f"  false/metric-week {found.false_per_week:.3f}  median delay {found.delay:.0f} bins"
    )


def main() -> None:
    """Run what is asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("what", nargs="*", default=["worlds", "nab", "cloud", "speed"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[1000, 1001])
    parser.add_argument("--methods", nargs="*", default=[OWN, UNKNOWN, "original"])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/anomalies"))
    given = parser.parse_args()
    for method in given.methods:
        if "worlds" in given.what:
            for name in MAKERS:
                _show(name, method, judge_world(method, name, given.seeds))
        if "nab" in given.what and method != OWN:
            print(method, {name: round(value, 1) for name, value in judge_nab(method, given.data / "nab").items()})
        if "cloud" in given.what and method != OWN:
            _show("cloud", method, judge_cloud(method, given.data / "cloud/cloud_monitoring.tar.gz"))
        if "speed" in given.what:
            print(f"{method}: 500 series x 60 days in {measure_speed(method):.1f} s of CPU")


if __name__ == "__main__":
    main()
