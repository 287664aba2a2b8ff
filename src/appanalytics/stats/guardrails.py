"""Guardrails: is a metric surely not worse than by a margin? (non-inferiority)"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from appanalytics.errors import StatisticsError
from appanalytics.stats.results import Comparison, Note
from appanalytics.stats.tails import student_tail

_LN10 = math.log(10)


class Verdict(StrEnum):
    """What a guardrail says."""

    HOLDS = "holds"
    BROKEN = "broken"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A comparison against a margin.

    ``margin``: the loss that is still accepted, above zero, in the effect's unit. ``bound``: the worst effect that
    the interval allows. ``p_value``: one-sided, of "worse by the margin or more". ``verdict``: `Verdict.HOLDS` where
    the whole interval is better than the margin's loss, `Verdict.BROKEN` where it is all worse, else `Verdict.OPEN`.
    """

    comparison: Comparison
    margin: float
    bound: float | None
    statistic: float | None
    p_value: float | None
    log10_p: float | None
    verdict: Verdict
    note: Note | None = None


def non_inferiority(comparison: Comparison, margin: float, *, good: str = "up") -> Guardrail:
    """Test a guardrail with the two-sided interval's level, so one-sided at half of α (ICH E9, 1998: 0.025 for 95 %).

    ``good``: ``up`` where more is better, ``down`` where less is. Needs a comparison with a standard error (means,
    ratios, shares, CUPED); the verdict is open where there is none.
    """
    if not (margin > 0 and math.isfinite(margin)):
        raise StatisticsError(f"a margin of {margin}", hint="a margin is the loss still accepted, above zero")
    if good not in ("up", "down"):
        raise StatisticsError(f"good is up or down, not {good!r}")
    effect, error = comparison.effect, comparison.standard_error
    if effect is None or comparison.low is None or comparison.high is None or error is None:
        return Guardrail(comparison, margin, None, None, None, None, Verdict.OPEN, comparison.note)
    gain, worst, best = (
        (effect, comparison.low, comparison.high) if good == "up" else (-effect, -comparison.high, -comparison.low)
    )
    verdict = Verdict.HOLDS if worst > -margin else Verdict.BROKEN if best < -margin else Verdict.OPEN
    bound = comparison.low if good == "up" else comparison.high
    if not error:
        return Guardrail(comparison, margin, bound, None, None, None, verdict, Note.NO_VARIATION)
    statistic = (gain + margin) / error
    tail = _upper(statistic, math.inf if comparison.df is None else comparison.df)
    return Guardrail(comparison, margin, bound, statistic, math.exp(tail), tail / _LN10, verdict)


def _upper(statistic: float, df: float) -> float:
    """Natural logarithm of P(T ≥ statistic)."""
    both = student_tail(statistic, df)
    return both - math.log(2) if statistic >= 0 else math.log1p(-math.exp(both) / 2)
