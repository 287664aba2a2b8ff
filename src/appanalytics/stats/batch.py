"""p-values of many splits at once, for the A/A rehearsal: arrays of shape (draws, 2 arms, users)."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from appanalytics.stats.cells import Floats
from appanalytics.stats.many import (
    brown_forsythe_many,
    kolmogorov_smirnov_many,
    mann_whitney_many,
    regressed_many,
    student_many,
    welch_many,
)
from appanalytics.stats.poisson import PoissonTable
from appanalytics.stats.population import Population
from appanalytics.stats.tails import student_tails
from appanalytics.stats.ties import TiedTails

METHODS = (
    "welch", "mann_whitney", "smoothed", "smoothed_own_prior", "poisson_bootstrap", "buckets_welch",
    "buckets_mann_whitney", "linearised", "delta", "fieller_relative", "delta_relative", "welch_relative", "cuped",
    "winsorised", "kolmogorov_smirnov", "brown_forsythe",
)  # fmt: skip
_FLOAT32_WHOLE = 2**24  # whole numbers up to here are exact in 32 bits


class Draws:
    """A block of splits, with every method's p-values. Cells must be in the order of their ratio."""

    def __init__(
        self, cells: Population, chosen: NDArray[np.intp], generator: np.random.Generator, *,
        alpha: float, buckets: int, resamples: int, tails: TiedTails | None = None,
    ) -> None:  # fmt: skip
        self._cells, self._chosen, self._generator = cells, chosen, generator
        self._alpha, self._buckets, self._resamples = alpha, buckets, resamples
        self._tails = tails

    def p_values(self, method: str) -> Floats:
        """One p-value for each draw; NaN where the draw has no variation."""
        answer: Floats = getattr(self, f"_{method}")()
        return answer

    @cached_property
    def _above(self) -> Floats:
        return self._cells.numerators.take(self._chosen)

    @cached_property
    def _below(self) -> Floats:
        return self._cells.denominators.take(self._chosen)

    @cached_property
    def _ratios(self) -> Floats:
        """Global ratio of each arm, shape (draws, 2)."""
        return np.asarray(self._above.sum(axis=2) / self._below.sum(axis=2), dtype=np.float64)

    def _welch(self) -> Floats:
        ratios = self._cells.numerators / self._cells.denominators
        # Around a common value: a large mean must not eat the digits of the squares.
        return welch_many((ratios - np.average(ratios, weights=self._cells.counts)).take(self._chosen))

    def _welch_relative(self) -> Floats:
        means = (self._cells.numerators / self._cells.denominators).take(self._chosen)
        return _relative(means.mean(axis=2), means.var(axis=2, ddof=1) / means.shape[2], means.shape[2])

    def _smoothed(self) -> Floats:
        both = self._above.sum(axis=(1, 2)) / self._below.sum(axis=(1, 2))
        return self._smooth(both[:, None, None])

    def _smoothed_own_prior(self) -> Floats:
        return self._smooth(self._ratios[:, :, None])

    def _smooth(self, prior: Floats) -> Floats:
        return welch_many((self._above + self._alpha * prior) / (self._below + self._alpha))

    def _delta(self) -> Floats:
        return student_many(*self._ratio_moments(self._above, self._below))

    def _fieller_relative(self) -> Floats:
        return self._delta()  # the relative difference is zero where the difference is

    def _delta_relative(self) -> Floats:
        return _relative(*self._ratio_moments(self._above, self._below))

    def _winsorised(self) -> Floats:
        return student_many(*self._ratio_moments(_capped(self._above), _capped(self._below)))

    def _ratio_moments(self, above: Floats, below: Floats) -> tuple[Floats, Floats, int]:
        """Ratio of sums and its variance, shape (draws, 2), and the users of an arm."""
        ratios = above.sum(axis=2) / below.sum(axis=2)
        errors = above - ratios[:, :, None] * below
        count = errors.shape[2]
        squares = np.einsum("dau,dau->da", errors, errors) / below.mean(axis=2) ** 2
        return ratios, squares / (count - 1) / count, count

    def _cuped(self) -> Floats:
        before = [each.take(self._chosen) for each in self._cells.before]
        if len(before) == 2:
            with np.errstate(divide="ignore", invalid="ignore"):
                now, then = _lines(self._above, self._below), _lines(*before)
            ratios = before[0].sum(axis=2) / np.maximum(before[1].sum(axis=2), 1e-300)
            known = np.asarray(np.isfinite(then).all(axis=(1, 2)), dtype=np.bool_)
            # A line's mean is its ratio, so the means carry the difference of ratios before.
            means, variances = regressed_many(
                now + self._ratios[:, :, None],
                (np.where(known[:, np.newaxis, np.newaxis], then, 0.0) + ratios[:, :, None])[None],
            )
            found = student_many(means, variances, now.shape[2])
            return np.where(known, found, np.nan)
        values = self._above / self._below
        covariates = np.stack([before[0], (before[0] > 0).astype(np.float64)])
        return student_many(*regressed_many(values, covariates), values.shape[2])

    def _linearised(self) -> Floats:
        return welch_many(self._above - self._ratios[:, :1, None] * self._below)

    @property
    def _ranks(self) -> NDArray[np.int32]:
        return np.asarray(dense_ranks(self._cells).take(self._chosen), dtype=np.int32)

    def _mann_whitney(self) -> Floats:
        return mann_whitney_many(self._ranks)

    def _kolmogorov_smirnov(self) -> Floats:
        return kolmogorov_smirnov_many(self._ranks, self._tails or tied_tails(self._cells, self._chosen.shape[2]))

    def _brown_forsythe(self) -> Floats:
        return brown_forsythe_many((self._cells.numerators / self._cells.denominators).take(self._chosen))

    @cached_property
    def _bucketed(self) -> Floats:
        """Ratio of each bucket, shape (draws, 2, buckets): users are in random order, so runs of them are buckets."""
        edges = np.arange(self._buckets) * self._above.shape[2] // self._buckets
        return np.asarray(
            np.add.reduceat(self._above, edges, axis=2) / np.add.reduceat(self._below, edges, axis=2),
            dtype=np.float64,
        )

    def _buckets_welch(self) -> Floats:
        return welch_many(self._bucketed)

    def _buckets_mann_whitney(self) -> Floats:
        values = self._bucketed.reshape(len(self._bucketed), -1)
        order = np.argsort(values, axis=1)
        risen = np.diff(np.take_along_axis(values, order, axis=1), axis=1, prepend=-np.inf) > 0
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.cumsum(risen, axis=1), axis=1)
        return mann_whitney_many(ranks.astype(np.int32).reshape(self._bucketed.shape))

    def _poisson_bootstrap(self) -> Floats:
        """Each draw's percentile p-value. The draws of a block share their weights, which changes no single one."""
        users, table = self._above.shape[2], PoissonTable(1)
        largest = float(max(np.abs(self._cells.numerators).max(), self._cells.denominators.max()))
        whole = all((each == np.floor(each)).all() for each in (self._cells.numerators, self._cells.denominators))
        # Weights add up to about as many as there are users, surely to less than twice as many.
        is_exact = whole and largest * (2 * users + 50) < _FLOAT32_WHOLE
        kind: type[np.float32] | type[np.float64] = np.float32 if is_exact else np.float64
        differences = np.zeros((len(self._chosen), self._resamples))
        for arm, sign in ((0, -1), (1, 1)):
            drawn = table.draw(self._generator, users * self._resamples)
            weights = drawn.reshape(users, self._resamples).astype(kind)
            above, below = (np.matmul(side[:, arm].astype(kind), weights) for side in (self._above, self._below))
            with np.errstate(invalid="ignore"):  # an arm of very few users may get no weight at all
                differences += sign * np.divide(above, below, dtype=np.float64)
        known = np.isfinite(differences).sum(axis=1)
        beyond = np.minimum((differences >= 0).sum(axis=1), (differences <= 0).sum(axis=1))
        return np.asarray(np.minimum(1.0, 2 * (beyond + 1) / (known + 1)), dtype=np.float64)


