"""Cells: distinct values with the number of users of each, what ``GROUP BY`` returns instead of users.

Users with equal values are exchangeable, so ranks, quantiles, moments and the Poisson bootstrap of cells are exactly
those of the users, at the size of the distinct values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appanalytics.errors import StatisticsError
from appanalytics.stats.moments import JointMoments, Moments, finite, whole_counts

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """One value per user: ``values`` distinct and ascending, ``counts`` users of each (all ≥ 1)."""

    values: Floats
    counts: Counts

    @classmethod
    def of(cls, values: ArrayLike) -> Cells:
        """Count an array with one value per user. NaN and infinities are a `StatisticsError`."""
        distinct, counts = np.unique(finite(values), return_counts=True)
        return cls(distinct, counts.astype(np.int64))

    @classmethod
    def counted(cls, values: ArrayLike, counts: ArrayLike) -> Cells:
        """From values with numbers of users, in any order; equal values are added up, counts of 0 left out."""
        column = finite(values)
        distinct, place = np.unique(column, return_inverse=True)
        return cls._dense(distinct, _added(place, whole_counts(counts, len(column)), len(distinct)))

    @classmethod
    def _dense(cls, values: Floats, counts: Counts) -> Cells:
        used = counts > 0
        return cls(values[used], counts[used])

    @property
    def users(self) -> int:
        """Number of users."""
        return int(self.counts.sum())

    @property
    def moments(self) -> Moments:
        """Mean and variance of the users' values."""
        return Moments.of_counted(self.values, self.counts)

    def __add__(self, other: Cells) -> Cells:
        return Cells.counted(np.concatenate([self.values, other.values]), np.concatenate([self.counts, other.counts]))

    def quantile(self, probability: float) -> float | None:
        """The smallest value that at least that share of users does not exceed (type 1 of Hyndman & Fan 1996).

        None without users. ``quantile(0.5)`` of an even number of users is the lower middle; see `median`.
        """
        if not 0 <= probability <= 1:
            raise StatisticsError(f"a quantile at {probability}", hint="write the 99th percentile as 0.99")
        if not len(self.values):
            return None
        ends = np.cumsum(self.counts)
        # A share such as 0.29 · 100 is 28.999…96 in binary; a thousandth of a user is no user.
        rank = max(1, int(np.ceil(probability * int(ends[-1]) - 1e-9 * max(1, int(ends[-1])) ** 0.5)))
        return float(self.values[min(int(np.searchsorted(ends, rank)), len(ends) - 1)])

    @property
    def median(self) -> float | None:
        """The middle value, or the mean of the two middle ones; None without users."""
        if not len(self.values):
            return None
        ends = np.cumsum(self.counts)
        low, high = np.searchsorted(ends, [(ends[-1] + 1) // 2, ends[-1] // 2 + 1])
        return float(self.values[low] + (self.values[high] - self.values[low]) / 2)

    def mapped(self, values: Floats) -> Cells:
        """The same users with other values, one for each cell; cells that become equal are added up."""
        return Cells.counted(values, self.counts)

    def clipped(self, low: float | None = None, high: float | None = None) -> Cells:
        """Values below ``low`` and above ``high`` are set to them (winsorising at given caps)."""
        return self.mapped(np.clip(self.values, low, high)) if low is not None or high is not None else self


@dataclass(frozen=True, slots=True, eq=False)
class RatioCells:
    """A numerator and a denominator per user (likes and views): distinct pairs with their number of users."""

    numerators: Floats
    denominators: Floats
    counts: Counts

    @classmethod
    def of(cls, numerators: ArrayLike, denominators: ArrayLike) -> RatioCells:
        """Count two arrays with one entry per user. A negative denominator is a `StatisticsError`."""
        above, below = finite(numerators), finite(denominators)
        return cls.counted(above, below, np.ones(len(above), dtype=np.int64))

    @classmethod
    def counted(cls, numerators: ArrayLike, denominators: ArrayLike, counts: ArrayLike) -> RatioCells:
        """From pairs with numbers of users, in any order; equal pairs are added up, counts of 0 left out."""
        above, below = finite(numerators), finite(denominators)
        if len(above) != len(below):
            raise StatisticsError(f"{len(above)} numerators for {len(below)} denominators")
        if len(below) and below.min() < 0:
            raise StatisticsError("a denominator is negative", hint="a ratio's denominator counts something")
        number = whole_counts(counts, len(above))
        order = np.lexsort((above, below))
        above, below, number = above[order], below[order], number[order]
        first = np.ones(len(above), dtype=bool)
        first[1:] = (above[1:] != above[:-1]) | (below[1:] != below[:-1])
        summed = _added(np.cumsum(first) - 1, number, int(first.sum()))
        used = summed > 0
        return cls(above[first][used], below[first][used], summed[used])

    @property
    def users(self) -> int:
        """Number of users, those with a denominator of zero included."""
        return int(self.counts.sum())

    @property
    def undefined(self) -> int:
        """Users whose own ratio is null because their denominator is zero."""
        return int(self.counts[self.denominators == 0].sum())

    @property
    def moments(self) -> JointMoments:
        """Columns: numerator, denominator. All users count."""
        return JointMoments.of_counted([self.numerators, self.denominators], self.counts)

    @property
    def ratio(self) -> float | None:
        """The global ratio Σ numerators / Σ denominators; None where nothing is below."""
        below = float(self.denominators @ self.counts)
        return float(self.numerators @ self.counts) / below if below else None

    def ratios(self) -> Cells:
        """Each user's own ratio. Users with a denominator of zero have none and are left out (`undefined`)."""
        some = self.denominators > 0
        return Cells.counted(self.numerators[some] / self.denominators[some], self.counts[some])

    def __add__(self, other: RatioCells) -> RatioCells:
        return RatioCells.counted(
            np.concatenate([self.numerators, other.numerators]),
            np.concatenate([self.denominators, other.denominators]),
            np.concatenate([self.counts, other.counts]),
        )


#: What tests of one value per user take: an array, cells, or moments where moments are enough.
Sample = Moments | Cells | ArrayLike


def as_moments(sample: Sample) -> Moments:
    """Moments of an array or of cells; moments as they are."""
    if isinstance(sample, Moments):
        return sample
    return sample.moments if isinstance(sample, Cells) else Moments.of(sample)


def as_cells(sample: Cells | ArrayLike) -> Cells:
    """Cells of an array; cells as they are."""
    return sample if isinstance(sample, Cells) else Cells.of(sample)


def as_joint(sample: RatioCells | JointMoments) -> JointMoments:
    """Joint moments of cells; joint moments as they are."""
    return sample.moments if isinstance(sample, RatioCells) else sample


def pooled(samples: Iterable[Cells]) -> Cells:
    """All users of several arms."""
    return reduce(add, samples)


def _added(place: NDArray[np.intp], counts: Counts, length: int) -> Counts:
    """Sums of counts by place. In integers: `bincount` with weights would round above 2**53 users."""
    summed = np.zeros(length, dtype=np.int64)
    np.add.at(summed, place, counts)
    return summed
