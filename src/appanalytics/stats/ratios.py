"""Ratios of sums (likes / views): the delta method, Fieller's intervals, linearisation.

A global ratio Σ likes / Σ views is the ratio of two means over users, which are correlated. Its error comes from
each user's *linearised* value (likes - ratio · views) / mean views (Budylin et al. 2018; Deng et al. 2018).
"""

from __future__ import annotations

import math
from dataclasses import replace

from appanalytics.stats.cells import RatioCells, Sample, as_joint, as_moments
from appanalytics.stats.means import lacking, relative, satterthwaite, welch
from appanalytics.stats.moments import JointMoments, Moments
from appanalytics.stats.results import Comparison, Interval, Note, estimated, judged
from appanalytics.stats.tails import critical


def ratio_value(arm: JointMoments) -> float | None:
    """The global ratio of the first two columns; None where the denominators add up to zero."""
    return arm.means[0] / arm.means[1] if arm.count and arm.means[1] else None


def linearised(arm: JointMoments) -> Moments | None:
    """Moments of a user's linearised value around the arm's own ratio, in the ratio's unit.

    The mean is the ratio itself, the variance of the mean is the delta method's variance of the ratio. None where
    the ratio is null.
    """
    value = ratio_value(arm)
    if value is None:
        return None
    below = arm.means[1]
    spread = arm.combined(1 / below, -value / below, *[0.0] * (len(arm.means) - 2))
    return Moments(arm.count, value, spread.squares)


def ratio(sample: RatioCells | JointMoments, *, level: float = 0.95) -> Interval:
    """A global ratio with the delta method's interval (normal). Null where nothing is below."""
    arm = as_joint(sample)
    users = linearised(arm)
    if users is None:
        return estimated("delta", None, None, level, note=Note.ZERO_BELOW if arm.count else Note.NO_USERS)
    note = Note.FEW_USERS if arm.count < 2 else None
    return estimated("delta", users.mean, users.mean_variance, level, note=note)


def ratio_difference(
    control: RatioCells | JointMoments, treatment: RatioCells | JointMoments, *, level: float = 0.95
) -> Comparison:
    """Difference of two global ratios by the delta method; Student's t with Satterthwaite's df.

    ``effect``: treatment's ratio less control's. Null where an arm's denominators are all zero.
    """
    return _compared("delta", as_joint(control), as_joint(treatment), level)


def ratio_relative(
    control: RatioCells | JointMoments, treatment: RatioCells | JointMoments, *, level: float = 0.95
) -> Comparison:
    """Relative difference of two global ratios, treatment / control - 1, by the delta method.

    Null where an arm's denominators, or control's numerators, are all zero.
    """
    return _compared("delta_relative", as_joint(control), as_joint(treatment), level)


def linearised_difference(
    control: RatioCells | JointMoments, treatment: RatioCells | JointMoments, *, level: float = 0.95
) -> Comparison:
    """Welch's t of linearised numerators: likes - control's ratio · views per user (Budylin et al. 2018).

    ``effect`` is in numerators per user (likes), with control's mean zero by construction. The reference ratio is
    control's and taken as known, as the method does; `ratio_difference` counts its error, too.
    """
    c, t = as_joint(control), as_joint(treatment)
    reference = ratio_value(c)
    if reference is None or not t.count:
        note = Note.ZERO_BELOW if c.count and t.count else Note.NO_USERS
        return judged("linearised", None, None, None, None, level, note=note)
    return welch(c.combined(1.0, -reference), t.combined(1.0, -reference), level=level).named("linearised")


def ratio_fieller(sample: RatioCells | JointMoments, *, level: float = 0.95) -> Interval:
    """A global ratio with Fieller's interval (1954), right also where the denominator is uncertain.

    Where the denominator's mean is within its own error of zero, the set is unbounded: no ends, and a note.
    """
    arm = as_joint(sample)
    value = ratio_value(arm)
    if value is None:
        return Interval("fieller", None, None, None, level, note=Note.ZERO_BELOW if arm.count else Note.NO_USERS)
    if arm.count < 2:
        return Interval("fieller", value, None, None, level, note=Note.FEW_USERS)
    scale = 1 / (arm.count * (arm.count - 1))
    (above, cross), (_, below) = arm.columns(0, 1).products
    ends = _fieller(arm.means[0], arm.means[1], above * scale, below * scale, cross * scale, critical(level))
    return _bounded("fieller", value, ends, level)


