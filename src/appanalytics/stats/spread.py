"""Spread, quantiles, and polarisation: a distribution that changed while its mean did not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from appanalytics.stats.cells import Cells, as_cells
from appanalytics.stats.means import lacking, welch
from appanalytics.stats.moments import Moments
from appanalytics.stats.multiple import holm
from appanalytics.stats.ranks import align, kolmogorov_smirnov, mann_whitney
from appanalytics.stats.results import Comparison, Note, judged
from appanalytics.stats.tails import critical

_DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def brown_forsythe(control: Cells | ArrayLike, treatment: Cells | ArrayLike, *, level: float = 0.95) -> Comparison:
    """Brown & Forsythe's test (1974) of equal spread: ``scipy.stats.levene(…, center="median")`` from cells.

    ``control`` and ``treatment`` are the mean distances from the arm's own median, ``effect`` their difference in the
    value's unit (above zero: treatment is wider), ``statistic`` is F with 1 and ``df`` degrees of freedom.
    """
    c, t = _distances(as_cells(control)), _distances(as_cells(treatment))
    means = [arm.mean if arm.count else None for arm in (c, t)]
    few = lacking(c, t)
    if few or c.count + t.count < 3:
        effect = None if few is Note.NO_USERS else t.mean - c.mean
        return judged("brown_forsythe", means[0], means[1], effect, None, level, note=few or Note.FEW_USERS)
    df = c.count + t.count - 2
    variance = (c.squares + t.squares) / df * (1 / c.count + 1 / t.count)
    found = judged("brown_forsythe", c.mean, t.mean, t.mean - c.mean, variance, level, df=df)
    return replace(found, statistic=None if found.statistic is None else found.statistic**2)


def quantile_difference(
    control: Cells | ArrayLike, treatment: Cells | ArrayLike, probability: float, *, level: float = 0.95
) -> Comparison:
    """Difference of one quantile, treatment less control, in the value's unit.

    Each arm's interval inverts the binomial spread of the share below (Woodruff 1952); the two are combined by
    squares and sums (Zou & Donner 2008, MOVER). Values that many users share make it wide, never narrow. No p-value:
    the interval says whether zero is possible.
    """
    c, t = as_cells(control), as_cells(treatment)
    values = [arm.quantile(probability) for arm in (c, t)]
    method = f"quantile_{probability:g}"
    if values[0] is None or values[1] is None:
        return judged(method, values[0], values[1], None, None, level, note=Note.NO_USERS)
    (c_low, c_high), (t_low, t_high) = (_woodruff(arm, probability, critical(level)) for arm in (c, t))
    effect = values[1] - values[0]
    low = effect - math.hypot(values[1] - t_low, c_high - values[0])
    high = effect + math.hypot(t_high - values[1], values[0] - c_low)
    return Comparison(method, values[0], values[1], effect, low, high, None, None, level)


def quantile_differences(
    control: Cells | ArrayLike, treatment: Cells | ArrayLike, probabilities: Sequence[float] = _DECILES,
    *, level: float = 0.95,
) -> list[Comparison]:  # fmt: skip
    """`quantile_difference` at several probabilities, the deciles unless others are asked for."""
    c, t = as_cells(control), as_cells(treatment)
    return [quantile_difference(c, t, each, level=level) for each in probabilities]


@dataclass(frozen=True, slots=True)
class Polarisation:
    """How a distribution moved, apart from its mean.

    ``gained`` and ``lost`` are the areas between the two cumulative distributions where treatment lies higher and
    lower, in the value's unit per user: ``gained - lost`` is the difference of means, ``gained + lost`` the
    Wasserstein distance. ``index`` is the share of the movement that cancels itself, 1 - |gained - lost| /
    (gained + lost): 0 for a shift of everybody, 1 for a change of shape alone; None without any movement.
    ``p_value`` tests that the shape is the same: the smaller of Kolmogorov–Smirnov's and Brown–Forsythe's, by Holm.
    ``mean``, ``ranks``, ``distance`` and ``spread`` are the four tests behind.
    """

    mean: Comparison
    ranks: Comparison
    distance: Comparison
    spread: Comparison
    gained: float | None
    lost: float | None
    index: float | None
    p_value: float | None
    level: float

    @property
    def is_shape_changed(self) -> bool:
        """The distribution changed, and at least half of the movement cancels itself in the mean."""
        changed = self.p_value is not None and self.p_value <= 1 - self.level
        return changed and self.index is not None and self.index >= 0.5

    @property
    def is_polarised(self) -> bool:
        """The shape changed and treatment is the wider one: some users won what others lost."""
        return self.is_shape_changed and self.spread.effect is not None and self.spread.effect > 0


def polarisation(control: Cells | ArrayLike, treatment: Cells | ArrayLike, *, level: float = 0.95) -> Polarisation:
    """Did the distribution change while the mean did not? See `Polarisation` for the fields.

    Without a change of shape (``p_value`` above 1 - level), ``index`` describes noise and decides nothing.
    """
    c, t = as_cells(control), as_cells(treatment)
    mean, ranks = welch(c, t, level=level), mann_whitney(c, t, level=level)
    distance, spread = kolmogorov_smirnov(c, t, level=level), brown_forsythe(c, t, level=level)
    shape = [each for each in holm([distance.p_value, spread.p_value]) if each is not None]
    gained = lost = index = None
    if c.users and t.users:
        gained, lost = _areas(c, t)
        index = 1 - abs(gained - lost) / (gained + lost) if gained + lost else None
    return Polarisation(mean, ranks, distance, spread, gained, lost, index, min(shape, default=None), level)


def _areas(control: Cells, treatment: Cells) -> tuple[float, float]:
    sides = align(control, treatment)
    users = sides.users
    gaps = (sides.control_below + sides.control) / users[0] - (sides.treatment_below + sides.treatment) / users[1]
    areas = gaps[:-1] * np.diff(sides.values)
    return float(areas[areas > 0].sum()), float(-areas[areas < 0].sum())


def _distances(cells: Cells) -> Moments:
    return Moments.of_counted(np.abs(cells.values - (cells.median or 0.0)), cells.counts)


def _woodruff(cells: Cells, probability: float, reach: float) -> tuple[float, float]:
    """Quantiles at the ends of the binomial interval around the probability; some users, so never None."""
    half = reach * math.sqrt(probability * (1 - probability) / cells.users)
    low, high = cells.quantile(max(0.0, probability - half)), cells.quantile(min(1.0, probability + half))
    return float(low or 0.0), float(high or 0.0)
