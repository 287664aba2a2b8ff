"""How newcomers come back: the share of a cohort that is active in the feed on its n-th day.

Between the anchors the share falls geometrically; after the last one it falls slowly. Users come back
independently from day to day (which is what the reference app's WAU and MAU imply), except that a part of them
leaves for good; those who stay come so much oftener that the share of the whole cohort is the curve.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class Curve(NamedTuple):
    """``anchors`` are (age in days, share of the cohort); ``leavers`` the share that leaves for good some day."""

    anchors: tuple[tuple[int, float], ...]
    leavers: float
    fall: float  # relative loss a day after the last anchor


CURVES = {
    "ads": Curve(((1, 0.367), (5, 0.284), (10, 0.198), (20, 0.098), (30, 0.075)), 0.30, 0.004),
    "organic": Curve(((1, 0.436), (5, 0.355), (10, 0.268), (20, 0.159), (30, 0.144)), 0.15, 0.004),
    "campaign": Curve(((1, 0.029), (14, 0.010)), 0.0, 0.004),
}

#: Leavers go after this many days on average (exponentially).
LEAVING_DAYS = 25.0


def share_active(kind: str, age: int) -> float:
    """Share of a cohort that is active on the day ``age`` days after its first; 1 for age 0."""
    curve = CURVES[kind]
    if age <= 0:
        return 1.0
    for (left, high), (right, low) in zip(curve.anchors, curve.anchors[1:], strict=False):
        if age <= right:
            return float(high * (low / high) ** ((age - left) / (right - left)))
    last, share = curve.anchors[-1]
    return float(share * math.exp(-curve.fall * (age - last)))


def share_staying(kind: str, age: int) -> float:
    """Share of a cohort that has not left for good by the day ``age``."""
    return 1 - CURVES[kind].leavers * (1 - math.exp(-age / LEAVING_DAYS))


def return_chance(kind: str, age: int) -> float:
    """Chance that a user who has not left comes on the day ``age``."""
    return share_active(kind, age) / share_staying(kind, age)
