"""One cell as SQL: its text, whether it is empty, its number; and the problems that every kind of column has."""

from __future__ import annotations

import re
from dataclasses import dataclass

from appanalytics.errors import MappingError
from appanalytics.warehouse.load.chunk import Cell, CellKind
from appanalytics.warehouse.load.mapping import ColumnMapping
from appanalytics.warehouse.load.parameters import Parameters
from appanalytics.warehouse.load.target import Kind, TargetTable


@dataclass(frozen=True, slots=True)
class Conversion:
    """SQL of one column's value (never null), and its problems as (condition, reason), first one first."""

    value: str
    problems: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class CellRules:
    """What a mapping says of all cells: the thousands separator and the zone of naive times."""

    thousands: str | None
    zone: str


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """Everything that the conversion of one column is made of."""

    name: str
    spec: ColumnMapping
    cell: Cell
    target: TargetTable
    parameters: Parameters
    rules: CellRules
    reading: str

    @property
    def text(self) -> str:
        """SQL of the cell as trimmed text, '' where it is missing, after the map of values."""
        plain = as_text(self.cell)
        return mapped(plain, self.spec, self.parameters) if self.spec.values is not None else plain

    @property
    def is_typed(self) -> bool:
        """True when the cell can be used without going through text."""
        return self.cell.kind is not CellKind.TEXT and self.spec.values is None

    @property
    def empty(self) -> str:
        """Condition that the cell holds nothing."""
        return f"isNull({self.cell.sql})" if self.is_typed else f"({self.text}) = ''"

    def problems(self, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
        """The problems every kind has, then ``more``."""
        found = []
        if self.spec.values is not None and self.spec.others == "reject":
            plain = as_text(self.cell)
            found.append(
                (f"{plain} != '' AND NOT {_listed(plain, self.spec, self.parameters)}", "is not among its values")
            )
        if self.fallback is None:
            found.append((self.empty, "is empty"))
        # A required cell that is empty was told above, and a branch is only reached when those above are not.
        guard = "" if self.fallback is None else f"NOT {self.empty} AND "
        found.extend((f"{guard}({condition})", reason) for condition, reason in more)
        return tuple((condition, f"{self.name} {reason}") for condition, reason in found)

    @property
    def fallback(self) -> str | None:
        """SQL of what an empty cell means; None where a cell must not be empty."""
        if self.spec.default is None:
            return self.target.fallback(self.name)
        if self.target.kind(self.name) is Kind.INTEGER:
            low, high = self.target.range_of(self.name)
            if not re.fullmatch(r"-?\d{1,19}", self.spec.default) or not low <= int(self.spec.default) <= high:
                raise MappingError(f"columns.{self.name}: default {self.spec.default!r} is not in {low}…{high}")
            return f"toInt64({self.parameters.bind(self.spec.default)})"
        if self.target.kind(self.name) is Kind.TEXT:
            return self.parameters.bind(self.spec.default)
        raise MappingError(f"columns.{self.name}: an event without {self.name} cannot take a default")


def prepared(cell: Cell, null: tuple[str, ...], parameters: Parameters) -> str:
    """SQL of a cell as all rules see it: text is trimmed, and '' where it says that it is missing."""
    if cell.kind is not CellKind.TEXT:
        return cell.sql
    trimmed = f"trimBoth({cell.sql})"
    if not null:
        return trimmed
    return f"if(has({parameters.bind(list(null), 'Array(String)')}, {trimmed}), '', {trimmed})"


def as_text(cell: Cell) -> str:
    """SQL of a prepared cell as text; '' where it is missing."""
    return cell.sql if cell.kind is CellKind.TEXT else f"ifNull(toString({cell.sql}), '')"


def mapped(text: str, spec: ColumnMapping, parameters: Parameters) -> str:
    """SQL of a text after the map of values."""
    keys = parameters.bind(list(spec.values or {}), "Array(String)")
    values = parameters.bind(list((spec.values or {}).values()), "Array(String)")
    return f"transform({text}, {keys}, {values}, {text if spec.others == 'keep' else chr(39) * 2})"


def left_out(text: str, spec: ColumnMapping, parameters: Parameters) -> str | None:
    """SQL of "this row is to be skipped", for a column whose other values are."""
    if spec.others != "skip":
        return None
    return f"({text} != '' AND NOT {_listed(text, spec, parameters)})"


def _listed(text: str, spec: ColumnMapping, parameters: Parameters) -> str:
    return f"has({parameters.bind(list(spec.values or {}), 'Array(String)')}, {text})"


def whole(plan: ColumnPlan, kind: str) -> str:
    """SQL of a cell as a whole number of a type of ClickHouse, null where it is none."""
    if plan.is_typed:
        return f"accurateCastOrNull({plan.cell.sql}, '{kind}')"
    text = plan.text
    if plan.rules.thousands:
        text = f"replaceAll({text}, {plan.parameters.bind(plan.rules.thousands)}, '')"
    # Tools that know no missing integers write 3 as 3.0.
    read = f"to{kind}OrNull"
    return f"if(endsWith({text}, '.0'), {read}(substring({text}, 1, length({text}) - 2)), {read}({text}))"
