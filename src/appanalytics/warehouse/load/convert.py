"""How one column of an event is made of a cell: SQL of its value, and of what can be wrong with the cell.

Nothing here can fail on data: every reading is an ``…OrNull`` form, and a null where a cell was not empty is a
problem with a reason. A row's first problem is its reason.
"""

from __future__ import annotations

from appanalytics.errors import MappingError, nearest
from appanalytics.warehouse.load.cells import CellRules, ColumnPlan, Conversion, whole
from appanalytics.warehouse.load.chunk import Cell
from appanalytics.warehouse.load.mapping import ColumnMapping
from appanalytics.warehouse.load.moments import time_of
from appanalytics.warehouse.load.parameters import Parameters
from appanalytics.warehouse.load.target import Kind, TargetTable, plain_type

_READINGS = {
    Kind.TIME: ("iso", "unix_s", "unix_ms"),
    Kind.ID: ("number", "signed", "text"),
    Kind.INTEGER: ("number",),
    Kind.TEXT: ("text", "user_agent"),
}
_OS = (
    ("Windows Phone", "other"), ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("iPod", "iOS"),
    ("iOS", "iOS"), ("Windows", "Windows"), ("Macintosh", "macOS"), ("Mac OS", "macOS"), ("CrOS", "other"),
    ("Linux", "Linux"), ("X11", "Linux"),
)  # fmt: skip


def convert(
    name: str, spec: ColumnMapping, cell: Cell, target: TargetTable, parameters: Parameters, rules: CellRules
) -> Conversion:
    """Plan the conversion of one column out of its `prepared` cell."""
    kind = target.kind(name)
    reading = spec.reading or _READINGS[kind][0]
    if reading not in _READINGS[kind] and not (kind is Kind.TIME and "%" in reading):
        what = " or a format such as %d/%m/%Y" if kind is Kind.TIME else ""
        raise MappingError(
            f"columns.{name}: {kind} columns are not read as {reading!r}",
            hint=f"{nearest(reading, _READINGS[kind])}{what}",
        )
    plan = ColumnPlan(name, spec, cell, target, parameters, rules, reading)
    return {Kind.TIME: time_of, Kind.ID: _id, Kind.INTEGER: _integer, Kind.TEXT: _text}[kind](plan)


def _integer(plan: ColumnPlan) -> Conversion:
    low, high = plan.target.range_of(plan.name)
    number = whole(plan, "Int64")
    problems = plan.problems(
        (f"isNull({number})", "is not a whole number"),
        (f"{number} < {low} OR {number} > {high}", f"is not in {low}–{high}"),
    )
    kind = plain_type(plan.target.types[plan.name])
    return Conversion(f"ifNull(accurateCastOrNull({number}, '{kind}'), {plan.fallback or '0'})", problems)


def _id(plan: ColumnPlan) -> Conversion:
    if plan.reading == "text":
        text = plan.text
        empty = plan.fallback or "0"
        return Conversion(f"if({plan.empty}, {empty}, xxHash64({text}))", plan.problems(_is_text(text)))
    if plan.reading == "signed":
        number = whole(plan, "Int64")
        reason = "is not a whole number of 64 bits with a sign"
        value = f"reinterpretAsUInt64({number})"
    else:
        number = value = whole(plan, "UInt64")
        reason = "is not a whole number from 0"
    return Conversion(f"ifNull({value}, {plan.fallback or '0'})", plan.problems((f"isNull({number})", reason)))


def _text(plan: ColumnPlan) -> Conversion:
    text = plan.text
    checks = [_is_text(text)]
    if allowed := plan.target.allowed.get(plan.name):
        listed = plan.parameters.bind(list(allowed), "Array(String)")
        checks.append((f"NOT has({listed}, {text})", f"is none of {', '.join(allowed)}"))
    if plan.reading == "user_agent":
        fallback = "'unknown'" if plan.spec.default is None else plan.fallback
        return Conversion(f"if({plan.empty}, {fallback}, {os_of_user_agent(text)})", plan.problems(*checks))
    # `transform` works on a dictionary's few texts, where `if` would work on every row.
    if plan.fallback == "NULL":
        return Conversion(f"nullIf({text}, '')", plan.problems(*checks))
    value = text if plan.fallback is None else f"transform({text}, [''], [{plan.fallback}])"
    return Conversion(value, plan.problems(*checks))


def _is_text(text: str) -> tuple[str, str]:
    # One look at each text: a NUL becomes a byte that is invalid too.
    return f"NOT isValidUTF8(replaceAll({text}, char(0), char(255)))", "is not text (invalid UTF-8, or a NUL byte)"


def os_of_user_agent(text: str) -> str:
    """SQL of the operating system that a user agent (SQL of a text) names."""
    branches = ", ".join(f"position({text}, '{sign}') > 0, '{name}'" for sign, name in _OS)
    return f"multiIf({branches}, 'other')"
