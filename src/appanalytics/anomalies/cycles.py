"""Rhythms of some days that no calendar has, such as four-day shifts: found from the totals of days.

A cycle must explain most of what a trend leaves over, far better than the week does, and have been seen three times.
The test is the F of a one-way analysis of variance of the days by their place in the cycle.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from appanalytics.anomalies.detector import Floats

LONGEST = 6
HELD = 35
_F, _EXPLAINED, _BEST = 10.0, 0.6, 0.4


def find_cycles(totals: Floats, day: int) -> tuple[NDArray[np.int64], Floats]:
    """Length in days of each series' cycle (0: none), and factors (`LONGEST` × series) by ``day % length``.

    ``totals`` holds the logarithms of the last days' totals, oldest first, the last being ``day``; NaN: unknown.
    """
    days, series = totals.shape
    number = np.arange(day - days + 1, day + 1)
    left = _without_trend(totals)
    known = (~np.isnan(left)).sum(axis=0)
    whole = np.nansum(left**2, axis=0)
    week, _, _ = _by_place(left, number, 7)
    period, factors = np.zeros(series, dtype=np.int64), np.ones((LONGEST, series))
    best = np.full(series, np.inf)
    for length in range(2, LONGEST + 1):
        error, means, places = _by_place(left, number, length)
        free = np.maximum(known - 1 - length, 1)
        f = (whole - error) / (length - 1) / np.maximum(error / free, 1e-12)
        better_than_week = error / free < _BEST * week / np.maximum(known - 8, 1)
        good = (known >= 3 * length) & (known >= 10) & (places >= length) & (f > _F) & better_than_week
        good &= (1 - error / np.maximum(whole, 1e-12) > _EXPLAINED) & (error / free < best)
        period[good], best[good] = length, (error / free)[good]
        factors[:, good] = np.exp(means[np.arange(LONGEST) % length][:, good])
    return period, factors


def _without_trend(totals: Floats) -> Floats:
    """What a straight line leaves over, cut where only a sixth lies beyond so that an incident is not a rhythm."""
    at = np.arange(len(totals), dtype=float)[:, None]
    left = totals
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a series without any day yet
        time = np.where(np.isnan(totals), np.nan, at)
        time = time - np.nanmean(time, axis=0)
        centred = totals - np.nanmean(totals, axis=0)
        slope = np.nansum(time * centred, axis=0) / np.maximum(np.nansum(time**2, axis=0), 1e-9)
        left = centred - slope * time
        size = 1.2 * np.nanquantile(np.abs(left), 1 - 1 / LONGEST, axis=0)
    return np.asarray(np.clip(left, -size, size), dtype=np.float64)


def _by_place(left: Floats, number: NDArray[np.int64], length: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Squares that the means of the places leave over, the means, and how many places have a day."""
    means = np.zeros((length, left.shape[1]))
    places = np.zeros(left.shape[1], dtype=np.int64)
    fitted = np.zeros_like(left)
    for place in range(length):
        rows = number % length == place
        count = (~np.isnan(left[rows])).sum(axis=0)
        means[place] = np.nansum(left[rows], axis=0) / np.maximum(count, 1)
        places += count > 0
        fitted[rows] = means[place]
    return np.nansum((left - fitted) ** 2, axis=0), means, places
