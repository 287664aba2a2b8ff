"""Central moments of users' values: what is left of users once a mean and its uncertainty are wanted.

Means and sums of squares *around the mean* are kept, never raw sums of squares, so values around 1e9 lose no digits.
Parts are merged by the formulas of Chan, Golub & LeVeque (1983). Both classes are values: comparing, hashing and
adding (``a + b`` merges two disjoint groups of users) work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appanalytics.errors import StatisticsError

_ROUNDING = 1e-14  # relative; less than this is not told from zero


@dataclass(frozen=True, slots=True)
class Moments:
    """Number, mean and centred sum of squares of one value per user.

    ``count``: users. ``mean``: in the value's unit, 0.0 without users. ``squares``: Σ (x - mean)².
    """

    count: int
    mean: float
    squares: float

    def __post_init__(self) -> None:
        if self.count < 0 or not math.isfinite(self.mean) or not (math.isfinite(self.squares) and self.squares >= 0):
            given = f"{self.count}, {self.mean}, {self.squares}"
            raise StatisticsError(
                f"moments need a count ≥ 0, a finite mean and squares ≥ 0, not {given}",
                hint="leave out missing values before you count",
            )

    @classmethod
    def of(cls, values: ArrayLike) -> Moments:
        """Moments of an array, one value per user. NaN and infinities are a `StatisticsError`."""
        return cls.of_counted(values, None)

    @classmethod
    def of_counted(cls, values: ArrayLike, counts: ArrayLike | None) -> Moments:
        """Moments of distinct values with the number of users of each."""
        joint = JointMoments.of_counted([values], counts)
        return joint[0]

    @classmethod
    def from_sums(cls, count: int, total: float, total_of_squares: float) -> Moments:
        """From Σx and Σx², calculated as exact fractions: the digits that the sums have are kept.

        Sums of squares in floating point have already lost theirs where the mean is large; send integers, or use
        `from_variance` with ClickHouse's ``varSampStable``.
        """
        return JointMoments.from_sums(count, [total], [[total_of_squares]])[0]

    @classmethod
    def from_variance(cls, count: int, mean: float, variance: float) -> Moments:
        """From the sample variance (divided by ``count - 1``), such as ClickHouse's ``varSampStable``."""
        if count == 0:
            return cls(0, 0.0, 0.0)
        return cls(count, mean, variance * (count - 1) if count > 1 else 0.0)

    @property
    def variance(self) -> float | None:
        """Sample variance, divided by ``count - 1``; None with fewer than two users."""
        return self.squares / (self.count - 1) if self.count > 1 else None

    @property
    def mean_variance(self) -> float | None:
        """Variance of the mean; None with fewer than two users."""
        return self.squares / (self.count - 1) / self.count if self.count > 1 else None

    def __add__(self, other: Moments) -> Moments:
        count = self.count + other.count
        if not count:
            return self
        gap = other.mean - self.mean
        mean = self.mean + gap * (other.count / count)
        return Moments(count, mean, self.squares + other.squares + gap * gap * self.count * other.count / count)

    def scaled(self, factor: float, shift: float = 0.0) -> Moments:
        """Moments of ``factor · x + shift``."""
        return Moments(self.count, factor * self.mean + shift, factor * factor * self.squares)


