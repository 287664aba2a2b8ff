"""The range in which a day's value usually lies, from the days before it: a forecast and the size of its past errors.

The forecast is a straight line with a season, fitted to the last `WINDOW` days on a scale on which ordinary days
scatter evenly (logarithms; the angle asin √p for shares), by least squares with weights that halve every `HALF_LIFE`
days and Huber's weights against outliers (Huber 1964). Seasons of 1 (none) to 7 days compete: the one that forecast
the last `ERRORS` days best, one day ahead, speaks. The range is that forecast and `WIDTH` standard deviations of
those errors to either side. A day outside of its range weighs a tenth, so that an incident hardly moves the ranges
after it, until `ACCEPTED` of the last `LEAST` days were such: then those are the new normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appanalytics.errors import StatisticsError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
WINDOW, HALF_LIFE, ERRORS, ACCEPTED = 42, 14.0, 28, 10
#: Days that must be known for a forecast, and errors for a range.
LEAST, LEAST_ERRORS = 14, 10
#: Standard deviations: 99 % of a normal distribution.
WIDTH = 2.576
SEASONS = (1, 7, 2, 3, 4, 5, 6)
#: What a season's mean error costs: of seven seasons one is always the best, even where there is none.
_PRICES = np.array([1.0, 1.05, 1.25, 1.25, 1.25, 1.25, 1.25])[:, None]
_ROUNDS = 5
#: What a day outside of its range weighs: enough for a rhythm that is new, little for an incident.
_UNUSUAL = 0.1
_HUBER = 1.5


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """Ranges by day, arrays of the shape series × days; NaN where too little is known."""

    expected: Floats
    low: Floats
    high: Floats


class Kind(StrEnum):
    """What a series is of: whole things, shares between 0 and 1, or other amounts."""

    COUNT = "count"
    SHARE = "share"
    AMOUNT = "amount"


def usual_ranges(values: ArrayLike, kinds: Sequence[Kind]) -> Usual:
    """Range of each day, each from the days before it: never from its own value or a later one.

    ``values`` has the shape series × days, oldest first, NaN where unknown; none may be negative, no share above 1.
    A range of counts is never narrower than counting noise. The first days, and days after fewer than `LEAST` +
    `LEAST_ERRORS` known ones, have no range. Five weeks are enough, twelve are better.
    """
    given = np.atleast_2d(np.asarray(values, dtype=np.float64))
    scale = _Scale.of(given, kinds)
    state = _State(scale.to(given))
    made = Usual(*np.full((3, *given.shape), np.nan))
    for day in range(given.shape[1]):
        expected, size = state.forecast(day)
        noise = np.where(scale.is_count, np.exp(-np.maximum(expected, 0.0) / 2), 0.0)
        reach = WIDTH * np.maximum(size, noise)
        state.learn(day, expected, reach)
        known = ~np.isnan(reach)
        sides = (expected, expected - reach, expected + reach)
        for kept, side in zip((made.expected, made.low, made.high), sides, strict=True):
            kept[known, day] = scale.back(side)[known]
    return made


@dataclass(frozen=True)
class _Scale:
    """Where ordinary days scatter evenly. ``shift`` lets zeros have a logarithm."""

    is_count: Bools
    is_share: Bools
    shift: Floats

    @classmethod
    def of(cls, values: Floats, kinds: Sequence[Kind]) -> _Scale:
        """The scale of each series; raises `StatisticsError` for values that cannot be."""
        is_count, is_share = (np.array([kind is wanted for kind in kinds]) for wanted in (Kind.COUNT, Kind.SHARE))
        if np.any(values < 0) or np.any(values[is_share] > 1):
            raise StatisticsError("usual ranges are of values that are not negative, and of shares up to 1")
        known = ~np.isnan(values)
        mean = np.where(known, values, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return cls(is_count, is_share, np.where(is_count, 1.0, np.maximum(0.1 * mean, 1e-9)))

    def to(self, values: Floats) -> Floats:
        """Values of series × days on the scale."""
        share = self.is_share[:, None]
        angle = np.arcsin(np.sqrt(np.where(share, values, 0.0)))
        return np.asarray(np.where(share, angle, np.log(values + self.shift[:, None])), dtype=np.float64)

    def back(self, scaled: Floats) -> Floats:
        """One day of every series, from the scale."""
        share = np.sin(np.clip(scaled, 0.0, np.pi / 2)) ** 2
        amount = np.maximum(np.exp(np.where(self.is_share, 0.0, scaled)) - self.shift, 0.0)
        return np.asarray(np.where(self.is_share, share, amount), dtype=np.float64)


@dataclass
class _State:
    """The days seen so far, on the scale of the fit: how much later fits learn from each, the errors by season."""

    values: Floats
    weights: Floats = field(init=False)
    errors: Floats = field(init=False)
    outside: Bools = field(init=False)
    found: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.weights = np.zeros(self.values.shape)
        self.errors = np.full((len(SEASONS), *self.values.shape), np.nan)
        self.outside = np.zeros(self.values.shape, dtype=bool)

    def forecast(self, day: int) -> tuple[Floats, Floats]:
        """What is expected, and the standard deviation of the errors of such forecasts."""
        self.found = _forecasts(*(_window(each, day, WINDOW) for each in (self.values, self.weights)))
        recent = slice(max(0, day - ERRORS), day)
        chosen = (_best(self.errors[:, :, recent]), np.arange(len(self.values)))
        ordinary = np.where(self.outside[:, recent], np.nan, self.errors[:, :, recent][chosen])
        return self.found[chosen], _size(ordinary)

    def learn(self, day: int, expected: Floats, reach: Floats) -> None:
        """Take the day's value in; after `ACCEPTED` days of `LEAST` outside of their ranges begin anew."""
        value = self.values[:, day]
        self.outside[:, day] = np.abs(value - expected) > reach
        self.errors[:, :, day] = value - self.found
        self.weights[:, day] = np.where(np.isnan(value), 0.0, np.where(self.outside[:, day], _UNUSUAL, 1.0))
        last = slice(max(0, day + 1 - LEAST), day + 1)
        if (moved := self.outside[:, last].sum(axis=1) >= ACCEPTED).any():
            self.weights[moved, : last.start] = 0.0
            self.weights[moved, last] = ~np.isnan(self.values[moved, last])
            self.outside[moved, last] = False


