"""Statements of the query room, wrapped so that the engine adds up many periods with weights in one pass.

Every number that a plan's statements give is a sum over rows, so a weighted mean of earlier periods is one, too: of
days for grouped rows, of the deltas up to each day for rolling windows, of the firsts of a period for calendar ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from appanalytics.catalog import Active, Catalog
from appanalytics.query.plan import Plan
from appanalytics.query.scope import output
from appanalytics.query.statements import Statement, column
from appanalytics.sqltext import comma, identifier
from appanalytics.window import Grain

Floats = np.ndarray[Any, np.dtype[np.float64]]


def weighted(
    plan: Plan, statement: Statement, catalog: Catalog, weights: Mapping[str, Floats], squares: Mapping[str, Floats]
) -> tuple[str, dict[str, Any]]:
    """SQL of ``now_<leaf>`` (the last bucket) and ``before_<leaf>`` (the weighted sum of all) by the dimensions.

    ``weights`` has one number for each bucket of the plan and leaf. For leaves in ``squares`` there is
    ``square_<leaf>``, too: the sum of squares of the buckets' values with those weights.
    """
    groups = [identifier(output(name)) for name in plan.question.by]
    values, parameters = [], dict(statement.parameters)
    key = {"grouped": "bucket", "rolling": "slot", "periodic": "toInt64(period) * 1000000 + slot"}[statement.kind]
    for number, leaf in enumerate(statement.leaves):
        value = identifier(column(leaf)) if statement.kind == "grouped" else _VALUE[statement.kind]
        days = next((days for days, names in statement.windows.items() if leaf in names), None)
        factor = f"(days = {days}) * {value}" if days is not None else value
        last = np.zeros(len(weights[leaf]))
        last[-1] = 1.0
        summed = [("now", last, factor), ("before", weights[leaf], factor)]
        if leaf in squares and statement.kind == "grouped":
            summed.append(("square", squares[leaf], f"pow({value}, 2)"))
        for kind, given, term in summed:
            keys, numbers = _keyed(plan, statement, catalog, leaf, given)
            name = f"{kind}_{number}"
            parameters |= {f"keys_{name}": keys, f"weights_{name}": numbers}
            looked = f"transform(toInt64({key}), {{keys_{name}:Array(Int64)}}, {{weights_{name}:Array(Float64)}}, 0.)"
            values.append(f"{statement.sign} * sum({term} * {looked}) AS {kind}_{leaf}")
    grouped = f"\nGROUP BY {', '.join(groups)}" if groups else ""
    return f"SELECT\n    {comma([*groups, *values])}\nFROM\n(\n{statement.sql}\n){grouped}", parameters


#: Column of `union` that says which statement a row is of.
PERIOD = "number_of_period"


def union(statements: Sequence[Statement]) -> tuple[str, dict[str, Any]]:
    """Statements of one form, each over a period of its own, as one; their parameters get the period's number."""
    parts: list[str] = []
    parameters: dict[str, Any] = {}
    for number, statement in enumerate(statements):
        sql = re.sub(r"\{(\w+):", rf"{{\1_{number}:", statement.sql)
        parts.append(f"SELECT {number} AS {PERIOD}, *\nFROM\n(\n{sql}\n)")
        parameters |= {f"{name}_{number}": value for name, value in statement.parameters.items()}
    return "\nUNION ALL\n".join(parts), parameters


_VALUE = {"rolling": "delta", "periodic": "users"}


def _keyed(
    plan: Plan, statement: Statement, catalog: Catalog, leaf: str, weights: Floats
) -> tuple[list[int], list[float]]:
    """The weight of each key of a statement's rows."""
    timeline = plan.timeline
    if statement.kind == "grouped":
        places = timeline.bucket_keys()
        return list(places), [float(weights[place]) for place in places.values()]
    slots = np.arange(timeline.first_slot, timeline.last_slots[-1] + 1)
    ends = np.asarray(timeline.last_slots)
    if statement.kind == "rolling":
        # A change counts in every later bucket.
        totals = np.where(ends[None, :] >= slots[:, None], weights[None, :], 0.0).sum(axis=1)
        return _pairs(slots, totals)
    metric = catalog.metrics[leaf]
    assert isinstance(metric, Active)  # noqa: S101 (the planner makes periodic statements of nothing else)
    starts = timeline.period_starts(Grain.WEEK if metric.period == "week" else Grain.MONTH)
    keys: dict[int, float] = {}
    for start, end, weight in zip(starts, ends, weights, strict=True):
        for slot in range(start, int(end) + 1):
            keys[start * 1_000_000 + slot] = keys.get(start * 1_000_000 + slot, 0.0) + float(weight)
    return list(keys), list(keys.values())


def _pairs(keys: Sequence[int] | Any, values: Floats) -> tuple[list[int], list[float]]:
    return [int(key) for key in keys], [float(value) for value in values]