def fieller_relative(control: Sample, treatment: Sample, *, level: float = 0.95) -> Comparison:
    """Relative difference of two independent means, treatment / control - 1, with Fieller's interval (1954).

    Relative and absolute difference are zero together, so statistic, df and p-value are those of `welch`, and the
    interval (Student's quantile) leaves zero out exactly where the p-value is small. The delta method's interval
    (`welch_relative`, `ratio_relative`) is symmetric around a skewed estimate and raises too many alarms where few
    users hold most of a total. For ratio metrics pass the `linearised` moments of the arms.

    ``effect``, ``low`` and ``high`` are fractions. Where control's mean is within its own error of zero the set is
    unbounded: no ends, and a note. ``standard_error`` is the delta method's.
    """
    c, t = as_moments(control), as_moments(treatment)
    method = "fieller_relative"
    if c.count and t.count and not c.mean:
        return judged(method, c.mean, t.mean, None, None, level, note=Note.ZERO_BELOW)
    found = welch(c, t, level=level)
    if found.effect is None or not c.mean:
        return replace(found.named(method), effect=None)
    plain = replace(found.named(method), effect=t.mean / c.mean - 1)
    if found.statistic is None:
        still = None if found.standard_error is None else plain.effect
        return replace(plain, low=still, high=still)
    variances = t.mean_variance or 0.0, c.mean_variance or 0.0
    ends = _fieller(t.mean, c.mean, *variances, 0.0, critical(level, found.df or math.inf))
    error = math.sqrt(variances[0] + variances[1] * (t.mean / c.mean) ** 2) / abs(c.mean)
    if ends is None:
        return replace(plain, low=None, high=None, standard_error=error, note=Note.UNBOUNDED)
    return replace(plain, low=ends[0] - 1, high=ends[1] - 1, standard_error=error)


def _compared(method: str, c: JointMoments, t: JointMoments, level: float) -> Comparison:
    is_relative = method.endswith("relative")
    users_c, users_t = linearised(c), linearised(t)
    if users_c is None or users_t is None:
        values = [each.mean if each else None for each in (users_c, users_t)]
        note = Note.ZERO_BELOW if c.count and t.count else Note.NO_USERS
        return judged(method, values[0], values[1], None, None, level, note=note)
    if is_relative and not users_c.mean:
        return judged(method, users_c.mean, users_t.mean, None, None, level, note=Note.ZERO_BELOW)
    if few := lacking(c[0], t[0]):
        effect = users_t.mean / users_c.mean - 1 if is_relative else users_t.mean - users_c.mean
        return judged(method, users_c.mean, users_t.mean, effect, None, level, note=few)
    return relative(method, users_c, users_t, level) if is_relative else _absolute(method, users_c, users_t, level)


def _absolute(method: str, c: Moments, t: Moments, level: float) -> Comparison:
    variances = (c.mean_variance or 0.0, t.mean_variance or 0.0)
    df = satterthwaite(variances, (c.count, t.count))
    return judged(method, c.mean, t.mean, t.mean - c.mean, sum(variances), level, df=df)


def _fieller(
    above: float, below: float, var_above: float, var_below: float, covariance: float, reach: float
) -> tuple[float, float] | None:
    """Both roots r of (above - r·below)² = reach² · Var(above - r·below); None where they do not enclose."""
    square = reach * reach
    a = below * below - square * var_below
    b = above * below - square * covariance
    c = above * above - square * var_above
    inside = b * b - a * c
    if a <= 0 or inside < 0:
        return None
    root = math.sqrt(inside)
    return (b - root) / a, (b + root) / a


def _bounded(method: str, value: float, ends: tuple[float, float] | None, level: float) -> Interval:
    if ends is None:
        return Interval(method, value, None, None, level, note=Note.UNBOUNDED)
    return Interval(method, value, ends[0], ends[1], level)
