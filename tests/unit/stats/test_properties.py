"""What must hold for all samples: cells are users, parts add up, arms may be swapped, units do not matter."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics import stats
from appanalytics.stats import Cells, Comparison, JointMoments, Moments, RatioCells, Share
from appanalytics.stats.poisson import PoissonTable, weighted_sums

QUICK = settings(deadline=None, max_examples=25, derandomize=True)
NUMBERS = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=30)
USERS = st.lists(st.integers(0, 9).map(float), min_size=2, max_size=40)
OF_CELLS = [stats.mann_whitney, stats.brunner_munzel, stats.kolmogorov_smirnov, stats.brown_forsythe, stats.welch]


def same(one: float | None, other: float | None, *, rel: float = 1e-9) -> bool:
    """Equal to that precision, or both null."""
    return one == other if one is None or other is None else math.isclose(one, other, rel_tol=rel, abs_tol=1e-12)


@QUICK
@given(NUMBERS, NUMBERS)
def test_parts_merge_into_the_whole(left: list[float], right: list[float]) -> None:
    merged, whole = Moments.of(left) + Moments.of(right), Moments.of(left + right)
    assert merged.count == whole.count
    assert merged.mean == pytest.approx(whole.mean, rel=1e-12, abs=1e-6)
    assert merged.squares == pytest.approx(whole.squares, rel=1e-9, abs=1e-3)
    a, b = JointMoments.of(left, left), JointMoments.of(right, right)
    assert (a + b).products[0][1] == pytest.approx(whole.squares, rel=1e-9, abs=1e-3)
    assert Moments.of([]) + Moments.of(left) == Moments.of(left)


@QUICK
@given(st.lists(st.integers(0, 100), min_size=2, max_size=30), st.sampled_from([1e9, -1e9, 1e12]))
def test_a_large_mean_loses_no_digits(users: list[int], far: float) -> None:
    near, moved = Moments.of(users), Moments.of(np.array(users) + far)
    assert moved.squares == pytest.approx(near.squares, rel=1e-12, abs=1e-9)
    half = len(users) // 2
    merged = Moments.of(np.array(users[:half]) + far) + Moments.of(np.array(users[half:]) + far)
    assert merged.squares == pytest.approx(near.squares, rel=1e-6, abs=1e-3)
    exact = [int(user + far) for user in users]
    summed = Moments.from_sums(len(exact), sum(exact), sum(each * each for each in exact))
    assert summed.squares == pytest.approx(near.squares, rel=1e-15, abs=0)


@QUICK
@given(USERS, USERS, st.sampled_from(OF_CELLS))
def test_cells_are_users(control: list[float], treatment: list[float], test: Callable[..., Comparison]) -> None:
    values, counts = np.unique(control, return_counts=True)
    cells = Cells.counted(values[::-1], counts[::-1])
    from_cells, from_users = test(cells, Cells.of(treatment)), test(control, treatment)
    assert same(from_cells.statistic, from_users.statistic)
    assert same(from_cells.p_value, from_users.p_value)


@QUICK
@given(USERS, USERS, st.sampled_from([*OF_CELLS[:3], stats.brown_forsythe, stats.welch]))
def test_swapped_arms(control: list[float], treatment: list[float], test: Callable[..., Comparison]) -> None:
    there, back = test(control, treatment), test(treatment, control)
    assert there.effect is not None
    assert back.effect is not None
    assert same(there.p_value, back.p_value)
    if test is not stats.kolmogorov_smirnov:  # of two equally wide gaps the first has the sign
        assert there.effect == pytest.approx(-back.effect, abs=1e-12)
        if there.low is not None and back.high is not None:
            assert there.low == pytest.approx(-back.high, abs=1e-12)


@QUICK
@given(USERS, USERS, st.sampled_from(OF_CELLS), st.sampled_from([0.01, 3.0, 1e6]))
def test_units_do_not_matter(
    control: list[float], treatment: list[float], test: Callable[..., Comparison], unit: float
) -> None:
    plain = test(control, treatment)
    scaled = test(np.array(control) * unit, np.array(treatment) * unit)
    assert same(scaled.p_value, plain.p_value, rel=1e-7)


@QUICK
@given(USERS, USERS)
def test_polarisation_splits_the_difference_of_means(control: list[float], treatment: list[float]) -> None:
    found = stats.polarisation(control, treatment)
    assert found.gained is not None
    assert found.lost is not None
    assert found.gained - found.lost == pytest.approx(np.mean(treatment) - np.mean(control), abs=1e-9)
    assert found.index is None or 0 <= found.index <= 1


def test_polarisation_is_named_and_a_shift_is_not() -> None:
    """The case of the facts: half of the users times 1.6, half times 0.4."""
    rng = np.random.default_rng(1)
    control, base = rng.beta(8, 32, (2, 10_000))
    split = stats.polarisation(control, base * np.where(np.arange(10_000) % 2, 1.6, 0.4))
    assert split.is_polarised
    assert not split.mean.is_significant()
    assert split.index == pytest.approx(1, abs=0.05)
    assert split.p_value is not None
    assert split.p_value < 1e-100
    assert not stats.polarisation(control, base * 0.9).is_polarised
    assert not stats.polarisation(control, base).is_shape_changed
    narrower = stats.polarisation(base * np.where(np.arange(10_000) % 2, 1.6, 0.4), control)
    assert narrower.is_shape_changed
    assert not narrower.is_polarised


@pytest.mark.parametrize("mean", [1, 7, 300, 20_000])
def test_poisson_tables_are_exact(mean: int) -> None:
    """Chi-square of 400,000 draws against Poisson's probabilities, in bins of about equal size."""
    from scipy import stats as peer

    table, generator = PoissonTable(mean), np.random.Generator(np.random.SFC64(mean))
    drawn = table.draw(generator, 400_000)
    edges = np.unique(peer.poisson.ppf(np.linspace(0, 1, 41)[1:-1], mean))
    chances = np.diff(np.concatenate([[0], peer.poisson.cdf(edges, mean), [1]]))
    seen = np.bincount(np.searchsorted(edges, drawn), minlength=len(chances))
    assert peer.chisquare(seen, chances * len(drawn)).pvalue > 0.001
    # The rare rest that no slot of the table holds: a tail of 1 in 10,000.
    far = peer.poisson.isf(1e-4, mean)
    expected = peer.poisson.sf(far, mean) * len(drawn)
    assert abs((drawn > far).sum() - expected) < 5 * math.sqrt(expected)


