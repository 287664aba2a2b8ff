"""The catalog's measures and metrics as expressions over the datasets' columns. No formula is written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from appanalytics.catalog import Active, Catalog, Measure, Ratio
from appanalytics.dashboards.dataset import SavedMetric
from appanalytics.sqltext import identifier, literal
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, Layout, events_column

_PREFIX = "n_"
Leaf = Callable[[Measure | Active], str | None]


def counter(name: str) -> str:
    """The datasets' column of a counter. It is never named as a metric: ClickHouse would take one for the other."""
    return identifier(_PREFIX + name)


def saved_metrics(catalog: Catalog, locale: str, leaf: Leaf) -> dict[str, SavedMetric]:
    """All quantities of the catalog whose leaves a dataset can express; ratios are null where they divide by 0."""
    found = {}
    for each in catalog.quantities():
        expression = _expression(catalog, each.name, leaf)
        if expression is not None:
            found[each.name] = SavedMetric(
                each.name, expression, each.label(locale), d3_format(each.unit, isinstance(each, Ratio)),
                each.description,
            )  # fmt: skip
    return found


def _expression(catalog: Catalog, name: str, leaf: Leaf) -> str | None:
    quantity = catalog.quantity(name)
    if not isinstance(quantity, Ratio):
        return leaf(quantity)
    above, below = (_expression(catalog, part, leaf) for part in quantity.ratio)
    return None if above is None or below is None else f"({above}) / nullIf({below}, 0)"


def d3_format(unit: str, ratio: bool) -> str:
    """How numbers of a unit are drawn: shares in per cent, whole numbers whole."""
    return ".1%" if unit == "share" else ",.2f" if ratio else ",d"


def user_day_leaf(layout: Layout) -> Leaf:
    """Measures over the rows of `user_day`. Users are counted exactly, also those whose attributes change."""

    def leaf(quantity: Measure | Active) -> str | None:
        if isinstance(quantity, Active):
            return None
        if quantity.is_additive:
            return f"sum({counter(layout.column_of(quantity))})"
        if quantity.unique != "user" or quantity.condition:
            return None
        if quantity.first:
            return "uniqExactIf(user_id, day = first_day)"
        if quantity.source is not None:
            return f"uniqExactIf(user_id, {_acted([quantity.source], ' OR ')})"
        return _of_services(quantity)

    return leaf


def _of_services(measure: Measure) -> str | None:
    if not measure.active_in:
        return "uniqExact(user_id)"
    if measure.within == "day":
        absent = [f"{counter(events_column(name))} = 0" for name in measure.inactive_in]
        return f"uniqExactIf(user_id, {' AND '.join([_acted(measure.active_in, ' AND '), *absent])})"
    if len(measure.active_in) == 1 and measure.inactive_in:
        # In A and in none of B: those in A or B without those in B.
        either = _acted([*measure.active_in, *measure.inactive_in], " OR ")
        return f"uniqExactIf(user_id, {either}) - uniqExactIf(user_id, {_acted(measure.inactive_in, ' OR ')})"
    return None


def _acted(services: list[str], joint: str) -> str:
    return joint.join(f"{counter(events_column(name))} > 0" for name in services)


def active_leaf(catalog: Catalog) -> Leaf:
    """Users of a rolling window: the running sum on the last day of the bucket, over all slices."""

    def leaf(quantity: Measure | Active) -> str | None:
        pair = window_of(quantity, catalog)
        if pair is None:
            return None
        condition = f"service = {literal(pair[0])} AND days = {pair[1]}"
        return f"arrayElement(tupleElement(sumMapIf([day], [n], {condition}), 2), -1)"

    return leaf


def window_of(quantity: Measure | Active, catalog: Catalog) -> tuple[str, int] | None:
    """Service and length in days of a rolling window; None for everything else."""
    if not isinstance(quantity, Active) or quantity.days is None:
        return None
    return catalog.measures[quantity.active].source or ANY_SERVICE, quantity.days


