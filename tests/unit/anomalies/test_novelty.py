"""Novelty: what repeats is new once, whatever its unit; what lacks teaches nothing."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from appanalytics.anomalies import Tick, make_detector
from appanalytics.anomalies.novelty import Novelty, NoveltySettings

HOURLY, START = 24, 8


def spikes(days: int, height: float = 30.0) -> NDArray[np.float64]:
    """Noise of spread one about 50, one series, and the same spike of two hours each day at noon from day four on."""
    rng = np.random.default_rng(6)
    values = 50 + rng.normal(0, 1, days * HOURLY)
    for day in range(4, days):
        values[day * HOURLY + 12 : day * HOURLY + 14] += height
    return values


def news(values: NDArray[np.float64], settings: NoveltySettings | None = None) -> tuple[NDArray[np.float64], Novelty]:
    """News of each bin of one hourly series."""
    day = np.array([HOURLY])
    novelty = Novelty(day, day // 12, day // 6, settings)
    novelty.begin(values[:START, None], np.array([True]))
    found = np.zeros(len(values))
    for at, value in enumerate(values):
        there = np.array([not np.isnan(value)])
        _, told = novelty.see(np.nan_to_num(np.array([value])), there, there & (at >= START))
        found[at] = told[0]
    return found, novelty


def test_what_repeats_is_new_once() -> None:
    found, _ = news(spikes(20))
    noon = found.reshape(-1, HOURLY)[:, 12]
    assert noon[4] > 3
    assert noon[6:].max() == 0
    assert np.count_nonzero(found[8 * HOURLY :]) <= 2, "noise in twelve days"


def test_another_height_is_new_again() -> None:
    values = spikes(20)
    values[19 * HOURLY + 12] += 60
    found, _ = news(values)
    assert found[19 * HOURLY + 12] > 4 > 2 > found[6 * HOURLY : 19 * HOURLY].max()


def test_the_unit_of_the_values_does_not_matter() -> None:
    one, other = news(spikes(12))[0], news(spikes(12) * 4096)[0]
    np.testing.assert_allclose(one, other, rtol=1e-9)
    assert one.max() > 1


def test_a_constant_is_never_new_and_never_an_alarm() -> None:
    for level in (0.0, 7.5, 3e9):
        assert news(np.full(10 * HOURLY, level))[0].max() == 0
        detector = make_detector("experts", 1, HOURLY)
        assert not any(detector.step(Tick(at), np.array([level])).alarm[0] for at in range(10 * HOURLY))


def test_news_count_for_less_the_more_of_them_there_were_lately() -> None:
    values = 50 + np.random.default_rng(7).normal(0, 1, 30 * HOURLY)
    alone, busy = values.copy(), values.copy()
    alone[700] += 90
    busy[692:701] += 10.0 * np.arange(1, 10)
    assert news(alone)[0][700] > 2 * news(busy)[0][700] > 0


def test_missing_values_are_not_judged_and_teach_nothing() -> None:
    values = spikes(6)
    values[-30:] = np.nan
    found, novelty = news(values)
    _, before = news(values[:-30])
    assert found[-30:].max() == 0
    np.testing.assert_array_equal(novelty.prototypes, before.prototypes)
    np.testing.assert_array_equal(novelty.spread, before.spread)


def test_with_all_prototypes_in_use_the_one_that_was_like_nothing_for_longest_goes() -> None:
    values = np.cumsum(np.full(20 * HOURLY, 5.0)) + np.random.default_rng(9).normal(0, 1, 20 * HOURLY)
    _, novelty = news(values, NoveltySettings(prototypes=8, gain=0.0))
    assert novelty.kept[0] == 8
    assert np.isfinite(novelty.prototypes).all()
    assert novelty.touched.min() > len(values) - 60, "a line that rises leaves its past behind"


@pytest.mark.parametrize("height", [12.0, 20.0, 30.0])
def test_experts_tell_a_daily_spike_on_its_first_days_only(height: float) -> None:
    values = spikes(24, height)
    detector = make_detector("experts", 1, HOURLY)
    alarms = [detector.step(Tick(at), np.array([value])).alarm[0] for at, value in enumerate(values)]
    days = set(np.flatnonzero(alarms) // HOURLY)
    assert 4 in days
    assert not days & set(range(14, 24))
