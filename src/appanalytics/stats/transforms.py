"""Other values for the same users, before a test: capped, smoothed, linearised, put into buckets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from appanalytics.errors import StatisticsError
from appanalytics.stats.cells import Cells, RatioCells
from appanalytics.stats.moments import finite


@dataclass(frozen=True, slots=True)
class Caps:
    """The values that the users were cut at; None for an end that was left alone."""

    low: float | None
    high: float | None


def winsorise(
    control: Cells, treatment: Cells, *, upper: float | None = 0.99, lower: float | None = None
) -> tuple[Cells, Cells, Caps]:
    """Cut both arms at the same caps: quantiles of *all users of both arms* (Tukey 1962).

    Caps of each arm's own would cut a treatment's success away. Returns control, treatment and the caps used.
    """
    caps = _caps(control + treatment, lower, upper)
    return control.clipped(caps.low, caps.high), treatment.clipped(caps.low, caps.high), caps


def winsorise_ratio(
    control: RatioCells, treatment: RatioCells, *, upper: float | None = 0.99, lower: float | None = None
) -> tuple[RatioCells, RatioCells, tuple[Caps, Caps]]:
    """Cut numerators and denominators at quantiles of the same users: all of both arms.

    Returns control, treatment, and the caps of numerators and of denominators.
    """
    both = control + treatment
    above = _caps(Cells.counted(both.numerators, both.counts), lower, upper)
    below = _caps(Cells.counted(both.denominators, both.counts), lower, upper)

    def cut(arm: RatioCells) -> RatioCells:
        return RatioCells.counted(
            _clip(arm.numerators, above), _clip(arm.denominators, below), arm.counts
        )  # fmt: skip

    return cut(control), cut(treatment), (above, below)


def smoothed_ratios(arm: RatioCells, *, alpha: float = 5.0, prior: float | None = None) -> Cells:
    """Each user's Laplace-smoothed ratio, (numerator + α·prior) / (denominator + α).

    ``alpha`` is worth that many views of a typical user. ``prior`` is the arm's own global ratio unless given; the
    original system took each arm's own. Users without views get the prior. A `StatisticsError` where there is no
    prior because the arm has no views.
    """
    if not alpha > 0:
        raise StatisticsError(f"a smoothing of {alpha}", hint="alpha must be above zero")
    level = arm.ratio if prior is None else prior
    if level is None:
        raise StatisticsError("nothing to smooth towards: the arm's denominators are all zero", hint="give a prior")
    return Cells.counted((arm.numerators + alpha * level) / (arm.denominators + alpha), arm.counts)


def linearised_values(arm: RatioCells, reference: float) -> Cells:
    """Each user's numerator - reference · denominator: likes beyond what control's ratio would give."""
    return Cells.counted(arm.numerators - reference * arm.denominators, arm.counts)


def bucket_ratios(buckets: ArrayLike, numerators: ArrayLike, denominators: ArrayLike) -> Cells:
    """Global ratio of each bucket, one value per bucket: users, or sums of users, added up by bucket.

    ``buckets`` are any integers or texts (such as a salted hash modulo 50). Buckets whose denominators add up to
    zero have no ratio and are left out.
    """
    above, below = finite(numerators), finite(denominators)
    names, place = np.unique(np.asarray(buckets), return_inverse=True)
    if not len(place) == len(above) == len(below):
        raise StatisticsError(f"{len(place)} buckets, {len(above)} numerators, {len(below)} denominators")
    tops = np.bincount(place, weights=above, minlength=len(names))
    bottoms = np.bincount(place, weights=below, minlength=len(names))
    some = bottoms > 0
    return Cells.of(tops[some] / bottoms[some])


def top_share(cells: Cells, share: float = 0.01) -> float | None:
    """How much of the total the largest ``share`` of users holds (0.01: the top one per cent), as a fraction.

    The user at the border counts in part. None without users or where the total is not above zero.
    """
    if not 0 < share <= 1:
        raise StatisticsError(f"the top {share} of users", hint="write one per cent as 0.01")
    total = float(cells.values @ cells.counts)
    if not cells.users or total <= 0:
        return None
    left = share * cells.users
    ends = np.cumsum(cells.counts[::-1])
    taken = np.clip(left - (ends - cells.counts[::-1]), 0, cells.counts[::-1])
    return float(taken @ cells.values[::-1]) / total


def _clip(values: np.ndarray[tuple[int], np.dtype[np.float64]], caps: Caps) -> ArrayLike:
    return np.clip(values, caps.low, caps.high) if caps != Caps(None, None) else values


def _caps(everybody: Cells, lower: float | None, upper: float | None) -> Caps:
    if lower is not None and upper is not None and lower > upper:
        raise StatisticsError(f"caps from {lower} to {upper}", hint="the lower quantile must not exceed the upper")
    low = None if lower is None else everybody.quantile(lower)
    return Caps(low, None if upper is None else everybody.quantile(upper))
