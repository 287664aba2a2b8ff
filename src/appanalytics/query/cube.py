"""Statements' rows as arrays: one number for each bucket and combination of dimension values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from appanalytics.catalog import Active, Catalog, Ratio
from appanalytics.engine.columns import numbers
from appanalytics.query.plan import Plan
from appanalytics.query.scope import output
from appanalytics.query.statements import Statement, column
from appanalytics.window import Grain

Values = np.ndarray[Any, Any]
Combination = tuple[Any, ...]


class Cube:
    """Leaves of a plan as arrays of shape (buckets, combinations); gaps are zero."""

    def __init__(self, plan: Plan, run: Callable[[Statement], pa.Table], catalog: Catalog) -> None:
        self.plan = plan
        self.catalog = catalog
        self.combinations: dict[Combination, int] = {} if plan.question.by else {(): 0}
        tables = [(statement, run(statement)) for statement in plan.statements]
        placed = [self._place(table) for _, table in tables]
        self.leaves: dict[str, Values] = {}
        for (statement, table), places in zip(tables, placed, strict=True):
            self._add(statement, table, places)

    def value(self, name: str) -> Values:
        """Values of a measure or metric; NaN where a ratio's denominator is zero."""
        quantity = self.catalog.quantity(name)
        if not isinstance(quantity, Ratio):
            return self.leaves[name]
        above, below = (self.value(part).astype(float) for part in quantity.ratio)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(below == 0, np.nan, above / below)

    def alive(self) -> set[Combination]:
        """Combinations with some value other than zero."""
        seen = np.any([np.nan_to_num(each.astype(float)) != 0 for each in self.leaves.values()], axis=(0, 1))
        return {key for key, place in self.combinations.items() if seen[place]}

    def widen(self, combinations: Iterable[Combination]) -> None:
        """Take in combinations of another cube, with zeros."""
        for key in combinations:
            self.combinations.setdefault(key, len(self.combinations))
        more = len(self.combinations)
        self.leaves = {
            name: np.pad(values, ((0, 0), (0, more - values.shape[1]))) for name, values in self.leaves.items()
        }

    def _place(self, table: pa.Table) -> Values:
        """The combination of each row, by number; combinations not seen before get the next one."""
        if not self.plan.question.by:
            return np.zeros(table.num_rows, dtype=np.int64)
        columns = [table.column(output(name)).to_pylist() for name in self.plan.question.by]
        places = [self.combinations.setdefault(key, len(self.combinations)) for key in zip(*columns, strict=True)]
        return np.asarray(places, dtype=np.int64)

    def _add(self, statement: Statement, table: pa.Table, places: Values) -> None:
        if statement.kind == "grouped":
            keys = self.plan.timeline.bucket_keys()
            buckets = _places(table.column("bucket"), keys)
            for leaf in statement.leaves:
                self._sum(leaf, buckets, places, table.column(column(leaf)), statement.sign)
        elif statement.kind == "rolling":
            self._add_rolling(statement, table, places)
        else:
            self._add_periodic(statement, table, places)

    def _empty(self, kind: type = int) -> Values:
        return np.zeros((len(self.plan.timeline.buckets), len(self.combinations)), dtype=kind)

    def _sum(self, leaf: str, buckets: Values, places: Values, values: pa.ChunkedArray, sign: int) -> None:
        added = numbers(values)
        kind = float if added.dtype.kind == "f" else int
        held = self.leaves.setdefault(leaf, self._empty(kind))
        np.add.at(held, (buckets, places), added.astype(kind) * sign)

    def _add_rolling(self, statement: Statement, table: pa.Table, places: Values) -> None:
        timeline = self.plan.timeline
        first, last = timeline.first_slot, timeline.last_slots[-1]
        length, slot = (numbers(table.column(name)) for name in ("days", "slot"))
        delta = numbers(table.column("delta")) * statement.sign
        inside = slot <= last
        for days, names in statement.windows.items():
            chosen = inside & (length == days)
            steps = np.zeros((last - first + 1, len(self.combinations)), dtype=int)
            np.add.at(steps, (slot[chosen] - first, places[chosen]), delta[chosen])
            active = steps.cumsum(axis=0)[np.asarray(timeline.last_slots) - first]
            for name in names:
                self.leaves[name] = self.leaves.get(name, self._empty()) + active

    def _add_periodic(self, statement: Statement, table: pa.Table, places: Values) -> None:
        timeline, leaf = self.plan.timeline, statement.leaves[0]
        metric = self.catalog.metrics[leaf]
        assert isinstance(metric, Active)  # noqa: S101 (the planner makes periodic statements of nothing else)
        periods = timeline.period_starts(Grain.WEEK if metric.period == "week" else Grain.MONTH)
        period, slot, users = (numbers(table.column(name)) for name in ("period", "slot", "users"))
        held = self._empty()
        for place, (start, last) in enumerate(zip(periods, timeline.last_slots, strict=True)):
            chosen = (period == start) & (slot <= last)
            np.add.at(held[place], places[chosen], users[chosen].astype(int))
        self.leaves[leaf] = held


def _places(keys: pa.ChunkedArray, places: dict[int, int]) -> Values:
    return np.asarray([places[key] for key in keys.to_pylist()], dtype=np.int64)
