"""The detector for metrics of whole days: windows of days, new users, users by their services. One bin is a day.

All is in logarithms, and by medians, which do not follow what is anomalous.

- What a day makes anew (`new_users`, `stickiness`) is set against the median of the last calm days.
- A window of days (`wau`, `mau`) keeps most of its users from one day to the next, so its *change* is judged. Those
  who came on an anomalous day may leave when the window has passed it: all of them, none, and what lies between is
  expected.

What is usual is the trend of two weeks and what the weekday usually differs from it; the spread is the median
absolute deviation of earlier errors (times 1.4826: of a normal distribution), at least that of counts.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.anomalies.detector import Bools, Floats

#: Days that are kept; days that must have a value, and errors that must be known, before a day is judged.
KEPT, _NEEDED, _ERRORS = 63, 28, 14
#: Standard deviations at the threshold, and those beyond which what came is expected to leave.
_LIMIT, _LEAVES = 5.0, 3.0
_MAD = 1.4826
_LEVEL, _TREND = 10, 14
#: Anomalous days in a row after which the new level is accepted.
_LONGEST = 10


@dataclass(frozen=True)
class Day:
    """One day of the series, in units of the values. ``score`` is 1 at the threshold, signed; 0 while learnt."""

    value: Floats
    expected: Floats
    spread: Floats
    score: Floats


class Daily:
    """Streaming state of daily series. ``windows`` are the days of a series' window, 1 for what a day makes anew;
    ``counts`` says which are numbers of users: their spread is at least that of a count.
    """

    def __init__(self, windows: Floats, counts: Bools) -> None:
        self.windows, self.counts = windows, counts
        empty = np.full((KEPT, len(windows)), np.nan)
        self.values, self.calm, self.news, self.turns, self.errors = (empty.copy() for _ in range(5))

    _STATE = ("values", "calm", "news", "turns", "errors")

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The whole state by name, days × series, the newest day last."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take a state from `arrays`."""
        for name in self._STATE:
            setattr(self, name, np.array(arrays[name], dtype=np.float64))

    def step(self, values: Floats) -> Day:
        """Judge a day (NaN: no value) and learn from it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # series without any day yet
            return self._step(values)

    def _step(self, values: Floats) -> Day:
        log = np.log(np.where(values > 0, values, np.nan))
        base = np.where(self.windows > 1, self.values[-1], _median(self.calm[-_LEVEL:]))
        trend = _median(self.news[-_TREND:])
        weeks = self.turns[KEPT % 7 :: 7]
        enough = (~np.isnan(weeks)).sum(axis=0) >= 3
        usual = base + trend + np.where(enough, _median(weeks), 0.0)
        spread = self._spread()
        error = log - usual
        low, high = self._leaving(spread)
        beyond = error - np.clip(error, low, high)
        ready = (~np.isnan(self.values)).sum(axis=0) >= _NEEDED
        ready &= (~np.isnan(self.errors)).sum(axis=0) >= _ERRORS
        size = np.exp(np.where(np.isnan(usual), 0.0, usual))
        gone = ready & (values == 0) & ~np.isnan(usual)
        score = np.where(gone, -np.sqrt(size) / _LIMIT, np.where(ready, beyond / spread / _LIMIT, 0.0))
        score = np.nan_to_num(score)
        self._learn(log, log - base, log - base - trend, beyond, np.abs(score) >= 1)
        explained = np.nan_to_num(np.clip(error, low, high))
        expected = np.where(np.isnan(usual), np.nan_to_num(values), size * np.exp(explained))
        return Day(values, expected, expected * np.nan_to_num(spread), score)

    def _spread(self) -> Floats:
        found = _MAD * _median(np.abs(self.errors - _median(self.errors)))
        size = np.exp(_median(self.values[-7:])) * self.windows
        return np.maximum(found, np.where(self.counts, 1 / np.sqrt(np.maximum(size, 1.0)), 1e-3))

    def _leaving(self, spread: Floats) -> tuple[Floats, Floats]:
        """Least and greatest error that is explained: what an anomalous day brought, once the window passed it."""
        low, high = np.zeros(len(self.windows)), np.zeros(len(self.windows))
        for window in {int(each) for each in self.windows if 1 < each <= KEPT}:
            came = np.where(self.windows == window, np.nan_to_num(self.errors[-window]), 0.0)
            came = np.where(np.abs(came) > _LEAVES * spread, came, 0.0)
            low, high = np.minimum(low, -came), np.maximum(high, -came)
        return low, high

    def _learn(self, log: Floats, news: Floats, turn: Floats, error: Floats, anomalous: Bools) -> None:
        lasting = np.isnan(self.calm[-_LONGEST:]).all(axis=0)
        hidden = anomalous & ~lasting
        news = np.where(hidden & (self.windows == 1), np.nan, news)
        new = (log, np.where(hidden, np.nan, log), news, turn, error)
        for name, row in zip(self._STATE, new, strict=True):
            held = getattr(self, name)
            held[:-1] = held[1:]
            held[-1] = row


def _median(values: Floats) -> Floats:
    return np.asarray(np.nanmedian(values, axis=0), dtype=np.float64)
