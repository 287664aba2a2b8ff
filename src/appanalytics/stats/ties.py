"""Kolmogorov–Smirnov's tail where many users share a value.

With ties the distance of two cumulative distributions is seen only behind whole groups of equal users, so its usual
distribution is too cautious: on a metric that nine users of ten have at zero it raises an alarm once in ten thousand
times instead of once in twenty. Under equal distributions the scaled gap is a Brownian bridge over the shares of the
pooled users (Schmid 1958; Conover 1972), and the p-value is the probability that it leaves ±distance *at one of its
checkpoints*. It is computed step by step: a large group of equal users is one free step of Brownian motion; a run of
small groups is a step between absorbing walls (by images, Borodin & Salminen 2002), which stand further out by what
a walk that is seen only now and then oversteps them (Broadie, Glasserman & Kou 1997).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache

import numpy as np

from appanalytics.stats.cells import Floats
from appanalytics.stats.tails import kolmogorov_tail

#: A group that holds so large a share of the users is a step of its own; smaller ones are run together.
_LARGE = 0.01
_OVERSTEP = 0.5826  # -ζ(½) / √(2π)
#: Below it (log p) the sum over steps has lost its digits; the usual tail is never too small.
_DEEP = math.log(1e-9)
#: So few users beside the largest group, or in all, are no Brownian bridge.
_FEWEST, _FEWEST_BESIDE = 100, 20


def tied_kolmogorov_tail(distance: float, users: tuple[int, int], shares: Floats) -> float:
    """Natural logarithm of P(D ≥ distance) for two arms whose users pooled have values with these ``shares``.

    ``shares`` are in the order of the values and add up to 1. Where nobody shares a value it is `kolmogorov_tail`.
    Asymptotic at large groups: half of the probability of exactly this distance counts (Lancaster's mid-p, 1961).
    For fewer than 100 users, or 20 beside the commonest value, it is `kolmogorov_tail`, which ties make too large.
    """
    total = users[0] + users[1]
    effective = float(users[0]) * users[1] / total
    plain = kolmogorov_tail(distance, effective)
    alike = np.asarray(shares * total, dtype=np.float64)  # users of each value
    most = float(alike.max())
    if most <= 1.5 or total < _FEWEST or total - most < _FEWEST_BESIDE or plain < _DEEP:
        return plain
    stayed = _stays(distance * math.sqrt(effective), list(_steps(shares, alike, 1 / (6 * math.sqrt(effective)))))
    return min(plain, math.log(min(1.0, max(1 - stayed, math.exp(_DEEP)))))


class TiedTails:
    """`tied_kolmogorov_tail` of many samples out of one population, for the A/A rehearsal: read off a curve.

    ``shares`` are the population's. A sample's own ties enter by its widest spread, the largest F (1 - F) behind a
    group: of a metric that most users have at zero, that is how many have something.
    """

    def __init__(self, users: int, shares: Floats) -> None:
        self._users, self._spread = users, widest_spread(np.cumsum(shares))
        walls = np.concatenate([np.geomspace(0.03, 0.3, 8), np.linspace(0.35, 4.0, 60)])
        self._distances = np.minimum(walls / math.sqrt(users / 2), 1.0)
        self._tails = np.array([tied_kolmogorov_tail(float(d), (users, users), shares) for d in self._distances])

    def __call__(self, distances: Floats, spreads: Floats) -> Floats:
        """p-values of distances, for samples whose `widest_spread` is given; two arms of ``users`` each."""
        with np.errstate(divide="ignore", invalid="ignore"):
            alike = distances * np.sqrt(self._spread / spreads)
        tails = np.interp(np.nan_to_num(alike), self._distances, self._tails)
        deep = np.flatnonzero(alike > self._distances[-1])
        tails[deep] = [kolmogorov_tail(min(1.0, float(alike[each])), self._users / 2) for each in deep]
        return np.asarray(np.exp(tails), dtype=np.float64)


def widest_spread(below: Floats) -> float:
    """Largest F (1 - F) behind a group of equal users; ``below`` are the shares up to each group's end."""
    return float((below * (1 - below)).max())


def _steps(shares: Floats, alike: Floats, least: float) -> Iterator[tuple[float, float | None]]:
    """Share of the users, and for a run of small groups how far its walls stand out; None at a large group.

    ``least`` is how far where nobody shares a value: Smirnov's correction, which `kolmogorov_tail` has, too.
    """
    large = np.flatnonzero(shares >= _LARGE)
    left = 0.0
    for first, end in zip([0, *(large + 1).tolist()], [*large.tolist(), len(shares)], strict=True):
        run, groups = shares[first:end], alike[first:end]
        share = float(run.sum())
        if share >= _LARGE:
            beyond = _OVERSTEP * math.sqrt(
                float(run @ (run * np.maximum(0.0, 1 - 1 / np.maximum(groups, 1)))) / share
            )
            yield share + left, least + beyond
            left = 0.0
        else:
            left += share  # too short to be seen: its users are taken with the next step's
        if end < len(shares):
            yield float(shares[end]) + left, None
            left = 0.0
    if left:
        yield left, None


def _stays(wall: float, steps: list[tuple[float, float | None]]) -> float:
    """P(a Brownian bridge is within ±wall at the end of each step, and within the walls of the runs)."""
    nodes, weights = _nodes(64 if wall < 2 else 128)
    middle = np.zeros(1)
    places, density = middle, np.ones(1)  # of a Brownian motion that starts at 0, weighted for the next step
    for share, beyond in steps[:-1]:
        density = weights * wall * (_kernel(nodes * wall, places, share, wall, beyond) @ density)
        places = nodes * wall
    share, beyond = steps[-1]
    home = _kernel(middle, places, share, wall, beyond) @ density
    return float(home[0]) * math.sqrt(2 * math.pi)  # over the density at 0 of one that nobody watches


def _kernel(to: Floats, start: Floats, share: float, wall: float, beyond: float | None) -> Floats:
    """Density of a Brownian motion from ``start`` at ``to`` after a time ``share``, shape (to, start)."""
    if beyond is None:
        return _normal(to[:, None] - start, share)
    far = wall + beyond
    images = math.ceil((6 * math.sqrt(share) + 2 * far) / (4 * far)) if far > 0.02 else 0
    if not images:
        return np.zeros((len(to), len(start)))  # nobody stays between walls so near
    ahead, behind = to[:, None] - start, to[:, None] + start + 2 * far
    left = np.zeros(ahead.shape)
    for period in (4 * far * each for each in range(-images, images + 1)):
        left += _normal(ahead + period, share) - _normal(behind + period, share)
    return left


def _normal(x: Floats, variance: float) -> Floats:
    return np.asarray(np.exp(x * x / (-2 * variance)) / math.sqrt(2 * math.pi * variance), dtype=np.float64)


@cache
def _nodes(number: int) -> tuple[Floats, Floats]:
    """Gauss's points and weights on (-1, 1)."""
    points, weights = np.polynomial.legendre.leggauss(number)
    return np.asarray(points, dtype=np.float64), np.asarray(weights, dtype=np.float64)
