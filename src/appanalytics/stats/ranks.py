"""Ranks of two arms from cells: Mann–Whitney with ties, Brunner–Munzel, Kolmogorov–Smirnov."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from appanalytics.stats.cells import Cells, Counts, Floats, as_cells
from appanalytics.stats.means import lacking, satterthwaite
from appanalytics.stats.moments import Moments
from appanalytics.stats.results import Comparison, Note, judged, log10
from appanalytics.stats.tails import normal_tail
from appanalytics.stats.ties import tied_kolmogorov_tail


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """Two arms on the same ascending values: how many users of each have them, and how many lie below."""

    values: Floats
    control: Counts
    treatment: Counts
    control_below: Counts
    treatment_below: Counts

    @property
    def users(self) -> tuple[int, int]:
        """Users of control and of treatment."""
        return int(self.control.sum()), int(self.treatment.sum())


def align(control: Cells, treatment: Cells) -> Aligned:
    """Put two arms on their common values."""
    values = np.union1d(control.values, treatment.values)
    sides = []
    for cells in (control, treatment):
        counts = np.zeros(len(values), dtype=np.int64)
        counts[np.searchsorted(values, cells.values)] = cells.counts
        sides.append((counts, np.cumsum(counts) - counts))
    return Aligned(values, sides[0][0], sides[1][0], sides[0][1], sides[1][1])


def mann_whitney(control: Cells | ArrayLike, treatment: Cells | ArrayLike, *, level: float = 0.95) -> Comparison:
    """Mann–Whitney's U: does a user of one arm tend to have more than a user of the other?

    Asymptotic, with continuity and ties corrected (Mann & Whitney 1947; Lehmann 1975): what
    ``scipy.stats.mannwhitneyu(control, treatment, method="asymptotic")`` and R's ``wilcox.test(…, exact = FALSE)``
    give. ``statistic`` is the U of control, as theirs is of their first sample. ``effect`` is
    P(treatment > control) + ½ P(equal) - ½ of two random users, between -0.5 and 0.5; its interval is the one of
    Brunner & Munzel (2000), which holds without assuming equal distributions. ``control`` and ``treatment`` are the
    medians. The p-value tests that the *distributions* are equal, not that medians or means are.
    """
    sides = align(as_cells(control), as_cells(treatment))
    users_c, users_t = sides.users
    effect = brunner_munzel(control, treatment, level=level).named("mann_whitney")
    if not users_c or not users_t:
        return effect
    twice_u = _twice_u(sides)
    users = users_c + users_t
    tied = (sides.control + sides.treatment).astype(np.float64)
    ties = float((tied**3 - tied).sum())
    variance = users_c * users_t / 12 * (users + 1 - ties / (users * max(1, users - 1)))
    if variance <= 0:
        return replace(effect, statistic=twice_u / 2, p_value=None, log10_p=None, note=Note.NO_VARIATION)
    # Half a step nearer to the middle: the sums are discrete.
    z = max(0.0, abs(twice_u - users_c * users_t) / 2 - 0.5) / math.sqrt(variance)
    tail = normal_tail(z)
    note = None if effect.note is Note.NO_VARIATION else effect.note
    return replace(
        effect, statistic=twice_u / 2, p_value=math.exp(tail), log10_p=log10(tail), df=None, note=note
    )  # fmt: skip


def _twice_u(sides: Aligned) -> int:
    """Twice the pairs in which control is above, ties half: a whole number, exact for any number of users."""
    above, below = sides.control, 2 * sides.treatment_below + sides.treatment
    users_c, users_t = sides.users
    if 2 * users_c * users_t < 2**63:
        return int((above * below).sum())
    return sum(a * b for a, b in zip(above.tolist(), below.tolist(), strict=True))


def brunner_munzel(control: Cells | ArrayLike, treatment: Cells | ArrayLike, *, level: float = 0.95) -> Comparison:
    """Brunner & Munzel's test (2000) of P(treatment > control) + ½ P(equal) = ½, whatever the distributions.

    ``effect`` is that probability less ½. Unlike Mann–Whitney it keeps its level where only the spreads differ.
    """
    c, t = as_cells(control), as_cells(treatment)
    sides = align(c, t)
    users_c, users_t = sides.users
    if not users_c or not users_t:
        return judged("brunner_munzel", c.median, t.median, None, None, level, note=Note.NO_USERS)
    # A user's placement: the share of the other arm below him, ties half.
    of_t = Moments.of_counted((sides.control_below + sides.control / 2) / users_c, sides.treatment)
    of_c = Moments.of_counted((sides.treatment_below + sides.treatment / 2) / users_t, sides.control)
    if few := lacking(of_c, of_t):
        return judged("brunner_munzel", c.median, t.median, of_t.mean - 0.5, None, level, note=few)
    variances = (of_c.mean_variance or 0.0, of_t.mean_variance or 0.0)
    df = satterthwaite(variances, (users_c, users_t))
    return judged("brunner_munzel", c.median, t.median, of_t.mean - 0.5, sum(variances), level, df=df)


def kolmogorov_smirnov(
    control: Cells | ArrayLike, treatment: Cells | ArrayLike, *, level: float = 0.95
) -> Comparison:
    """Largest distance of two cumulative distributions (Smirnov 1939): did anything change, wherever?

    The p-value is that of ``scipy.stats.ks_2samp(…, method="asymp")`` where no two users share a value. Ties would
    make that one too large, on a metric that most users have at zero by orders of magnitude: then the p-value is the
    one of the tied distribution (`tied_kolmogorov_tail`).
    ``statistic`` is the distance D, ``effect`` the same with a sign: above zero where, at the widest gap, more of
    treatment lies above. No interval. ``control`` and ``treatment`` are the medians.
    """
    c, t = as_cells(control), as_cells(treatment)
    sides = align(c, t)
    users_c, users_t = sides.users
    if not users_c or not users_t:
        return judged("kolmogorov_smirnov", c.median, t.median, None, None, level, note=Note.NO_USERS)
    gaps = (sides.control_below + sides.control) / users_c - (sides.treatment_below + sides.treatment) / users_t
    widest = float(gaps[int(np.argmax(np.abs(gaps)))])
    pooled = (sides.control + sides.treatment) / (users_c + users_t)
    tail = tied_kolmogorov_tail(abs(widest), (users_c, users_t), pooled)
    return Comparison(
        "kolmogorov_smirnov", c.median, t.median, widest, None, None, abs(widest), math.exp(tail), level, log10(tail)
    )
