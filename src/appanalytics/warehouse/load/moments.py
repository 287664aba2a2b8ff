"""Times: readings of a cell as SQL of a moment in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from appanalytics.errors import MappingError, nearest
from appanalytics.warehouse.load.cells import ColumnPlan, Conversion, whole
from appanalytics.warehouse.load.chunk import CellKind

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
EPOCH = "toDateTime64(0, 3, 'UTC')"
LATEST = datetime(2101, 1, 1, tzinfo=UTC)  # not part of it

_DAY = "[0-9]{4}-[01][0-9]-[0-3][0-9]"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,9})?)?"
_ISO = f"^{_DAY}([T ]{_CLOCK} ?(Z|[+-][01][0-9]:?[0-5][0-9])?)?$"
#: Directives of strptime and how ClickHouse writes them. Those of one digit also accept two.
_DIRECTIVES = {
    "Y": "%Y", "y": "%y", "m": "%c", "d": "%e", "H": "%k", "I": "%l", "M": "%i", "S": "%s", "p": "%p",
    "b": "%b", "B": "%M", "f": "%f", "z": "%z", "j": "%j", "%": "%%",
}  # fmt: skip


def time_of(plan: ColumnPlan) -> Conversion:
    """The conversion of a column of times."""
    moment = _moment(plan)
    low, high = (f"toDateTime64('{edge:%Y-%m-%d %H:%M:%S}', 3, 'UTC')" for edge in (EARLIEST, LATEST))
    problems = plan.problems(
        (f"isNull({moment})", "is not readable"),
        (f"{moment} < {low} OR {moment} >= {high}", "is before 1990 or after 2100"),
    )
    return Conversion(f"ifNull({moment}, {plan.fallback or EPOCH})", problems)


def _moment(plan: ColumnPlan) -> str:
    zone = plan.parameters.bind(plan.spec.zone or plan.rules.zone)
    if plan.cell.kind is CellKind.TIME and plan.is_typed:
        return plan.cell.sql
    if plan.cell.kind is CellKind.NAIVE_TIME and plan.is_typed:
        return _naive(plan.cell.sql, plan, zone)
    if plan.reading == "unix_s":
        # A Decimal of three digits is stored as the integer of its thousandths.
        return f"fromUnixTimestamp64Milli(reinterpretAsInt64(toDecimal64OrNull({plan.text}, 3)), 'UTC')"
    if plan.reading == "unix_ms":
        return f"fromUnixTimestamp64Milli({whole(plan, 'Int64')}, 'UTC')"
    text = plan.text
    if plan.reading == "iso":
        readable = f"match({text}, {plan.parameters.bind(_ISO)})"
        return f"if({readable}, parseDateTime64BestEffortOrNull({text}, 3, {zone}), NULL)"
    return _formatted(text, plan, zone)


def _formatted(text: str, plan: ColumnPlan, zone: str) -> str:
    pattern = translate_format(plan.reading)
    if "%z" in pattern:
        return f"parseDateTime64OrNull({text}, {plan.parameters.bind(pattern)}, 'UTC')"
    return _naive(f"parseDateTime64OrNull({text}, {plan.parameters.bind(pattern)}, 'UTC')", plan, zone)


def _naive(clock: str, plan: ColumnPlan, zone: str) -> str:
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