@dataclass(frozen=True, slots=True)
class JointMoments:
    """Moments of several values per user, in a fixed order of columns (numerator, denominator, …).

    ``means[i]`` is a column's mean, ``products[i][j]`` is Σ (xᵢ - mean)(xⱼ - mean). ``moments[i]`` is one column.
    """

    count: int
    means: tuple[float, ...]
    products: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        flat = [*self.means, *(each for row in self.products for each in row)]
        square = len(self.products) == len(self.means) and all(len(row) == len(self.means) for row in self.products)
        if self.count < 0 or not square or not all(math.isfinite(each) for each in flat):
            raise StatisticsError("joint moments need a count ≥ 0, k finite means and k × k finite products")

    @classmethod
    def of(cls, *columns: ArrayLike) -> JointMoments:
        """From arrays of one length, one entry per user."""
        return cls.of_counted(columns, None)

    @classmethod
    def of_counted(cls, columns: Sequence[ArrayLike], counts: ArrayLike | None) -> JointMoments:
        """From columns of distinct combinations, with the number of users of each."""
        table = np.array([finite(each) for each in columns], dtype=np.float64)
        if counts is None:
            weights, number = np.ones(table.shape[1]), table.shape[1]
        else:
            whole = whole_counts(counts, table.shape[1])
            weights, number = whole.astype(np.float64), int(whole.sum())
        if not number:
            return cls(0, (0.0,) * len(table), ((0.0,) * len(table),) * len(table))
        users = table[:, weights > 0]
        varies = (users != users[:, :1]).any(axis=1, keepdims=True)
        # Two passes: the first mean is rounded, the mean of what is left over corrects it.
        origin = (table @ weights)[:, None] / number
        table -= origin
        shift = (table @ weights)[:, None] / number
        table -= shift
        # Users who are all equal must vary by nothing, not by the rounding of their mean.
        table = np.where(varies, table, 0.0)
        products = (table * weights) @ table.T
        return cls._of_arrays(number, (origin + shift)[:, 0], products)

    @classmethod
    def from_sums(
        cls, count: int, totals: Sequence[float], totals_of_products: Sequence[Sequence[float]]
    ) -> JointMoments:
        """From Σxᵢ and Σxᵢxⱼ, as exact fractions; see `Moments.from_sums`."""
        if not count:
            return cls(0, (0.0,) * len(totals), ((0.0,) * len(totals),) * len(totals))
        try:
            sums = [Fraction(each) for each in totals]
            rows = [
                [float(Fraction(each) - a * b / count) for each, b in zip(row, sums, strict=True)]
                for a, row in zip(sums, totals_of_products, strict=True)
            ]
        except (ValueError, OverflowError) as error:
            raise StatisticsError(f"sums that are no numbers: {error}") from None
        for i, row in enumerate(rows):
            if -_ROUNDING * abs(totals_of_products[i][i]) <= row[i] < 0:
                row[i] = 0.0
        if any(rows[i][i] < 0 for i in range(len(rows))):
            raise StatisticsError(
                "a sum of squares is smaller than the mean allows", hint="it lost its digits; send varSampStable"
            )
        return cls(count, tuple(float(each / count) for each in sums), tuple(tuple(row) for row in rows))

    @classmethod
    def from_covariances(cls, count: int, means: Sequence[float], covariances: ArrayLike) -> JointMoments:
        """From means and sample covariances (divided by ``count - 1``): ClickHouse's ``covarSampMatrix``."""
        matrix = np.asarray(covariances, dtype=np.float64)
        if count < 2:  # ClickHouse's averages and covariances of nobody are NaN
            known = np.asarray(means, dtype=np.float64) if count else np.zeros(len(means))
            return cls._of_arrays(count, known, np.zeros_like(matrix))
        return cls._of_arrays(count, np.asarray(means, dtype=np.float64), matrix * (count - 1))

    @classmethod
    def _of_arrays(cls, count: int, means: NDArray[np.float64], products: NDArray[np.float64]) -> JointMoments:
        even = (products + products.T) / 2
        return cls(count, tuple(means.tolist()), tuple(tuple(row) for row in even.tolist()))

    def __getitem__(self, column: int) -> Moments:
        return Moments(self.count, self.means[column], max(0.0, self.products[column][column]))

    def __add__(self, other: JointMoments) -> JointMoments:
        if len(self.means) != len(other.means):
            raise StatisticsError(f"moments of {len(self.means)} and of {len(other.means)} columns do not merge")
        count = self.count + other.count
        if not count:
            return self
        gap = np.asarray(other.means) - np.asarray(self.means)
        products = np.asarray(self.products) + np.asarray(other.products)
        return JointMoments._of_arrays(
            count,
            np.asarray(self.means) + gap * (other.count / count),
            products + np.outer(gap, gap) * (self.count * other.count / count),
        )

    def combined(self, *weights: float) -> Moments:
        """Moments of Σ weightᵢ · xᵢ per user: the delta method, linearisation and CUPED are all such sums."""
        factors = np.asarray(weights, dtype=np.float64)
        terms = np.asarray(self.products) * np.outer(factors, factors)
        square = float(terms.sum())
        # What is left of terms that cancel to their last digits is rounding, not variance.
        if square <= _ROUNDING * float(np.abs(terms).sum()):
            square = 0.0
        return Moments(self.count, float(factors @ np.asarray(self.means)), square)

    def columns(self, *order: int) -> JointMoments:
        """Some columns, in that order."""
        return JointMoments(
            self.count,
            tuple(self.means[i] for i in order),
            tuple(tuple(self.products[i][j] for j in order) for i in order),
        )


def whole_counts(counts: ArrayLike, length: int) -> NDArray[np.int64]:
    """Counts of users as integers; a negative, broken or missing one is a `StatisticsError`."""
    given = np.asarray(counts)
    if given.ndim != 1 or len(given) != length:
        raise StatisticsError(f"{given.size} counts for {length} values")
    if given.dtype.kind == "f" and not (np.isfinite(given).all() and (given == np.floor(given)).all()):
        raise StatisticsError("counts of users must be whole numbers")
    if given.dtype.kind not in "fiub" and given.size:
        raise StatisticsError(f"counts of users must be whole numbers, not {given.dtype}")
    if given.size and given.min() < 0:
        raise StatisticsError("counts of users must not be negative")
    return given.astype(np.int64)


def finite(values: ArrayLike) -> NDArray[np.float64]:
    """One column as floats; NaN, infinities, text and nested lists are a `StatisticsError`."""
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise StatisticsError("values must be numbers", hint="missing values (None) must be left out first") from None
    if column.ndim != 1:
        raise StatisticsError(f"values must be a flat list, not of shape {column.shape}")
    if not np.isfinite(column).all():
        broken = int((~np.isfinite(column)).sum())
        raise StatisticsError(
            f"{broken} of {len(column)} values are NaN or infinite",
            hint="leave these users out, or give them a value",
        )
    return column