def dense_ranks(cells: Population) -> NDArray[np.int32]:
    """Rank of each cell's ratio; cells must be in its order."""
    ratios = cells.numerators / cells.denominators
    return np.concatenate([[0], np.cumsum(np.diff(ratios) > 0)]).astype(np.int32)


def tied_tails(cells: Population, users_per_arm: int) -> TiedTails:
    """Kolmogorov–Smirnov's tail for samples of such users; dear enough to be made once."""
    return TiedTails(users_per_arm, np.bincount(dense_ranks(cells), weights=cells.counts) / cells.users)


def _relative(means: Floats, variances: Floats, count: int) -> Floats:
    """The delta method's relative difference, with the degrees of freedom of the absolute one."""
    total = variances.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = (count - 1) * total**2 / (variances**2).sum(axis=1)
        ratio = means[:, 1] / means[:, 0]
        error = np.sqrt(variances[:, 0] * ratio**2 + variances[:, 1]) / np.abs(means[:, 0])
        t = (ratio - 1) / error
    return np.where((total > 0) & (means[:, 0] != 0), student_tails(t, df), np.nan)


def _lines(above: Floats, below: Floats) -> Floats:
    """Each user's part in the error of the arm's ratio, shape (draws, 2, users)."""
    ratios = above.sum(axis=2) / below.sum(axis=2)
    return np.asarray((above - ratios[:, :, None] * below) / below.mean(axis=2)[:, :, None], dtype=np.float64)


def _capped(values: Floats, upper: float = 0.99) -> Floats:
    """Values cut at a quantile of both arms' users, as `winsorise_ratio` does."""
    flat = values.reshape(len(values), -1)
    rank = max(1, int(np.ceil(upper * flat.shape[1] - 1e-9 * flat.shape[1] ** 0.5))) - 1
    caps = np.partition(flat, rank, axis=1)[:, rank]
    return np.minimum(values, caps[:, None, None])
