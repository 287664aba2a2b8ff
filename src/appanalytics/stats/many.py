"""Tests of many splits at once: values or ranks of shape (draws, 2 arms, users), one p-value for each draw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from appanalytics.stats.cells import Floats
from appanalytics.stats.tails import student_tails
from appanalytics.stats.ties import TiedTails


def welch_many(values: Floats) -> Floats:
    """Welch's p-value of each draw, for values of shape (draws, 2, users)."""
    count = values.shape[2]
    means = values.mean(axis=2)
    gaps = values - means[:, :, None]
    return student_many(means, np.einsum("dau,dau->da", gaps, gaps) / (count - 1) / count, count)


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


def brown_forsythe_many(values: Floats) -> Floats:
    """Brown–Forsythe's p-value of each draw, for values of shape (draws, 2, users)."""
    count = values.shape[2]
    distances = np.abs(values - np.median(values, axis=2, keepdims=True))
    means = distances.mean(axis=2)
    gaps = distances - means[:, :, None]
    df = 2 * count - 2
    variance = np.einsum("dau,dau->d", gaps, gaps) / df * 2 / count
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (means[:, 1] - means[:, 0]) / np.sqrt(variance)
    return np.where(variance > 0, student_tails(t, np.full(len(t), float(df))), np.nan)


def kolmogorov_smirnov_many(ranks: NDArray[np.int32], tails: TiedTails) -> Floats:
    """Kolmogorov–Smirnov's p-value of each draw, for dense ranks of shape (draws, 2, users)."""
    draws, _, users = ranks.shape
    keys = (2 * ranks + np.array([0, 1], dtype=np.int32)[:, None]).reshape(draws, 2 * users)
    keys.sort(axis=1)
    gaps = np.abs(np.cumsum(1 - 2 * (keys & 1), axis=1))
    # Only behind the last user of a value both cumulative distributions have taken their step.
    inside = (keys[:, 1:] >> 1) == (keys[:, :-1] >> 1)
    gaps[:, :-1][inside] = 0
    middle = np.abs(np.arange(1, 2 * users) - users) + np.where(inside, 2 * users, 0)
    nearest = np.minimum(middle.min(axis=1), users) / (2 * users)  # of the checkpoints' shares to one half
    return tails(gaps.max(axis=1) / users, 0.25 - nearest * nearest)


def regressed_many(values: Floats, covariates: Floats) -> tuple[Floats, Floats]:
    """Means and variances of means, shape (draws, 2), after pooled slopes on covariates took their part.

    ``covariates`` has the shape (covariates, draws, 2, users), from before the split.
    """
    count = values.shape[2]
    own = values - values.mean(axis=2, keepdims=True)
    means = covariates.mean(axis=3)
    gaps = covariates - means[:, :, :, None]
    squares = np.einsum("kdau,ldau->dkl", gaps, gaps)
    cross = np.einsum("kdau,dau->dk", gaps, own)
    # Scaled to correlations: likes and views differ by orders of magnitude. Constant covariates explain nothing.
    scale = np.sqrt(np.einsum("dkk->dk", squares))
    scale[scale == 0] = 1.0
    inner = squares / (scale[:, :, None] * scale[:, None, :])
    slopes = np.einsum("dkl,dl->dk", np.linalg.pinv(inner, rcond=1e-10, hermitian=True), cross / scale) / scale
    shift = np.einsum("dk,kda->da", slopes, means - means.mean(axis=2, keepdims=True))
    left = own - np.einsum("dk,kdau->dau", slopes, gaps)
    return values.mean(axis=2) - shift, np.einsum("dau,dau->da", left, left) / (count - 1) / count


def student_many(means: Floats, variances: Floats, count: int) -> Floats:
    """Two-sided p-values with Satterthwaite's df, for means and variances of means of shape (draws, 2)."""
    total = variances.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = (count - 1) * total**2 / (variances**2).sum(axis=1)
        t = (means[:, 1] - means[:, 0]) / np.sqrt(total)
    return np.where(total > 0, student_tails(t, df), np.nan)
