"""Whose users a metric counts, and how `user_day` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from appanalytics.catalog import Active, Catalog, Measure
from appanalytics.investigate.explanation import Where
from appanalytics.investigate.reader import Reader
from appanalytics.query import Filter, Question
from appanalytics.query.scope import Scope
from appanalytics.sqltext import identifier, render
from appanalytics.warehouse.rollup.layout import events_column, first_column, prev_column
from appanalytics.window import Grain

PACKAGE = "appanalytics.investigate"


@dataclass(frozen=True, slots=True)
class Population:
    """Users of one service, or of any."""

    service: str | None

    def names(self) -> dict[str, str]:
        """Columns of `user_day`: first day, active day before, and the condition of being active."""
        if self.service is None:
            return {"first": "first_day", "prev": "prev_day", "active": "1"}
        return {
            "first": identifier(first_column(self.service)),
            "prev": identifier(prev_column(self.service)),
            "active": f"{identifier(events_column(self.service))} > 0",
        }


def population_of(catalog: Catalog, metric: str) -> Population | None:
    """The users that a metric counts by day; None for other metrics, and for longer windows."""
    quantity = catalog.quantity(metric)
    if isinstance(quantity, Active):
        quantity = catalog.measures[quantity.active] if quantity.days == 1 else quantity
    if not isinstance(quantity, Measure) or quantity.unique != "user" or quantity.active_in or quantity.condition:
        return None
    return Population(quantity.source)


def conditions(reader: Reader, filters: Sequence[Filter], prefix: str = "") -> tuple[str, dict[str, Any]]:
    """Filters as SQL over `user_day`; ``prefix`` keeps the parameters of two sets of filters apart."""
    catalog = reader.layout.catalog
    question = Question((), reader.target.window, Grain.DAY, (), tuple(filters))
    parts, parameters = Scope.of_users(catalog).conditions(question)
    text = " AND ".join(parts) or "1"
    for name in parameters:
        text = text.replace(f"{{{name}:", f"{{{prefix}{name}:")
    return text, {f"{prefix}{name}": value for name, value in parameters.items()}


def filters_of(where: Where) -> tuple[Filter, ...]:
    """A segment's definition as filters."""
    return tuple(Filter(name, (str(value),)) for name, value in where)


def shape(reader: Reader, name: str, people: Population, **more: str) -> tuple[str, dict[str, Any]]:
    """A written statement for these people, within the investigated slice."""
    where, parameters = conditions(reader, reader.where)
    return render(PACKAGE, name, **people.names(), where=where, **more), parameters
