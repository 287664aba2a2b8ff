"""p-values of many splits at once, for the A/A rehearsal: arrays of shape (draws, 2 arms, users)."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from appanalytics.stats.cells import Floats, RatioCells
from appanalytics.stats.poisson import PoissonTable
from appanalytics.stats.tails import student_tails

METHODS = (
    "welch", "mann_whitney", "smoothed", "delta", "linearised", "buckets_welch", "buckets_mann_whitney",
    "poisson_bootstrap",
)  # fmt: skip
_FLOAT32_WHOLE = 2**24  # whole numbers up to here are exact in 32 bits


class Draws:
    """A block of splits, with every method's p-values. Cells must be in the order of their ratio."""

    def __init__(
        self, cells: RatioCells, chosen: NDArray[np.intp], generator: np.random.Generator, *,
        alpha: float, buckets: int, resamples: int,
    ) -> None:  # fmt: skip
        self._cells, self._chosen, self._generator = cells, chosen, generator
        self._alpha, self._buckets, self._resamples = alpha, buckets, resamples

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

    def _smoothed(self) -> Floats:
        prior = self._alpha * self._ratios[:, :, None]
        return welch_many((self._above + prior) / (self._below + self._alpha))

    def _delta(self) -> Floats:
        errors = self._above - self._ratios[:, :, None] * self._below
        count = errors.shape[2]
        squares = np.einsum("dau,dau->da", errors, errors) / self._below.mean(axis=2) ** 2
        return _student(self._ratios, squares / (count - 1) / count, count)

    def _linearised(self) -> Floats:
        return welch_many(self._above - self._ratios[:, :1, None] * self._below)

    def _mann_whitney(self) -> Floats:
        ratios = self._cells.numerators / self._cells.denominators
        rank = np.concatenate([[0], np.cumsum(np.diff(ratios) > 0)]).astype(np.int32)
        return mann_whitney_many(rank.take(self._chosen))

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


def welch_many(values: Floats) -> Floats:
    """Welch's p-value of each draw, for values of shape (draws, 2, users)."""
    count = values.shape[2]
    means = values.mean(axis=2)
    gaps = values - means[:, :, None]
    return _student(means, np.einsum("dau,dau->da", gaps, gaps) / (count - 1) / count, count)


def mann_whitney_many(ranks: NDArray[np.int32]) -> Floats:
    """Mann–Whitney's asymptotic p-value of each draw, for dense ranks of shape (draws, 2, users)."""
    from scipy import special

    draws, _, users = ranks.shape
    keys = (2 * ranks + np.array([0, 1], dtype=np.int32)[:, None]).reshape(draws, 2 * users)
    keys.sort(axis=1)
    groups = np.ones(keys.shape, dtype=bool)
    groups[:, 1:] = (keys[:, 1:] >> 1) != (keys[:, :-1] >> 1)
    starts = np.flatnonzero(groups)
    ends = np.append(starts[1:], keys.size)
    begins = np.arange(draws) * 2 * users
    first = np.searchsorted(starts, begins)
    treated = np.add.reduceat(keys.ravel() & 1, starts)
    # Twice the middle ranks counted through the whole block, then less what lies before the draw, for each user.
    twice_ranks = np.add.reduceat(treated * (starts + ends + 1), first) - 2 * begins * users
    tied = (ends - starts).astype(np.float64)
    ties = np.add.reduceat(tied * tied * tied - tied, first)
    pooled = 2 * users
    variance = users * users / 12 * (pooled + 1 - ties / (pooled * (pooled - 1)))
    u = (twice_ranks - users * (users + 1)) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.maximum(0.0, np.abs(u - users * users / 2) - 0.5) / np.sqrt(variance)
    return np.where(variance > 0, np.minimum(1.0, 2 * special.ndtr(-z)), np.nan)


def _student(means: Floats, variances: Floats, count: int) -> Floats:
    """Two-sided p-values with Satterthwaite's df, for means and variances of means of shape (draws, 2)."""
    total = variances.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = (count - 1) * total**2 / (variances**2).sum(axis=1)
        t = (means[:, 1] - means[:, 0]) / np.sqrt(total)
    return np.where(total > 0, student_tails(t, df), np.nan)
