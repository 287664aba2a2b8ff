"""Differences over strata (cohorts, segments): Mantel–Haenszel, inverse variance, and whether they agree."""

from __future__ import annotations

import math
from collections.abc import Sequence

from appanalytics.stats.results import Comparison, Note, Test, from_tail, judged
from appanalytics.stats.shares import Share
from appanalytics.stats.tails import chi_square_tail


def mantel_haenszel(strata: Sequence[tuple[Share, Share]], *, level: float = 0.95) -> Comparison:
    """Difference of shares common to strata of (control, treatment), weighted by Mantel & Haenszel.

    ``effect`` is Σ wₖ (tₖ - cₖ) / Σ wₖ with wₖ = users of both arms multiplied and divided by their sum (Greenland &
    Robins 1985); the variance is Sato's (1989), right for few large and for many small strata. ``control`` and
    ``treatment`` are the shares weighted alike. Strata in which an arm has no users carry no information and no
    weight. This is the difference between sources *within the same cohorts*, whatever their mix.
    """
    both = [(c, t) for c, t in strata if c.users and t.users]
    weights = [c.users * t.users / (c.users + t.users) for c, t in both]
    total = math.fsum(weights)
    if not total:
        return judged("mantel_haenszel", None, None, None, None, level, note=Note.NO_USERS)
    shares = [
        math.fsum(weight * (arm.value or 0.0) for weight, arm in zip(weights, arms, strict=True)) / total
        for arms in ([c for c, _ in both], [t for _, t in both])
    ]
    effect = shares[1] - shares[0]
    linear = math.fsum(_sato_linear(c, t) for c, t in both)
    constant = math.fsum(_sato_constant(c, t) for c, t in both)
    variance = (effect * linear + constant) / total**2
    return judged("mantel_haenszel", shares[0], shares[1], effect, max(0.0, variance), level)


def inverse_variance(strata: Sequence[Comparison], *, level: float = 0.95) -> Comparison:
    """Effect common to independent comparisons, each weighted by 1 / its squared standard error (Birge 1932).

    The fixed-effect estimate. Strata without an effect, or with no standard error above zero, cannot be weighted:
    they are left out and a note says so. Shares of small cohorts are better pooled by `mantel_haenszel`, because here
    a cohort whose share happens to be near 0 or 1 gets too much weight.
    """
    used = weighable(strata)
    note = Note.LEFT_OUT if len(used) < len(strata) else None
    if not used:
        return judged("inverse_variance", None, None, None, None, level, note=note or Note.NO_USERS)
    weights = [1 / error**2 for _, error, _ in used]
    total = math.fsum(weights)
    effect = math.fsum(weight * each for weight, (each, _, _) in zip(weights, used, strict=True)) / total
    means = [
        math.fsum(weight * (value or 0.0) for weight, value in zip(weights, values, strict=True)) / total
        for values in ([each.control for _, _, each in used], [each.treatment for _, _, each in used])
    ]
    return judged("inverse_variance", means[0], means[1], effect, 1 / total, level, note=note)


def interaction(segments: Sequence[Comparison]) -> Test:
    """Do effects differ between independent segments? Cochran's Q (1954), chi-square with segments - 1.

    A small p-value says that the effect is not one number; a large one that segments which look different may be
    chance. None with fewer than two segments that have an effect and a standard error.
    """
    used = weighable(segments)
    note = Note.LEFT_OUT if len(used) < len(segments) else None
    if len(used) < 2:
        return Test("cochran_q", None, None, None, note=note or Note.FEW_USERS)
    common = inverse_variance([each for _, _, each in used]).effect or 0.0
    statistic = math.fsum(((effect - common) / error) ** 2 for effect, error, _ in used)
    df = len(used) - 1
    return from_tail("cochran_q", statistic, chi_square_tail(statistic, df), df, note)


def weighable(comparisons: Sequence[Comparison]) -> list[tuple[float, float, Comparison]]:
    """Effect, standard error and the comparison itself, of those that have both."""
    return [
        (each.effect, each.standard_error, each)
        for each in comparisons
        if each.effect is not None and each.standard_error
    ]


def _sato_linear(c: Share, t: Share) -> float:
    users = c.users + t.users
    mixed = c.users * t.users * (c.users - t.users) / 2
    return (t.users**2 * c.successes - c.users**2 * t.successes + mixed) / users**2


def _sato_constant(c: Share, t: Share) -> float:
    crossed = t.successes * (c.users - c.successes) + c.successes * (t.users - t.successes)
    return crossed / (2 * (c.users + t.users))
