"""What every statistic returns: one estimate with its interval, or one comparison of two arms."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from appanalytics.stats.tails import critical, p_text, student_tail

_LN10 = math.log(10)


class Note(StrEnum):
    """Why a field is None, or what to know of a result. English; other languages translate by member."""

    NO_USERS = "an arm has no users"
    FEW_USERS = "an arm has fewer than two users"
    NO_VARIATION = "no user differs from another"
    ZERO_BELOW = "the denominator is zero"
    UNBOUNDED = "the denominator is not surely different from zero: the interval has no ends"
    SMALL_EXPECTED = "fewer than five users were expected in an arm: the p-value is rough"
    FLOOR = "no resample crossed zero: the p-value is the smallest that so many resamples can show"
    LEFT_OUT = "parts without an effect or a standard error were left out"
    SKIPPED_RESAMPLES = "resamples with a zero denominator were left out"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the interval that holds the truth in ``level`` of all samples.

    ``estimate``, ``low`` and ``high`` have the metric's unit; None where there is nothing to compute (see ``note``).
    ``standard_error`` is None where the method has none.
    """

    method: str
    estimate: float | None
    low: float | None
    high: float | None
    level: float
    standard_error: float | None = None
    note: Note | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A treatment compared with its control.

    ``control`` and ``treatment`` are the arms' values in the metric's unit, ``effect`` what the method estimates
    (each function says what; above zero means that the treatment is higher), ``low`` and ``high`` its two-sided
    interval. ``p_value`` is two-sided; ``log10_p`` is its decimal logarithm and goes on where the float underflows.
    Fields are None where the data say nothing; ``note`` tells why.
    """

    method: str
    control: float | None
    treatment: float | None
    effect: float | None
    low: float | None
    high: float | None
    statistic: float | None
    p_value: float | None
    level: float
    log10_p: float | None = None
    standard_error: float | None = None
    df: float | None = None
    note: Note | None = None

    @property
    def p_text(self) -> str:
        """The p-value for people: ``0.0421``, ``4e-40``, ``3e-1204``."""
        return p_text(self.log10_p)

    def is_significant(self) -> bool:
        """True where the p-value is at most ``1 - level``; False, too, where there is none."""
        return self.p_value is not None and self.p_value <= (1 - self.level) * (1 + 1e-12)

    def named(self, method: str) -> Comparison:
        """The same under another method's name."""
        return replace(self, method=method)


@dataclass(frozen=True, slots=True)
class Test:
    """A test without an effect: are these numbers as they should be? Fields as in `Comparison`."""

    __test__ = False  # pytest would take the name for a collection of tests

    method: str
    statistic: float | None
    p_value: float | None
    log10_p: float | None
    df: float | None = None
    note: Note | None = None

    @property
    def p_text(self) -> str:
        """The p-value for people."""
        return p_text(self.log10_p)


def judged(
    method: str, control: float | None, treatment: float | None, effect: float | None, variance: float | None,
    level: float, *, df: float = math.inf, note: Note | None = None,
) -> Comparison:  # fmt: skip
    """A comparison by ``effect ± critical · √variance``, with the p-value of their quotient.

    ``df`` are Student's degrees of freedom (``inf``: normal). A variance of None gives the effect alone. A variance
    of zero gives no p-value: nothing varies, so there is no chance to calculate with.
    """
    reach = critical(level) if variance is None or variance <= 0 else critical(level, df)
    if effect is None or variance is None:
        return Comparison(method, control, treatment, effect, None, None, None, None, level, note=note)
    if variance <= 0:
        return Comparison(
            method, control, treatment, effect, effect, effect, None, None, level,
            standard_error=0.0, note=note or Note.NO_VARIATION,
        )  # fmt: skip
    error = math.sqrt(variance)
    statistic = effect / error
    tail = student_tail(statistic, df)
    return Comparison(
        method, control, treatment, effect, effect - reach * error, effect + reach * error, statistic,
        math.exp(tail), level, tail / _LN10, error, None if math.isinf(df) else df, note,
    )  # fmt: skip


def estimated(
    method: str, estimate: float | None, variance: float | None, level: float, *, df: float = math.inf,
    note: Note | None = None,
) -> Interval:  # fmt: skip
    """An interval ``estimate ± critical · √variance``; the estimate alone where the variance is None."""
    reach = critical(level) if variance is None or variance <= 0 else critical(level, df)
    if estimate is None or variance is None:
        return Interval(method, estimate, None, None, level, note=note)
    error = math.sqrt(max(0.0, variance))
    return Interval(method, estimate, estimate - reach * error, estimate + reach * error, level, error, note)


def from_tail(method: str, statistic: float, tail: float, df: float | None = None, note: Note | None = None) -> Test:
    """A test from the natural logarithm of its p-value."""
    return Test(method, statistic, math.exp(tail), tail / _LN10, df, note)


def log10(tail: float) -> float:
    """Decimal from natural logarithm."""
    return tail / _LN10
