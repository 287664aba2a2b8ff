"""Means of users: their intervals and Welch's test, from moments."""

from __future__ import annotations

import math

from appanalytics.stats.cells import Sample, as_moments
from appanalytics.stats.moments import Moments
from appanalytics.stats.results import Comparison, Interval, Note, estimated, judged


def mean(sample: Sample, *, level: float = 0.95) -> Interval:
    """Mean of the users with Student's interval, in the value's unit. No ends with fewer than two users."""
    moments = as_moments(sample)
    if not moments.count:
        return estimated("student", None, None, level, note=Note.NO_USERS)
    note = Note.FEW_USERS if moments.count < 2 else None
    return estimated("student", moments.mean, moments.mean_variance, level, df=moments.count - 1, note=note)


def welch(control: Sample, treatment: Sample, *, level: float = 0.95) -> Comparison:
    """Welch's t: difference of two means whose variances may differ (Welch 1947; df by Satterthwaite 1946).

    ``effect``: treatment's mean less control's, in the value's unit. Arms without users or with one user give what
    is known and a note; arms in which nobody differs give the effect without a p-value.
    """
    c, t = as_moments(control), as_moments(treatment)
    if missing := lacking(c, t):
        return _unknown("welch", c, t, t.mean - c.mean, missing, level)
    variances = (c.mean_variance or 0.0, t.mean_variance or 0.0)
    df = satterthwaite(variances, (c.count, t.count))
    return judged("welch", c.mean, t.mean, t.mean - c.mean, sum(variances), level, df=df)


def welch_relative(control: Sample, treatment: Sample, *, level: float = 0.95) -> Comparison:
    """Relative difference of two means, treatment / control - 1, by the delta method (Deng, Knoblich & Lu 2018).

    ``effect`` is a fraction: 0.1 is 10 % more. None where control's mean is zero. Kept for
    comparison with other systems: where few users hold most of the total its p-value raises too many alarms (6.2 %
    instead of 5 % on messages of 2 × 500 users of the demo). `fieller_relative` does not.
    """
    c, t = as_moments(control), as_moments(treatment)
    if c.count and not c.mean:
        return judged("welch_relative", c.mean, t.mean, None, None, level, note=Note.ZERO_BELOW)
    if missing := lacking(c, t):
        return _unknown("welch_relative", c, t, t.mean / c.mean - 1 if c.count else 0.0, missing, level)
    return relative("welch_relative", c, t, level)


def relative(method: str, c: Moments, t: Moments, level: float) -> Comparison:
    """The delta method's relative difference of two independent means; both arms with two users or more.

    The degrees of freedom are those of the absolute difference, as GrowthBook's are.
    """
    of_means = (c.mean_variance or 0.0, t.mean_variance or 0.0)
    variance = (of_means[0] * (t.mean / c.mean) ** 2 + of_means[1]) / c.mean**2
    df = satterthwaite(of_means, (c.count, t.count))
    return judged(method, c.mean, t.mean, t.mean / c.mean - 1, variance, level, df=df)


def satterthwaite(variances: tuple[float, float], users: tuple[float, float]) -> float:
    """Degrees of freedom of a sum of two independent variances (Satterthwaite 1946); ``inf`` if both are zero."""
    total = sum(variances)
    if not total:
        return math.inf
    # Shares of the total, because squares of tiny variances underflow.
    parts = sum((each / total) ** 2 / (count - 1) for each, count in zip(variances, users, strict=True))
    return 1 / parts if parts else math.inf


def lacking(*arms: Moments) -> Note | None:
    """Why arms of so few users cannot be compared; None where they can."""
    fewest = min(arm.count for arm in arms)
    return Note.NO_USERS if fewest == 0 else Note.FEW_USERS if fewest == 1 else None


def _unknown(method: str, c: Moments, t: Moments, effect: float, note: Note, level: float) -> Comparison:
    means = [arm.mean if arm.count else None for arm in (c, t)]
    return judged(method, means[0], means[1], None if note is Note.NO_USERS else effect, None, level, note=note)
