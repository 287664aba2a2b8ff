"""CUPED: what users did before the experiment explains part of their variance (Deng, Xu, Kohavi & Walker 2013).

The adjusted value of a user is y - θ·(x - mean x), with x from before the split, so the effect keeps its meaning and
loses noise. θ is estimated within the arms and pooled over them, which is the regression of y on arm and x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.errors import StatisticsError
from appanalytics.stats.means import lacking, satterthwaite
from appanalytics.stats.moments import JointMoments, Moments
from appanalytics.stats.results import Comparison, Note, judged


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A comparison after CUPED.

    ``comparison``: ``control`` and ``treatment`` are the adjusted values. ``theta``: one slope for each covariate.
    ``reduction``: the share of the effect's variance that went away, 0…1 (below 0 where nothing was gained); None
    where there is no variance.
    """

    comparison: Comparison
    theta: tuple[float, ...]
    reduction: float | None


def cuped_mean(control: JointMoments, treatment: JointMoments, *, level: float = 0.95) -> Adjusted:
    """Difference of means, adjusted. Columns: the value, then one covariate or more from before the experiment.

    ``effect`` equals the arm's coefficient of the least-squares regression on arm and covariates; its error is
    Welch's (arms may differ in variance). Users without history need a covariate, too: 0, and a second column that
    says so (1 / 0), is a sound choice.
    """
    _check(control, treatment, at_least=2)
    theta = _slopes(_pooled([np.asarray(control.products), np.asarray(treatment.products)]))
    weights = (1.0, *(-each for each in theta))
    return _adjusted("cuped_mean", control, treatment, [weights, weights], _centre(control, treatment), theta, level)


def cuped_ratio(control: JointMoments, treatment: JointMoments, *, level: float = 0.95) -> Adjusted:
    """Difference of global ratios, adjusted by the ratio before.

    Columns: numerator, denominator, numerator before, denominator before. Both ratios are linearised per user in
    each arm (delta method), then adjusted as means are: effect = (R_t - R_c) - θ (P_t - P_c). Null where a sum of
    denominators is zero.
    """
    _check(control, treatment, exactly=4)
    lines = [_lines(arm) for arm in (control, treatment)]
    if lines[0] is None or lines[1] is None:
        note = Note.ZERO_BELOW if control.count and treatment.count else Note.NO_USERS
        return Adjusted(judged("cuped_ratio", None, None, None, None, level, note=note), (0.0,), None)
    squares = [
        line @ np.asarray(arm.products) @ line.T
        for line, arm in zip(lines, (control, treatment), strict=True)
        if line is not None
    ]
    theta = _slopes(_pooled(squares))
    weights = [(line[0] - theta[0] * line[1]).tolist() for line in lines if line is not None]
    values = [(arm.means[0] / arm.means[1], arm.means[2] / arm.means[3]) for arm in (control, treatment)]
    users = [arm.count for arm in (control, treatment)]
    before = sum(count * value[1] for count, value in zip(users, values, strict=True)) / sum(users)
    arms = [
        Moments(arm.count, value[0] - theta[0] * (value[1] - before), arm.combined(*weight).squares)
        for arm, value, weight in zip((control, treatment), values, weights, strict=True)
    ]
    plain = [
        Moments(count, value[0], float(square[0, 0]))
        for count, value, square in zip(users, values, squares, strict=True)
    ]
    return _compared("cuped_ratio", arms, plain, theta, level)


def _adjusted(
    method: str, control: JointMoments, treatment: JointMoments, weights: Sequence[Sequence[float]],
    centre: Sequence[float], theta: tuple[float, ...], level: float,
) -> Adjusted:  # fmt: skip
    arms = []
    for arm, weight in zip((control, treatment), weights, strict=True):
        shift = sum(slope * (own - common) for slope, own, common in zip(theta, arm.means[1:], centre, strict=True))
        arms.append(Moments(arm.count, arm.means[0] - shift, arm.combined(*weight).squares))
    return _compared(method, arms, [control[0], treatment[0]], theta, level)


def _compared(
    method: str, arms: Sequence[Moments], plain: Sequence[Moments], theta: tuple[float, ...], level: float
) -> Adjusted:
    c, t = arms
    if few := lacking(c, t):
        means = [arm.mean if arm.count else None for arm in (c, t)]
        effect = None if few is Note.NO_USERS else t.mean - c.mean
        return Adjusted(judged(method, means[0], means[1], effect, None, level, note=few), theta, None)
    variances = (c.mean_variance or 0.0, t.mean_variance or 0.0)
    before = sum(arm.mean_variance or 0.0 for arm in plain)
    df = satterthwaite(variances, (c.count, t.count))
    found = judged(method, c.mean, t.mean, t.mean - c.mean, sum(variances), level, df=df)
    return Adjusted(found, theta, 1 - sum(variances) / before if before else None)


def _lines(arm: JointMoments) -> NDArray[np.float64] | None:
    """Two rows of weights that linearise the ratio and the ratio before; None where one is null."""
    if not arm.count or not arm.means[1] or not arm.means[3]:
        return None
    now, before = arm.means[0] / arm.means[1], arm.means[2] / arm.means[3]
    return np.array(
        [[1 / arm.means[1], -now / arm.means[1], 0.0, 0.0], [0.0, 0.0, 1 / arm.means[3], -before / arm.means[3]]]
    )


def _pooled(squares: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(sum(squares[1:], squares[0]), dtype=np.float64)


def _slopes(products: NDArray[np.float64]) -> tuple[float, ...]:
    """Least-squares slopes of the first column on the others; covariates that repeat others share their slope."""
    scale = np.sqrt(np.diag(products)[1:])
    used = scale > 0
    slopes = np.zeros(len(scale))
    if used.any():
        # Scaled to correlations: likes and views differ by orders of magnitude.
        inner = products[1:, 1:][np.ix_(used, used)] / np.outer(scale[used], scale[used])
        solved = np.linalg.lstsq(inner, products[1:, 0][used] / scale[used], rcond=1e-10)[0]
        slopes[used] = solved / scale[used]
    return tuple(float(each) for each in slopes)


def _centre(control: JointMoments, treatment: JointMoments) -> tuple[float, ...]:
    return (control + treatment).means[1:]


def _check(control: JointMoments, treatment: JointMoments, *, at_least: int = 0, exactly: int = 0) -> None:
    sizes = {len(control.means), len(treatment.means)}
    if len(sizes) > 1 or min(sizes) < at_least or (exactly and sizes != {exactly}):
        wanted = f"{exactly} columns" if exactly else f"{at_least} columns or more, alike in both arms"
        raise StatisticsError(
            f"CUPED of {len(control.means)} and {len(treatment.means)} columns", hint=f"it takes {wanted}"
        )
