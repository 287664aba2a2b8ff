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


def rows_scored(method: str, series: Sequence[Floats], days: Sequence[int]) -> list[tuple[Floats, Floats]]:
    """Score of each row of each series, and 1 where an alert opens; ``days`` are their rows a day.

    Series of one pace are judged side by side, the shorter ones missing at the end: they do not know each other.
    """
    found: list[tuple[Floats, Floats]] = [(np.zeros(len(each)), np.zeros(len(each))) for each in series]
    for day in sorted(set(days)):
        mine = [place for place, each in enumerate(days) if each == day]
        detector = make_detector(method, len(mine), day)
        rows = np.full((max(len(series[place]) for place in mine), len(mine)), np.nan)
        for column, place in enumerate(mine):
            rows[: len(series[place]), column] = series[place]
        scores, opened = np.zeros_like(rows), np.zeros(rows.shape, dtype=bool)
        for at, row in enumerate(rows):
            scores[at] = np.abs(detector.step(Tick(at), row).score)
            opened[at] = detector.open > 0
        opened[1:] &= ~opened[:-1]
        for column, place in enumerate(mine):
            length = len(series[place])
            found[place] = (scores[:length, column], opened[:length, column].astype(float))
    return found


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
    judged = rows_scored(method, [file.values for file in files], [file.bins_a_day for file in files])
    scores = {
        file.name: silenced(raw, max(1, round(file.bins_a_day * hours / 24)))
        for file, (raw, _) in zip(files, judged, strict=True)
    }
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
            values = np.array([float(row["Value"] or "nan") for row in rows])
            found.append((times, values, list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))))
    return found


def judge_cloud(method: str, path: Path) -> Score:
    """Event score of the labelled series."""
    found = read_cloud(path)
    gaps = [float(np.median(np.diff([each.timestamp() for each in times]))) for times, _, _ in found]
    days = [max(1, round(86400 / gap)) for gap in gaps]
    judged = rows_scored(method, [values for _, values, _ in found], days)
    alerts = [np.flatnonzero(opened).tolist() for _, opened in judged]
    truth = [[Incident(first, end, "") for first, end in spans] for _, _, spans in found]
    weeks = sum(len(values) * gap / 604800 for (_, values, _), gap in zip(found, gaps, strict=True))
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
