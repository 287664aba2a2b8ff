"""How one column of an event is made of a cell: SQL of its value, and of what can be wrong with the cell.

Nothing here can fail on data: every reading is an ``…OrNull`` form, and a null where a cell was not empty is a
problem with a reason. A row's first problem is its reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from appanalytics.errors import MappingError, nearest
from appanalytics.warehouse.load.chunk import Cell, CellKind
from appanalytics.warehouse.load.mapping import ColumnMapping
from appanalytics.warehouse.load.parameters import Parameters
from appanalytics.warehouse.load.target import Kind, TargetTable, plain_type

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
EPOCH = "toDateTime64(0, 3, 'UTC')"
LATEST = datetime(2101, 1, 1, tzinfo=UTC)  # not part of it

_READINGS = {
    Kind.TIME: ("iso", "unix_s", "unix_ms"),
    Kind.ID: ("number", "signed", "text"),
    Kind.INTEGER: ("number",),
    Kind.TEXT: ("text", "user_agent"),
}
_DAY = "[0-9]{4}-[01][0-9]-[0-3][0-9]"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,9})?)?"
_ISO = f"^{_DAY}([T ]{_CLOCK} ?(Z|[+-][01][0-9]:?[0-5][0-9])?)?$"
#: Directives of strptime and how ClickHouse writes them. Those of one digit also accept two.
_DIRECTIVES = {
    "Y": "%Y", "y": "%y", "m": "%c", "d": "%e", "H": "%k", "I": "%l", "M": "%i", "S": "%s", "p": "%p",
    "b": "%b", "B": "%M", "f": "%f", "z": "%z", "j": "%j", "%": "%%",
}  # fmt: skip
_OS = (
    ("Windows Phone", "other"), ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("iPod", "iOS"),
    ("iOS", "iOS"), ("Windows", "Windows"), ("Macintosh", "macOS"), ("Mac OS", "macOS"), ("CrOS", "other"),
    ("Linux", "Linux"), ("X11", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conversion:
    """SQL of one column's value (never null), and its problems as (condition, reason), first one first."""

    value: str
    problems: tuple[tuple[str, str], ...]


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
    plan = _Plan(name, spec, cell, target, parameters, rules, reading)
    return {Kind.TIME: _time, Kind.ID: _id, Kind.INTEGER: _integer, Kind.TEXT: _text}[kind](plan)


@dataclass(frozen=True, slots=True)
class CellRules:
    """What a mapping says of all cells: the thousands separator and the zone of naive times."""

    thousands: str | None
    zone: str


@dataclass(frozen=True, slots=True)
class _Plan:
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


def _whole(plan: _Plan, kind: str) -> str:
    if plan.is_typed:
        return f"accurateCastOrNull({plan.cell.sql}, '{kind}')"
    text = plan.text
    if plan.rules.thousands:
        text = f"replaceAll({text}, {plan.parameters.bind(plan.rules.thousands)}, '')"
    # Tools that know no missing integers write 3 as 3.0.
    read = f"to{kind}OrNull"
    return f"if(endsWith({text}, '.0'), {read}(substring({text}, 1, length({text}) - 2)), {read}({text}))"


def _integer(plan: _Plan) -> Conversion:
    low, high = plan.target.range_of(plan.name)
    number = _whole(plan, "Int64")
    problems = plan.problems(
        (f"isNull({number})", "is not a whole number"),
        (f"{number} < {low} OR {number} > {high}", f"is not in {low}–{high}"),
    )
    kind = plain_type(plan.target.types[plan.name])
    return Conversion(f"ifNull(accurateCastOrNull({number}, '{kind}'), {plan.fallback or '0'})", problems)


def _id(plan: _Plan) -> Conversion:
    if plan.reading == "text":
        text = plan.text
        empty = plan.fallback or "0"
        return Conversion(f"if({plan.empty}, {empty}, xxHash64({text}))", plan.problems(_is_text(text)))
    if plan.reading == "signed":
        number = _whole(plan, "Int64")
        reason = "is not a whole number of 64 bits with a sign"
        value = f"reinterpretAsUInt64({number})"
    else:
        number = value = _whole(plan, "UInt64")
        reason = "is not a whole number from 0"
    return Conversion(f"ifNull({value}, {plan.fallback or '0'})", plan.problems((f"isNull({number})", reason)))


