"""Two groups of newcomers: the mean difference, its interval, and cohorts that drive it."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

from appanalytics.retention.groups import Arm, Stratum, driving, overall
from appanalytics.stats import Note, Share, mantel_haenszel

FIRST = date(2026, 9, 1)


def world(
    generator: np.random.Generator, shares: dict[int, tuple[float, float]], users: int = 60, steps: int = 12,
    cohorts: int = 20,
) -> tuple[list[Stratum], dict[date, dict[int, tuple[float, float]]], list[tuple[Share, Share]]]:  # fmt: skip
    """Cohorts whose users differ in how gladly they come back, so that the days of one user hang together."""
    strata, by_step, cells = [], {}, []
    for number in range(cohorts):
        length = max(1, steps - number)
        arms, came = [], []
        for share in shares.get(number, shares[-1]):
            size = int(generator.integers(users // 2, users * 2))
            gladness = np.minimum(1, share * generator.gamma(2, 0.5, size))
            back = generator.random((size, length)) < gladness[:, None]
            total = back.sum(axis=1)
            arms.append(Arm(size, int(total.sum()), int((total**2).sum())))
            came.append(back.sum(axis=0))
        stratum = Stratum(FIRST + timedelta(days=number), length, *arms)
        strata.append(stratum)
        pairs = [tuple(int(each[step]) for each in came) for step in range(length)]
        cells += [(Share(one, arms[0].users), Share(other, arms[1].users)) for one, other in pairs]
        by_step[stratum.cohort] = {
            step + 1: (stratum.weight, other / arms[1].users - one / arms[0].users)
            for step, (one, other) in enumerate(pairs)
        }
    return strata, by_step, cells


def test_the_estimate_is_that_of_mantel_and_haenszel_over_all_cells() -> None:
    strata, _, cells = world(np.random.default_rng(3), {-1: (0.2, 0.3)})
    found, pooled = overall(strata), mantel_haenszel(cells)
    assert found.effect == pytest.approx(pooled.effect, rel=1e-12)
    assert found.control == pytest.approx(pooled.control, rel=1e-12)
    assert found.treatment == pytest.approx(pooled.treatment, rel=1e-12)
    # Cells of one user hang together: taking them for independent would promise too much.
    assert found.standard_error > 1.3 * pooled.standard_error


def test_the_interval_covers_at_its_rate() -> None:
    generator = np.random.default_rng(11)
    truth = (
        np.minimum(1, 0.3 * generator.gamma(2, 0.5, 400_000)).mean()
        - np.minimum(1, 0.2 * generator.gamma(2, 0.5, 400_000)).mean()
    )
    runs, inside = 400, 0
    for _ in range(runs):
        found = overall(world(generator, {-1: (0.2, 0.3)}, users=30, cohorts=8, steps=8)[0], 0.9)
        inside += found.low <= truth <= found.high
    assert abs(inside / runs - 0.9) < 3.5 * math.sqrt(0.9 * 0.1 / runs)


def test_a_campaign_is_named_and_nothing_else() -> None:
    generator = np.random.default_rng(5)
    strata, by_step, _ = world(generator, {-1: (0.3, 0.36), 7: (0.06, 0.36)}, users=400)
    found = driving(strata, by_step)
    assert [each.stratum.cohort for each in found] == [FIRST + timedelta(days=7)]
    assert found[0].deviation == pytest.approx(0.24, abs=0.03)
    rest = [each for each in strata if each.cohort != found[0].stratum.cohort]
    assert found[0].influence == pytest.approx(overall(strata).effect - overall(rest).effect, rel=1e-9)


def test_two_campaigns_do_not_hide_each_other() -> None:
    strata, by_step, _ = world(np.random.default_rng(6), {-1: (0.3, 0.36), 2: (0.06, 0.36), 9: (0.3, 0.1)}, users=400)
    assert {each.stratum.cohort for each in driving(strata, by_step)} == {FIRST + timedelta(days=n) for n in (2, 9)}


def test_ordinary_cohorts_are_rarely_named() -> None:
    generator = np.random.default_rng(8)
    assert sum(bool(driving(*world(generator, {-1: (0.3, 0.36)}, users=100)[:2])) for _ in range(60)) <= 3


def test_cohorts_without_users_are_left_out() -> None:
    some = Stratum(FIRST, 3, Arm(10, 12, 20), Arm(10, 15, 31))
    lonely = Stratum(FIRST + timedelta(days=1), 3, Arm(1, 2, 4), Arm(10, 15, 31))
    found = overall([some, lonely])
    assert found.note is Note.LEFT_OUT
    assert found.effect == pytest.approx((1.5 - 1.2) / 3)
    assert overall([lonely]).effect is None
    assert overall([]).note is Note.NO_USERS
    assert driving([some], {FIRST: {}}) == []
