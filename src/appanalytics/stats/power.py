"""Before the start: power, smallest detectable effect, number of users, for any metric with a variance per user.

A metric enters by the variance of one user: `share_variance`, ``Moments.variance``, `ratio_variance`, and
`cuped_variance` of what history explains. Means and ratios use the noncentral t of the two-sided test (Cohen 1988;
R's ``power.t.test(strict = TRUE)``), shares the normal with each arm's own variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from appanalytics.errors import StatisticsError
from appanalytics.stats.means import satterthwaite
from appanalytics.stats.moments import JointMoments
from appanalytics.stats.ratios import linearised
from appanalytics.stats.tails import critical

_MOST = 1e15  # users; nobody has more


@dataclass(frozen=True, slots=True)
class Plan:
    """Users, effect and power that belong together.

    ``users_control`` and ``users_treatment`` are fractions where they were solved for; `total` rounds each up.
    ``effect`` is in the metric's unit, ``power`` the chance to see it at ``level``.
    """

    users_control: float
    users_treatment: float
    effect: float
    power: float
    level: float

    @property
    def total(self) -> int:
        """Whole users of both arms together."""
        # 63.00000000000001 is 63 that was solved for.
        return sum(math.ceil(users - 1e-6) for users in (self.users_control, self.users_treatment))


def share_variance(share: float) -> float:
    """Variance of one user's yes or no."""
    if not 0 <= share <= 1:
        raise StatisticsError(f"a share of {share}", hint="write 4 % as 0.04")
    return share * (1 - share)


def ratio_variance(history: JointMoments) -> float | None:
    """Variance of one user's linearised ratio (columns numerator, denominator); None where the ratio is null."""
    users = linearised(history)
    return users.variance if users else None


def cuped_variance(history: JointMoments) -> float | None:
    """Variance of one user's value that the covariates (columns 2, 3, …) leave; None with fewer than two users."""
    from appanalytics.stats.cuped import cuped_mean

    variance = history[0].variance
    if variance is None:
        return None
    reduction = cuped_mean(history, history).reduction
    return variance * (1 - (reduction or 0.0))


def achieved_power(
    users_control: float, users_treatment: float, effect: float, variance: float, *,
    variance_treatment: float | None = None, level: float = 0.95, normal: bool = False,
) -> Plan:  # fmt: skip
    """Chance that the two-sided test sees an effect of that size. ``normal``: the z test, as for shares."""
    _check(variance, variance_treatment, level)
    variances = (variance, variance if variance_treatment is None else variance_treatment)
    power = _power(users_control, users_treatment, abs(effect), variances, level, normal=normal)
    return Plan(users_control, users_treatment, effect, power, level)


def users_needed(
    effect: float, variance: float, *, variance_treatment: float | None = None, power: float = 0.8,
    level: float = 0.95, allocation: float = 1.0, normal: bool = False,
) -> Plan:  # fmt: skip
    """Users of each arm to see an effect with that power. ``allocation``: treatment's users for one of control."""
    _check(variance, variance_treatment, level, power)
    if not effect or not math.isfinite(effect):
        raise StatisticsError(
            "no number of users shows an effect of zero", hint="give the smallest effect that matters"
        )
    if not allocation > 0:
        raise StatisticsError(f"an allocation of {allocation}", hint="treatment's users for one user of control")
    variances = (variance, variance if variance_treatment is None else variance_treatment)
    if not sum(variances):
        raise StatisticsError("users who do not vary need no experiment", hint="the variance is zero")
    least = 1 + 1e-9 if allocation >= 1 else (1 + 1e-9) / allocation

    def gap(users: float) -> float:
        return _power(users, users * allocation, abs(effect), variances, level, normal=normal) - power

    users = _solve(gap, least * 2, "users")
    return Plan(users, users * allocation, effect, power, level)


def detectable(
    users_control: float, users_treatment: float, variance: float, *, variance_treatment: float | None = None,
    power: float = 0.8, level: float = 0.95, normal: bool = False,
) -> Plan:  # fmt: skip
    """Smallest effect (above zero, in the metric's unit) that so many users show with that power."""
    _check(variance, variance_treatment, level, power)
    variances = (variance, variance if variance_treatment is None else variance_treatment)
    if min(users_control, users_treatment) < 2:
        raise StatisticsError("an effect needs two users or more in each arm")
    error = math.sqrt(variances[0] / users_control + variances[1] / users_treatment)
    if not error:
        return Plan(users_control, users_treatment, 0.0, power, level)

    def gap(errors: float) -> float:
        return _power(users_control, users_treatment, errors * error, variances, level, normal=normal) - power

    return Plan(users_control, users_treatment, error * _solve(gap, 1e-6, "an effect"), power, level)


def share_users_needed(
    control: float, treatment: float, *, power: float = 0.8, level: float = 0.95, allocation: float = 1.0
) -> Plan:
    """Users to tell two shares apart by the z test with unpooled variances (Fleiss, Levin & Paik 2003)."""
    return users_needed(
        treatment - control, share_variance(control), variance_treatment=share_variance(treatment), power=power,
        level=level, allocation=allocation, normal=True,
    )  # fmt: skip


def _power(
    users_c: float, users_t: float, effect: float, variances: tuple[float, float], level: float, *, normal: bool
) -> float:
    from scipy import special

    parts = (variances[0] / users_c, variances[1] / users_t)
    error = math.sqrt(sum(parts))
    if not error:
        return 1.0 if effect else 1 - level
    shift = effect / error
    df = math.inf if normal else satterthwaite(parts, (users_c, users_t))
    if df > 1e6:
        reach = critical(level)
        return float(special.ndtr(shift - reach) + special.ndtr(-shift - reach))
    reach = critical(level, df)
    from scipy import stats

    return float(stats.nct.sf(reach, df, shift) + stats.nct.cdf(-reach, df, shift))


def _solve(gap: Callable[[float], float], low: float, what: str) -> float:
    from scipy import optimize

    high = max(2 * low, 4.0)
    while gap(high) < 0:
        high *= 4
        if high > _MOST:
            raise StatisticsError(f"{what} for that power: there are not so many", hint="ask for a larger effect")
    return float(optimize.brentq(gap, low, high, xtol=1e-12, rtol=1e-13)) if gap(low) < 0 else low


def _check(variance: float, variance_treatment: float | None, level: float, power: float = 0.5) -> None:
    critical(level)
    given = [variance] if variance_treatment is None else [variance, variance_treatment]
    if any(not (math.isfinite(each) and each >= 0) for each in given):
        raise StatisticsError(f"variances of {given}", hint="a variance is a number, zero or more")
    if not 1 - level < power < 1:
        raise StatisticsError(f"a power of {power}", hint=f"it lies between {1 - level:g} and 1, usually 0.8")