def _text(plan: _Plan) -> Conversion:
    text = plan.text
    checks = [_is_text(text)]
    if allowed := plan.target.allowed.get(plan.name):
        listed = plan.parameters.bind(list(allowed), "Array(String)")
        checks.append((f"NOT has({listed}, {text})", f"is none of {', '.join(allowed)}"))
    if plan.reading == "user_agent":
        fallback = "'unknown'" if plan.spec.default is None else plan.fallback
        return Conversion(f"if({plan.empty}, {fallback}, {_os(text)})", plan.problems(*checks))
    # `transform` works on a dictionary's few texts, where `if` would work on every row.
    if plan.fallback == "NULL":
        return Conversion(f"nullIf({text}, '')", plan.problems(*checks))
    value = text if plan.fallback is None else f"transform({text}, [''], [{plan.fallback}])"
    return Conversion(value, plan.problems(*checks))


def _is_text(text: str) -> tuple[str, str]:
    # One look at each text: a NUL becomes a byte that is invalid too.
    return f"NOT isValidUTF8(replaceAll({text}, char(0), char(255)))", "is not text (invalid UTF-8, or a NUL byte)"


def _os(text: str) -> str:
    branches = ", ".join(f"position({text}, '{sign}') > 0, '{name}'" for sign, name in _OS)
    return f"multiIf({branches}, 'other')"


def _time(plan: _Plan) -> Conversion:
    moment = _moment(plan)
    low, high = (f"toDateTime64('{edge:%Y-%m-%d %H:%M:%S}', 3, 'UTC')" for edge in (EARLIEST, LATEST))
    problems = plan.problems(
        (f"isNull({moment})", "is not readable"),
        (f"{moment} < {low} OR {moment} >= {high}", "is before 1990 or after 2100"),
    )
    return Conversion(f"ifNull({moment}, {plan.fallback or EPOCH})", problems)


def _moment(plan: _Plan) -> str:
    zone = plan.parameters.bind(plan.spec.zone or plan.rules.zone)
    if plan.cell.kind is CellKind.TIME and plan.is_typed:
        return plan.cell.sql
    if plan.cell.kind is CellKind.NAIVE_TIME and plan.is_typed:
        return _naive(plan.cell.sql, plan, zone)
    if plan.reading == "unix_s":
        # A Decimal of three digits is stored as the integer of its thousandths.
        return f"fromUnixTimestamp64Milli(reinterpretAsInt64(toDecimal64OrNull({plan.text}, 3)), 'UTC')"
    if plan.reading == "unix_ms":
        return f"fromUnixTimestamp64Milli({_whole(plan, 'Int64')}, 'UTC')"
    text = plan.text
    if plan.reading == "iso":
        readable = f"match({text}, {plan.parameters.bind(_ISO)})"
        return f"if({readable}, parseDateTime64BestEffortOrNull({text}, 3, {zone}), NULL)"
    return _formatted(text, plan, zone)


def _formatted(text: str, plan: _Plan, zone: str) -> str:
    pattern = translate_format(plan.reading)
    if "%z" in pattern:
        return f"parseDateTime64OrNull({text}, {plan.parameters.bind(pattern)}, 'UTC')"
    return _naive(f"parseDateTime64OrNull({text}, {plan.parameters.bind(pattern)}, 'UTC')", plan, zone)


def _naive(clock: str, plan: _Plan, zone: str) -> str:
    # One function reads all naive times, so that the hour that a clock repeats is the first one everywhere.
    if (plan.spec.zone or plan.rules.zone) == "UTC":
        return clock
    return f"parseDateTime64BestEffortOrNull(toString({clock}), 3, {zone})"


def translate_format(text: str) -> str:
    """A format of strptime as ClickHouse writes it; an unknown directive is a `MappingError`."""

    def directive(match: re.Match[str]) -> str:
        if match[1] not in _DIRECTIVES:
            raise MappingError(f"time format {text!r}: %{match[1]} is unknown", hint=nearest(match[1], _DIRECTIVES))
        return _DIRECTIVES[match[1]]

    return re.sub(r"%(.?)", directive, text, flags=re.DOTALL)
