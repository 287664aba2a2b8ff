"""Dimensions and filters as SQL over one relation. Filter values are parameters, never text of the statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from appanalytics.catalog import Catalog, Dimension, Source
from appanalytics.catalog.sql import UNKNOWN, dimension_column, label
from appanalytics.query.question import Filter, Question
from appanalytics.sqltext import identifier


@dataclass(frozen=True)
class Scope:
    """How one relation shows the catalog's dimensions.

    ``column`` gives the column behind a dimension; ``labelled`` says that the column holds the label already.
    """

    catalog: Catalog
    column: Callable[[Dimension], str]
    labelled: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of_events(cls, catalog: Catalog, source: Source) -> Scope:
        """A source's own table."""
        return cls(catalog, lambda each: dimension_column(catalog, each, source))

    @classmethod
    def of_users(cls, catalog: Catalog) -> Scope:
        """Relations with a user's raw attributes under their logical names, such as `user_day`."""
        return cls(catalog, lambda each: identifier(each.column))

    @classmethod
    def of_labels(cls, catalog: Catalog, names: Sequence[str]) -> Scope:
        """Compact rollups, which hold labels; dimensions not in ``names`` are raw columns."""
        return cls(catalog, lambda each: identifier(each.name), frozenset(names))

    def expression(self, name: str) -> str:
        """A dimension's label over this relation."""
        dimension = self.catalog.dimension(name)
        column = self.column(dimension)
        return column if name in self.labelled else label(dimension, column)

    def groups(self, by: Sequence[str]) -> list[str]:
        """Select list of the dimensions. The prefix keeps an output from hiding a column of its name."""
        return [f"{self.expression(name)} AS {output(name)}" for name in by]

    def conditions(self, question: Question) -> tuple[list[str], dict[str, Any]]:
        """Filters of a question and their parameters."""
        parts: list[str] = []
        parameters: dict[str, Any] = {}
        for number, each in enumerate(question.where):
            text, bound = self._condition(each, f"where_{number}")
            parts.append(f"NOT ({text})" if each.negated else text)
            parameters |= bound
        return parts, parameters

    def _condition(self, given: Filter, key: str) -> tuple[str, dict[str, Any]]:
        dimension = self.catalog.dimension(given.dimension)
        column = self.column(dimension)
        if dimension.name not in self.labelled:
            if dimension.values and UNKNOWN not in given.values:
                keys = [code for code, name in dimension.values.items() if name in given.values]
                return f"{column} IN {{{key}:Array(Int64)}}", {key: keys}
            if dimension.bands:
                return "(" + " OR ".join(_band(dimension, column, value) for value in given.values) + ")", {}
            if dimension.kind == "number":
                numbers = [_number(dimension, value) for value in given.values]
                kind = "Int64" if min(numbers) < 0 else "UInt64"
                return f"{column} IN {{{key}:Array({kind})}}", {key: numbers}
        return f"{self.expression(dimension.name)} IN {{{key}:Array(String)}}", {key: list(given.values)}


def output(dimension: str) -> str:
    """Column of a dimension in a statement's result."""
    return f"by_{dimension}"


def _number(dimension: Dimension, value: str) -> int:
    if value.lower() == UNKNOWN:
        return dimension.unknown if dimension.unknown is not None else 0
    return int(value)


def _band(dimension: Dimension, column: str, name: str) -> str:
    """A band as a range of the raw column; cheaper for the engine than comparing labels."""
    if name == UNKNOWN:
        return f"{column} = {dimension.unknown}" if dimension.unknown is not None else "0"
    place = dimension.band_labels.index(name)
    edges = [0, *dimension.bands]
    parts = [f"{column} >= {edges[place]}"] if place else []
    parts += [f"{column} < {edges[place + 1]}"] if place + 1 < len(edges) else []
    parts += [f"{column} != {dimension.unknown}"] if dimension.unknown is not None else []
    return f"({' AND '.join(parts)})"
