"""A body's events, each as the bytes that were sent, so that a bad one does not take the others with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from appanalytics.server.collector.reasons import no_number, reason

_BLANK = " \t\n\r"


class Malformed(Exception):
    """A body that is not JSON at all; nothing of it was stored."""


def pieces(body: bytes) -> Iterator[Any]:
    """Items of an array, the lines, or one object that spans lines; raises `Malformed`."""
    start = body.lstrip()[:1]
    if start == b"[":
        try:
            found: list[Any] = msgspec.json.decode(body, type=list[msgspec.Raw])
        except (msgspec.MsgspecError, RecursionError) as error:
            found = _leniently(body, error)
        yield from found
        return
    lines = [line for line in body.split(b"\n") if line.strip()]
    if (len(lines) > 1 and lines[0].strip() == b"{") or not lines:
        try:
            yield msgspec.json.decode(body, type=msgspec.Raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise (_malformed(error, body) if lines else Malformed("the body is empty")) from None
        return
    yield from lines


def _leniently(body: bytes, error: Exception) -> list[bytes]:
    """Items of an array of which some hold what JSON does not know, such as NaN or half a surrogate pair.

    Python's own reader takes these; what else is wrong is so for the whole body: raises `Malformed` for ``error``.
    """
    text, scan = body.decode("utf-8", "surrogateescape"), json.JSONDecoder()
    items: list[bytes] = []
    try:
        at = _after_blanks(text, text.index("[") + 1)
        while text[at] != "]" or items:
            _, end = scan.raw_decode(text, at)
            items.append(text[at:end].encode("utf-8", "surrogateescape"))
            at = _after_blanks(text, end)
            if text[at] == "]":
                break
            if text[at] != ",":
                raise ValueError
            at = _after_blanks(text, at + 1)
        if text[at + 1 :].strip(_BLANK):
            raise ValueError
    except (ValueError, IndexError, RecursionError):
        raise _malformed(error, body) from None
    return items


def _after_blanks(text: str, at: int) -> int:
    while text[at] in _BLANK:
        at += 1
    return at


def _malformed(error: Exception, body: bytes) -> Malformed:
    return Malformed("; ".join(filter(None, (reason(error), no_number(body)))))
