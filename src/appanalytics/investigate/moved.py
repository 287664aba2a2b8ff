"""Other metrics of the same period: which moved together with the one that is asked about, and which did not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from appanalytics.catalog import Active, Catalog, Measure, Ratio
from appanalytics.investigate.expectation import why_not_additive
from appanalytics.investigate.forecast import Flags, forecasts
from appanalytics.investigate.reader import Reader
from appanalytics.window import Grain

#: Earlier days that are enough for the others: for a day, and for a part of one.
LOOKED_BACK, OF_PARTS = 42, 21


@dataclass(frozen=True, slots=True)
class Moved:
    """Another metric in the same period, against its own expectation (99 % band)."""

    metric: str
    actual: float
    expected: float
    low: float
    high: float
    deviation: float

    @property
    def relative(self) -> float | None:
        """Actual / expected − 1."""
        return self.actual / self.expected - 1 if self.expected else None

    @property
    def is_unusual(self) -> bool:
        """True outside of the band."""
        return not self.low <= self.actual <= self.high


def others(catalog: Catalog, metric: str, grain: Grain) -> list[str]:
    """Metrics to look at: counts, users, ratios of them; no windows of many days, no synonyms.

    For a part of a day only what its own events tell: nobody's first day, no windows.
    """
    found: list[str] = []
    meant = {_meaning(catalog, metric)}
    for each in catalog.quantities():
        if each.name == metric or why_not_additive(catalog, each.name):
            continue
        if any(_reaches_back(leaf, grain) for leaf in catalog.leaves(each.name)):
            continue
        meaning = _meaning(catalog, each.name)
        if meaning not in meant:
            meant.add(meaning)
            found.append(each.name)
    return found


def _reaches_back(leaf: Measure | Active, grain: Grain) -> bool:
    if isinstance(leaf, Active):
        return leaf.days != 1 or grain is not Grain.DAY
    return grain is not Grain.DAY and (leaf.first or bool(leaf.active_in))


def _meaning(catalog: Catalog, name: str) -> str:
    """What a metric counts by day, so that DAU and users are one."""
    quantity = catalog.quantity(name)
    if isinstance(quantity, Active) and quantity.days == 1:
        quantity = catalog.measures[quantity.active]
    if isinstance(quantity, Ratio):
        return " / ".join(_meaning(catalog, part) for part in quantity.ratio)
    hidden = {"name", "labels", "description", "unit", "good", "owner"}
    return quantity.model_dump_json(exclude=hidden)


def services(catalog: Catalog, changes: Mapping[str, float | None]) -> tuple[str, ...]:
    """Services (sources) of the metrics that moved, the most changed first.

    ``changes`` are relative changes of the unusual metrics. A service that moved less than half as much as the first
    one, in logarithms, is its shadow and left out.
    """
    found: dict[str, float] = {}
    for name, change in changes.items():
        strength = abs(math.log(max(1 + (change or 0.0), 0.01)))
        for leaf in catalog.leaves(name):
            measure = catalog.measures[leaf.active] if isinstance(leaf, Active) else leaf
            if measure.source:
                found[measure.source] = max(found.get(measure.source, 0.0), strength)
    most = max(found.values(), default=0.0)
    return tuple(sorted((name for name in found if 2 * found[name] >= most), key=lambda name: -found[name]))


def moved(reader: Reader, metric: str, usable: Flags) -> tuple[Moved, ...]:
    """All other metrics of the period, the largest deviation first."""
    names = others(reader.layout.catalog, metric, reader.target.grain)
    if not names:
        return ()
    held = reader.history(names, "others", LOOKED_BACK if reader.target.grain is Grain.DAY else OF_PARTS)
    series = np.stack([held[name] for name in names])
    counts = [isinstance(reader.layout.catalog.quantity(name), Measure | Active) for name in names]
    known = np.tile(usable[-series.shape[1] :], (len(names), 1))
    found = []
    for name, each in zip(names, forecasts(series, usable=known, counts=counts), strict=True):
        actual, expected, low, high = (float(part[-1]) for part in (each.actual, each.expected, each.low, each.high))
        if np.isfinite([actual, expected]).all() and np.nansum(each.actual[:-1]) > 0:
            found.append(Moved(name, actual, expected, low, high, each.deviation))
    return tuple(sorted(found, key=lambda one: -abs(one.deviation)))
