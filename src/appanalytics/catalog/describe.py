"""The catalog in words: how each number is defined."""

from __future__ import annotations

from appanalytics.catalog.model import Active, Catalog, Measure, Ratio


def definition(catalog: Catalog, name: str) -> str:
    """One line that says how a measure or metric is computed."""
    quantity = catalog.quantity(name)
    if isinstance(quantity, Ratio):
        above, below = quantity.ratio
        return f"{above} / {below}; nothing where {below} is 0"
    if isinstance(quantity, Active):
        if quantity.period:
            since = f"from the start of the calendar {quantity.period}"
            return f"different users of `{quantity.active}` {since} to the end of the bucket"
        return f"different users of `{quantity.active}` in the {quantity.days} days that end with the bucket"
    return _measure(quantity)


def allowed_dimensions(catalog: Catalog, name: str) -> list[str]:
    """Dimensions by which a measure or metric can be sliced: those that all its parts have.

    Users active in a window are sliced by the attributes of users only.
    """
    sources = {leaf.source if isinstance(leaf, Measure) else None for leaf in catalog.leaves(name)}
    return [each.name for each in catalog.dimensions.values() if each.only is None or sources == {each.only}]


def _measure(measure: Measure) -> str:
    rows = f"events of {measure.source}" if measure.source else "events of any source"
    for column, values in measure.condition.items():
        rows += f" where {column} is {' or '.join(str(value) for value in values)}"
    if measure.sum:
        return f"sum of {measure.sum} over {rows}"
    if measure.unique is None:
        return f"number of {rows}"
    text = f"number of different {measure.unique}s in {rows}"
    if measure.first:
        text += " on the user's first day (or first bucket, below a day)"
    if measure.active_in:
        span = "the same day" if measure.within == "day" else "the period"
        text += f", active in {' and '.join(measure.active_in)} in {span}"
    if measure.inactive_in:
        text += f", not active in {' or '.join(measure.inactive_in)}"
    return text
