"""Agreement with scipy and numpy, which compute from users what we compute from cells and moments."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from scipy import stats as peer

from appanalytics import stats
from appanalytics.stats import Cells, Comparison, JointMoments, Moments, RatioCells, Share, tails

QUICK = settings(deadline=None, max_examples=25, derandomize=True)
#: Few distinct values, so that ties are everywhere.
USERS = st.lists(st.integers(0, 12).map(float), min_size=3, max_size=60)


def varied(*samples: list[float]) -> bool:
    return all(len(set(sample)) > 1 for sample in samples)


def close(found: float | None, expected: float, *, rel: float = 1e-9) -> None:
    assert found == pytest.approx(float(expected), rel=rel, abs=1e-12)


@QUICK
@given(USERS, USERS)
def test_welch(control: list[float], treatment: list[float]) -> None:
    if not varied(control, treatment):
        return
    found = stats.welch(control, treatment)
    expected = peer.ttest_ind(treatment, control, equal_var=False)
    close(found.statistic, expected.statistic)
    close(found.p_value, expected.pvalue)
    ends = expected.confidence_interval(0.95)
    close(found.low, ends.low)
    close(found.high, ends.high)


@QUICK
@given(USERS, USERS)
def test_mann_whitney(control: list[float], treatment: list[float]) -> None:
    if len(set(control + treatment)) < 2:
        return
    found = stats.mann_whitney(control, treatment)
    expected = peer.mannwhitneyu(control, treatment, method="asymptotic")
    assert found.statistic == expected.statistic
    close(found.p_value, expected.pvalue)
    wins = sum((t > c) + (t == c) / 2 for c in control for t in treatment) / len(control) / len(treatment)
    close(found.effect, wins - 0.5)


@QUICK
@given(USERS, USERS)
def test_brunner_munzel(control: list[float], treatment: list[float]) -> None:
    found = stats.brunner_munzel(control, treatment)
    if found.p_value is None:
        return
    expected = peer.brunnermunzel(control, treatment)
    close(found.statistic, expected.statistic)
    close(found.p_value, expected.pvalue)


@QUICK
@given(USERS, USERS)
def test_kolmogorov_smirnov(control: list[float], treatment: list[float]) -> None:
    found = stats.kolmogorov_smirnov(control, treatment)
    expected = peer.ks_2samp(control, treatment, method="asymp")
    close(found.statistic, expected.statistic)
    close(found.p_value, expected.pvalue)  # fewer than 100 users: with ties, too


def test_kolmogorov_smirnov_of_ever_larger_users_without_ties() -> None:
    rng = np.random.default_rng(1)
    for users in (10, 300, 5000):
        control, treatment = rng.normal(size=users), rng.normal(0.05, size=users + 7)
        close(
            stats.kolmogorov_smirnov(control, treatment).p_value,
            peer.ks_2samp(control, treatment, method="asymp").pvalue,
        )


@pytest.mark.parametrize("kind", ["few have any", "counts", "four values", "pairs", "ratios"])
def test_kolmogorov_smirnov_of_ties_is_that_of_permutations(kind: str) -> None:
    """20,000 permutations of 1,000 users, as hypergeometric draws of their values; half of ties of D count."""
    rng = np.random.default_rng(2)
    pool = {
        "few have any": np.where(rng.random(1000) < 0.11, rng.poisson(rng.gamma(1, 9, 1000)), 0),
        "counts": rng.poisson(rng.gamma(1.2, 4, 1000)),
        "four values": rng.integers(0, 4, 1000),
        "pairs": np.repeat(np.arange(500), 2),
        "ratios": np.round(rng.binomial(20, 0.2, 1000) / rng.integers(1, 60, 1000), 3),
    }[kind]
    values, counts = np.unique(pool, return_counts=True)
    drawn = rng.multivariate_hypergeometric(counts, 500, size=20_000, method="marginals")
    gaps = np.abs(np.cumsum(2 * drawn - counts, axis=1)) / 500
    distances, widest = gaps.max(axis=1), drawn[:400]
    p_values = []
    for treatment in widest:
        found = stats.kolmogorov_smirnov(Cells.counted(values, counts - treatment), Cells.counted(values, treatment))
        assert found.p_value is not None
        assert found.statistic is not None
        beyond = (distances > found.statistic + 1e-9).mean()
        middle = (beyond + (distances > found.statistic - 1e-9).mean()) / 2
        assert found.p_value == pytest.approx(middle, rel=0.12, abs=0.02)
        if middle < 0.2:
            assert found.p_value == pytest.approx(middle, rel=0.15, abs=0.003)
        p_values.append(found.p_value)
    assert 0.02 < np.mean(np.array(p_values) <= 0.05) < 0.08


@QUICK
@given(USERS, USERS)
def test_brown_forsythe(control: list[float], treatment: list[float]) -> None:
    found = stats.brown_forsythe(control, treatment)
    if found.p_value is None:
        return
    expected = peer.levene(control, treatment, center="median")
    close(found.statistic, expected.statistic)
    close(found.p_value, expected.pvalue)


@QUICK
@given(USERS, st.sampled_from([0.0, 0.01, 0.25, 0.29, 0.5, 0.75, 0.99, 1.0]))
def test_quantiles(users: list[float], probability: float) -> None:
    cells = Cells.of(users)
    assert cells.quantile(probability) == np.quantile(users, probability, method="inverted_cdf")
    assert cells.median == np.median(users)


@QUICK
@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=4))
def test_balance(table: list[list[int]]) -> None:
    if any(not sum(row) for row in table) or any(not sum(column) for column in zip(*table, strict=True)):
        return
    found, expected = stats.balance(table), peer.chi2_contingency(table, correction=False)
    close(found.statistic, expected.statistic)
    close(found.p_value, expected.pvalue)


@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_corrections(p_values: list[float]) -> None:
    for ours, theirs in zip(stats.benjamini_hochberg(p_values), peer.false_discovery_control(p_values), strict=True):
        close(ours, theirs)
    ordered = sorted(range(len(p_values)), key=p_values.__getitem__)
    most = 0.0
    for place, index in enumerate(ordered):
        most = max(most, min(1.0, p_values[index] * (len(p_values) - place)))
        close(stats.holm(p_values)[index], most)


@QUICK
@given(st.integers(1, 200), st.data())
def test_shares(users: int, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, users)) for _ in range(2))
    expected = peer.binomtest(a, users).proportion_ci(0.95, method="wilson")
    found = stats.wilson(Share(a, users))
    close(found.low, expected.low)
    close(found.high, expected.high)
    pooled = (a + b) / (2 * users)
    if 0 < pooled < 1:
        p = peer.chi2_contingency([[a, users - a], [b, users - b]], correction=False).pvalue
        close(stats.share_difference(Share(a, users), Share(b, users)).p_value, p)


def test_cuped_is_the_regression_on_arm_and_history() -> None:
    rng = np.random.default_rng(3)
    before = rng.gamma(2, 10, (2, 400))
    after = before * 0.7 + rng.normal(0, 5, (2, 400)) + np.array([[0.0], [1.0]])
    extra = rng.normal(size=(2, 400)) + 0.1 * before
    arms = [JointMoments.of(after[i], before[i], extra[i]) for i in range(2)]
    found = stats.cuped_mean(*arms)
    design = np.column_stack([np.ones(800), np.repeat([0, 1], 400), before.ravel(), extra.ravel()])
    coefficients = np.linalg.lstsq(design, after.ravel(), rcond=None)[0]
    close(found.comparison.effect, coefficients[1])
    assert found.theta == pytest.approx(coefficients[2:], rel=1e-9)
    adjusted = after - found.theta[0] * before - found.theta[1] * extra
    plain = peer.ttest_ind(adjusted[1], adjusted[0], equal_var=False)
    close(found.comparison.p_value, plain.pvalue)
    close(found.reduction, 1 - adjusted.var(axis=1, ddof=1).sum() / after.var(axis=1, ddof=1).sum())
    assert found.reduction is not None
    assert found.reduction > 0.7


def test_cuped_of_ratios_from_linearised_users() -> None:
    rng = np.random.default_rng(4)
    taste = rng.beta(4, 15, (2, 3000))
    views, earlier = rng.poisson(30, (2, 3000)) + 1, rng.poisson(25, (2, 3000)) + 1
    likes, earlier_likes = rng.binomial(views, taste), rng.binomial(earlier, taste)
    arms = [JointMoments.of(likes[i], views[i], earlier_likes[i], earlier[i]) for i in range(2)]
    found = stats.cuped_ratio(*arms)

    def linear(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        return np.asarray((above - above.sum() / below.sum() * below) / below.mean())

    now = np.array([linear(likes[i], views[i]) for i in range(2)])
    then = np.array([linear(earlier_likes[i], earlier[i]) for i in range(2)])
    theta = (now * then).sum() / (then**2).sum()
    ratios = likes.sum(axis=1) / views.sum(axis=1)
    ratios_before = earlier_likes.sum(axis=1) / earlier.sum(axis=1)
    close(found.theta[0], theta)
    close(found.comparison.effect, np.diff(ratios)[0] - theta * np.diff(ratios_before)[0])
    close(found.comparison.standard_error, math.sqrt(((now - theta * then).var(axis=1, ddof=1) / 3000).sum()))
    plain = stats.ratio_difference(arms[0], arms[1])
    close(found.reduction, 1 - (found.comparison.standard_error / plain.standard_error) ** 2)
    assert found.reduction is not None
    assert found.reduction > 0.3


def test_delta_and_linearisation_from_users() -> None:
    rng = np.random.default_rng(5)
    views = rng.poisson(20, (2, 500)) + 1
    likes = rng.binomial(views, 0.2)
    arms = [RatioCells.of(likes[i], views[i]) for i in range(2)]
    ratios = likes.sum(axis=1) / views.sum(axis=1)
    own = (likes - ratios[:, None] * views) / views.mean(axis=1, keepdims=True) + ratios[:, None]
    expected = peer.ttest_ind(own[1], own[0], equal_var=False)
    found = stats.ratio_difference(*arms)
    close(found.effect, ratios[1] - ratios[0])
    close(found.p_value, expected.pvalue)
    linear = likes - ratios[0] * views
    close(stats.linearised_difference(*arms).p_value, peer.ttest_ind(linear[1], linear[0], equal_var=False).pvalue)
    close(
        stats.welch(*(stats.linearised_values(arm, float(ratios[0])) for arm in arms)).p_value,
        peer.ttest_ind(linear[1], linear[0], equal_var=False).pvalue,
    )


def test_smoothing_capping_and_buckets_from_users() -> None:
    rng = np.random.default_rng(6)
    views = rng.poisson(8, (2, 300)) + 1
    likes = rng.binomial(views, 0.2)
    arms = [RatioCells.of(likes[i], views[i]) for i in range(2)]
    ratios = likes.sum(axis=1, keepdims=True) / views.sum(axis=1, keepdims=True)
    smooth = (likes + 5 * ratios) / (views + 5)
    close(
        stats.welch(*(stats.smoothed_ratios(arm) for arm in arms)).p_value,
        peer.ttest_ind(smooth[1], smooth[0], equal_var=False).pvalue,
    )
    cap = np.quantile(likes, 0.9, method="inverted_cdf")
    below = np.quantile(views, 0.9, method="inverted_cdf")
    control, _, caps = stats.winsorise_ratio(*arms, upper=0.9)
    assert (caps[0].high, caps[1].high) == (cap, below)
    assert control.ratio == np.minimum(likes[0], cap).sum() / np.minimum(views[0], below).sum()
    bucket = rng.integers(0, 20, 300)
    expected = [likes[0][bucket == each].sum() / views[0][bucket == each].sum() for each in range(20)]
    assert stats.bucket_ratios(bucket, likes[0], views[0]).values == pytest.approx(sorted(set(expected)))
    ordered = np.sort(likes[0])[::-1]
    close(stats.top_share(Cells.of(likes[0]), 0.05), ordered[:15].sum() / ordered.sum())


def test_pooled_effects_from_statsmodels() -> None:
    """statsmodels 0.15 combine_effects([.1, .3, -.2], [.01, .04, .02]): fixed effect, its error, Q and its p."""
    parts = [
        Comparison("x", 0.0, e, e, None, None, None, None, 0.95, standard_error=v**0.5)
        for e, v in ((0.1, 0.01), (0.3, 0.04), (-0.2, 0.02))
    ]
    found = stats.inverse_variance(parts)
    close(found.effect, 0.04285714285714285)
    close(found.standard_error, 0.07559289460184544)
    q = stats.interaction(parts)
    close(q.statistic, 4.928571428571429)
    close(q.p_value, 0.08506958466448701)
    assert q.df == 2


def test_newcombe_from_statsmodels() -> None:
    """statsmodels 0.15 confint_proportions_2indep(300, 1000, 250, 1100, method="newcomb")."""
    found = stats.share_difference(Share(250, 1100), Share(300, 1000))
    close(found.low, 0.03502690525302041)
    close(found.high, 0.1103332567412533)


def test_power_against_a_simulation_free_formula() -> None:
    """Noncentral t of scipy for equal arms; the three functions are inverses of each other."""
    plan = stats.achieved_power(40, 40, 1.2, 4.0)
    shift = 1.2 / math.sqrt(4 / 40 * 2)
    reach = peer.t.ppf(0.975, 78)
    close(plan.power, peer.nct.sf(reach, 78, shift) + peer.nct.cdf(-reach, 78, shift))
    needed = stats.users_needed(1.2, 4.0, power=plan.power)
    assert needed.users_control == pytest.approx(40, rel=1e-8)
    found = stats.detectable(40, 40, 4.0, power=plan.power)
    assert found.effect == pytest.approx(1.2, rel=1e-8)
    three = stats.users_needed(0.5, 1.0, allocation=3.0)
    assert stats.achieved_power(three.users_control, three.users_treatment, 0.5, 1.0).power == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [  # mpmath 1.3, 60 digits
        (tails.normal_tail(200), -20005.52413371763),
        (tails.student_tail(38, 2_000_000), -725.6031914806174),
        (tails.chi_square_tail(1e5, 7), -49974.15147789107),
        (tails.fisher_tail(5000, 1, 10_000), -2031.607420795299),
    ],
)
def test_tails_far_out(tail: float, expected: float) -> None:
    assert tail == pytest.approx(expected, rel=1e-11)


@QUICK
@given(st.floats(0.01, 35), st.floats(0.5, 1e5))
def test_tails_where_scipy_reaches(x: float, df: float) -> None:
    assert tails.student_tail(x, df) == pytest.approx(math.log(2 * special.stdtr(df, -x)), rel=1e-9, abs=1e-12)
    assert tails.fisher_tail(x, 3, df) == pytest.approx(float(peer.f.logsf(x, 3, df)), rel=1e-9, abs=1e-12)
    assert tails.chi_square_tail(x, 3) == pytest.approx(float(peer.chi2.logsf(x, 3)), rel=1e-9, abs=1e-12)


def test_tails_are_smooth_where_the_method_changes() -> None:
    """Around 1e-290 the continued fraction takes over from the survival function."""
    steps = np.linspace(36.2, 36.8, 60)
    for values in ([tails.student_tail(x, 1e7) for x in steps], [tails.chi_square_tail(x * x, 3) for x in steps]):
        assert np.diff(values, 3) == pytest.approx(np.zeros(57), abs=1e-6)
    assert tails.chi_square_tail(40.0**2, 1) == pytest.approx(tails.normal_tail(40.0), rel=1e-12)


def test_moments_of_a_real_looking_sample() -> None:
    values = np.random.default_rng(7).gamma(2, 3, 1000)
    found = Moments.of(values)
    close(found.mean, values.mean())
    close(found.variance, values.var(ddof=1))
    both = JointMoments.of(values, values**2)
    close(both.products[0][1], np.cov(values, values**2)[0, 1] * 999)
