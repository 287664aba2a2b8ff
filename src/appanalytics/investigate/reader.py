"""Numbers of one period and of the same period of earlier days, out of the warehouse; every statement is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from appanalytics.catalog import Active, Measure
from appanalytics.engine import Engine
from appanalytics.engine.columns import numbers
from appanalytics.errors import QuestionError
from appanalytics.investigate.target import Target
from appanalytics.investigate.weighted import PERIOD, union, weighted
from appanalytics.query import Coverage, Filter, Plan, Prefer, Question, make_plan
from appanalytics.query.cube import Combination, Cube, Values
from appanalytics.query.plan import shown
from appanalytics.query.scope import output
from appanalytics.query.timeline import parts_fit
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window, day_start

Floats = NDArray[np.float64]
#: Earlier days that are read, for a day and for a part of one.
LOOKED_BACK = {Grain.DAY: 63, Grain.HOUR: 28, Grain.QUARTER_HOUR: 28}


@dataclass(frozen=True, slots=True)
class Step:
    """A statement that was run, ready to paste into SQL Lab; ``name`` says what for."""

    name: str
    sql: str


@dataclass(frozen=True, eq=False)
class Pulled:
    """Cells of the asked period and of a weighted mean of earlier ones, by leaf of the metric.

    ``square`` is the weighted mean of squares of the earlier periods, where it was asked for.
    """

    columns: dict[str, list[Any]]
    now: dict[str, Floats]
    before: dict[str, Floats]
    square: dict[str, Floats]


@dataclass
class Reader:
    """Asks the warehouse for one investigation, and remembers what it asked."""

    engine: Engine
    layout: Layout
    coverage: Coverage
    target: Target
    where: tuple[Filter, ...] = ()
    steps: list[Step] = field(default_factory=list)

    @cached_property
    def periods(self) -> list[Window]:
        """The earlier periods with data, the oldest first, then the asked one.

        Raises `QuestionError` where the period lies outside of the data.
        """
        zone, window = self.layout.zone, self.target.window
        first, last = self.coverage.first, self.coverage.last
        if first is None or last is None:
            raise QuestionError("the warehouse holds no events yet", hint="appanalytics simulate, or load")
        start = day_start(first.astimezone(zone).date(), zone)
        if window.end <= start or window.start > last:
            days = f"{start.astimezone(zone).date()} … {last.astimezone(zone).date()}"
            raise QuestionError(f"{self.target.label()} lies outside of the data", hint=f"there are events of {days}")
        back = range(LOOKED_BACK[self.target.grain], -1, -1)
        return [each for each in map(self.target.same_part, back) if each is not None and each.start >= start]

    def history(self, metrics: Sequence[str], name: str = "history", most: int | None = None) -> dict[str, Floats]:
        """Each metric's value in every period (the last ``most``, and the asked one); NaN where nothing is below."""
        skipped = max(0, len(self.periods) - 1 - most) if most is not None else 0
        cubes = self._cubes(name, self._plans(metrics, (), skipped))
        return {each: np.concatenate([cube.value(each).astype(float)[:, 0] for cube in cubes]) for each in metrics}

    def values(self, measure: str, by: str, most: int) -> tuple[list[Any], Floats]:
        """A measure by one dimension, the asked period after ``most`` earlier ones: values, and (periods, values)."""
        cubes = self._cubes("items", self._plans([measure], (by,), max(0, len(self.periods) - 1 - most)))
        keys, table = _together(cubes, [cube.value(measure) for cube in cubes])
        return [key[0] for key in keys], table

    def cells(self, metric: str, by: Sequence[str], weights: dict[str, Floats], squares: dict[str, Floats]) -> Pulled:
        """The metric's leaves by dimensions: in the asked period, and summed over all with one weight for each."""
        if self.target.grain is not Grain.DAY:
            return self._cells_of_parts(metric, by, weights, squares)
        used = np.any([each != 0 for each in weights.values()], axis=0)
        skipped = int(np.argmax(used)) if used.any() else len(used) - 1
        plan = self._plans([metric], by, skipped)[0]
        tables, names = [], list(plan.question.by)
        for statement in plan.statements:
            given = {leaf: weights[leaf][skipped:] for leaf in statement.leaves}
            sums = {leaf: squares[leaf][skipped:] for leaf in statement.leaves if leaf in squares}
            sql, parameters = weighted(plan, statement, self.layout.catalog, given, sums)
            self.steps.append(Step("cells", shown(sql, parameters)))
            tables.append(self.engine.query(sql, parameters))
        return _joined(tables, names, [leaf for each in plan.statements for leaf in each.leaves])

    def _cells_of_parts(
        self, metric: str, by: Sequence[str], weights: dict[str, Floats], squares: dict[str, Floats]
    ) -> Pulled:
        """The same for a part of a day, as between the periods lie days of events."""
        used = np.any([each != 0 for each in weights.values()], axis=0)
        used[-1] = True
        places = np.flatnonzero(used)
        cubes = self._cubes("cells", self._plans_of([metric], by, [self.periods[place] for place in places]))
        now, before, square = {}, {}, {}
        keys: list[Combination] = []
        for leaf, weight in weights.items():
            keys, table = _together(cubes, [cube.leaves[leaf] for cube in cubes])
            now[leaf] = table[-1]
            before[leaf] = _summed(table, weight[places])
            if leaf in squares:
                square[leaf] = _summed(table**2, squares[leaf][places])
        columns = {name: [key[number] for key in keys] for number, name in enumerate(by)}
        return Pulled(columns, now, before, square)

    def _cubes(self, name: str, plans: Sequence[Plan]) -> list[Cube]:
        """The plans' numbers. Plans of many periods are run together: one statement for all of them."""
        answered: dict[int, pa.Table] = {}
        for together in zip(*(plan.statements for plan in plans), strict=True):
            sql, parameters = union(together) if len(together) > 1 else (together[0].sql, together[0].parameters)
            self.steps.append(Step(name, shown(sql, parameters)))
            table = self.engine.query(sql, parameters)
            for number, statement in enumerate(together):
                answered[id(statement)] = table if len(together) == 1 else _of_period(table, number)
        return [Cube(plan, lambda each: answered[id(each)], self.layout.catalog) for plan in plans]

    def table(self, name: str, sql: str, parameters: dict[str, Any]) -> pa.Table:
        """The same as `rows` for many rows: an Arrow table."""
        self.steps.append(Step(name, shown(sql, parameters)))
        return self.engine.query(sql, parameters)

    def rows(self, name: str, sql: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        """Run a statement of an investigation's own and keep it as a step."""
        self.steps.append(Step(name, shown(sql, parameters)))
        return list(self.engine.rows(sql, parameters))

    def _plans(self, metrics: Sequence[str], by: Sequence[str], skipped: int = 0) -> list[Plan]:
        """One plan over all days in a row, or those for parts of days."""
        periods = self.periods[skipped:]
        if self.target.grain is Grain.DAY:
            return [self._plan(metrics, by, Window(periods[0].start, periods[-1].end, self.layout.zone))]
        return self._plans_of(metrics, by, periods)

    def _plans_of(self, metrics: Sequence[str], by: Sequence[str], periods: Sequence[Window]) -> list[Plan]:
        """One plan that reads all parts of days at once, where their events tell everything; else one for each."""
        catalog = self.layout.catalog
        if parts_fit(periods) and all(_is_told(leaf) for name in metrics for leaf in catalog.leaves(name)):
            whole = Window(periods[0].start, periods[-1].end, self.layout.zone)
            return [self._plan(metrics, by, whole, tuple(periods))]
        return [self._plan(metrics, by, each) for each in periods]

    def _plan(
        self, metrics: Sequence[str], by: Sequence[str], window: Window, parts: tuple[Window, ...] = ()
    ) -> Plan:
        asked = Question(tuple(metrics), window, self.target.grain, tuple(by), self.where, parts=parts)
        question = asked.checked(self.layout.catalog)
        return make_plan(self.layout, self.coverage, question, Prefer.AUTO)

    @property
    def is_complete(self) -> bool:
        """True when the asked period is inside of the days that have events."""
        last = self.coverage.last
        zone = self.layout.zone
        return last is not None and self.target.window.end <= day_start(
            last.astimezone(zone).date() + timedelta(days=1), zone
        )


def _of_period(table: pa.Table, number: int) -> pa.Table:
    import pyarrow.compute as pc  # takes a while, and few need it

    return table.filter(pc.equal(table.column(PERIOD), number))


def _is_told(leaf: Measure | Active) -> bool:
    """Do the events of a part of a day tell it? Not a user's first day, nor a window of many days."""
    return leaf.days == 1 if isinstance(leaf, Active) else not leaf.first


def _together(cubes: Sequence[Cube], held: Sequence[Values]) -> tuple[list[Combination], Floats]:
    """Arrays of several cubes as one of all their buckets and combinations; gaps are zero."""
    keys = list(dict.fromkeys(key for cube in cubes for key in cube.combinations))
    place = {key: number for number, key in enumerate(keys)}
    parts = []
    for cube, values in zip(cubes, held, strict=True):
        part = np.zeros((len(values), len(keys)))
        part[:, [place[key] for key in cube.combinations]] = values
        parts.append(part)
    return keys, np.concatenate(parts)


def _summed(table: Floats, weights: Floats) -> Floats:
    """The weighted sum of periods, from the oldest on."""
    total = np.zeros(table.shape[1])
    for row, weight in zip(table, weights, strict=True):
        total += weight * row
    return total


def _joined(tables: Sequence[pa.Table], names: Sequence[str], leaves: Sequence[str]) -> Pulled:
    """Statements' rows by combination of dimension values; statements of one leaf add up."""
    place_of: dict[tuple[Any, ...], int] = {}
    rows = []
    for table in tables:
        keys = zip(*(table.column(output(name)).to_pylist() for name in names), strict=True)
        rows.append([place_of.setdefault(key, len(place_of)) for key in keys])
    size = len(place_of)
    sums = {kind: {leaf: np.zeros(size) for leaf in leaves} for kind in ("now", "before", "square")}
    for table, at in zip(tables, rows, strict=True):
        for kind, held in sums.items():
            for leaf in leaves:
                if f"{kind}_{leaf}" in table.column_names:
                    np.add.at(held[leaf], at, numbers(table.column(f"{kind}_{leaf}")))
    columns = {name: [key[number] for key in place_of] for number, name in enumerate(names)}
    return Pulled(columns, sums["now"], sums["before"], sums["square"])
