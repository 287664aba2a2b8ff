"""The catalog's entries as SQL expressions. Metric formulas are written here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping

from appanalytics.catalog.model import Catalog, Dimension, Measure, Scalar, Source
from appanalytics.sqltext import identifier, literal

UNKNOWN = "unknown"


def condition(source: Source, where: Mapping[str, list[Scalar]]) -> str:
    """Row condition over a source's table, or ``1`` where every row counts."""
    parts = []
    for logical, values in where.items():
        column = identifier(source.column(logical))
        listed = ", ".join(literal(value) for value in values)
        parts.append(f"{column} = {listed}" if len(values) == 1 else f"{column} IN ({listed})")
    return " AND ".join(parts) or "1"


def aggregate(source: Source, measure: Measure) -> str:
    """Aggregate of a measure over rows of its source's table."""
    where = condition(source, measure.condition)
    if measure.unique is not None:
        column = identifier(source.column(measure.unique))
        return f"uniqExact({column})" if where == "1" else f"uniqExactIf({column}, {where})"
    if measure.sum is not None:
        column = identifier(source.column(measure.sum))
        return f"sum({column})" if where == "1" else f"sumIf({column}, {where})"
    return "count()" if where == "1" else f"countIf({where})"


def label(dimension: Dimension, column: str) -> str:
    """A dimension's value as people read it, from its column: text, a number, a named value or a band."""
    if dimension.values:
        keys = ", ".join(str(key) for key in dimension.values)
        names = ", ".join(literal(name) for name in dimension.values.values())
        return f"transform(toInt64({column}), [{keys}], [{names}], {literal(UNKNOWN)})"
    if dimension.bands:
        return _band(dimension, column)
    if dimension.kind == "number":
        return column if dimension.unknown is None else f"nullIf({column}, {dimension.unknown})"
    return column


def _band(dimension: Dimension, column: str) -> str:
    steps = [f"{column} = {dimension.unknown}, {literal(UNKNOWN)}"] if dimension.unknown is not None else []
    steps += [
        f"{column} < {edge}, {literal(name)}"
        for edge, name in zip(dimension.bands, dimension.band_labels, strict=False)
    ]
    return f"multiIf({', '.join(steps)}, {literal(dimension.band_labels[-1])})"


def known_labels(dimension: Dimension) -> list[str] | None:
    """All values that a dimension can have, where its definition says so; None where the data decide."""
    if dimension.values:
        return [*dimension.values.values(), UNKNOWN]
    if dimension.bands:
        return [*dimension.band_labels, UNKNOWN]
    return None


def dimension_column(catalog: Catalog, dimension: Dimension, source: Source) -> str:
    """The column of a source's table behind a dimension."""
    return identifier(source.column(dimension.column))


#: Our own tables of events are sorted by the hour. The engine does not see that the hour follows the time, and would
#: read a month of events for one hour of them.
_SORTED_BY_HOUR = frozenset({"feed_actions", "message_actions"})


def is_sorted_by_hour(source: Source) -> bool:
    """True for our own tables of events, whose rows of an hour are found by ``toStartOfHour(time)``."""
    return source.table in _SORTED_BY_HOUR


def within(source: Source, since: str, until: str) -> list[str]:
    """Row conditions of the instants ``[since, until)`` (SQL expressions) in a source's table."""
    time = identifier(source.time)
    exact = [f"{time} >= {since}", f"{time} < {until}"]
    if not is_sorted_by_hour(source):
        return exact
    # Implied by the other two, whatever the time zone of the column.
    return [*exact, f"toStartOfHour({time}) > {since} - toIntervalHour(1)", f"toStartOfHour({time}) < {until}"]
