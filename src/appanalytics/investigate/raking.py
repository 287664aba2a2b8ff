"""Main effects of all dimensions, and how much counts scatter around them."""

from __future__ import annotations

import numpy as np

from appanalytics.investigate.cells import Cells, Counts, Floats

#: Median of a chi-squared variable with one degree of freedom.
MEDIAN_CHI2 = 0.4549
TINY = 1e-12


def raked(cells: Cells, start: Floats, target: Floats, *, rounds: int = 4, prior: float = 0.0) -> Floats:
    """Multiply ``start`` by a factor for each value of each dimension until its totals are those of ``target``.

    Iterative proportional fitting (Deming & Stephan 1940): the Poisson fit of main effects. ``prior`` counts are
    added to both totals, which shrinks the factors of rare values.
    """
    fitted = start
    for _ in range(rounds):
        for position, labels in enumerate(cells.values):
            codes = cells.codes[:, position]
            wanted = np.bincount(codes, weights=target, minlength=len(labels)) + prior
            reached = np.bincount(codes, weights=fitted, minlength=len(labels)) + prior
            fitted = fitted * (wanted / np.maximum(reached, TINY))[codes]
    return fitted


def dispersion(cells: Cells, actual: Floats, expected: Floats, inflation: Floats) -> float:
    """How many times more than ``inflation`` · mean the leaves vary around the main effects, never below 1.

    Median of squared Pearson residuals over that of a χ² with one degree of freedom. Around main effects, for
    a segment that really changed must not pass for noise; of the larger half of the leaves, for in sparse ones
    the median is no measure of spread. Never below what was measured on earlier periods (`Counts.dispersion`); that
    or 1 where the table has no more leaves than main effects.
    """
    least = cells.dispersion if isinstance(cells, Counts) else 1.0
    parameters = _parameters(cells)
    if cells.size <= parameters:
        return max(1.0, least)
    mean = raked(cells, expected, actual)
    large = (mean >= np.median(mean)) & (mean > TINY)
    if not large.any():
        return max(1.0, least)
    squares = (actual[large] - mean[large]) ** 2 / (mean[large] * inflation[large])
    spread = float(np.median(squares)) / MEDIAN_CHI2 * cells.size / (cells.size - parameters)
    return max(1.0, least, spread)


def noise(cells: Cells, actual: Floats, expected: Floats, inflation: Floats, scatter: float) -> Floats:
    """Variance of each leaf's count by noise alone: the dispersion that is seen, times ``inflation`` · mean.

    Where there are too few leaves to see it, leaves are taken to scatter by the relative standard deviation
    ``scatter`` around their means, too.
    """
    variance = dispersion(cells, actual, expected, inflation) * inflation * expected
    return variance if cells.size > _parameters(cells) else variance + (scatter * expected) ** 2


def _parameters(cells: Cells) -> int:
    """Number of main effects."""
    return 1 + sum(len(labels) - 1 for labels in cells.values)
