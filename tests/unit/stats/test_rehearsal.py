"""The A/A rehearsal: each draw is what the public function says, and honest methods keep their promise."""

from __future__ import annotations

import numpy as np
import pytest

from appanalytics import stats
from appanalytics.stats import METHODS, RatioCells
from appanalytics.stats.batch import Draws
from appanalytics.stats.population import Population
from appanalytics.stats.rehearsal import shuffles


@pytest.fixture(scope="module")
def users() -> RatioCells:
    """6,000 users of a feed: CTR about .2, 1 to 200 views, and some who saw nothing."""
    rng = np.random.default_rng(11)
    views = rng.poisson(rng.gamma(1.6, 20, 6000))
    return RatioCells.of(rng.binomial(views, rng.beta(4, 15, 6000)), views)


def test_each_draw_is_what_the_public_function_says(users: RatioCells) -> None:
    rng = np.random.default_rng(4)
    below = users.denominators + rng.integers(0, 3, len(users.counts))
    above = np.minimum(users.numerators + rng.integers(0, 2, len(users.counts)), below)
    before = Population.of(users.numerators, users.denominators, above, below, counts=users.counts)
    cells, generator = before.with_ratio(), np.random.default_rng(1)
    chosen = next(shuffles(cells.counts, 40, 100, np.random.default_rng(2), 40))
    batch = Draws(cells, chosen, generator, alpha=5.0, buckets=20, resamples=300)
    found = {method: batch.p_values(method) for method in METHODS}
    one = Population(cells.numerators, np.ones(len(cells.counts)), cells.before[:1], cells.counts)
    of_means = Draws(one, chosen, generator, alpha=5.0, buckets=20, resamples=2).p_values("cuped")
    for number, draw in enumerate(chosen):
        arms = [RatioCells.of(cells.numerators[arm], cells.denominators[arm]) for arm in draw]
        reference = arms[0].ratio
        assert reference is not None
        bucket = np.arange(100) // 5
        buckets = [stats.bucket_ratios(bucket, cells.numerators[arm], cells.denominators[arm]) for arm in draw]
        ratios = [arm.ratios() for arm in arms]
        expected = {
            "welch": stats.welch(*ratios), "mann_whitney": stats.mann_whitney(*ratios),
            "smoothed_own_prior": stats.welch(*(stats.smoothed_ratios(arm) for arm in arms)),
            "smoothed": stats.welch(
                *(stats.smoothed_ratios(arm, prior=(arms[0] + arms[1]).ratio) for arm in arms)
            ),
            "delta": stats.ratio_difference(*arms), "linearised": stats.linearised_difference(*arms),
            "fieller_relative": stats.fieller_relative(
                *(stats.linearised(arm.moments) or arm.ratios() for arm in arms)
            ),
            "delta_relative": stats.ratio_relative(*arms), "welch_relative": stats.welch_relative(*ratios),
            "winsorised": stats.ratio_difference(*stats.winsorise_ratio(*arms, upper=0.99)[:2]),
            "kolmogorov_smirnov": stats.kolmogorov_smirnov(*ratios),
            "brown_forsythe": stats.brown_forsythe(*ratios),
            "cuped": stats.cuped_ratio(*(_joint(cells, arm) for arm in draw)).comparison,
            "buckets_welch": stats.welch(*buckets), "buckets_mann_whitney": stats.mann_whitney(*buckets),
        }  # fmt: skip
        for method, comparison in expected.items():
            # Kolmogorov–Smirnov's ties are read off the population's curve.
            close = {"rel": 0.15, "abs": 0.01} if method == "kolmogorov_smirnov" else {"rel": 1e-9}
            assert found[method][number] == pytest.approx(comparison.p_value, **close), method
        both = [stats.JointMoments.of(cells.numerators[arm], *_history(cells.before[0][arm])) for arm in draw]
        assert of_means[number] == pytest.approx(stats.cuped_mean(*both).comparison.p_value, rel=1e-9)
    boot = [
        stats.poisson_bootstrap(
            *(RatioCells.of(cells.numerators[arm], cells.denominators[arm]) for arm in draw), seed=3, resamples=4000
        ).comparison.p_value
        for draw in chosen[:10]
    ]
    assert found["poisson_bootstrap"][:10] == pytest.approx(boot, abs=0.12)


