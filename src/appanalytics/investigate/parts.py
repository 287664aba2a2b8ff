"""The numbers of an explanation: actual, expected and contribution of any set of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from appanalytics.investigate.cells import Counts, Floats, Ratios
from appanalytics.investigate.explanation import Part
from appanalytics.investigate.interval import count_interval, share_interval
from appanalytics.investigate.lattice import Mask


@dataclass(frozen=True, eq=False)
class Ledger:
    """Actual and expected numerators of all cells, their variance by noise, and what the metric divides them by.

    ``rows`` are the denominators of a ratio, None for counts; ``baseline`` is the overall ratio before.
    """

    actual: Floats
    expected: Floats
    variance: Floats
    rows: Floats | None
    baseline: float | None
    is_share: bool

    @classmethod
    def of_counts(cls, table: Counts, variance: Floats) -> Ledger:
        """For an additive metric."""
        return cls(table.actual, table.expected, variance, None, None, False)

    @classmethod
    def of_ratios(cls, table: Ratios, rate: Floats, variance: Floats) -> Ledger:
        """For a ratio with this baseline rate in each cell."""
        before = float(table.baseline_numerator.sum() / table.baseline_denominator.sum())
        return cls(table.numerator, table.denominator * rate, variance, table.denominator, before, table.is_share)

    @property
    def scale(self) -> float:
        """What contributions are divided by: all rows of a ratio, 1 for counts."""
        return 1.0 if self.rows is None else max(float(self.rows.sum()), 1e-12)

    @property
    def change(self) -> float:
        """Change of the whole metric: against the forecast, or against the ratio before."""
        if self.baseline is None:
            return float(self.actual.sum() - self.expected.sum())
        return float(self.actual.sum()) / self.scale - self.baseline

    def part(self, cells: Mask) -> Part:
        """These cells together."""
        actual, expected = float(self.actual[cells].sum()), float(self.expected[cells].sum())
        variance = float(self.variance[cells].sum())
        contribution = (actual - expected) / self.scale
        low, high = self._interval(cells, actual, expected, variance)
        rows = 1.0 if self.rows is None else float(self.rows[cells].sum())
        return Part(
            actual=actual / rows if rows else None,
            expected=expected / rows if rows else None,
            contribution=contribution,
            share=contribution / self.change if self.change else None,
            effect=actual / expected - 1 if expected > 0 else None,
            low=low,
            high=high,
        )

    def is_beyond(self, cells: Mask, least: float) -> bool:
        """True when these cells together changed by ``least`` of their expectation, and by 3.3 standard errors."""
        apart = abs(float(self.actual[cells].sum() - self.expected[cells].sum()))
        expected, variance = float(self.expected[cells].sum()), float(self.variance[cells].sum())
        return apart >= least * expected and apart > 3.29 * variance**0.5

    def _interval(
        self, cells: Mask, actual: float, expected: float, variance: float
    ) -> tuple[float | None, float | None]:
        if self.rows is None or not self.is_share:
            return count_interval(actual, expected, variance)
        rows = self.rows[cells]
        total = float(rows.sum())
        if not total:
            return None, None
        share = self.expected[cells] / np.maximum(rows, 1e-12)
        independent = float((rows * share * (1 - share)).sum())
        inflation = variance / independent if independent > 0 else 1.0
        return share_interval(actual, total, expected / total, inflation)
