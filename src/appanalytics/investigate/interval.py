"""Intervals of what a segment changed by, from closed formulas."""

from __future__ import annotations

import math

#: Two-sided 95 % of the normal distribution.
Z = 1.959963984540054


def count_interval(
    actual: float, expected: float, variance: float, z: float = Z
) -> tuple[float | None, float | None]:
    """Interval of actual / expected − 1 for a count, its forecast taken as known.

    Byar's approximation of the exact Poisson limits (Breslow & Day 1987, p. 69) on the count divided by its
    dispersion ``variance / expected``. Null where nothing was expected.
    """
    if expected <= 0:
        return None, None
    dispersion = max(variance / expected, 1e-9)
    seen, more = actual / dispersion, actual / dispersion + 1
    low = seen * (1 - 1 / (9 * seen) - z / (3 * math.sqrt(seen))) ** 3 if seen > 0 else 0.0
    high = more * (1 - 1 / (9 * more) + z / (3 * math.sqrt(more))) ** 3
    scale = dispersion / expected
    return max(low, 0.0) * scale - 1, high * scale - 1


def share_interval(
    hits: float, rows: float, expected: float, inflation: float, z: float = Z
) -> tuple[float | None, float | None]:
    """Interval of share / expected share − 1, the baseline taken as known.

    Wilson's score interval (1927) with the rows divided by ``inflation``, the factor by which correlated rows vary
    more than independent ones. Null without rows or with an expected share of 0.
    """
    if rows <= 0 or expected <= 0:
        return None, None
    count, share = rows / max(inflation, 1e-9), hits / rows
    centre = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return max(centre - half, 0.0) / expected - 1, min(centre + half, 1.0) / expected - 1
