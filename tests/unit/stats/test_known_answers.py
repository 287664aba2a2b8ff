"""Published numbers, each with its source."""

from __future__ import annotations

import math

import pytest
from scipy import integrate, optimize, special

from appanalytics import stats
from appanalytics.stats import JointMoments, Moments, Share, tails

SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]  # R's data set `sleep`
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
MAY = [41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37]
AUGUST = [
    39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85,
]  # fmt: skip


def growthbook_arms(control_users: int = 3407) -> tuple[Moments, Moments]:
    """The case of GrowthBook's gbstats tests."""
    return (
        Moments.from_sums(control_users, 1396.87, 52377.9767),
        Moments.from_sums(3461, 2422.7, 134698.29),
    )


def test_welch_of_sums_from_growthbook() -> None:
    found = stats.welch(*growthbook_arms())
    assert found.effect == pytest.approx(0.29, abs=5e-6)
    assert found.standard_error == pytest.approx(0.12478, abs=5e-6)
    assert (found.low, found.high) == pytest.approx((0.04538, 0.53462), abs=5e-6)
    assert found.p_value == pytest.approx(0.02016, abs=5e-6)


def test_relative_welch_of_sums_from_growthbook() -> None:
    found = stats.welch_relative(*growthbook_arms())
    assert (found.effect, found.standard_error) == pytest.approx((0.70732, 0.37879), abs=5e-6)
    assert (found.low, found.high) == pytest.approx((-0.03526, 1.44989), abs=5e-6)
    assert found.p_value == pytest.approx(0.06191, abs=5e-6)


