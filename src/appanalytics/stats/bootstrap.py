"""Poisson bootstrap of a global ratio (Chamandy, Muralidharan, Najmi & Naidu 2012), from cells.

Each user gets a weight of Poisson(1) in each resample. Users with the same numerator and denominator are
exchangeable and a sum of n independent Poisson(1) is Poisson(n), so drawing one weight for each *cell* gives exactly
the bootstrap of the users; its cost is that of the distinct pairs.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from appanalytics.errors import StatisticsError
from appanalytics.stats.cells import Floats, RatioCells
from appanalytics.stats.poisson import weighted_sums
from appanalytics.stats.results import Comparison, Note, judged

_PARTS = 4  # fixed, so that a seed means the same on any number of cores


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """A comparison and the resampled ratios behind it.

    ``control_ratios`` and ``treatment_ratios`` have one entry for each resample, in the ratio's unit; entries are NaN
    in resamples where the arm's denominators were all zero.
    """

    comparison: Comparison
    control_ratios: Floats
    treatment_ratios: Floats


def poisson_bootstrap(
    control: RatioCells, treatment: RatioCells, *, seed: int, resamples: int = 10_000, level: float = 0.95,
    relative: bool = False, threads: int = 2,
) -> Bootstrap:  # fmt: skip
    """Difference of two global ratios with percentile interval, p-value and resamples.

    ``effect``: treatment's ratio less control's (or treatment / control - 1 where ``relative``). The interval holds
    the middle of the resampled differences; the p-value is twice the share of resamples on the other side of zero,
    with one added above and below (Davison & Hinkley 1997), so it is never below 2 / (resamples + 1), and a note
    says when it is that. ``statistic`` is effect / standard deviation of the resamples. A mean per user is the ratio
    with 1 as everyone's denominator. The result depends on the seed alone, not on ``threads``.
    """
    method = "poisson_bootstrap_relative" if relative else "poisson_bootstrap"
    if resamples < 2:
        raise StatisticsError(f"{resamples} resamples", hint="a bootstrap needs two or more, usually 10,000")
    c, t = control.ratio, treatment.ratio
    empty = np.full(resamples, np.nan)
    if c is None or t is None or (relative and not c):
        note = Note.ZERO_BELOW if control.users and treatment.users else Note.NO_USERS
        return Bootstrap(judged(method, c, t, None, None, level, note=note), empty, empty)
    streams = np.random.SeedSequence(seed).spawn(2)
    ratios = [
        _ratios(arm, resamples, stream, threads) for arm, stream in zip((control, treatment), streams, strict=True)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = ratios[1] / ratios[0] - 1 if relative else ratios[1] - ratios[0]
    effect = t / c - 1 if relative else t - c
    return Bootstrap(_judge(method, c, t, effect, differences, level), ratios[0], ratios[1])


def _judge(method: str, c: float, t: float, effect: float, differences: Floats, level: float) -> Comparison:
    known = differences[np.isfinite(differences)]
    note = Note.SKIPPED_RESAMPLES if len(known) < len(differences) else None
    if len(known) < 2:
        return judged(method, c, t, effect, None, level, note=Note.FEW_USERS)
    error = float(known.std(ddof=1))
    if not error:
        return judged(method, c, t, effect, 0.0, level)
    low, high = (float(end) for end in np.quantile(known, [(1 - level) / 2, (1 + level) / 2]))
    beyond = int(min((known <= 0).sum(), (known >= 0).sum()))
    p_value = min(1.0, 2 * (beyond + 1) / (len(known) + 1))
    return Comparison(
        method, c, t, effect, low, high, effect / error, p_value, level, math.log10(p_value), error, None,
        note or (None if beyond else Note.FLOOR),
    )  # fmt: skip


def _ratios(arm: RatioCells, resamples: int, stream: np.random.SeedSequence, threads: int) -> Floats:
    columns = np.stack([arm.numerators, arm.denominators])
    # By count, so that each table of a count is made once: neighbours in order go to different parts.
    part = np.unique(arm.counts, return_inverse=True)[1] % _PARTS
    # Cells of one count are the bulk (users like no other): they are shared out among the parts.
    rare = arm.counts <= 4
    part[rare] = np.arange(int(rare.sum())) % _PARTS

    def sums(number: int, seed: np.random.SeedSequence) -> Floats:
        mine = part == number
        return weighted_sums(
            arm.counts[mine], columns[:, mine], resamples, np.random.Generator(np.random.SFC64(seed))
        )

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        parts = list(pool.map(sums, range(_PARTS), stream.spawn(_PARTS)))
    above, below = np.add.reduce(parts)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan), dtype=np.float64)
