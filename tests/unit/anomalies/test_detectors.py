"""Detectors: they find what is there, learn what lasts, and go on from their stored state as if never stopped."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.anomalies import Detector, Tick, make_detector, methods, register
from appanalytics.anomalies import detector as module
from appanalytics.anomalies.cycles import HELD, LONGEST, find_cycles
from appanalytics.anomalies.seasonal import deviance
from appanalytics.errors import QuestionError

DAY, HOURLY = 96, 24
OURS = ("seasonal", "experts", "original", "rolling_z", "seasonal_naive")


def usual(days: int, levels: tuple[float, ...] = (300.0, 2000.0), day: int = DAY) -> np.ndarray:
    """Poisson counts with a day and quieter weekends, bins × series."""
    at = np.arange(days * day)
    rate = np.exp(0.5 * np.sin(2 * np.pi * at / day)) * np.where(at // day % 7 >= 5, 0.8, 1.0)
    rng = np.random.default_rng(3)
    return rng.poisson(rate[:, None] * np.array(levels)).astype(float)


def opened(name: str, values: np.ndarray, trials: np.ndarray | None = None) -> list[list[int]]:
    """Bins at which each series becomes anomalous."""
    detector = make_detector(name, values.shape[1])
    found: list[list[int]] = [[] for _ in range(values.shape[1])]
    before = np.zeros(values.shape[1], dtype=bool)
    for number, row in enumerate(values):
        detector.step(Tick(number), row, None if trials is None else trials[number])
        for column in np.flatnonzero((detector.open > 0) & ~before):
            found[column].append(number)
        before = detector.open > 0
    return found


@pytest.mark.parametrize("name", OURS)
def test_the_state_goes_on_where_it_was_left(name: str) -> None:
    values = usual(16, day=HOURLY)
    values[15 * HOURLY :, 0] = 0
    cut = 14 * HOURLY + 5
    whole, first, second = (make_detector(name, 2, HOURLY) for _ in range(3))
    verdicts = [whole.step(Tick(at), row) for at, row in enumerate(values)]
    for at, row in enumerate(values[:cut]):
        first.step(Tick(at), row)
    second.restore({key: array.copy() for key, array in first.arrays().items()})
    for at, row in enumerate(values[cut:], start=cut):
        verdict = second.step(Tick(at), row)
        np.testing.assert_array_equal(verdict.score, verdicts[at].score)
        np.testing.assert_array_equal(verdict.expected, verdicts[at].expected)
    np.testing.assert_array_equal(second.open, whole.open)


@pytest.mark.parametrize("name", OURS)
def test_series_do_not_know_each_other(name: str) -> None:
    together, alone = make_detector(name, 2, HOURLY), make_detector(name, 1, HOURLY)
    for at, row in enumerate(usual(15, day=HOURLY)):
        both, one = together.step(Tick(at), row), alone.step(Tick(at), row[1:])
        # Not to the last bit: numpy's vectors of two are summed in another order than single numbers.
        assert both.score[1] == pytest.approx(one.score[0], rel=1e-9, abs=1e-9)
        assert both.expected[1] == pytest.approx(one.expected[0], rel=1e-9)


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_said_of_missing_values_and_they_teach_nothing(name: str) -> None:
    detector = make_detector(name, 1, HOURLY)
    for at in range(3 * HOURLY):
        verdict = detector.step(Tick(at), np.array([np.nan]))
        assert not verdict.alarm[0]
        assert verdict.score[0] == 0
        assert np.isfinite(verdict.expected[0])


@pytest.mark.parametrize(("factor", "length"), [(0.0, 8), (0.7, 32), (1.6, 12)])
def test_the_seasonal_detector_finds_changes_of_counts_at_once(factor: float, length: int) -> None:
    values = usual(24)
    start = 20 * DAY + 50
    values[start : start + length, 1] = np.round(values[start : start + length, 1] * factor)
    quiet, found = opened("seasonal", values)
    assert found[0] in (start, start + 1)
    assert len(found) == 1
    assert not quiet


def test_errors_with_memory_and_heavy_tails_are_no_alarms_and_a_real_change_is() -> None:
    rng = np.random.default_rng(4)
    noise = rng.standard_t(3, (30 * DAY, 8)) / np.sqrt(3)
    for at in range(1, len(noise)):
        noise[at] = 0.6 * noise[at - 1] + 0.8 * noise[at]
    values = 300 + 100 * np.cos(np.arange(len(noise)) / DAY * 2 * np.pi)[:, None] + 12 * noise
    start = 25 * DAY + 20
    values[start : start + 30, 0] *= 0.7
    found = opened("seasonal", values)
    assert sum(len(each) for each in found[1:]) <= 3, "7 series in 16 days; with the limits of counts there are 8"
    assert any(start <= at < start + 8 for at in found[0])


def test_a_share_is_watched_whatever_its_volume_does() -> None:
    rng = np.random.default_rng(5)
    trials = usual(24, (3000.0, 3000.0))
    trials[20 * DAY : 20 * DAY + 24, 0] *= 3
    share = np.full(trials.shape, 0.2)
    share[20 * DAY + 10 : 20 * DAY + 40, 1] = 0.15
    steady, fallen = opened("seasonal", rng.binomial(trials.astype(int), share).astype(float), trials)
    assert not steady
    assert fallen[0] in (20 * DAY + 10, 20 * DAY + 11)


def test_deviance_is_as_rare_as_a_normal_error_where_few_events_are_expected() -> None:
    none = deviance(np.array([0.0]), np.array([35.0]), np.array([1e-9]))
    assert none == pytest.approx(-np.sqrt(70), rel=1e-4), "-2 log P(0) of Poisson's distribution"
    rng = np.random.default_rng(8)
    for mu, extra in ((6.0, 1e-4), (6.0, 0.05), (60.0, 0.02)):
        y = rng.negative_binomial(1 / extra, 1 / (1 + extra * mu), 400_000).astype(float)
        same = np.full(len(y), mu)
        even = deviance(y, same, np.full(len(y), extra))
        plain = (y - mu) / np.sqrt(mu + extra * mu * mu)
        normal = (1 - math.erf(3.2 / np.sqrt(2))) / 2
        assert np.mean(even > 3.2) < 1.5 * normal
        assert np.mean(plain > 3.2) > 2.5 * normal, "what errors in standard deviations would be"


def test_a_slice_of_few_events_that_falls_silent_is_found_in_its_second_bin() -> None:
    values = usual(20, (12.0,))
    values[18 * DAY + 48 :, 0] = 0
    (found,) = opened("seasonal", values)
    assert found[0] in (18 * DAY + 49, 18 * DAY + 50)


def test_a_level_that_stays_becomes_the_usual_one() -> None:
    values = usual(40, (2000.0,), HOURLY)
    values[20 * HOURLY :] *= 0.5
    detector = make_detector("seasonal", 1, HOURLY)
    alarms = np.array([detector.step(Tick(at), row).alarm[0] for at, row in enumerate(values)])
    assert alarms[20 * HOURLY : 21 * HOURLY].mean() > 0.8  # it is not learnt away within a day
    assert alarms[30 * HOURLY :].sum() == 0


def test_experts_need_no_season_and_find_a_jump_of_five_minute_data() -> None:
    rng = np.random.default_rng(1)
    values = 50 + 5 * np.sin(np.arange(1800) / 46) + rng.standard_t(4, 1800)
    values[1500:1512] += 40
    detector = make_detector("experts", 1, 288)
    alarms = [at for at, value in enumerate(values) if detector.step(Tick(at), np.array([value])).alarm[0]]
    assert 1500 in alarms
    assert sum(at < 1500 for at in alarms) < 10


def test_the_original_compares_with_the_last_seven_points() -> None:
    detector = make_detector("original", 1)
    for at, value in enumerate([100, 101, 99, 100, 102, 98, 100.0]):
        assert not detector.step(Tick(at), np.array([value])).alarm[0]
    assert not detector.step(Tick(7), np.array([112.0])).alarm[0]  # outside of the fences, but 12 % from the last
    assert detector.step(Tick(8), np.array([50.0])).alarm[0]


@pytest.mark.parametrize(("name", "factor"), [("rolling_z", 4.0), ("seasonal_naive", 0.2)])
def test_the_plain_ones_find_plain_things(name: str, factor: float) -> None:
    values = usual(16)
    values[15 * DAY + 30, 0] *= factor
    found, quiet = opened(name, values)
    assert 15 * DAY + 30 in found
    assert 15 * DAY + 30 not in quiet


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.one_of(st.floats(0, 1e12), st.just(float("nan")), st.just(0.0)), min_size=30, max_size=120),
    st.sampled_from(OURS),
    st.sampled_from([1, 24, 96]),
)
def test_no_values_make_a_state_that_is_no_number(values: list[float], name: str, bins_a_day: int) -> None:
    detector = make_detector(name, 1, bins_a_day)
    for at, value in enumerate(values):
        verdict = detector.step(Tick(at), np.array([value]))
        assert np.isfinite([verdict.expected[0], verdict.spread[0], verdict.score[0]]).all()


# --- cycles ---


def test_a_cycle_of_four_days_is_found_and_a_week_is_not_taken_for_one() -> None:
    days = np.arange(100, 100 + HELD)
    rng = np.random.default_rng(2)
    four = np.log(1000 * (1 + 0.4 * (days % 4 == 1))) + rng.normal(0, 0.01, HELD)
    week = np.log(1000 * np.where(days % 7 >= 5, 0.7, 1.0)) + rng.normal(0, 0.01, HELD)
    period, factors = find_cycles(np.stack([four, week], axis=1), int(days[-1]))
    assert period.tolist() == [4, 0]
    assert factors.shape == (LONGEST, 2)
    assert factors[1, 0] / factors[0, 0] == pytest.approx(1.4, rel=0.03)


# --- plugins ---


class _Never:
    """A detector that never says anything."""

    def __init__(self, series: int, bins_a_day: int) -> None:
        self.open = np.zeros(series)

    def step(self, tick: Tick, values: np.ndarray, trials: np.ndarray | None = None) -> module.Verdict:
        nothing = np.zeros(len(values))
        return module.Verdict(nothing, nothing, nothing, nothing > 0)

    def arrays(self) -> dict[str, np.ndarray]:
        return {"open": self.open}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.open = arrays["open"]


def test_detectors_are_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAKERS", dict(module._MAKERS))
    register("never", _Never)
    made: Detector = make_detector("never", 2)
    assert made.open.shape == (2,)
    assert set(OURS) < set(methods())
    with pytest.raises(QuestionError, match="unknown detector 'seasonl'") as caught:
        make_detector("seasonl", 1)
    assert caught.value.hint == "did you mean seasonal?"


def test_an_installed_package_may_bring_a_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    class Entry:
        name = "packaged"

        def load(self) -> type[_Never]:
            return _Never

    monkeypatch.setattr(module, "_MAKERS", dict(module._MAKERS))
    monkeypatch.setattr(module, "entry_points", lambda group: [Entry()] if group == module.PLUGINS else [])
    assert "packaged" in methods()
    assert isinstance(make_detector("packaged", 1), _Never)
