"""Beside the users' attributes: experiment groups and single items (posts), each looked at on its own.

A numbered group is searched like any dimension, but alone: crossed with all others it would make every cell five
times thinner. A post lives for days only, so there is no forecast of it: the first posts of the period are set beside
the first posts of earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.catalog import Catalog, Dimension, Measure, Ratio
from appanalytics.investigate.expectation import Weights, table_of
from appanalytics.investigate.explain import explain
from appanalytics.investigate.explanation import Explanation
from appanalytics.investigate.reader import Reader

Floats = NDArray[np.float64]
#: Earlier periods whose first item is compared, items that are listed, and most values of a numbered group.
BEFORE, LISTED, MOST_GROUPS = 14, 5, 100
#: One item stands out from so many times the largest share that the first item had before.
STANDS_OUT = 1.5


@dataclass(frozen=True, slots=True)
class Item:
    """An item of the period: its value, and the one in the period before."""

    value: str
    actual: float
    before: float


@dataclass(frozen=True, slots=True)
class Items:
    """The items (posts) whose number changed most against the period before, the largest change first.

    ``metric`` is what was counted: the metric itself, of a ratio its denominator. ``first`` is the value of the item
    with the most, ``share`` its share of all; ``low`` and ``high`` the range of the first item's share in the
    earlier ``periods``. One item ``stands_out`` where its share is far beyond that.
    """

    dimension: str
    metric: str
    changed: tuple[Item, ...]
    first: str
    share: float
    low: float
    high: float
    periods: int

    @property
    def stands_out(self) -> bool:
        """True where one item alone may be the cause."""
        return self.share > STANDS_OUT * self.high


def groups(reader: Reader, metric: str, used: Weights) -> dict[str, Explanation]:
    """The search over each numbered attribute of users (experiment group) alone, by dimension."""
    catalog = reader.layout.catalog
    fixed = {each.dimension for each in reader.where}
    found = {}
    for name, each in catalog.user_dimensions().items():
        if each.kind != "number" or each.values or each.bands or name in fixed or _is_banded(catalog, each):
            continue
        pulled = reader.cells(metric, [name], used.of, used.squares)
        if 1 < len(set(pulled.columns[name])) <= MOST_GROUPS:
            table = table_of(catalog, metric, pulled, used)
            if table is not None:
                found[name] = explain(table)
    return found


def _is_banded(catalog: Catalog, dimension: Dimension) -> bool:
    """Another dimension has bands of the same column: age is searched by age group."""
    return any(each.bands for each in catalog.user_dimensions().values() if each.column == dimension.column)


def items(reader: Reader, metric: str) -> tuple[Items, ...]:
    """First items and largest changes, for each dimension that only the metric's source has."""
    catalog = reader.layout.catalog
    quantity = catalog.quantity(metric)
    counted = quantity.ratio[1] if isinstance(quantity, Ratio) else metric
    measure = catalog.quantity(counted)
    if not isinstance(measure, Measure) or not measure.is_additive or len(reader.periods) < 4:
        return ()
    fixed = {each.dimension for each in reader.where}
    named = [name for name, each in catalog.dimensions.items() if each.only == measure.source and name not in fixed]
    found = (_items(name, counted, *reader.values(counted, name, BEFORE)) for name in named)
    return tuple(each for each in found if each is not None)


def _items(dimension: str, metric: str, values: Sequence[object], table: Floats) -> Items | None:
    """``table`` has the shape (periods, values), the asked period last."""
    totals = table.sum(axis=1)
    if not len(values) or not totals[-1]:
        return None
    earlier = (table[:-1].max(axis=1) / np.maximum(totals[:-1], 1))[totals[:-1] > 0]
    if not len(earlier):
        return None
    first = int(np.argmax(table[-1]))
    change = table[-1] - table[-2]
    order = np.argsort(-np.abs(change), kind="stable")[:LISTED]
    changed = tuple(
        Item(str(values[each]), float(table[-1, each]), float(table[-2, each])) for each in order if change[each]
    )
    share = float(table[-1, first] / totals[-1])
    return Items(
        dimension,
        metric,
        changed,
        str(values[first]),
        share,
        float(earlier.min()),
        float(earlier.max()),
        len(earlier),
    )
