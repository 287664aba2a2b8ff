"""NAB's scoring rules, written from its paper (Lavin & Ahmad 2015) and checked against its published scores.

A detector scores every row; one threshold for all files is swept for each profile. A found window earns more the
earlier it is found, a false alarm costs more the farther it is behind a window; the first 15 % of a file (750 rows at
most) are free.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Weights of a false alarm and of a missed window.
PROFILES = {"standard": (0.11, 1.0), "reward_low_FP_rate": (0.22, 1.0), "reward_low_FN_rate": (0.11, 2.0)}


@dataclass(frozen=True)
class File:
    """One file: times, values, and the rows (first, last) of its windows."""

    name: str
    times: list[datetime]
    values: Floats
    windows: tuple[tuple[int, int], ...]

    @property
    def bins_a_day(self) -> int:
        """Rows a day, from the usual distance of rows."""
        gaps = np.diff([each.timestamp() for each in self.times])
        return max(1, round(86400 / float(np.median(gaps))))

    @property
    def probation(self) -> int:
        """Rows that are free."""
        return int(0.15 * min(len(self.values), 5000))


def read(folder: Path) -> list[File]:
    """All files with their windows, in the order of names."""
    labels = json.loads((folder / "labels/combined_windows.json").read_text())
    return [_file(folder, name, windows) for name, windows in sorted(labels.items())]


def _file(folder: Path, name: str, windows: list[list[str]]) -> File:
    with (folder / "data" / name).open() as lines:
        rows = [(datetime.fromisoformat(row["timestamp"]), float(row["value"])) for row in csv.DictReader(lines)]
    times = [time for time, _ in rows]
    places = {time: at for at, time in reversed(list(enumerate(times)))}
    spans = tuple((places[datetime.fromisoformat(a)], places[datetime.fromisoformat(b)]) for a, b in windows)
    return File(name, times, np.array([value for _, value in rows]), spans)


def sigmoid(position: Floats) -> Floats:
    """Worth of a detection by its position: -1 at the window's beginning, 0 at its end, above behind it."""
    return np.where(position > 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, 3))) - 1)


def worth(file: File) -> tuple[Floats, NDArray[np.int64]]:
    """What an alarm at each row is worth before weights, and the number of its window (-1: none)."""
    rows = np.arange(len(file.values))
    value, window = np.full(len(rows), -1.0), np.full(len(rows), -1)
    for number, (first, last) in enumerate(file.windows):
        width = last - first + 1
        after = rows > last
        value[after] = sigmoid((rows[after] - last) / (width - 1))
        inside = (rows >= first) & (rows <= last)
        value[inside] = sigmoid(-(last - rows[inside] + 1) / width) / sigmoid(np.array(-1.0))
        window[inside] = number
    for number, (first, last) in enumerate(file.windows):
        window[first : last + 1] = number
    return value, window


def nab_scores(files: list[File], scores: Mapping[str, Floats]) -> dict[str, float]:
    """Normalised scores by profile: 0 is silence, 100 is perfection."""
    value, window, score, count = [], [], [], 0
    for file in files:
        worths, inside = worth(file)
        judged = np.arange(len(worths)) >= file.probation
        value.append(worths[judged])
        window.append(np.where(inside >= 0, inside + count, -1)[judged])
        score.append(scores[file.name][judged])
        count += len(file.windows)
    flat = np.concatenate(score)
    order = np.argsort(-flat, kind="stable")
    flat, values, windows = flat[order], np.concatenate(value)[order], np.concatenate(window)[order]
    last = np.append(flat[1:] != flat[:-1], True)
    return {name: _best(values, windows, last, count, *weights) for name, weights in PROFILES.items()}


def _best(
    values: Floats, windows: NDArray[np.int64], last: NDArray[np.bool_], count: int, alarm: float, miss: float
) -> float:
    gained = np.where(windows < 0, values * alarm, 0.0)
    best = np.full(count, -miss)
    for at in np.flatnonzero(windows >= 0):
        number = windows[at]
        if values[at] > best[number]:
            gained[at] = values[at] - best[number]
            best[number] = values[at]
    total = -miss * count + np.cumsum(gained)
    top = max(float(total[last].max()), -miss * count)
    return 100 * (top + miss * count) / (count + miss * count)
