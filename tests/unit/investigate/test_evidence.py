"""Likelihoods, intervals and baselines against slow, independent computations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.errors import CellsError
from appanalytics.investigate import COUNTS, RATIOS, Counts, Ratios, calm_baseline
from appanalytics.investigate.baseline import baseline_rate
from appanalytics.investigate.candidates import Ranking
from appanalytics.investigate.evidence import CountEvidence, ShareEvidence
from appanalytics.investigate.interval import count_interval, share_interval
from appanalytics.investigate.lattice import Lattice
from appanalytics.investigate.raking import raked


def poisson(counts: np.ndarray, means: np.ndarray) -> float:
    """Log-likelihood without the factorials."""
    return float((counts * np.log(means) - means).sum())


def test_gain_of_counts_is_a_poisson_likelihood_ratio() -> None:
    """With dense leaves without dispersion or scatter, and a drift so unlikely that it is none."""
    from dataclasses import replace

    scan = replace(COUNTS, scatter=0.0, drift=1e-4)
    expected = np.array([400.0, 300.0, 500.0, 800.0])
    actual = np.array([210.0, 290.0, 510.0, 805.0])
    table = Counts.of({"os": ["i", "a", "i", "a"], "gender": ["m", "m", "f", "f"]}, actual, expected)
    evidence = CountEvidence(table.actual, table.expected, 1.0, scan)
    lattice = Lattice.of(table, 2)
    gains = Ranking(evidence, lattice).gains
    for segment in range(1, lattice.size):
        inside = lattice.leaves(segment)
        level = table.actual[inside].sum() / table.expected[inside].sum()
        means = np.where(inside, level, 1.0) * table.expected
        ratio = poisson(table.actual, means) - poisson(table.actual, table.expected)
        assert gains[segment] == pytest.approx(ratio, rel=0.02, abs=0.1)  # half a user is added to each expectation


def test_gain_of_shares_is_a_binomial_likelihood_ratio() -> None:
    from dataclasses import replace

    scan = replace(RATIOS, drift=1e-5, correlation=(0.0, 0.0), shrinkage=0.0)
    table = Ratios.of(
        {"os": ["i", "a"]}, [90, 100], [300, 1000], baseline_numerator=[20, 10], baseline_denominator=[100, 100]
    )
    rate = baseline_rate(table, 0.0)
    evidence = ShareEvidence(table.numerator, table.denominator, rate, 0.0, 1.0, scan)
    lattice = Lattice.of(table, 1)
    ranking = Ranking(evidence, lattice)

    def binomial(hits: float, rows: float, share: float) -> float:
        return hits * math.log(share) + (rows - hits) * math.log(1 - share)

    for segment in (1, 2):
        cell = int(np.flatnonzero(lattice.leaves(segment))[0])
        hits, rows = table.numerator[cell], table.denominator[cell]
        gain = max(binomial(hits, rows, hits / rows) - binomial(hits, rows, rate[cell]), 0.0)
        assert ranking.gains[segment] == pytest.approx(gain, abs=1e-3)
    turned = ranking.effect[1:].max()  # 20 % became 30 %: an eighth of the other 80 %
    assert turned == pytest.approx(0.125)


@given(st.integers(0, 400), st.floats(5, 400))
@settings(max_examples=50, deadline=None)
def test_count_interval_holds_the_exact_poisson_limits(actual: int, expected: float) -> None:
    """Byar's limits are within 2 % of the expectation or .15 counts of those found from the distribution itself."""
    low, high = count_interval(actual, expected, expected)
    assert low is not None
    assert high is not None
    for limit, tail in ((low, actual - 1), (high, actual)):
        mean = (limit + 1) * expected
        below = poisson_cdf(tail, mean)
        outside = 1 - below if tail == actual - 1 else below
        if mean > 0:
            assert outside == pytest.approx(0.025, abs=0.005 if actual > 2 else 0.026)


def poisson_cdf(count: int, mean: float) -> float:
    """Sum of probabilities up to ``count``."""
    return (
        sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1)) if mean > 0 else 1.0
    )


def test_share_interval_is_wilsons() -> None:
    """Newcombe (1998), table I: 81 of 263, score limits .2553 and .3662; 0 of 20: 0 and .1611."""
    assert share_interval(81, 263, 1.0, 1.0) == pytest.approx((0.2553 - 1, 0.3662 - 1), abs=1e-4)
    assert share_interval(0, 20, 1.0, 1.0) == pytest.approx((-1.0, 0.1611 - 1), abs=1e-4)
    assert share_interval(0, 0, 1.0, 1.0) == (None, None)
    assert count_interval(3, 0, 0) == (None, None)


def test_raking_reaches_the_totals() -> None:
    rng = np.random.default_rng(1)
    table = Counts.of({"a": list("xxxyyy"), "b": list("pqrpqr")}, rng.poisson(50, 6), np.full(6, 50.0))
    fitted = raked(table, table.expected, table.actual, rounds=30)
    for position in (0, 1):
        codes = table.codes[:, position]
        assert np.bincount(codes, fitted) == pytest.approx(np.bincount(codes, table.actual))


def test_calm_baseline_leaves_out_disturbed_periods() -> None:
    hits = np.array([[1, 1], [1, 2], [30, 1], [2, 1], [0, 0]])
    rows = np.array([[50, 50], [50, 50], [50, 50], [50, 50], [0, 0]])
    top, bottom = calm_baseline(hits, rows)
    assert top.tolist() == [4, 4]
    assert bottom.tolist() == [150, 150]
    with pytest.raises(CellsError, match="no earlier period"):
        calm_baseline(hits * 0, rows * 0)
    with pytest.raises(CellsError, match="periods × cells"):
        calm_baseline(hits[0], rows[0])
