"""What a series would have shown: trend and rhythm of the bins before, with a band from its own past errors.

A pure function of one value for each period (a day, or the same hour of each day). The model is additive in
logarithms: level, slope and one effect for each place in the rhythm, fitted by weighted ridge regression with Huber
weights (Huber 1964); newer periods count more, and what the newest were off by corrects the level. The band comes
from the errors that the same model made one step ahead, so it is as wide as the series is hard to foresee.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.stats.tails import critical

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]

#: Periods after which an observation counts half: both are tried.
HALF_LIVES = 7.0, 20.0
#: Periods after which an error counts half.
MEMORY = 8.0
#: Periods that are looked back on.
REACH = 42
#: Fewest earlier periods that a forecast is made of.
FEWEST = 3
#: Errors beyond so many standard errors, and beyond this size, are disturbances and no history.
DISTURBED = 4.0, 0.06
#: A disturbance goes on while errors of its side are beyond these: a week of a campaign must not become the rule from
#: its fourth day on, or the days after it look like a fall.
GOES_ON = 1.5, 0.03
#: So many disturbances of one side in a row are a new level.
NEW_LEVEL = 8
#: Rhythms that are tried beside a week, in periods.
LONGEST_RHYTHM = 14
#: How fast the newest residuals are forgotten that correct the level, and how many of 0 are added to them.
CORRECTION, RESTRAINT = 0.7, 0.7


@dataclass(frozen=True, eq=False)
class Forecast:
    """A series with what was expected in each period.

    ``expected``, ``low`` and ``high`` have the series' unit, one step ahead of the periods before; NaN where there
    were too few. ``disturbed`` are periods that later ones do not learn from. ``rhythm`` is the length of the
    cycle in periods, 1 without one. ``spread`` is the relative standard error of the last period's expectation.
    """

    actual: Floats
    expected: Floats
    low: Floats
    high: Floats
    disturbed: Flags
    rhythm: int
    spread: float

    @property
    def is_unusual(self) -> bool:
        """True when the last period lies outside of its band."""
        return bool(self.actual[-1] < self.low[-1] or self.actual[-1] > self.high[-1])

    @property
    def deviation(self) -> float:
        """How many standard errors the last period is off, in logarithms; NaN without a forecast."""
        off = _log(self.actual)[-1] - math.log(self.expected[-1])
        return float(off / self.spread) if self.spread else 0.0


def forecast(
    values: Floats,
    *,
    usable: Flags | None = None,
    counts: bool = True,
    rhythm: int | None = None,
    level: float = 0.99,
) -> Forecast:
    """Expect every period from those before it; the last one is the one that is asked about.

    ``usable`` leaves periods out of the history (incomplete ones, known events). ``counts`` says that the values
    are numbers of independent things, whose Poisson noise is the least that a band may have. Without a ``rhythm``
    a week of periods, none, and the length with the strongest autocorrelation are tried, and the one with the
    smallest errors one step ahead is taken.
    """
    known = None if usable is None else usable[None]
    return forecasts(values[None], usable=known, counts=[counts], rhythm=rhythm, level=level)[0]


def forecasts(
    values: Floats,
    *,
    usable: Flags | None = None,
    counts: Sequence[bool],
    rhythm: int | None = None,
    level: float = 0.99,
) -> list[Forecast]:
    """The same for many series of one length, (series, periods), in one pass."""
    known = np.isfinite(values) & (np.ones(values.shape, dtype=bool) if usable is None else usable)
    tried = [[rhythm] if rhythm else _rhythms(*each) for each in zip(values, known, strict=True)]
    rows = np.repeat(np.arange(len(values)), [len(each) * len(HALF_LIVES) for each in tried])
    lengths = np.concatenate([np.repeat(each, len(HALF_LIVES)) for each in tried])
    lives = np.tile(HALF_LIVES, len(lengths) // len(HALF_LIVES))
    poisson = np.asarray(counts)[rows]
    predicted, spread, disturbed = _step_ahead(values[rows], known[rows], lengths, lives, poisson)
    # Its typical error one step ahead is the last period's spread: the smallest wins, a week when it is close.
    merit = np.where(np.isfinite(spread[:, -1]), spread[:, -1], np.inf) * np.where(lengths == 7, 0.95, 1.0)
    reach = critical(level)
    found = []
    for place, series in enumerate(values):
        own = np.flatnonzero(rows == place)
        best = own[np.argmin(merit[own])]
        middle, band = predicted[best], reach * spread[best]
        found.append(
            Forecast(
                series,
                np.exp(middle),
                np.exp(middle - band),
                np.exp(middle + band),
                disturbed[best],
                int(lengths[best]),
                float(spread[best, -1]),
            )
        )
    return found


def _step_ahead(
    values: Floats, known: Flags, lengths: Codes, lives: Floats, poisson: Flags
) -> tuple[Floats, Floats, Flags]:
    """Logarithms of expectations and their standard errors, and what was disturbed: (series, periods) each."""
    count, size = values.shape
    logs = np.stack([_log(series) for series in values])
    known = known.copy()
    predicted, spread, errors, plain = (np.full(values.shape, np.nan) for _ in range(4))
    disturbed = np.zeros(values.shape, dtype=bool)
    streak = np.zeros(count, dtype=int)
    places = np.arange(REACH, 0, -1)
    phases = places[None, :] % lengths[:, None] == np.arange(LONGEST_RHYTHM)[:, None, None]
    design = np.concatenate(
        [np.ones((1, count, REACH)), np.broadcast_to(-places / 10.0, (1, count, REACH)), phases]
    ).transpose(1, 2, 0)
    for at in range(FEWEST, size):
        start = max(0, at - REACH)
        used = known[:, start:at] & ~disturbed[:, start:at]
        enough = used.sum(axis=1) >= FEWEST
        fitted = _fit(logs[:, start:at], used, design[:, REACH - (at - start) :], lives)
        plain[:, at] = logs[:, at] - fitted
        fitted = fitted + _persisting(plain[:, start:at], used)
        predicted[enough, at] = fitted[enough]
        least = np.where(poisson, 1 / np.maximum(np.exp(fitted), 1.0), 0.0)
        spread[enough, at] = np.sqrt(np.maximum(_typical(errors[:, start:at], used) ** 2, least))[enough]
        off = logs[:, at] - predicted[:, at]
        errors[:, at] = np.where(known[:, at], off, np.nan)
        beyond = np.abs(errors[:, at]) > np.maximum(DISTURBED[0] * spread[:, at], DISTURBED[1])
        side = np.where(off > 0, 1, -1)
        going_on = np.abs(errors[:, at]) > np.maximum(GOES_ON[0] * spread[:, at], GOES_ON[1])
        beyond |= going_on & (streak * side > 0)
        beyond &= (at >= 7) & known[:, at]
        streak = np.where(beyond, np.where(streak * side > 0, streak + side, side), 0)
        disturbed[:, at] = beyond & (np.abs(streak) < NEW_LEVEL)
        shifted, since = beyond & (np.abs(streak) >= NEW_LEVEL), at - NEW_LEVEL + 1
        disturbed[shifted, since:at] = False
        known[shifted, :since] = False  # what was before the new level is no history of it
    return predicted, spread, disturbed


def _fit(logs: Floats, used: Flags, design: Floats, lives: Floats) -> Floats:
    """The next value's expectation by a weighted ridge regression with Huber weights."""
    ages = np.arange(logs.shape[1], 0, -1, dtype=np.float64)
    middle = _median(logs, used)
    y = np.where(used, logs - middle[:, None], 0.0)
    weights = used * 0.5 ** (ages / lives[:, None])
    ridge = np.diag([1e-6, 0.3] + [0.5] * LONGEST_RHYTHM)
    robust = np.ones_like(weights)
    for _ in range(3):
        weighted = design * (weights * robust)[..., None]
        turned = weighted.transpose(0, 2, 1)
        beta = np.linalg.solve(turned @ design + ridge, turned @ y[..., None])
        residual = y - (design @ beta)[..., 0]
        scale = np.maximum(1.4826 * _median(np.abs(residual), used), 1e-4)[:, None]
        robust = np.minimum(1.0, 1.5 * scale / np.maximum(np.abs(residual), 1e-12))
    # The next period has age 0, so its place in the rhythm is the first one.
    found: Floats = middle + beta[:, 0, 0] + beta[:, 2, 0]
    return found


