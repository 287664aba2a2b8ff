"""From a mapping, a file's columns and an event table to one query that judges and converts staged rows.

Everything that can be known before a row is loaded is checked here.
"""

from __future__ import annotations

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from typing import Any

from appanalytics.errors import FileError, MappingError, nearest
from appanalytics.warehouse.load.cells import CellRules, Conversion, as_text, left_out, prepared
from appanalytics.warehouse.load.chunk import Cell, CellKind, Reader, Staging
from appanalytics.warehouse.load.convert import convert
from appanalytics.warehouse.load.expression import columns_of, compile_expression
from appanalytics.warehouse.load.mapping import ColumnMapping, Mapping
from appanalytics.warehouse.load.parameters import Parameters
from appanalytics.warehouse.load.target import Kind, TargetTable


@dataclass(frozen=True, slots=True)
class Literal:
    """A text that the mapping itself holds: its place there, and SQL of what is wrong with it ('' when nothing)."""

    place: str
    text: str
    problem: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How one file's rows become events.

    ``select`` reads ``{stage}`` and gives row, skipped, reason and a value for each of ``columns``.
    """

    target: TargetTable
    staging: Staging
    columns: tuple[str, ...]
    select: str
    parameters: Dictionary[str, Any]
    literals: tuple[Literal, ...]


def identity(target: TargetTable, reader: Reader) -> Mapping:
    """The mapping of a file whose columns are already those of the table."""
    unknown = [name for name in reader.names if name not in target.columns]
    if unknown and not reader.open_ended:
        raise MappingError(
            f"{reader.path}: column {unknown[0]!r} is not one of {target.name}",
            hint=f"{nearest(unknown[0], target.columns)} A mapping can rename columns and leave some out",
        )
    names = target.columns if reader.open_ended else reader.names
    given = [name for name in names if name in reader.names or name not in target.required]
    return Mapping(columns={name: ColumnMapping(column=name) for name in given})


def make_plan(mapping: Mapping | None, reader: Reader, target: TargetTable) -> Plan:
    """Check a mapping against a file and a table, and compile it; errors are `MappingError` and `FileError`.

    Without a mapping the file's columns must be the table's.
    """
    return _compile(_checked(mapping, reader, target), reader, target)


def _checked(mapping: Mapping | None, reader: Reader, target: TargetTable) -> Mapping:
    used = mapping or identity(target, reader)
    _check_target(used, target)
    _check_file(used, reader, sparse=mapping is None and reader.open_ended)
    return used


def _compile(mapping: Mapping, reader: Reader, target: TargetTable) -> Plan:
    used = _used(mapping)
    parameters = Parameters()
    staging = reader.staging(used, _compact(mapping, target), parameters)
    cells = {name: Cell(f"x{at}", staging.cells[name].kind) for at, name in enumerate(used)}
    origins = {name: _origin(name, spec, cells, parameters) for name, spec in mapping.columns.items()}
    rules = CellRules(mapping.thousands, mapping.zone)
    made = {
        name: convert(name, spec, origins[name], target, parameters, rules) for name, spec in mapping.columns.items()
    }
    inner = ", ".join(
        [f"{prepared(staging.cells[name], mapping.null, parameters)} AS x{at}" for at, name in enumerate(used)]
        + [f"{condition} AS b{at}" for at, (condition, _) in enumerate(staging.problems)]
    )
    source = f"SELECT row{', ' if inner else ''}{inner} FROM ({staging.select})"
    select = _select(mapping, made, cells, origins, staging, parameters, source)
    literals = _literals(mapping, target, parameters, rules)
    return Plan(target, staging, tuple(made), select, parameters.values, literals)


def _select(
    mapping: Mapping,
    made: Dictionary[str, Conversion],
    cells: Dictionary[str, Cell],
    origins: Dictionary[str, Cell],
    staging: Staging,
    parameters: Parameters,
    source: str,
) -> str:
    skips = [
        f"has({parameters.bind(list(values), 'Array(String)')}, {as_text(cells[name])})"
        for name, values in mapping.skip.items()
    ]
    skips += [
        skip for name, spec in mapping.columns.items() if (skip := left_out(as_text(origins[name]), spec, parameters))
    ]
    whole = [(f"b{at}", reason) for at, (_, reason) in enumerate(staging.problems)]
    skipped = " OR ".join(skips) or "0"
    skipped = f"({skipped}) AND NOT ({' OR '.join(name for name, _ in whole)})" if whole else skipped
    problems = whole + [problem for conversion in made.values() for problem in conversion.problems]
    values = "".join(f",\n  {conversion.value} AS v{at}" for at, conversion in enumerate(made.values()))
    return (
        f"SELECT row,\n  {skipped} AS skipped,\n  if(skipped, '', {_first(problems, parameters)}) AS reason{values}\n"
        f"FROM ({source})"
    )


def _first(problems: list[tuple[str, str]], parameters: Parameters) -> str:
    branches = "".join(f"\n    {condition}, {parameters.bind(reason)}," for condition, reason in problems)
    return f"multiIf({branches} '')" if branches else "''"


def _check_target(mapping: Mapping, target: TargetTable) -> None:
    for name in mapping.columns:
        if name not in target.columns:
            raise MappingError(
                f"columns.{name}: {target.name} has no such column", hint=nearest(name, target.columns)
            )
    for name in target.required:
        if name not in mapping.columns:
            raise MappingError(f"nothing is mapped to {name} of {target.name}", hint="every event needs it")


def _used(mapping: Mapping) -> tuple[str, ...]:
    names: list[str] = list(mapping.skip)
    for spec in mapping.columns.values():
        if spec.column is not None:
            names.append(spec.column)
        if spec.expression is not None:
            names.extend(columns_of(spec.expression))
    return tuple(dict.fromkeys(names))


def _check_file(mapping: Mapping, reader: Reader, *, sparse: bool) -> None:
    """Every column that is used must be there once; where rows differ, a default or ``sparse`` forgives."""
    forgiven = {spec.column for spec in mapping.columns.values() if spec.default is not None and reader.open_ended}
    if not _used(mapping):
        raise MappingError("the mapping uses no column of the file")
    for name in _used(mapping):
        count = reader.names.count(name)
        if count > 1:
            raise FileError(f"{reader.path} has {count} columns named {name!r}")
        if not count and not sparse and name not in forgiven:
            raise MappingError(f"{reader.path} has no column {name!r}", hint=nearest(name, reader.names))


def _compact(mapping: Mapping, target: TargetTable) -> set[str]:
    """Columns of the file that are worth a dictionary: neither times nor ids."""
    wide = {
        spec.column
        for name, spec in mapping.columns.items()
        if target.kind(name) in (Kind.TIME, Kind.ID) and spec.values is None
    }
    wide |= {column for spec in mapping.columns.values() if spec.expression for column in columns_of(spec.expression)}
    return set(_used(mapping)) - wide


def _origin(name: str, spec: ColumnMapping, cells: Dictionary[str, Cell], parameters: Parameters) -> Cell:
    if spec.column is not None:
        return cells[spec.column]
    if spec.constant is not None:
        return Cell(parameters.bind(spec.constant), CellKind.TEXT)

    def column(wanted: str) -> str:
        return cells[wanted].sql

    try:
        sql = compile_expression(spec.expression or "", column, parameters.bind)
    except MappingError as error:
        raise MappingError(f"columns.{name}: {error.message}", hint=error.hint) from None
    return Cell(f"ifNull(toString({sql}), '')", CellKind.TEXT)


def _literals(mapping: Mapping, target: TargetTable, parameters: Parameters, rules: CellRules) -> tuple[Literal, ...]:
    """Constants and mapped values, each with the query that judges it as a cell of the file would be."""
    found = []
    for name, spec in mapping.columns.items():
        texts = [spec.constant] if spec.constant is not None else list((spec.values or {}).values())
        plain = spec.model_copy(update={"values": None, "others": "reject"})
        for text in dict.fromkeys(texts):
            cell = Cell(parameters.bind(text), CellKind.TEXT)
            problems = convert(name, plain, cell, target, parameters, rules).problems
            place = f"columns.{name}.{'constant' if spec.constant is not None else 'values'}"
            found.append(Literal(place, text, _first(list(problems), parameters)))
    return tuple(found)