def windows_needed(catalog: Catalog) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    """For each metric of rolling windows, which windows it reads."""
    for each in catalog.quantities():
        pairs = [window_of(leaf, catalog) for leaf in catalog.leaves(each.name)]
        if pairs and all(pairs):
            yield each.name, [pair for pair in pairs if pair]


def events_leaf(layout: Layout) -> Leaf:
    """Measures over single events, where additive ones are columns of their own."""

    def leaf(quantity: Measure | Active) -> str | None:
        if isinstance(quantity, Active) or quantity.first or quantity.active_in:
            return None
        if quantity.is_additive:
            return f"sum({counter(quantity.name)})"
        parts = [f"service = {literal(quantity.source)}"] if quantity.source else ["service != ''"]
        if quantity.condition:
            same = [each.name for each in layout.stored_measures if each.condition == quantity.condition]
            if not same:
                return None
            parts.append(f"{counter(same[0])} > 0")
        column = "user_id" if quantity.unique == "user" else quantity.unique or ""
        known = {"user_id", *(each.name for each in layout.item_dimensions)}
        return f"uniqExactIf({identifier(column)}, {' AND '.join(parts)})" if column in known else None

    return leaf


def posts_leaf(layout: Layout) -> Leaf:
    """Measures by item: counters add up; users of an item are its first rows of the period, from its links."""
    source = layout.item_source

    def leaf(quantity: Measure | Active) -> str | None:
        if isinstance(quantity, Active) or quantity.source != source or quantity.first or quantity.active_in:
            return None
        if quantity.is_additive:
            return f"sum({counter(layout.column_of(quantity))})"
        if quantity.unique == "user" and not quantity.condition:
            return "sum(n_users)"
        items = {each.column: each.name for each in layout.item_dimensions}
        stored = [each.name for each in layout.stored_measures if each.condition == quantity.condition]
        if quantity.unique in items and stored:
            return f"uniqExactIf({identifier(items[quantity.unique])}, {counter(stored[0])} > 0)"
        return None

    return leaf


def people_leaf(catalog: Catalog) -> Leaf:
    """Users of a period by their first row in it, from the links; they add up over slices."""

    def leaf(quantity: Measure | Active) -> str | None:
        if isinstance(quantity, Active) or quantity.unique != "user" or quantity.condition:
            return None
        if quantity.first:
            return f"sumIf(n, service = {literal(ANY_SERVICE)} AND is_new)"
        if quantity.source is not None:
            return f"sumIf(n, service = {literal(quantity.source)})"
        everybody = f"sumIf(n, service = {literal(ANY_SERVICE)})"
        if not quantity.active_in:
            return everybody
        together = {*quantity.active_in, *quantity.inactive_in}
        if quantity.within == "period" and len(quantity.inactive_in) == 1 and together == set(catalog.sources):
            return f"{everybody} - sumIf(n, service = {literal(quantity.inactive_in[0])})"
        return None

    return leaf


def both_of_day(catalog: Catalog, active: Mapping[str, SavedMetric]) -> str | None:
    """Users of both services on the bucket's last day: of each, less of any; None unless there are two."""
    days: dict[str, str] = {}
    for each in catalog.quantities():
        pair = window_of(each, catalog) if isinstance(each, Active) else None
        if pair is not None and pair[1] == 1:
            days[pair[0]] = active[each.name].expression
    names = [*catalog.sources]
    if len(names) != 2 or not {ANY_SERVICE, *names} <= set(days):
        return None
    return f"{days[names[0]]} + {days[names[1]]} - {days[ANY_SERVICE]}"


def additive_metrics(catalog: Catalog) -> list[str]:
    """Metrics that are made of counts and sums alone."""
    return [
        each.name
        for each in catalog.quantities()
        if all(isinstance(leaf, Measure) and leaf.is_additive for leaf in catalog.leaves(each.name))
    ]