def _persisting(errors: Floats, used: Flags) -> Floats:
    """What the newest forecasts of the plain regression were off by together, pulled towards 0."""
    known = used & np.isfinite(errors)
    newest = known * CORRECTION ** np.arange(errors.shape[1], 0, -1)
    found: Floats = (newest * np.where(known, errors, 0.0)).sum(axis=1) / (newest.sum(axis=1) + RESTRAINT)
    return found


def _typical(errors: Floats, used: Flags) -> Floats:
    """Robust standard error of the latest forecasts, the newest counting most; wide while there are few."""
    seen, known = np.abs(errors[:, -28:]), (used & np.isfinite(errors))[:, -28:]
    number = known.sum(axis=1)
    few = number < 4
    weights = known * 0.5 ** (np.arange(seen.shape[1], 0, -1) / MEMORY)
    clipped = np.minimum(np.where(known, seen, 0.0), 3 * 1.4826 * _median(seen, known)[:, None])
    typical = np.sqrt((weights * clipped**2).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-12))
    found: Floats = np.where(few, 0.15, typical * (1 + 2 / np.maximum(number, 1)))
    return found


def _median(values: Floats, known: Flags) -> Floats:
    """Lower median of the known values of each row, 0 where there are none; much faster than `numpy.nanmedian`."""
    ordered = np.sort(np.where(known, values, np.inf), axis=1)
    place = np.maximum(known.sum(axis=1) - 1, 0) // 2
    found: Floats = ordered[np.arange(len(ordered)), place]
    return np.where(np.isfinite(found), found, 0.0)


def _rhythms(values: Floats, known: Flags) -> list[int]:
    """A week, none, and the lag at which the detrended series resembles itself most."""
    logs = np.where(known, _log(values), np.nan)[-2 * REACH :]
    steps = np.diff(logs)
    if len(steps) < 2 * LONGEST_RHYTHM or not np.isfinite(steps).any():
        return [7, 1]
    steps = np.clip(np.nan_to_num(steps - np.nanmedian(steps)), -0.5, 0.5)
    strength = {lag: float(steps[lag:] @ steps[:-lag]) for lag in range(2, LONGEST_RHYTHM + 1)}
    strongest = max(strength, key=lambda lag: strength[lag])
    return list(dict.fromkeys([7, 1, strongest]))


def _log(values: Floats) -> Floats:
    """Logarithms; what is 0 or missing counts as the smallest there is, at most one half."""
    finite = np.isfinite(values)
    positive = values[finite & (values > 0)]
    floor = min(0.5, float(positive.min())) if len(positive) else 0.5
    logs: Floats = np.log(np.maximum(np.where(finite, values, floor), floor))
    return logs
