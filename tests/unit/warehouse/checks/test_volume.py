"""Expected events of a day: ordinary days pass, silent and half-lost ones do not."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta

import pytest

from appanalytics.warehouse.checks.limits import Limits
from appanalytics.warehouse.checks.scope import choose, runs
from appanalytics.warehouse.checks.volume import Expected, expect, judge

LIMITS = Limits()
WEEK = [1.0, 0.98, 0.97, 0.98, 1.0, 1.1, 1.12]
FOUR = [1.3, 1.05, 0.72, 0.93]


def series(days: int, growth: float, rhythm: list[float], noise: float, seed: int) -> list[int]:
    chance = random.Random(seed)
    return [
        round(5000 * growth**day * rhythm[day % len(rhythm)] * math.exp(chance.gauss(0, noise)))
        for day in range(days)
    ]


@pytest.mark.parametrize(
    ("growth", "rhythm", "noise"), [(1.0, WEEK, 0.03), (1.04, WEEK, 0.05), (1.04, FOUR, 0.05), (0.98, WEEK, 0.05)]
)
def test_an_ordinary_day_passes_and_a_half_lost_one_does_not(
    growth: float, rhythm: list[float], noise: float
) -> None:
    for seed in range(4):
        counts = series(75, growth, rhythm, noise, seed)
        for day in range(42, 75, 3):
            guess = expect(counts[:day], LIMITS)
            assert guess is not None
            ratio = counts[day] / guess.low
            assert 0.75 < ratio < 1.33
            needed = min(math.log(LIMITS.volume_failed), -LIMITS.volume_scales * guess.scale)
            assert math.log(ratio) > needed
            assert math.log(ratio / 2) < needed


def test_a_week_of_another_level_does_not_spoil_what_comes_after() -> None:
    counts = series(75, 1.01, WEEK, 0.02, seed=1)
    for day in range(55, 62):
        counts[day] = round(counts[day] * 2.8)
    for day in range(62, 75):
        guess = expect(counts[:day], LIMITS)
        assert guess is not None
        assert counts[day] / guess.low > LIMITS.volume_failed


def test_a_short_history_expects_nothing() -> None:
    assert expect([], LIMITS) is None
    assert expect([5000] * 14, LIMITS) is None
    assert expect([0] * 60, LIMITS) is None
    guess = expect([5000] * 40, LIMITS)
    assert guess is not None
    assert guess.low == pytest.approx(5000)


def test_the_sample_holds_the_newest_days_and_turns_with_them() -> None:
    days = [date(2026, 1, 1) + timedelta(days=each) for each in range(60)]
    chosen = choose(days, LIMITS)
    assert chosen == choose(days, LIMITS) == sorted(set(chosen))
    assert chosen[-3:] == days[-3:]
    assert len(chosen) == LIMITS.newest + LIMITS.older
    seen = {day for end in range(20, 60) for day in choose(days[:end], LIMITS)}
    assert len(seen) > 50
    assert choose(days[:2], LIMITS) == days[:2]
    assert choose([], LIMITS) == []


def test_runs_of_days() -> None:
    first, second, fourth = (date(2026, 1, day) for day in (1, 2, 4))
    assert runs([first, second, fourth]) == [(first, second), (fourth, fourth)]


@pytest.mark.parametrize(
    ("events", "status", "said"),
    [
        (0, "failed", "a silent day"),
        (500, "failed", "50% of the day's events are missing"),
        (650, "warning", "35% fewer events than expected"),
        (800, None, ""),  # beyond the noise, but not by enough to matter
        (1000, None, ""),
        (1200, None, ""),
        (2200, "warning", "2.0 times the events expected: a campaign, or a file loaded twice?"),
    ],
)
def test_how_far_off_a_day_is(events: int, status: str | None, said: str) -> None:
    """Between the lowest and the highest guess everything is ordinary."""
    found = judge(events, Expected(1000, 1100, 0.01), Limits())
    assert (found is None) is (status is None)
    if found is not None:
        assert (found[0].value, said in found[1]) == (status, True)
