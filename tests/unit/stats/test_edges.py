"""One user, no user, all equal, nothing below, NaN: a documented result or a clear error, never a silent number."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats as peer

from appanalytics import stats
from appanalytics.errors import StatisticsError
from appanalytics.stats import Cells, Comparison, JointMoments, Moments, Note, RatioCells, Share, Verdict
from appanalytics.stats.tails import chi_square_tail, fisher_tail, student_tail

BY_USER = [
    stats.welch, stats.welch_relative, stats.mann_whitney, stats.brunner_munzel, stats.kolmogorov_smirnov,
    stats.brown_forsythe,
]  # fmt: skip
BY_PAIR = [stats.ratio_difference, stats.ratio_relative, stats.linearised_difference]


def is_silent(found: Comparison) -> bool:
    return found.p_value is None and found.low is None and found.high is None


@pytest.mark.parametrize("test", BY_USER)
def test_no_users(test) -> None:  # type: ignore[no-untyped-def]
    for arms in (([], [1.0, 2.0]), ([1.0, 2.0], []), ([], [])):
        found = test(*arms)
        assert is_silent(found)
        assert found.effect is None
        assert found.note is Note.NO_USERS


@pytest.mark.parametrize("test", [each for each in BY_USER if each is not stats.kolmogorov_smirnov])
def test_one_user(test) -> None:  # type: ignore[no-untyped-def]
    found = test([1.0], [1.0, 2.0, 3.0])
    assert found.note is Note.FEW_USERS
    assert found.low is None
    assert found.effect is not None


@pytest.mark.parametrize("test", [each for each in BY_USER if each is not stats.kolmogorov_smirnov])
def test_all_equal(test) -> None:  # type: ignore[no-untyped-def]
    found = test([2.0] * 5, [2.0] * 7)
    assert (found.effect, found.p_value, found.note) == (0, None, Note.NO_VARIATION)


def test_equal_users_do_not_vary_by_rounding() -> None:
    """0.1 seven times has a mean of 0.09999…; a t of such a difference would be noise."""
    assert Moments.of([0.1] * 7).squares == 0
    assert stats.welch([0.1] * 7, [0.1] * 11).p_value is None
    views = np.arange(1, 50)
    same = [RatioCells.of(views * 0.3, views), RatioCells.of(views[:30] * 0.3, views[:30])]
    assert stats.ratio_difference(*same).p_value is None
    assert stats.linearised_difference(*same).p_value is None
    rounded = Moments.from_sums(3, 0.1 + 0.1 + 0.1, 0.1 * 0.1 * 3)
    assert rounded.squares == pytest.approx(0, abs=1e-16)


def test_clickhouse_of_nobody() -> None:
    """avg and covarSampMatrix of no rows are NaN."""
    nobody = JointMoments.from_covariances(0, [math.nan, math.nan], [[math.nan] * 2] * 2)
    assert nobody == JointMoments.of([], [])
    assert Moments.from_variance(0, math.nan, math.nan) == Moments.of([])


def test_arms_that_differ_without_any_variation_have_no_p_value() -> None:
    found = stats.welch([1.0] * 50, [2.0] * 50)
    assert (found.effect, found.low, found.high, found.p_value) == (1.0, 1.0, 1.0, None)
    assert found.p_text == "n/a"
    assert stats.kolmogorov_smirnov([1.0] * 50, [2.0] * 50).statistic == 1.0


@pytest.mark.parametrize("test", BY_PAIR)
def test_zero_views(test) -> None:  # type: ignore[no-untyped-def]
    silent, some = RatioCells.of([0.0, 0.0], [0.0, 0.0]), RatioCells.of([1.0, 0.0, 1.0], [4.0, 2.0, 0.0])
    found = test(silent, some)
    assert is_silent(found)
    assert found.effect is None
    assert found.note is Note.ZERO_BELOW
    assert test(RatioCells.of([], []), some).note is Note.NO_USERS
    boot = stats.poisson_bootstrap(silent, some, seed=1, resamples=10)
    assert boot.comparison.effect is None
    assert boot.comparison.note is Note.ZERO_BELOW
    assert silent.ratio is None
    assert some.undefined == 1
    assert some.ratios().users == 2


def test_a_bootstrap_of_one_user_leaves_out_resamples_without_him() -> None:
    one, some = RatioCells.of([1.0], [4.0]), RatioCells.of([1.0, 0.0, 3.0], [4.0, 2.0, 5.0])
    found = stats.poisson_bootstrap(one, some, seed=1, resamples=200)
    assert found.comparison.note is Note.SKIPPED_RESAMPLES
    assert 40 < np.isnan(found.control_ratios).sum() < 110  # e^-1 of 200


@pytest.mark.parametrize("broken", [[1.0, math.nan], [math.inf, 1.0], ["a", "b"], [None, 1.0], [[1.0, 2.0]]])
def test_broken_values(broken) -> None:  # type: ignore[no-untyped-def]
    for test in BY_USER:
        with pytest.raises(StatisticsError):
            test(broken, [1.0, 2.0])
    with pytest.raises(StatisticsError):
        RatioCells.of(broken, [1.0, 2.0])


def test_broken_counts_moments_and_settings() -> None:
    for counts in ([-1, 2], [0.5, 1.0], [1, 2, 3], ["x", "y"], [math.nan, 1.0]):
        with pytest.raises(StatisticsError):
            Cells.counted([1.0, 2.0], counts)
    for call in (
        lambda: Moments(3, math.nan, 1.0), lambda: Moments(-1, 0.0, 0.0), lambda: Moments(3, 0.0, -1.0),
        lambda: Moments.from_sums(3, 30.0, 1.0), lambda: Moments.from_sums(3, math.nan, 1.0),
        lambda: JointMoments(2, (1.0,), ()), lambda: JointMoments.of([1.0], [2.0]) + JointMoments.of([1.0]),
        lambda: RatioCells.of([1.0], [-1.0]), lambda: RatioCells.of([1.0], [1.0, 2.0]), lambda: Share(3, 2),
        lambda: Share(-1, 2), lambda: stats.welch([1.0, 2.0], [1.0, 3.0], level=95), lambda: stats.holm([1.5]),
        lambda: stats.corrected([], "bonferroni"), lambda: stats.sample_ratio([1]),
        lambda: stats.sample_ratio([1, 2], [1, 0]), lambda: stats.sample_ratio([-1, 2]),
        lambda: stats.non_inferiority(stats.welch([1.0, 2.0], [1.0, 3.0]), 0.0),
        lambda: stats.non_inferiority(stats.welch([1.0, 2.0], [1.0, 3.0]), 1.0, good="higher"),
        lambda: stats.users_needed(0.0, 1.0), lambda: stats.users_needed(1.0, -1.0),
        lambda: stats.users_needed(1.0, 1.0, power=80), lambda: stats.spending_bounds([0.5, 0.2]),
        lambda: stats.spending_bounds([0.5, 1.2]), lambda: stats.obrien_fleming(0),
        lambda: stats.smoothed_ratios(RatioCells.of([0.0], [0.0])), lambda: Cells.of([1.0]).quantile(99),
        lambda: stats.cuped_mean(JointMoments.of([1.0]), JointMoments.of([1.0])),
        lambda: stats.rehearse(RatioCells.of([1.0], [2.0]), seed=1),
        lambda: stats.rehearse(RatioCells.of([1.0], [2.0]), ["anova"], seed=1),
        lambda: stats.poisson_bootstrap(*[RatioCells.of([1.0], [2.0])] * 2, seed=1, resamples=0),
        lambda: stats.smoothed_ratios(RatioCells.of([1.0], [2.0]), alpha=0.0),
        lambda: stats.bucket_ratios([1, 2], [1.0], [1.0]), lambda: stats.top_share(Cells.of([1.0]), 0.0),
        lambda: stats.top_share(Cells.of([1.0]), 1.5), lambda: stats.balance([[1, 2], [3]]),
        lambda: stats.balance([[1, -2], [3, 4]]), lambda: stats.spending_bounds([0.5, 1.0], level=95),
        lambda: stats.obrien_fleming(3, level=95), lambda: stats.users_needed(1.0, 1.0, allocation=0.0),
        lambda: stats.users_needed(1.0, 0.0), lambda: stats.detectable(1, 5, 1.0), lambda: stats.share_variance(4.0),
        lambda: stats.always_valid(stats.welch([1.0, 2.0], [1.0, 3.0]), 4, tuning=0.0),
        lambda: stats.rehearse(RatioCells.of([1.0] * 9, [2.0] * 9), ["cuped"], users_per_arm=3, seed=1),
        lambda: stats.rehearse(RatioCells.of([1.0] * 9, [2.0] * 9), ["buckets_welch"], users_per_arm=3, seed=1),
        lambda: stats.Population.of([1.0], [1.0, 2.0]), lambda: stats.Population.of([1.0], [-1.0]),
        lambda: stats.Population.of([1.0], [1.0], [1.0], [1.0], [1.0]),
    ):  # fmt: skip
        with pytest.raises(StatisticsError) as raised:
            call()
        assert raised.value.exit_code == 2


def test_nothing_to_say_is_said() -> None:
    assert stats.wilson(Share(0, 0)).note is Note.NO_USERS
    assert stats.share_difference(Share(0, 0), Share(1, 2)).effect is None
    assert stats.share_difference(Share(0, 5), Share(0, 5)).p_value is None
    assert stats.share_ratio(Share(0, 5), Share(1, 5)).note is Note.ZERO_BELOW
    assert stats.mantel_haenszel([]).note is Note.NO_USERS
    assert stats.inverse_variance([stats.welch([1.0, 1.0], [2.0, 2.0])]).note is Note.LEFT_OUT
    assert stats.interaction([stats.welch([1.0, 2.0], [2.0, 4.0])]).p_value is None
    assert stats.sample_ratio([0, 0]).test.p_value is None
    assert not stats.sample_ratio([0, 0]).is_mismatched
    assert stats.sample_ratio([3, 1]).test.note is Note.SMALL_EXPECTED
    assert stats.mean([]).estimate is None
    assert stats.ratio(RatioCells.of([], [])).note is Note.NO_USERS
    assert stats.ratio_fieller(RatioCells.of([3.0, 0.0], [1.0, 0.0])).note is Note.UNBOUNDED
    assert stats.polarisation([], []).index is None
    assert not stats.polarisation([1.0], [1.0]).is_polarised
    assert stats.holm([None, 0.02, None]) == [None, pytest.approx(0.02), None]
    assert stats.top_share(Cells.of([])) is None
    assert Cells.of([]).median is None
    empty = JointMoments.of([], [])
    assert stats.cuped_mean(empty, empty).comparison.note is Note.NO_USERS
    assert Moments.from_variance(1, 5.0, math.nan) == Moments(1, 5.0, 0.0)  # ClickHouse's variance of one user is NaN


def test_nothing_below_and_nobody_are_told_apart() -> None:
    """A ratio with zero below is null, and the note says whether there were users at all."""
    nothing, some = [0.0, 0.0], [1.0, 2.0]
    assert stats.mean([]).note is Note.NO_USERS
    assert stats.welch_relative(nothing, some).note is Note.ZERO_BELOW
    assert stats.fieller_relative(nothing, some).note is Note.ZERO_BELOW
    assert stats.share_ratio(Share(0, 0), Share(1, 2)).note is Note.NO_USERS
    lost = stats.share_ratio(Share(1, 2), Share(0, 2))
    assert (lost.effect, lost.low, lost.p_value, lost.note) == (-1.0, None, None, Note.NO_VARIATION)
    kept = stats.share_ratio(Share(20, 100), Share(30, 100))
    assert kept.effect == pytest.approx(0.5)
    assert stats.ratio_fieller(RatioCells.of([], [])).note is Note.NO_USERS
    assert stats.ratio_fieller(RatioCells.of([0.0, 0.0], [0.0, 0.0])).note is Note.ZERO_BELOW
    one = stats.ratio_fieller(RatioCells.of([1.0], [2.0]))
    assert (one.estimate, one.low, one.note) == (0.5, None, Note.FEW_USERS)
    zero = RatioCells.of([0.0, 0.0], [1.0, 2.0])
    assert stats.ratio_relative(zero, RatioCells.of([1.0, 1.0], [1.0, 2.0])).note is Note.ZERO_BELOW
    before = JointMoments.of(some, some, nothing, nothing)  # nothing below before the experiment
    assert stats.cuped_ratio(before, before).comparison.note is Note.ZERO_BELOW
    empty = JointMoments.of([], [], [], [])
    assert stats.cuped_ratio(empty, empty).comparison.note is Note.NO_USERS
    assert Moments.of([]) + Moments.of([]) == Moments.of([])
    assert JointMoments.from_sums(0, [0.0, 0.0], [[0.0, 0.0], [0.0, 0.0]]).means == (0.0, 0.0)


def test_a_guardrail_without_an_interval_is_open_and_one_without_variation_is_decided() -> None:
    silent = stats.non_inferiority(stats.welch([], [1.0, 2.0]), 1.0)
    assert (silent.verdict, silent.bound, silent.p_value) == (Verdict.OPEN, None, None)
    assert silent.note is Note.NO_USERS


def test_plans_at_the_ends() -> None:
    assert stats.detectable(10, 10, 0.0).effect == 0.0  # users who do not vary show any effect
    assert stats.cuped_variance(JointMoments.of([1.0], [1.0])) is None
    with pytest.raises(StatisticsError, match="there are not so many"):
        stats.users_needed(1e-12, 1e6)


@pytest.mark.parametrize("tail", [lambda x: student_tail(x, 5), lambda x: fisher_tail(x, 2, 9),
                                  lambda x: chi_square_tail(x, 3)])  # fmt: skip
def test_an_infinite_statistic_has_no_chance_at_all(tail: Callable[[float], float]) -> None:
    assert tail(math.inf) == -math.inf
    assert tail(1.0) < 0


def test_a_covariate_that_says_nothing_changes_nothing() -> None:
    arms = [JointMoments.of(values, [1.0] * 3, [0.0, 0.0, 0.0]) for values in ([1.0, 2.0, 4.0], [2.0, 5.0, 6.0])]
    found = stats.cuped_mean(*arms)
    assert found.theta == (0.0, 0.0)
    assert found.comparison.p_value == pytest.approx(stats.welch(arms[0][0], arms[1][0]).p_value)


def test_p_values_below_what_a_float_holds_are_printed() -> None:
    far = stats.welch(Moments.from_variance(10**6, 0.0, 1.0), Moments.from_variance(10**6, 0.1, 1.0))
    assert far.p_value == 0.0
    assert far.log10_p == pytest.approx(-1086.328380486502, rel=1e-10)  # mpmath, 60 digits
    assert far.p_text == "5e-1087"
    family = stats.corrected([far, far])
    assert family[0].log10_p == pytest.approx(far.log10_p + math.log10(2))
    near = stats.welch(Moments.from_variance(10**6, 0.0, 1.0), Moments.from_variance(10**6, 0.0524, 1.0))
    assert near.p_value is not None
    assert 1e-304 < near.p_value < 1e-296
    assert near.p_text.startswith(f"{near.p_value:.0e}"[:1])
    assert [stats.p_text(x) for x in (0.0, math.log10(0.0421), -39.4, -math.inf, None)] == [
        "1.000", "0.0421", "4e-40", "0", "n/a",
    ]  # fmt: skip


def test_a_hundred_billion_users_do_not_overflow() -> None:
    cells = Cells.counted(np.arange(200), np.full(200, 500_000_000))
    found = stats.mann_whitney(cells, cells)
    assert found.effect == pytest.approx(0, abs=1e-12)
    assert found.p_value == 1.0
    other = Cells.counted(np.arange(200) + 1, np.full(200, 500_000_000))
    assert stats.mann_whitney(cells, other).log10_p < -1000  # type: ignore[operator]
    assert stats.kolmogorov_smirnov(cells, other).statistic == pytest.approx(0.005)


def test_the_room_is_light_to_enter() -> None:
    """scipy takes a second to import; nobody pays who asks for no statistic."""
    code = "import sys, appanalytics.stats; print([name for name in sys.modules if name.split('.')[0] == 'scipy'])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_p_value_of_1e_300_is_printed_as_such() -> None:
    users = 10**12  # Student's t is the normal
    distance = float(peer.norm.isf(0.5e-300)) * math.sqrt(2 / users)
    found = stats.welch(Moments.from_variance(users, 0.0, 1.0), Moments.from_variance(users, distance, 1.0))
    assert found.p_text == "1e-300"
    assert found.p_value == pytest.approx(1e-300, rel=1e-6)
