"""What a ratio was before: calm earlier periods, and rates of sparse cells that borrow from all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from appanalytics.errors import CellsError
from appanalytics.investigate.cells import Floats, Ratios
from appanalytics.investigate.raking import TINY, raked


def calm_baseline(numerator: ArrayLike, denominator: ArrayLike, *, tolerance: float = 1.5) -> tuple[Floats, Floats]:
    """Add up the earlier periods in which the ratio was not already disturbed.

    Both have the shape (periods, cells). A period is calm when its overall ratio is at most ``tolerance`` times the
    10 % quantile of all periods, or the second smallest. That suits ratios of which more is worse (errors, stalls);
    for others add up the periods by hand. Returns the numerator and the denominator of each cell.
    """
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    if top.ndim != 2 or top.shape != bottom.shape:
        raise CellsError(f"periods × cells expected, not {top.shape} and {bottom.shape}")
    used = bottom.sum(axis=1) > 0
    if not used.any():
        raise CellsError("no earlier period has rows", hint="reach further back")
    top, bottom = top[used], bottom[used]
    overall = top.sum(axis=1) / bottom.sum(axis=1)
    second = np.sort(overall)[min(1, len(overall) - 1)]
    calm = overall <= max(tolerance * np.quantile(overall, 0.1), second)
    return top[calm].sum(axis=0), bottom[calm].sum(axis=0)


def baseline_rate(table: Ratios, rows: float, *, rounds: int = 0) -> Floats:
    """Rate of each cell before, with ``rows`` rows of the pooled rate added to its own.

    With ``rounds`` the rows have instead the rate that the cell's dimension values let expect: the pooled one times
    a factor for each value, fitted by that many rounds of raking. So a sparse cell of a city with a high rate is not
    pulled down to the rate of all.
    """
    hits, seen = table.baseline_numerator, table.baseline_denominator
    pooled = hits.sum() / seen.sum()
    model = np.full(table.size, pooled)
    if rounds:
        model = raked(table, (seen + TINY) * pooled, hits, rounds=rounds, prior=rows * pooled) / (seen + TINY)
    rate: Floats = (hits + rows * model) / np.maximum(seen + rows, TINY)
    return rate
