"""The expectation of a series: rhythm, growth, disturbances, bands."""

from __future__ import annotations

import numpy as np
import pytest

from appanalytics.investigate import forecast
from appanalytics.investigate.forecast import forecasts


def series(seed: int, days: int = 60, rhythm: int = 7, growth: float = 0.01, noise: float = 0.02) -> np.ndarray:
    random = np.random.default_rng(seed)
    places = np.arange(days)
    swing = 0.2 * np.sin(2 * np.pi * places / rhythm)
    return np.exp(9 + growth * places + swing + noise * random.standard_normal(days))


@pytest.mark.parametrize("rhythm", [4, 7])
def test_rhythm_and_growth_are_foreseen(rhythm: int) -> None:
    found = forecast(series(1, rhythm=rhythm))
    assert found.rhythm % rhythm == 0
    assert found.expected[-1] == pytest.approx(series(1, rhythm=rhythm, noise=0)[-1], rel=0.04)
    assert not found.is_unusual


def test_band_holds_at_its_rate() -> None:
    ends = np.stack([series(seed) for seed in range(200)])
    found = forecasts(ends, counts=[True] * 200)
    outside = sum(each.is_unusual for each in found)
    assert outside <= 8  # 1 % of 200 is 2; the chance of more than 8 is below 0.001


def test_a_drop_is_unusual_and_no_history_of_the_days_after() -> None:
    values = series(2)
    values[-5] *= 0.6
    found = forecast(values)
    assert found.disturbed[-5]
    assert found.disturbed.sum() == 1
    clean = forecast(series(2))
    assert found.expected[-1] == pytest.approx(clean.expected[-1], rel=0.01)
    assert forecast(values[:-4]).is_unusual


def test_a_shift_that_lasts_is_a_new_level() -> None:
    values = series(3, days=80)
    values[50:] *= 0.5
    found = forecast(values)
    assert not found.disturbed[57:].any()
    assert found.expected[-1] == pytest.approx(values[-1], rel=0.1)


def test_known_events_are_left_out() -> None:
    values = series(4)
    values[-8:-1] *= 1.25
    usable = np.ones(len(values), dtype=bool)
    usable[-8:-1] = False
    assert forecast(values, usable=usable).expected[-1] == pytest.approx(forecast(series(4)).expected[-1], rel=0.06)


def test_counts_have_at_least_poisson_noise() -> None:
    flat = np.full(40, 25.0)
    assert forecast(flat).high[-1] > 25 * np.exp(2.5 / 5)
    assert forecast(flat / 100, counts=False).high[-1] == pytest.approx(0.25, rel=0.01)


def test_too_little_history_expects_nothing() -> None:
    found = forecast(np.array([5.0, 6.0, 7.0]))
    assert np.isnan(found.expected[-1])
    assert not found.is_unusual


@pytest.mark.parametrize("factor", [1.2, 0.8])
def test_a_week_of_something_else_is_no_rule_for_the_days_after(factor: float) -> None:
    """Of forty apps nearly all are told on each of the seven days, and nearly none after it."""
    values = np.stack([series(seed, days=65, noise=0.015) for seed in range(40)])
    values[:, 55:62] *= factor
    found = forecasts(values, counts=[True] * 40)
    odd = np.mean([(each.actual < each.low) | (each.actual > each.high) for each in found], axis=0)
    assert (odd[55:62] > 0.8).all()
    assert (odd[62:] < 0.15).all()
