"""How well a change inside a segment, and only a drift outside of it, tells what was observed: two likelihoods."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

import numpy as np

from appanalytics.investigate.cells import Cells, Counts, Floats, Ratios
from appanalytics.investigate.lattice import Lattice, Mask
from appanalytics.investigate.raking import TINY, dispersion
from appanalytics.investigate.scan import Scan


class Evidence(Protocol):
    """What a search needs to know about the leaves of a table."""

    @property
    def scan(self) -> Scan:
        """The knobs."""

    @property
    def statistics(self) -> Floats:
        """(leaves, kinds): numbers that add up over leaves and are all that ``outside`` needs."""

    @property
    def excess(self) -> Floats:
        """(leaves): actual minus expected, in units of the metric's numerator."""

    @property
    def mass(self) -> Floats:
        """(leaves): size by which coverage of a parent is measured."""

    @property
    def moments(self) -> Floats:
        """(leaves, 3): weighted actual, weighted expected, and variance of the former by noise alone."""

    def outside(self, statistics: Floats) -> Floats:
        """Log-likelihood of leaves that only drift together, at the likeliest drift: (…, kinds) to (…)."""

    def inside(self, lattice: Lattice) -> tuple[Floats, Floats]:
        """For each segment its log-likelihood with an effect of its own, and that effect with its sign."""

    def without(self, leaves: Mask) -> Self:
        """The same evidence over fewer leaves."""

    def moved(self) -> Self:
        """The same with all expectations moved by the effect that suits the whole table best."""


@dataclass(frozen=True, eq=False)
class CountEvidence:
    """Quasi-Poisson counts with scatter of the leaves: the variance of y is φe + (σe)².

    With the weights w = 1/(φ + σ²e) a segment's Y = Σwy is, nearly, Poisson with the mean E·exp(effect), E = Σwe.
    """

    actual: Floats
    expected: Floats
    dispersion: float
    scan: Scan

    @classmethod
    def of(cls, table: Counts, scan: Scan) -> CountEvidence:
        """Let φ be what the leaves vary by around the main effects."""
        return cls._of(table, table.actual, table.expected, scan)

    @classmethod
    def of_ratios(cls, table: Ratios, baseline: Floats, scan: Scan) -> CountEvidence:
        """For ratios that are no shares: the numerator is counted, the baseline ratio times rows is expected."""
        return cls._of(table, table.numerator, table.denominator * baseline, scan)

    @classmethod
    def _of(cls, table: Cells, actual: Floats, expected: Floats, scan: Scan) -> CountEvidence:
        scatter = 1 + expected * scan.scatter**2
        return cls(actual, expected, dispersion(table, actual, expected, scatter), scan)

    @cached_property
    def statistics(self) -> Floats:
        """Weighted actual and weighted expected."""
        weight = 1 / (self.dispersion + self.expected * self.scan.scatter**2)
        return np.stack([weight * self.actual, weight * self.expected], axis=1)

    @property
    def excess(self) -> Floats:
        """Actual minus expected."""
        return self.actual - self.expected

    @property
    def mass(self) -> Floats:
        """Expected counts, or actual ones where more came."""
        return np.maximum(self.expected, self.actual)

    @property
    def moments(self) -> Floats:
        """The variance of w·y is w·e."""
        return self.statistics[:, [0, 1, 1]]

    def outside(self, statistics: Floats) -> Floats:
        """Gaussian drift of the logarithm, at its approximate posterior mode, at most 2.5 standard deviations."""
        actual, expected = statistics[..., 0], np.maximum(statistics[..., 1], TINY)
        variance = self.scan.drift**2
        drift = np.log(np.maximum(actual, TINY) / expected) * variance / (variance + 1 / expected)
        drift = np.clip(drift, -2.5 * self.scan.drift, 2.5 * self.scan.drift)
        likelihood: Floats = actual * drift - np.expm1(drift) * expected - drift**2 / variance / 2
        return likelihood

    def inside(self, lattice: Lattice) -> tuple[Floats, Floats]:
        """Relative change as the effect. Where nobody was expected, half a user of typical size was."""
        actual, expected = lattice.sums(self.statistics).T
        expected = expected + 0.5
        logs = actual * np.log(np.maximum(actual, TINY) / expected)
        return logs - (actual - expected), actual / expected - 1

    def without(self, leaves: Mask) -> CountEvidence:
        """The dispersion stays."""
        return CountEvidence(self.actual[~leaves], self.expected[~leaves], self.dispersion, self.scan)

    def moved(self) -> CountEvidence:
        """Expectations multiplied by the common factor."""
        actual, expected = self.statistics.sum(axis=0)
        factor = max(actual, TINY) / max(expected, TINY)
        return CountEvidence(self.actual, self.expected * factor, self.dispersion, self.scan)


