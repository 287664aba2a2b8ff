"""A ratio's change taken apart: other ratios inside of cells, another mix of cells."""

from __future__ import annotations

import numpy as np

from appanalytics.investigate.cells import Ratios
from appanalytics.investigate.explanation import Mixing, RateAndMix
from appanalytics.investigate.parts import Ledger


def rate_and_mix(table: Ratios, ledger: Ledger, *, most: int = 5) -> RateAndMix:
    """Rate effect at today's mix, mix effect at the baseline's rates, and the ``most`` values that moved the mix."""
    rate = float((ledger.actual - ledger.expected).sum()) / ledger.scale
    moved = [each for position in range(len(table.dimensions)) for each in _dimension(table, position)]
    moved.sort(key=lambda each: -abs(each.contribution))
    return RateAndMix(rate=rate, mix=ledger.change - rate, moved=tuple(moved[:most]))


def _dimension(table: Ratios, position: int) -> list[Mixing]:
    """Each value of one dimension; a value without a baseline has the overall ratio, so it moves nothing."""
    codes, labels = table.codes[:, position], table.values[position]
    now, hits, before = (
        np.bincount(codes, weights=column, minlength=len(labels))
        for column in (table.denominator, table.baseline_numerator, table.baseline_denominator)
    )
    overall = hits.sum() / before.sum()
    ratio = np.where(before > 0, hits / np.maximum(before, 1e-12), overall)
    now_share, before_share = now / max(now.sum(), 1e-12), before / before.sum()
    moved = (now_share - before_share) * (ratio - overall)
    return [
        Mixing(table.dimensions[position], label, float(before_share[i]), float(now_share[i]), float(moved[i]))
        for i, label in enumerate(labels)
    ]