def _window(values: Floats, day: int, length: int) -> Floats:
    """The ``length`` days before a day; zeros before the first."""
    seen = values[:, max(0, day - length) : day]
    return np.pad(seen, ((0, 0), (length - seen.shape[1], 0)))


def _designs() -> tuple[Floats, Floats]:
    """Columns of each season's fit by lag (oldest first), and what holds each coefficient back.

    The next day has lag 0 and place 0, so its forecast is the first coefficient. Shorter seasons have idle columns.
    """
    lag = np.arange(WINDOW, 0, -1)
    places = np.arange(1, max(SEASONS))
    made = [
        np.column_stack([np.ones(WINDOW), -lag / WINDOW, (lag % season)[:, None] == places]) for season in SEASONS
    ]
    return np.array(made, dtype=np.float64), np.diag([1e-9, 0.1, *[1e-4] * len(places)])


_DESIGNS, _HOLD = _designs()
_AGES = 0.5 ** (np.arange(WINDOW, 0, -1) / HALF_LIFE)


def _forecasts(values: Floats, weights: Floats) -> Floats:
    """The next day by season and series; NaN with fewer than `LEAST` known days."""
    enough = (weights > 0).sum(axis=1) >= LEAST
    found = np.full((len(SEASONS), len(values)), np.nan)
    if enough.any():
        found[:, enough] = _fitted(np.where(weights > 0, values, 0.0)[enough], weights[enough])
    return found


def _fitted(y: Floats, weights: Floats) -> Floats:
    """First coefficient of each season's robust fit, by season and series."""
    age, there = _AGES * weights, weights > 0
    designs = _DESIGNS[:, None]  # seasons × 1 × lags × columns
    weight = np.broadcast_to(age, (len(SEASONS), *age.shape))
    middle = (there.sum(axis=1) // 2)[None, :, None]
    first: Floats = np.empty(0)
    for _ in range(_ROUNDS):
        weighted = (weight[..., None] * designs).swapaxes(-1, -2)
        fit = np.linalg.solve(weighted @ designs + _HOLD, weighted @ y[..., None])
        first = fit[..., 0, 0].astype(np.float64)
        left = np.abs(y - (designs @ fit)[..., 0])
        ordered = np.sort(np.where(there, left, np.inf), axis=-1)
        scale = 1.4826 * np.take_along_axis(ordered, np.broadcast_to(middle, (*left.shape[:2], 1)), axis=-1)
        weight = age * np.minimum(1.0, _HUBER * np.maximum(scale, 1e-6) / np.maximum(left, 1e-12))
    return first


def _best(errors: Floats) -> NDArray[np.int64]:
    """The season of each series that forecast best; errors have the shape seasons × series × days."""
    known = (~np.isnan(errors)).sum(axis=-1)
    mean = np.where(np.isnan(errors), 0.0, np.minimum(np.abs(errors), 1.0)).sum(axis=-1) / np.maximum(known, 1)
    return np.asarray(np.argmin(np.where(known >= LEAST_ERRORS, mean * _PRICES, np.inf), axis=0), dtype=np.int64)


def _size(errors: Floats) -> Floats:
    """Standard deviation of each series' errors, from their middle or shoulders, whichever is wider."""
    known = (~np.isnan(errors)).sum(axis=-1)
    enough = known >= LEAST_ERRORS
    if not enough.any():
        return np.full(len(errors), np.nan)
    filled = np.where(enough[:, None], np.abs(errors), 0.0)
    middle, shoulder = np.nanquantile(filled, [0.5, 0.8], axis=-1)
    size = np.maximum(middle / 0.6745, shoulder / 1.2816) * (1 + 1.5 / np.maximum(known, 1))
    return np.where(enough, np.maximum(size, 1e-6), np.nan)