@dataclass(frozen=True, eq=False)
class ShareEvidence:
    """Overdispersed binomial shares r = y/n around a baseline p; inside of a segment rows change sides.

    A rise turns a share δ of the rest into hits (p + δ(1 − p)), a fall turns a share δ of the hits into the rest
    (p(1 − δ)): a fault hits rows whatever their rate was. Outside, the rate is multiplied by one of a few drifts.
    Weights n/(1 + (n − 1)ρ) let a leaf of correlated rows count as 1/ρ rows at most.
    """

    hits: Floats
    rows: Floats
    baseline: Floats
    correlation: float
    dispersion: float
    scan: Scan

    @classmethod
    def of(cls, table: Ratios, baseline: Floats, scan: Scan) -> ShareEvidence:
        """Let the correlation of rows be the excess share, within the scan's limits."""
        hits, rows, baseline = table.numerator, table.denominator, np.clip(baseline, 1e-6, 1 - 1e-6)
        expected = rows * baseline
        beyond = abs(float((hits - expected).sum())) / max(float(rows.sum()), TINY)
        correlation = min(max(beyond, scan.correlation[0]), scan.correlation[1])
        spread = dispersion(table, hits, expected, (1 - baseline) * _inflation(rows, correlation))
        return cls(hits, rows, baseline, correlation, spread, scan)

    @cached_property
    def weight(self) -> Floats:
        """Independent rows that each leaf counts as."""
        inflated = self.dispersion * _inflation(self.rows, self.correlation)
        return self.rows / inflated

    @cached_property
    def rate(self) -> Floats:
        """Observed shares; 0 where there are no rows (and no weight)."""
        return self.hits / np.maximum(self.rows, TINY)

    @cached_property
    def drifts(self) -> Floats:
        """The drifts of the logarithm that are tried."""
        return np.linspace(-2.5, 2.5, 9) * self.scan.drift

    @cached_property
    def statistics(self) -> Floats:
        """Log-likelihood at each drift."""
        share = np.clip(np.exp(self.drifts) * self.baseline[:, None], TINY, 1 - 1e-9)
        return self._likelihood(self.weight[:, None], self.rate[:, None], share)

    @property
    def excess(self) -> Floats:
        """Hits above those of the baseline."""
        return self.hits - self.rows * self.baseline

    @property
    def mass(self) -> Floats:
        """Rows."""
        return self.rows

    @property
    def moments(self) -> Floats:
        """Of weighted hits."""
        expected = self.weight * self.baseline
        return np.stack([self.weight * self.rate, expected, expected * (1 - self.baseline)], axis=1)

    def outside(self, statistics: Floats) -> Floats:
        """The best of the drifts under its Gaussian prior."""
        best: Floats = (statistics - (self.drifts / self.scan.drift) ** 2 / 2).max(axis=-1)
        return best

    def inside(self, lattice: Lattice) -> tuple[Floats, Floats]:
        """Share of rows that changed sides as the effect, negative when hits were lost."""
        hits, expected, weight = lattice.sums(
            np.stack([self.weight * self.rate, self.weight * self.baseline, self.weight], axis=1)
        ).T
        excess = hits - expected
        effect = excess / np.maximum(np.where(excess > 0, weight - expected, expected), TINY)
        each = np.clip(effect, -1.0, 1.0)[lattice.members]
        share = self.baseline + each * np.where(each > 0, 1 - self.baseline, self.baseline)
        likelihood = self._likelihood(self.weight, self.rate, np.clip(share, TINY, 1 - 1e-9))
        return lattice.sums_each(likelihood), effect

    def without(self, leaves: Mask) -> ShareEvidence:
        """The correlation stays."""
        kept = ~leaves
        return ShareEvidence(
            self.hits[kept], self.rows[kept], self.baseline[kept], self.correlation, self.dispersion, self.scan
        )

    def moved(self) -> ShareEvidence:
        """Every baseline moved by the same effect."""
        expected, weight = (self.weight * self.baseline).sum(), self.weight.sum()
        excess = (self.weight * self.rate).sum() - expected
        effect = excess / max(weight - expected if excess > 0 else expected, TINY)
        room = 1 - self.baseline if excess > 0 else self.baseline
        moved = np.clip(self.baseline + effect * room, 1e-6, 1 - 1e-6)
        return ShareEvidence(self.hits, self.rows, moved, self.correlation, self.dispersion, self.scan)

    @staticmethod
    def _likelihood(weight: Floats, rate: Floats, share: Floats) -> Floats:
        likelihood: Floats = weight * (rate * np.log(share) + (1 - rate) * np.log1p(-share))
        return likelihood


def _inflation(rows: Floats, correlation: float) -> Floats:
    """Variance of a sum of correlated rows over that of independent ones."""
    inflation: Floats = 1 + np.maximum(rows - 1, 0) * correlation
    return inflation
