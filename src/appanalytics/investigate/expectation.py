"""From forecasts of totals to an expectation for every cell: clean earlier periods, each scaled to the total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.catalog import Active, Catalog, Measure, Ratio
from appanalytics.errors import CellsError
from appanalytics.investigate.cells import Counts, Ratios
from appanalytics.investigate.forecast import Forecast
from appanalytics.investigate.reader import Pulled

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
#: Earlier periods that cells are compared with, how much less each older one counts, and more one in rhythm.
REFERENCES, FADING, IN_RHYTHM = 14, 0.85, 2.0
#: What users did adds up to a heavier tail than Poisson counts of that variance: one sends a hundred messages.
HEAVY_TAIL = 2.0


def parts_of(catalog: Catalog, metric: str) -> tuple[str, str] | str:
    """A metric's numerator and denominator, or itself."""
    quantity = catalog.quantity(metric)
    return quantity.ratio if isinstance(quantity, Ratio) else metric


def why_not_additive(catalog: Catalog, metric: str) -> str:
    """Name of what does not add up over users' attributes (different posts, a ratio of ratios); empty if all does."""
    parts = parts_of(catalog, metric)
    for name in (parts,) if isinstance(parts, str) else parts:
        quantity = catalog.quantity(name)
        if isinstance(quantity, Active):
            quantity = catalog.measures[quantity.active]
        if not isinstance(quantity, Measure) or quantity.unique not in (None, "user"):
            return name
    return ""


@dataclass(frozen=True, eq=False)
class Weights:
    """Weight of each period for each leaf, the asked one last with 0; and of the squares of each period.

    With them the sum of a count's earlier totals is its forecast; for a ratio the sums are a denominator as large as
    today's with the ratio that was forecast. Recent periods count more, and those in the same place of the rhythm.
    ``effective`` is 1 − the sum of squared shares of the periods, as an unbiased variance needs it.
    """

    of: dict[str, Floats]
    squares: dict[str, Floats]
    effective: float


def weights(
    catalog: Catalog, forecasts: Mapping[str, Forecast], metric: str, parts: tuple[str, str] | str
) -> Weights:
    """The weights for a metric whose total was forecast."""
    judged = forecasts[metric]
    size = len(judged.actual)
    names = (parts,) if isinstance(parts, str) else parts
    clean = ~judged.disturbed
    for name in names:
        clean = clean & np.isfinite(forecasts[name].actual) & (forecasts[name].actual > 0)
    clean[-1] = False
    places = np.flatnonzero(clean)[-REFERENCES:]
    if not len(places):
        return Weights({name: np.zeros(size) for name in names}, {}, 0.0)
    ages = size - 1 - places
    share = FADING**ages * np.where(ages % judged.rhythm == 0, IN_RHYTHM, 1.0)
    share = (share / share.sum()).astype(np.float64)
    effective = 1 - float((share**2).sum())
    found = {name: np.zeros(size) for name in names}
    if isinstance(parts, str):
        found[parts][places] = share * judged.expected[-1] / judged.actual[places]
        return Weights(found, _squares(catalog, parts, found, share, places), effective)
    top, bottom = parts
    scale = share * max(forecasts[bottom].actual[-1], 1.0) / forecasts[bottom].actual[places]
    found[bottom][places] = scale
    found[top][places] = scale * judged.expected[-1] / judged.actual[places]
    return Weights(found, {}, effective)


def _squares(
    catalog: Catalog, leaf: str, found: dict[str, Floats], share: Floats, places: Codes
) -> dict[str, Floats]:
    """For events, of which one user makes many, so that cells scatter more than Poisson."""
    quantity = catalog.quantity(leaf)
    if not isinstance(quantity, Measure) or not quantity.is_additive:
        return {}
    squares = np.zeros_like(found[leaf])
    squares[places] = found[leaf][places] ** 2 / share
    return {leaf: squares}


def _dispersion(pulled: Pulled, leaf: str, weights: Weights) -> float:
    """Variance of cells from period to period over their means, pooled over all cells."""
    if leaf not in weights.squares or weights.effective <= 0:
        return 1.0
    mean = pulled.before[leaf]
    variance = pulled.square[leaf].sum() - float((mean**2).sum())
    measured = variance / (mean.sum() * weights.effective) if mean.sum() else 1.0
    return max(1.0, HEAVY_TAIL * measured)


def table_of(catalog: Catalog, metric: str, pulled: Pulled, weights: Weights) -> Counts | Ratios | None:
    """Cells as the segment search takes them; None where there is nothing to compare."""
    parents = {
        name: each.parent for name, each in catalog.dimensions.items()
        if each.parent in pulled.columns and name in pulled.columns and each.parent
    }  # fmt: skip
    parts = parts_of(catalog, metric)
    try:
        if isinstance(parts, str):
            now, before = (np.maximum(each[parts], 0.0) for each in (pulled.now, pulled.before))
            if not before.sum() or not len(now):
                return None
            spread = _dispersion(pulled, parts, weights)
            return Counts.of(pulled.columns, now, before, parents=parents, dispersion=spread)
        top, bottom = parts
        below = [np.maximum(each[bottom], 0.0) for each in (pulled.now, pulled.before)]
        above = [
            np.where(held > 0, np.maximum(each[top], 0.0), 0.0)
            for each, held in zip((pulled.now, pulled.before), below, strict=True)
        ]
        if np.all(above[0] <= below[0]):  # a share stays one when the baseline is scaled
            above[1] = np.minimum(above[1], below[1])
        return Ratios.of(
            pulled.columns, above[0], below[0], baseline_numerator=above[1], baseline_denominator=below[1],
            parents=parents,
        )  # fmt: skip
    except CellsError:
        return None
