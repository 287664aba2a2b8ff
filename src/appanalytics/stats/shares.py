"""Shares: how many of so many, their intervals, and the difference of two."""

from __future__ import annotations

import math
from dataclasses import dataclass

from appanalytics.errors import StatisticsError
from appanalytics.stats.results import Comparison, Interval, Note, judged
from appanalytics.stats.tails import critical


@dataclass(frozen=True, slots=True)
class Share:
    """``successes`` of ``users``; whole numbers, 0 ≤ successes ≤ users, else a `StatisticsError`."""

    successes: int
    users: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.users or self.successes != int(self.successes):
            raise StatisticsError(f"a share of {self.successes} in {self.users} users")

    @property
    def value(self) -> float | None:
        """The share as a fraction; None without users."""
        return self.successes / self.users if self.users else None


def wilson(share: Share, *, level: float = 0.95) -> Interval:
    """Interval of a share by the score method (Wilson 1927), right also near 0 and 1. None without users."""
    reach = critical(level)
    if not share.users:
        return Interval("wilson", None, None, None, level, note=Note.NO_USERS)
    low, high = _wilson(share, reach)
    return Interval("wilson", share.value, low, high, level)


def share_difference(control: Share, treatment: Share, *, level: float = 0.95) -> Comparison:
    """Difference of two shares: interval by Newcombe's hybrid score method, p-value by the pooled z test.

    ``effect``: treatment's share less control's, in units of the share. Newcombe (1998), method 10. The z test
    squared is Pearson's chi-square of the 2 × 2 table without continuity correction. Near the border of significance
    the two may disagree: they estimate the error differently. ``standard_error`` is that of the difference itself
    (each arm with its own share), as pooling over segments needs it.
    """
    reach = critical(level)
    c, t = control.value, treatment.value
    if c is None or t is None:
        return judged("newcombe", c, t, None, None, level, note=Note.NO_USERS)
    c_low, c_high = _wilson(control, reach)
    t_low, t_high = _wilson(treatment, reach)
    effect = t - c
    low = max(-1.0, effect - math.hypot(t - t_low, c_high - c))
    high = min(1.0, effect + math.hypot(t_high - t, c - c_low))
    common = (control.successes + treatment.successes) / (control.users + treatment.users)
    variance = common * (1 - common) * (1 / control.users + 1 / treatment.users)
    tested = judged("z", c, t, effect, variance, level)
    error = math.sqrt(c * (1 - c) / control.users + t * (1 - t) / treatment.users)
    return Comparison(
        "newcombe", c, t, effect, low, high, tested.statistic, tested.p_value, level,
        tested.log10_p, error, None, tested.note,
    )  # fmt: skip


def share_ratio(control: Share, treatment: Share, *, level: float = 0.95) -> Comparison:
    """Relative difference of two shares, treatment / control - 1, on the log scale (Katz et al. 1978).

    The p-value belongs to the log ratio. None where an arm has no successes: its logarithm has no variance.
    """
    c, t = control.value, treatment.value
    if c is None or t is None:
        return judged("share_ratio", c, t, None, None, level, note=Note.NO_USERS)
    if not c:
        return judged("share_ratio", c, t, None, None, level, note=Note.ZERO_BELOW)
    if not t:
        return judged("share_ratio", c, t, -1.0, None, level, note=Note.NO_VARIATION)
    variance = (1 - c) / control.successes + (1 - t) / treatment.successes
    on_log = judged("share_ratio", c, t, math.log(t / c), variance, level)
    low, high = (None if end is None else math.expm1(end) for end in (on_log.low, on_log.high))
    return Comparison(
        "share_ratio", c, t, t / c - 1, low, high, on_log.statistic, on_log.p_value, level,
        on_log.log10_p, None, None, on_log.note,
    )  # fmt: skip


def _wilson(share: Share, reach: float) -> tuple[float, float]:
    n, p = share.users, share.successes / share.users
    square = reach * reach
    middle = (p + square / (2 * n)) / (1 + square / n)
    half = reach / (1 + square / n) * math.sqrt(p * (1 - p) / n + square / (4 * n * n))
    low = 0.0 if share.successes == 0 else max(0.0, middle - half)
    high = 1.0 if share.successes == n else min(1.0, middle + half)
    return low, high