def test_sums_of_cells_have_the_moments_of_the_bootstrap() -> None:
    """Mean Σ n·x, covariance Σ n·x·y: exactly those of a weight of Poisson(1) for each user."""
    counts = np.array([1, 1, 1, 5, 5, 2_000_000, 40, 0])
    columns = np.array([[3.0, 0, 7, 1, 2, 0.001, 4, 9], [10.0, 4, 20, 5, 3, 0.002, 9, 9]])
    sums = weighted_sums(counts, columns, 40_000, np.random.Generator(np.random.SFC64(9)))
    assert sums.mean(axis=1) == pytest.approx(columns @ counts, rel=0.01)
    assert np.cov(sums) == pytest.approx((columns * counts) @ columns.T, rel=0.05)


def test_bootstrap_is_reproducible_and_agrees_with_delta() -> None:
    rng = np.random.default_rng(2)
    views = rng.poisson(rng.gamma(2, 10, (2, 4000))) + 1
    likes = rng.binomial(views, [[0.2], [0.21]])
    arms = [RatioCells.of(likes[i], views[i]) for i in range(2)]
    found = stats.poisson_bootstrap(*arms, seed=5, resamples=4000)
    assert found.comparison == stats.poisson_bootstrap(*arms, seed=5, resamples=4000, threads=1).comparison
    assert found.comparison != stats.poisson_bootstrap(*arms, seed=6, resamples=4000).comparison
    delta = stats.ratio_difference(*arms)
    assert same(found.comparison.effect, delta.effect)
    assert found.comparison.standard_error == pytest.approx(delta.standard_error, rel=0.06)
    assert found.comparison.low == pytest.approx(delta.low, rel=0.15)
    relative = stats.poisson_bootstrap(*arms, seed=5, resamples=4000, relative=True).comparison
    assert relative.standard_error == pytest.approx(stats.ratio_relative(*arms).standard_error, rel=0.06)


