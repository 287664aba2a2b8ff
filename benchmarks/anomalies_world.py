"""Made-up series of quarter hours with known incidents: counts, ratios, and a world that suits no count model.

Fixed before any detector was calibrated. Seeds below 1,000 calibrate, seeds from 1,000 on test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY, WEEK = 96, 672
LEVELS = (50, 150, 500, 1500, 5000, 15000)
#: No incident begins before the third week: two weeks are there to learn from.
FIRST, GAP = 16 * DAY, 36 * 4


@dataclass(frozen=True, slots=True)
class Incident:
    """Bins ``[start, end)`` that are not as usual, and what happens in them."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class World:
    """Series as columns of ``values`` (bins × series; NaN: missing), ``trials`` of ratios, and the truth of each."""

    name: str
    values: Floats
    trials: Floats | None
    truth: tuple[tuple[Incident, ...], ...]
    levels: Floats


def counts(series: int, days: int = 60, seed: int = 0) -> World:
    """Events of quarter hours: a day and a week, growth, more variance than Poisson's, missing bins."""
    rng = np.random.default_rng([seed, 1])
    level = rng.choice(LEVELS, series).astype(float)
    rate = level * _season(rng, series, days) * _wobble(rng, series, days)
    factor, truth = _incidents(rng, series, days, _COUNT_KINDS)
    values = rng.poisson(rate * factor).astype(float)
    _miss(rng, values)
    return World("counts", values, None, truth, level)


def ratios(series: int, days: int = 60, seed: int = 0) -> World:
    """Successes of trials: the share has a day, a week and drifts; incidents change the share and not the volume."""
    rng = np.random.default_rng([seed, 2])
    level = rng.choice((500, 1500, 5000, 15000), series).astype(float)
    trials = rng.poisson(level * _season(rng, series, days) * _wobble(rng, series, days)).astype(float)
    share = rng.uniform(0.05, 0.4, series) * _season(rng, series, days, 0.06) * _wobble(rng, series, days, 0.01)
    factor, truth = _incidents(rng, series, days, _RATIO_KINDS)
    values = rng.binomial(trials.astype(int), np.clip(share * factor, 0, 1)).astype(float)
    _miss(rng, values)
    return World("ratios", values, trials, truth, level)


def unsuitable(series: int, days: int = 60, seed: int = 0) -> World:
    """Not counts: seasons that add, tails of Student's t with 3 degrees, noise that remembers (lag 1: .6)."""
    rng = np.random.default_rng([seed, 3])
    level = rng.uniform(50, 500, series)
    season = level * rng.uniform(0.1, 0.5, series) * (_season(rng, series, days, 0.5) - 1)
    shock = rng.standard_t(3, (days * DAY, series)) / np.sqrt(3) * level * rng.uniform(0.02, 0.06, series)
    noise = np.empty_like(shock)
    noise[0] = shock[0]
    for at in range(1, len(shock)):
        noise[at] = 0.6 * noise[at - 1] + 0.8 * shock[at]
    factor, truth = _incidents(rng, series, days, _SHIFT_KINDS)
    values = level * factor + season + noise
    _miss(rng, values)
    return World("unsuitable", values, None, truth, level)


# --- parts ---

#: Kind, factor, shortest and longest length in bins.
_COUNT_KINDS = (
    ("zero", 0.0, 4, 12), ("-15 %", 0.85, 24, 96), ("-20 %", 0.80, 16, 64), ("-30 %", 0.70, 8, 48),
    ("+60 %", 1.60, 4, 24), ("drift", 0.65, 96, 144),
)  # fmt: skip
_RATIO_KINDS = (
    ("zero", 0.0, 4, 12), ("-10 %", 0.90, 24, 96), ("-15 %", 0.85, 16, 64), ("-25 %", 0.75, 8, 48),
    ("+30 %", 1.30, 4, 24), ("drift", 0.75, 96, 144),
)  # fmt: skip
_SHIFT_KINDS = (
    ("spike", 1.9, 1, 3), ("-30 %", 0.70, 16, 64), ("-50 %", 0.50, 8, 48), ("+60 %", 1.60, 4, 24),
    ("drift", 0.5, 96, 144),
)  # fmt: skip


def _season(rng: np.random.Generator, series: int, days: int, depth: float = 0.6) -> Floats:
    """Factor of bins × series with mean about 1: a smooth day, weekends that differ, growth or decline."""
    at = np.arange(days * DAY)
    angle = 2 * np.pi * (at % DAY) / DAY
    size = depth * rng.uniform(0.6, 1.2, series)
    shift = rng.uniform(0, 2 * np.pi, series)
    day = size * np.cos(angle[:, None] - shift) + size / 3 * np.cos(2 * angle[:, None] - rng.uniform(0, 6, series))
    weekday = at // DAY % 7
    weekend = np.isin(weekday, (5, 6))
    week = depth / 4 * rng.normal(0, 1, (7, series))[weekday] * 0.4
    turned = depth / 3 * rng.uniform(-1, 1, series) * np.cos(angle[:, None] - shift + 1) * weekend[:, None]
    growth = np.exp(rng.uniform(-0.003, 0.008, series) * at[:, None] / DAY)
    return np.exp(day + week + turned) * (growth if depth > 0.1 else 1.0)


def _wobble(rng: np.random.Generator, series: int, days: int, size: float = 0.02) -> Floats:
    """Noise of the rate itself: of each bin, and of hours (it forgets half in about four hours)."""
    quick = rng.normal(0, 1, (days * DAY, series)) * size * rng.uniform(0.5, 1.5, series)
    shocks = rng.normal(0, 1, (days * DAY, series)) * size * 0.6
    slow = np.empty_like(shocks)
    slow[0] = shocks[0]
    for at in range(1, len(shocks)):
        slow[at] = 0.96 * slow[at - 1] + 0.28 * shocks[at]
    return np.exp(quick + slow)


def _incidents(
    rng: np.random.Generator, series: int, days: int, kinds: tuple[tuple[str, float, int, int], ...]
) -> tuple[Floats, tuple[tuple[Incident, ...], ...]]:
    factor = np.ones((days * DAY, series))
    truth = []
    for column in range(series):
        found: list[Incident] = []
        for _ in range(rng.poisson(4)):
            kind, size, low, high = kinds[rng.integers(len(kinds))]
            start = int(rng.integers(FIRST, days * DAY - high))
            end = start + int(rng.integers(low, high + 1))
            if any(start < each.end + GAP and each.start < end + GAP for each in found):
                continue
            found.append(Incident(start, end, kind))
            ramp = np.minimum(np.arange(end - start) / 48, 1.0) if kind == "drift" else 1.0
            factor[start:end, column] = 1 + (size - 1) * ramp
        truth.append(tuple(sorted(found, key=lambda each: each.start)))
    return factor, tuple(truth)


def _miss(rng: np.random.Generator, values: Floats) -> None:
    """Bins without data, one by one and by the hour; they are no incidents."""
    values[rng.random(values.shape) < 0.001] = np.nan
    for column in range(values.shape[1]):
        for start in rng.integers(0, len(values) - 8, rng.poisson(2)):
            values[start : start + int(rng.integers(2, 8)), column] = np.nan
