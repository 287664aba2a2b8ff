"""Usual ranges: what they hold, what they learn from, and how often ordinary days lie outside of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appanalytics.errors import StatisticsError
from appanalytics.stats.usual import ACCEPTED, LEAST, LEAST_ERRORS, Kind, Usual, usual_ranges

DAYS = 84
TIME = np.arange(DAYS)


def outside(usual: Usual, values: np.ndarray) -> np.ndarray:
    return (values < usual.low) | (values > usual.high)


def ordinary(series: int, seed: int = 1) -> np.ndarray:
    """Growing apps with a week and 5 % of scatter."""
    chance = np.random.default_rng(seed)
    level = 1000 * np.exp(0.02 * TIME) * (1 + 0.2 * np.sin(2 * np.pi * TIME / 7))
    return np.round(level * np.exp(0.05 * chance.standard_normal((series, DAYS))))


def test_one_ordinary_day_of_a_hundred_is_outside() -> None:
    values = ordinary(60)
    found = outside(usual_ranges(values, [Kind.COUNT] * 60), values)[:, 42:]
    assert 0.003 < found.mean() < 0.035


def test_a_week_and_a_cycle_of_four_days_are_usual() -> None:
    chance = np.random.default_rng(3)
    for length in (4, 7):
        level = np.where(TIME % length == 0, 500.0, 1500.0)
        values = np.round(level * np.exp(0.02 * chance.standard_normal((1, DAYS))))
        usual = usual_ranges(values, [Kind.COUNT])
        assert usual.high[0, -length:].max() / usual.low[0, -length:].min() > 2.5
        assert (usual.high / usual.low)[0, -7:].max() < 1.3
        assert not outside(usual, values)[0, -7:].any()


def test_an_incident_neither_moves_nor_widens_what_follows() -> None:
    calm = ordinary(1)
    hit = calm.copy()
    hit[0, 60:67] *= 2.8
    before, after = (usual_ranges(each, [Kind.COUNT]) for each in (calm, hit))
    assert outside(after, hit)[0, 60:67].all()
    assert not outside(after, hit)[0, 67:].any()
    assert np.median(after.expected[0, 67:] / before.expected[0, 67:]) == pytest.approx(1, abs=0.1)


def test_a_new_level_is_accepted() -> None:
    values = ordinary(1)
    values[0, 50:] *= 3
    found = outside(usual_ranges(values, [Kind.COUNT]), values)[0]
    assert found[50 : 50 + ACCEPTED].all()
    assert not found[50 + ACCEPTED : 50 + ACCEPTED + 10].any()


def test_a_range_knows_nothing_of_its_own_day_or_later_ones() -> None:
    values = ordinary(1)
    changed = values.copy()
    changed[0, 70:] = 1e9
    first, second = (usual_ranges(each, [Kind.COUNT]) for each in (values, changed))
    np.testing.assert_array_equal(first.low[:, :71], second.low[:, :71])


def test_too_little_history_has_no_range() -> None:
    usual = usual_ranges(ordinary(1)[:, :40], [Kind.COUNT])
    known = ~np.isnan(usual.low[0])
    assert known.tolist() == [False] * (LEAST + LEAST_ERRORS) + [True] * (40 - LEAST - LEAST_ERRORS)
    assert np.isnan(usual_ranges(np.full((1, DAYS), np.nan), [Kind.AMOUNT]).low).all()


def test_small_counts_have_their_noise() -> None:
    values = np.random.default_rng(5).poisson(6.0, (40, DAYS)).astype(float)
    assert outside(usual_ranges(values, [Kind.COUNT] * 40), values)[:, 42:].mean() < 0.03


def test_shares_stay_shares() -> None:
    chance = np.random.default_rng(7)
    values = chance.binomial(12, 0.3, (1, DAYS)) / 12
    usual = usual_ranges(values, [Kind.SHARE])
    assert np.nanmin(usual.low) >= 0
    assert np.nanmax(usual.high) <= 1


def test_what_cannot_be() -> None:
    with pytest.raises(StatisticsError, match="not negative"):
        usual_ranges([[-1.0] * 30], [Kind.AMOUNT])
    with pytest.raises(StatisticsError, match="not negative"):
        usual_ranges([[1.5] * 30], [Kind.SHARE])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.none() | st.floats(0, 1e12), min_size=1, max_size=60), st.sampled_from([Kind.COUNT, Kind.AMOUNT]))
def test_whatever_comes_has_ordered_ends_or_none(given: list[float | None], kind: Kind) -> None:
    usual = usual_ranges(np.array([given], dtype=float), [kind])
    known = ~np.isnan(usual.low)
    assert (usual.low <= usual.expected)[known].all()
    assert (usual.expected <= usual.high)[known].all()