def _joint(cells: Population, arm: np.ndarray) -> stats.JointMoments:
    columns = (cells.numerators, cells.denominators, *cells.before)
    return stats.JointMoments.of(*(each[arm] for each in columns))


def _history(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values, (values > 0).astype(float)


def test_draws_take_nobody_twice_and_everybody_alike(users: RatioCells) -> None:
    counts = np.ones(1000, dtype=np.int64)
    blocks = list(shuffles(counts, 30, 100, np.random.default_rng(3), 7))
    drawn = np.concatenate(blocks)
    assert drawn.shape == (30, 2, 100)
    assert all(len(np.unique(draw)) == 200 for draw in drawn)
    seen = np.bincount(drawn.ravel(), minlength=1000)
    assert seen.min() == seen.max() == 6  # five draws use each shuffle up


def test_honest_methods_keep_five_per_cent_and_the_smoothed_one_does_not(users: RatioCells) -> None:
    honest = ("welch", "mann_whitney", "delta", "linearised", "buckets_welch", "buckets_mann_whitney",
              "smoothed", "winsorised", "fieller_relative", "kolmogorov_smirnov", "brown_forsythe")  # fmt: skip
    found = stats.rehearse(users, [*honest, "smoothed_own_prior"], seed=5, draws=4000, users_per_arm=250, buckets=25)
    for method in honest:
        low, high = found[method].false_positives.low, found[method].false_positives.high
        assert low is not None
        assert high is not None
        assert low <= 0.055, method
        assert high >= 0.042, method
        assert found[method].is_honest()
    # Smoothing each arm towards its own ratio pulls the arms apart: the p-value promises too much.
    assert not found["smoothed_own_prior"].is_honest()
    assert found["smoothed_own_prior"].false_positives.estimate > 0.06  # type: ignore[operator]


def test_metrics_that_most_users_have_at_zero_keep_five_per_cent() -> None:
    """Nine users of ten wrote nothing, few wrote very much: ties and heavy tails at once."""
    rng = np.random.default_rng(8)
    written = np.where(rng.random(6000) < 0.1, rng.poisson(rng.gamma(0.8, 12, 6000)) + 1, 0)
    one = RatioCells.of(written, np.ones(6000))
    methods = ["welch", "mann_whitney", "fieller_relative", "winsorised", "kolmogorov_smirnov", "welch_relative"]
    found = stats.rehearse(one, methods, seed=3, draws=6000)
    rates = {name: each.false_positives.estimate or 0.0 for name, each in found.items()}
    assert rates.pop("welch_relative") > 0.054  # the delta method's symmetric interval, kept for comparison
    assert all(0.042 < rate < 0.056 for rate in rates.values()), rates


def test_a_seed_means_the_same_and_a_large_population_is_sampled(users: RatioCells) -> None:
    many = RatioCells.counted(users.numerators, users.denominators, users.counts * 1_000)
    first, second = (stats.rehearse(many, ["welch"], seed=6, draws=200)["welch"] for _ in range(2))
    assert np.array_equal(first.p_values, second.p_values)
    assert first.uniform.p_value is not None
    assert first.uniform.p_value > 1e-3


def test_users_who_never_differ_give_no_answer() -> None:
    same = RatioCells.counted([1.0], [5.0], [100])
    found = stats.rehearse(same, ["welch", "mann_whitney"], seed=1, draws=5, users_per_arm=10)
    assert np.isnan(found["welch"].p_values).all()
    assert found["mann_whitney"].false_positives.estimate is None
