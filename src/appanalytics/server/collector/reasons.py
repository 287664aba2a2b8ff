"""Why an event is refused, in words that say how to mend it."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from appanalytics.errors import nearest
from appanalytics.server.collector.events import SERVICE, Service, Services

_LONGEST = 300
_SHOWN = 20
_AT = re.compile(r"at `\$\.([^`]+)`$")
_UNKNOWN = re.compile(r"unknown field `(.*)`$", re.DOTALL)
_HALF_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NO_NUMBER = re.compile(rb"[:\[,]\s*[-+]?(nan|inf(inity)?)\b", re.IGNORECASE)


def refusal(error: Exception, raw: Any, services: Services) -> tuple[str, str]:
    """The service that a refused event names, if it can be read at all, and why it is refused."""
    service = _named(raw, services)
    told = reason(error)
    hint = _hint(told, bytes(raw), service, services)
    return service.name if service else "", f"{told}; {hint}" if hint else told


def reason(error: Exception) -> str:
    """What is wrong with a text of JSON."""
    if isinstance(error, RecursionError):
        return "JSON is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "text is not UTF-8"
    text = str(error).replace("Input data was truncated", "JSON ends in the middle")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"


def _broken(raw: bytes) -> str:
    """A hint for a text that is not JSON; empty where there is none."""
    if raw.startswith(_UTF16):
        return "it looks like UTF-16: send UTF-8"
    return "half of a surrogate pair, such as \\ud800, is no text" if _HALF_PAIR.search(raw) else no_number(raw)


def no_number(raw: bytes) -> str:
    """A hint for what programs write in place of a number, and JSON does not know; empty where there is none."""
    return "NaN and Infinity are no JSON: leave the field out" if _NO_NUMBER.search(raw) else ""


def _hint(told: str, raw: bytes, service: Service | None, services: Services) -> str:
    """What would be right in the place that ``told`` names; empty where that is said already."""
    if told.startswith(("JSON is malformed", "JSON ends")):
        return _broken(raw)
    names = [each.name for each in services.all]
    at = _AT.search(told)
    field = at[1] if at else ""
    if field == SERVICE or f"required field `{SERVICE}`" in told:
        return _one_of(names)
    if service is None:
        return ""
    if unknown := _UNKNOWN.search(told):
        return nearest(unknown[1][:100], [SERVICE, *service.columns], most=_SHOWN)
    rule = next((rule for rule in service.rules if rule.name == field), None)
    if rule is None:
        return ""
    if rule.allowed:
        return _one_of(rule.allowed)
    if "RFC3339" in told or "timezone" in told:
        return "such as 2026-11-28T09:30:00.123Z"
    return ""


def _one_of(values: list[str] | tuple[str, ...]) -> str:
    more = ", …" if len(values) > _SHOWN else ""
    return "one of " + ", ".join(f"`{value}`" for value in values[:_SHOWN]) + more


def _named(raw: Any, services: Services) -> Service | None:
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    name = found.get(SERVICE) if isinstance(found, dict) else None
    return next((each for each in services.all if each.name == name), None)
