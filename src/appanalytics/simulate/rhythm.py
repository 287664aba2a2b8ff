"""Rhythms and noise: how weekdays, days and the hours of a day differ. Pure functions, means of 1."""

from __future__ import annotations

import hashlib
import math
from datetime import date
from itertools import accumulate

# Monday first.
_NEWCOMERS = (1.02, 0.98, 0.96, 0.95, 0.98, 1.04, 1.07)
_RETURNS = (0.995, 0.985, 0.975, 0.98, 0.995, 1.015, 1.02)  # mean below 1: the flash mob makes up for it
_VIEWS = (0.99, 0.98, 0.98, 0.99, 1.00, 1.02, 1.04)
_MESSENGER = (1.30, 1.05, 0.72, 0.93)  # the messenger's users come in a rhythm of four days

#: Events by hour of the day, in any unit; a value stands for the middle of its hour.
_MORNING = (0.80, 0.55, 0.40, 0.33, 0.28, 0.32, 0.42, 0.55, 0.70, 0.83, 0.93, 1.02)
_EVENING = (1.10, 1.15, 1.18, 1.20, 1.22, 1.27, 1.32, 1.40, 1.44, 1.40, 1.28, 1.05)
_HOURS = _MORNING + _EVENING

_DAY_SECONDS = 86_400


def noise(seed: int, purpose: str, day: int, width: float) -> float:
    """A factor in [1 - width, 1 + width), the same for the same arguments everywhere."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/{day}".encode(), digest_size=8).digest()
    return 1 + width * (int.from_bytes(digest, "big") / 2**63 - 1)


def newcomers_rhythm(day: date) -> float:
    """Newcomers of a weekday against the week's mean."""
    return _NEWCOMERS[day.weekday()]


def returns_rhythm(day: date) -> float:
    """Inclination to come back on a weekday."""
    return _RETURNS[day.weekday()]


def views_rhythm(day: date) -> float:
    """Views of one user's day on a weekday."""
    return _VIEWS[day.weekday()]


def messenger_rhythm(number: int) -> float:
    """Users of the messenger on the ``number``-th day."""
    return _MESSENGER[number % len(_MESSENGER)]


def ctr_wave(number: int) -> float:
    """Slow movement of the like rate, in absolute units of CTR."""
    return 0.0035 * math.sin(2 * math.pi * number / 11.3)


def day_quantiles(cells: int = 192) -> list[float]:
    """Shares of the day that cut its visits into ``cells`` equal parts: ``cells + 1`` values from 0 to 1."""
    step = 300
    sums = [0.0, *accumulate(_intensity(second + step / 2) for second in range(0, _DAY_SECONDS, step))]
    cuts, position = [], 0
    for cell in range(cells + 1):
        wanted = sums[-1] * cell / cells
        while position < len(sums) - 2 and sums[position + 1] < wanted:
            position += 1
        part = (wanted - sums[position]) / (sums[position + 1] - sums[position])
        cuts.append(round(step * (position + part) / _DAY_SECONDS, 6))
    return cuts


def _intensity(second: float) -> float:
    place = second / 3600 - 0.5
    hour = math.floor(place)
    part = place - hour
    return _HOURS[hour % 24] * (1 - part) + _HOURS[(hour + 1) % 24] * part
