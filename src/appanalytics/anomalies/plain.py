"""Plain detectors to compare with: the system's first one, a rolling mean, and the same bin of a week ago."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from appanalytics.anomalies.detector import Bools, Floats, Tick, Verdict


class Plain:
    """A window of past values; what differs is the forecast and its limits (`judge`)."""

    length = 0

    def __init__(self, series: int, bins_a_day: int = 96) -> None:
        self.day = bins_a_day
        self.past = np.full((self.length or bins_a_day * 8, series), np.nan)
        self.open, self.quiet = np.zeros(series), np.zeros(series)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The whole state by name."""
        return {"past": self.past, "open": self.open, "quiet": self.quiet}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take a state from `arrays`."""
        self.past, self.open, self.quiet = (
            np.array(arrays[name], dtype=np.float64) for name in ("past", "open", "quiet")
        )

    def step(self, tick: Tick, values: Floats, trials: Floats | None = None) -> Verdict:
        """Judge one bin and keep it."""
        size = np.ones(len(values)) if trials is None else np.where(np.isnan(trials), 1.0, trials)
        y = np.where(size > 0, values / np.where(size > 0, size, 1.0), np.nan)
        expected, spread, score = self.judge(y)
        score = np.where(np.isnan(y) | np.isnan(score), 0.0, score)
        alarm: Bools = np.abs(score) >= 1
        self.quiet = np.where(alarm, 0.0, self.quiet + 1)
        self.open = np.where(alarm | ((self.open > 0) & (self.quiet < 4)), self.open + 1, 0.0)
        self.past[:-1] = self.past[1:]
        self.past[-1] = y
        return Verdict(np.nan_to_num(expected), np.nan_to_num(spread), score, alarm)

    def judge(self, y: Floats) -> tuple[Floats, Floats, Floats]:
        """Expected value, spread, and signed score of a bin against the kept past."""
        raise NotImplementedError


class Original(Plain):
    """Outside of the quartiles of the last 7 points by 2.5 quartile ranges, and 25 % from the point before."""

    length = 7

    def judge(self, y: Floats) -> tuple[Floats, Floats, Floats]:
        """See the class."""
        known = ~np.isnan(self.past).any(axis=0)
        past = np.where(known, self.past, 0.0)
        low, middle, high = np.percentile(past, (25, 50, 75), axis=0)
        width = np.maximum(2.5 * (high - low), 1e-9)
        out = np.where(y > high, (y - high) / width, np.where(y < low, (y - low) / width, 0.0))
        before = past[-1]
        moved = known & (np.abs(y - before) > 0.25 * np.abs(before))
        return middle, width / 3, np.where(moved & (np.abs(out) > 1), out, 0.0)


class RollingZ(Plain):
    """Four standard deviations from the mean of the last 24 hours."""

    def __init__(self, series: int, bins_a_day: int = 96) -> None:
        self.length = bins_a_day
        super().__init__(series, bins_a_day)

    def judge(self, y: Floats) -> tuple[Floats, Floats, Floats]:
        """See the class."""
        known = ~np.isnan(self.past)
        count = np.maximum(known.sum(axis=0), 1)
        kept = np.where(known, self.past, 0.0)
        mean = kept.sum(axis=0) / count
        spread = np.sqrt(np.maximum((kept * kept).sum(axis=0) / count - mean * mean, 1e-12))
        return mean, spread, np.where(count >= self.day // 2, (y - mean) / spread / 4, 0.0)


class SeasonalNaive(Plain):
    """The same bin a week ago; the spread is the median absolute error of the last day."""

    def __init__(self, series: int, bins_a_day: int = 96) -> None:
        self.length = 8 * bins_a_day
        super().__init__(series, bins_a_day)

    def judge(self, y: Floats) -> tuple[Floats, Floats, Floats]:
        """See the class."""
        week = 7 * self.day
        expected = self.past[-week]
        errors = np.abs(self.past[-self.day :] - self.past[-self.day - week : -week])
        spread = 1.4826 * np.median(np.nan_to_num(errors, nan=0.0), axis=0)
        spread = np.maximum(spread, 1e-9)
        known = ~np.isnan(self.past[0]) & ~np.isnan(expected)
        return expected, spread, np.where(known, (y - expected) / spread / 6, 0.0)