def test_fieller_agrees_with_delta_where_the_denominator_is_sure() -> None:
    rng = np.random.default_rng(3)
    views = rng.poisson(30, 50_000) + 1
    cells = RatioCells.of(rng.binomial(views, 0.2), views)
    delta, fieller = stats.ratio(cells), stats.ratio_fieller(cells)
    assert (fieller.low, fieller.high) == pytest.approx((delta.low, delta.high), rel=1e-5)


def test_stratified_differences_undo_a_mix() -> None:
    """Simpson's paradox: treatment is better in each cohort and worse in the sum."""
    strata = [(Share(8, 10), Share(81, 90)), (Share(1800, 9000), Share(300, 1000)), (Share(3, 5), Share(0, 0))]
    found = stats.mantel_haenszel(strata)
    assert found.effect == pytest.approx(0.1, abs=1e-12)
    assert found.low is not None
    assert found.low > 0
    assert stats.interaction([stats.share_difference(c, t) for c, t in strata[:2]]).p_value == pytest.approx(
        1, abs=0.1
    )


def test_guardrails() -> None:
    control, treatment = Moments.from_variance(1000, 10.0, 4.0), Moments.from_variance(1000, 9.9, 4.0)
    worse = stats.welch(control, treatment)
    assert stats.non_inferiority(worse, 0.5).verdict == "holds"
    assert stats.non_inferiority(worse, 0.2).verdict == "open"
    broken = stats.non_inferiority(stats.welch(control, Moments.from_variance(1000, 9.0, 4.0)), 0.2)
    assert broken.verdict == "broken"
    assert broken.p_value is not None
    assert broken.p_value > 0.999
    less_is_better = stats.non_inferiority(worse, 0.01, good="down")
    assert less_is_better.bound == worse.high
    held = stats.non_inferiority(worse, 0.5)
    from scipy import stats as peer

    assert held.p_value == pytest.approx(peer.t.sf((worse.effect + 0.5) / worse.standard_error, worse.df), rel=1e-9)


def test_quantile_intervals_cover() -> None:
    """At a continuous median, 95 % intervals of 400 pairs of equal arms hold zero in about 95 %."""
    rng = np.random.default_rng(8)
    held = 0
    for _ in range(400):
        a, b = rng.exponential(size=(2, 200))
        found = stats.quantile_difference(a, b, 0.5)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0 <= found.high
    assert 0.92 <= held / 400 <= 0.985


def test_always_valid_intervals_survive_looking_every_day() -> None:
    """200 A/A series looked at 40 times: the sequence alarms in 5 % at most, plain p-values far more often."""
    rng = np.random.default_rng(9)
    plain = valid = 0
    for _ in range(200):
        arms = rng.exponential(size=(2, 4000))
        looks = [stats.welch(arms[0][:n], arms[1][:n]) for n in range(100, 4001, 100)]
        plain += any(look.is_significant() for look in looks)
        sequence = [
            stats.always_valid(look, 2 * n, tuning=4000) for look, n in zip(looks, range(100, 4001, 100), strict=True)
        ]
        valid += any(look.is_significant() for look in sequence)
        for look in sequence:
            assert look.low is not None
            assert look.high is not None
            assert look.is_significant() == (not look.low <= 0 <= look.high)
    assert plain > 40
    assert valid <= 10
