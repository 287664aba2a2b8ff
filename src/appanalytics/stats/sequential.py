"""Looking before the end: intervals that hold at every look, and bounds for planned looks.

A p-value that is looked at every day is below 0.05 on some day far more often than in 5 % of experiments. Two sound
ways out are here; which one was meant must be written down before the start.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from appanalytics.errors import StatisticsError
from appanalytics.stats.results import Comparison
from appanalytics.stats.tails import normal_quantile

_POINTS = 151  # of the recursion's grid; with twice as many the bounds change by less than 1e-9
_FAR = 9.0  # standard deviations beyond which nothing is


def always_valid(comparison: Comparison, users: int, *, tuning: float = 5000.0) -> Comparison:
    """An asymptotic confidence sequence: the interval holds at *all* looks together, whenever one stops.

    Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2021), Theorem 2.2, two-sided; ``tuning`` is the number of users
    of both arms at which the interval is narrowest, fixed before the start. ``users`` are those of both arms now.
    The p-value is the always-valid one: the smallest 1 - level at which the sequence leaves zero out. Any comparison
    with a standard error can be asked; ``statistic`` stays its z. Asymptotic: not for the first few hundred users.
    """
    if not tuning > 0 or users < 0:
        raise StatisticsError(f"{users} users tuned for {tuning}", hint="both are numbers of users")
    method = f"{comparison.method}_always_valid"
    effect, error = comparison.effect, comparison.standard_error
    if effect is None or not error or not users:
        return replace(comparison, method=method, low=None, high=None, p_value=None, log10_p=None)
    alpha = 1 - comparison.level
    rho_square = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuning
    grown = users * rho_square
    reach = math.sqrt(2 * (grown + 1) / grown * (math.log(grown + 1) / 2 - math.log(alpha)))
    z = effect / error
    log_p = min(0.0, math.log(grown + 1) / 2 - z * z * grown / (2 * (grown + 1)))
    return replace(
        comparison, method=method, low=effect - reach * error, high=effect + reach * error, statistic=z,
        p_value=math.exp(log_p), log10_p=log_p / math.log(10), df=None,
    )  # fmt: skip


def obrien_fleming(looks: int, *, level: float = 0.95) -> list[float]:
    """Two-sided bounds for |z| at equally spaced looks, falling as 1 / √look (O'Brien & Fleming 1979)."""
    return _scaled(looks, level, lambda share: 1 / math.sqrt(share))


def pocock(looks: int, *, level: float = 0.95) -> list[float]:
    """The same bound for |z| at all equally spaced looks (Pocock 1977)."""
    return _scaled(looks, level, lambda _: 1.0)


def spending_bounds(information: Sequence[float], *, level: float = 0.95) -> list[float]:
    """Two-sided bounds for |z| at any looks, by the O'Brien–Fleming-like spending of Lan & DeMets (1983).

    ``information``: ascending shares of the planned users, the last at most 1. Each side spends half of α. Looks may
    be moved, not their planned end.
    """
    shares = _shares(information)
    if not 0 < level < 1:
        raise StatisticsError(f"a confidence level of {level}", hint="write 95 % as 0.95")
    side = (1 - level) / 2
    reach = -normal_quantile(side / 2)
    spent = [2 * _upper(reach / math.sqrt(share)) for share in shares]
    walk, bounds = _Walk(), []
    for place, share in enumerate(shares):
        bound = walk.bound(share, spent[place] - (spent[place - 1] if place else 0.0))
        bounds.append(bound)
        walk.step(share, bound)
    return bounds


class _Walk:
    """The density of z√t among experiments that no look has stopped yet (Armitage, McPherson & Rowe 1969)."""

    def __init__(self) -> None:
        self.share = 0.0
        self.grid: NDArray[np.float64] = np.zeros(1)
        self.mass: NDArray[np.float64] = np.ones(1)

    def crossing(self, share: float, bound: float) -> float:
        """Chance to be first above +bound at this look (the other side is its mirror)."""
        from scipy import special

        step = math.sqrt(share - self.share)
        return float(self.mass @ special.ndtr((self.grid - bound * math.sqrt(share)) / step))

    def bound(self, share: float, chance: float) -> float:
        """The bound whose crossing has that chance."""
        from scipy import optimize

        if self.crossing(share, _FAR) >= chance:
            return _FAR
        return float(optimize.brentq(lambda bound: self.crossing(share, bound) - chance, 0.0, _FAR, xtol=1e-10))

    def step(self, share: float, bound: float) -> None:
        """Go on with those between the bounds."""
        end = bound * math.sqrt(share)
        nodes, weights = _gauss(_POINTS)
        grid = nodes * end
        spread = math.sqrt(share - self.share)
        z = (grid[:, None] - self.grid[None, :]) / spread
        density = np.exp(-z * z / 2) @ self.mass / (spread * math.sqrt(2 * math.pi))
        self.share, self.grid, self.mass = share, grid, density * weights * end


@lru_cache
def _gauss(points: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of Gauss and Legendre on -1 … 1."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return nodes, weights


def _scaled(looks: int, level: float, shape: Callable[[float], float]) -> list[float]:
    from scipy import optimize

    if looks < 1 or looks != int(looks):
        raise StatisticsError(f"{looks} looks", hint="one look or more")
    if not 0 < level < 1:
        raise StatisticsError(f"a confidence level of {level}", hint="write 95 % as 0.95")
    shares = [(look + 1) / looks for look in range(looks)]

    def gap(factor: float) -> float:
        walk, chance = _Walk(), 0.0
        for share in shares:
            chance += walk.crossing(share, factor * shape(share))
            walk.step(share, factor * shape(share))
        return chance - (1 - level) / 2

    factor = float(optimize.brentq(gap, 0.1, _FAR, xtol=1e-9))
    return [factor * shape(share) for share in shares]


def _shares(information: Sequence[float]) -> list[float]:
    shares = [float(each) for each in information]
    rising = all(a < b for a, b in itertools.pairwise([0.0, *shares]))
    if not shares or not rising or not shares[-1] <= 1:
        raise StatisticsError(f"looks at {shares}", hint="ascending shares of the planned users, above 0, at most 1")
    return shares


def _upper(z: float) -> float:
    from scipy import special

    return float(special.ndtr(-z))