def test_welch_of_sleep_from_r() -> None:
    """t.test(extra ~ group, data = sleep)."""
    found = stats.welch(SLEEP_2, SLEEP_1)
    assert found.statistic == pytest.approx(-1.8608134674868526, abs=1e-12)
    assert found.df == pytest.approx(17.776473516178488, abs=1e-9)
    assert found.p_value == pytest.approx(0.0793941401873583, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((-3.3654832, 0.2054832), abs=5e-8)


def test_relative_ratio_by_delta_from_growthbook() -> None:
    a, b = 99673.9364269569, 94605.79858780127
    treatment = JointMoments.from_sums(2034, [a, 947], [[11298745.182728939, a], [a, 947]])
    control = JointMoments.from_sums(1966, [b, 936], [[10463129.505392816, b], [b, 936]])
    found = stats.ratio_relative(control, treatment)
    assert found.effect == pytest.approx(0.041333, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((0.01378609, 0.0689), abs=2e-5)
    assert found.low == pytest.approx(0.01378609, abs=5e-9)
    assert found.p_value == pytest.approx(0.0032826, abs=2e-7)


def test_mann_whitney_of_airquality_from_r() -> None:
    """wilcox.test(Ozone ~ Month, subset = Month %in% c(5, 8)), missing values left out."""
    found = stats.mann_whitney(MAY, AUGUST)
    assert found.statistic == 127.5
    assert found.p_value == pytest.approx(0.00012080783, abs=5e-12)
    assert found.effect is not None
    assert found.effect > 0


def test_sample_ratios_from_the_literature() -> None:
    """Fabijan et al. 2019 (821,588 against 815,482) and GrowthBook's tests."""
    even = stats.sample_ratio([821588, 815482])
    assert even.test.statistic == pytest.approx(22.77436884189436, rel=1e-12)
    assert even.test.p_value == pytest.approx(1.8217928726191858e-06, rel=1e-12)
    assert even.is_mismatched
    uneven = stats.sample_ratio([9000, 1100], [90, 10])
    assert uneven.test.statistic == pytest.approx(8.9109, abs=5e-5)
    assert uneven.test.p_value == pytest.approx(0.0028347, abs=5e-8)
    assert not uneven.is_mismatched


def test_confidence_sequence_from_growthbook() -> None:
    control, treatment = growthbook_arms(3000)
    found = stats.always_valid(stats.welch_relative(control, treatment), 3000 + 3461, tuning=1000)
    assert found.effect == pytest.approx(0.50336, abs=5e-6)
    assert (found.low, found.high) == pytest.approx((-0.55844, 1.56516), abs=5e-6)


def test_group_sequential_bounds_from_the_literature() -> None:
    """Jennison & Turnbull 2000, tables 2.1 and 2.3; R's ldbounds for the spending function."""
    assert stats.obrien_fleming(5) == pytest.approx([4.562, 3.226, 2.634, 2.281, 2.040], abs=6e-4)
    assert stats.pocock(5) == pytest.approx([2.413] * 5, abs=6e-4)
    assert stats.pocock(2, level=0.99) == pytest.approx([2.772] * 2, abs=6e-4)
    # R's 3.3569 is 3.35701 exactly (see the two-look integral below): its grid is coarser.
    assert stats.spending_bounds([0.2, 0.4, 0.6, 0.8, 1.0]) == pytest.approx(
        [4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=1.5e-4
    )
    assert stats.obrien_fleming(1) == pytest.approx([1.959964], abs=1e-6)


def test_spending_bounds_of_two_looks_against_an_integral() -> None:
    reach = special.ndtri(0.9875)
    spent = [2 * special.ndtr(-reach / share**0.5) for share in (0.2, 0.4)]
    first = -special.ndtri(spent[0])

    def gap(bound: float) -> float:
        def joint(x: float) -> float:
            return float(stats_norm(x) * special.ndtr((x * 0.2**0.5 - bound * 0.4**0.5) / 0.2**0.5))

        return integrate.quad(joint, -first, first, epsabs=1e-15, points=[0, 2, 3, 4])[0] - (spent[1] - spent[0])

    second = optimize.brentq(gap, 3, 4, xtol=1e-12)
    assert stats.spending_bounds([0.2, 0.4]) == pytest.approx([first, second], abs=1e-7)


def stats_norm(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def test_sample_sizes_from_r() -> None:
    """power.t.test(delta = .5, sd = 1, power = .8); proportions .10 against .12, unpooled."""
    plan = stats.users_needed(0.5, 1.0)
    assert plan.users_control == pytest.approx(63.76561, abs=5e-6)
    assert plan.total == 128
    assert stats.share_users_needed(0.10, 0.12).users_control == pytest.approx(3838.1, abs=0.05)


def test_corrections_from_r() -> None:
    """p.adjust(c(.01, .04, .03, .005), "holm" / "BH")."""
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert stats.benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])


def test_bootstrap_of_mice_from_efron_and_tibshirani() -> None:
    """An Introduction to the Bootstrap, 1993, table 2.1: mean 86.86; with many resamples the error tends to 23.36.

    That is the error of resampling a fixed number of mice. Poisson weights vary that number too, which a ratio
    with 1 below takes out up to terms of 1/n: the first-order error is the same.
    """
    mice = [94, 197, 16, 38, 99, 141, 23]
    moments = Moments.of(mice)
    assert moments.mean == pytest.approx(86.857, abs=5e-4)
    assert (moments.squares / 7 / 7) ** 0.5 == pytest.approx(23.3635, abs=5e-4)
    many = stats.RatioCells.counted(mice, [1] * 7, [100] * 7)
    found = stats.poisson_bootstrap(many, many, seed=4, resamples=20_000)
    assert found.control_ratios.std() == pytest.approx(23.3635 / 10, rel=0.02)
    assert found.control_ratios.mean() == pytest.approx(86.857, abs=0.1)


def test_mantel_haenszel_from_rothman() -> None:
    """Rothman, Greenland & Lash 2008, table 15-1 (UGDP trial), as metafor's tests have it: 90 % interval."""
    strata = [(Share(5, 120), Share(8, 106)), (Share(16, 85), Share(22, 98))]
    found = stats.mantel_haenszel(strata, level=0.9)
    assert found.effect == pytest.approx(0.0349, abs=5e-5)
    assert (found.low, found.high) == pytest.approx((-0.0176, 0.0874), abs=5e-5)
    parts = [stats.share_difference(*stratum) for stratum in strata]
    assert [part.effect for part in parts] == pytest.approx([0.0338, 0.0363], abs=5e-5)
    assert [part.standard_error for part in parts] == pytest.approx([0.0315, 0.0598], abs=5e-5)


def test_newcombe_from_his_paper() -> None:
    """Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/10."""
    cases = {
        (56, 70, 48, 80): (0.0524, 0.3339), (9, 10, 3, 10): (0.1705, 0.8090), (6, 7, 2, 7): (0.0582, 0.8062),
        (5, 56, 0, 29): (-0.0381, 0.1926), (0, 10, 0, 20): (-0.1611, 0.2775), (10, 10, 0, 10): (0.6075, 1.0),
    }  # fmt: skip
    for (a, m, b, n), ends in cases.items():
        found = stats.share_difference(Share(b, n), Share(a, m))
        assert (found.low, found.high) == pytest.approx(ends, abs=5.1e-5)


def test_wilson_from_newcombe() -> None:
    """Newcombe 1998, one proportion, method 3: 81/263, 15/148, 0/20, 1/29."""
    cases = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (a, n), ends in cases.items():
        found = stats.wilson(Share(a, n))
        assert (found.low, found.high) == pytest.approx(ends, abs=5.1e-5)


def test_fieller_from_his_formula_in_a_worked_case() -> None:
    """Means 10 and 5 with variances 1 and 0.25: the roots of (10 - 5r)² = t² (1 + 0.25 r²), solved by hand."""
    df = 1.25**2 / ((1 + 0.25**2) / 99)  # Satterthwaite's of the difference
    z = float(special.stdtrit(df, 0.975))
    a, b, c = 25 - z * z / 4, 50, 100 - z * z
    low, high = ((b - sign * (b * b - a * c) ** 0.5) / a for sign in (1, -1))
    control, treatment = Moments.from_variance(100, 5.0, 25.0), Moments.from_variance(100, 10.0, 100.0)
    found = stats.fieller_relative(control, treatment)
    assert (found.low, found.high) == pytest.approx((low - 1, high - 1), rel=1e-12)
    assert found.effect == 1.0
    assert found.p_value == stats.welch(control, treatment).p_value


def test_fieller_excludes_no_change_exactly_where_welch_sees_one() -> None:
    """GrowthBook's case: the difference is significant (p .02016), so relative to control it must be, too."""
    found = stats.fieller_relative(*growthbook_arms())
    assert found.p_value == pytest.approx(0.02016, abs=5e-6)
    assert found.low is not None
    assert found.low > 0
    assert found.effect == pytest.approx(0.70732, abs=5e-6)
    assert found.standard_error == pytest.approx(0.37879, abs=5e-6)
    # Control's mean within its error of zero: any ratio fits.
    unsure = stats.fieller_relative(Moments.from_variance(100, 0.1, 25.0), Moments.from_variance(100, 1.0, 25.0))
    assert (unsure.low, unsure.high, unsure.note) == (None, None, stats.Note.UNBOUNDED)
    assert unsure.p_value is not None


def test_quantiles_that_need_no_scipy_are_scipys() -> None:
    for probability, known in tails._QUANTILES.items():
        assert known == special.ndtri(probability) == tails.normal_quantile(probability)
