"""What a definition may make: tables of engines that keep data here, and, for a writer, nothing that works later with
other rights than the writer's.

The engine checks rights while a statement runs. It checks none while a view of ``SQL SECURITY DEFINER`` is read,
while a refreshed view, a mutation or a TTL works in the background, or while a dictionary loads: these see every
table, also those closed to their maker. A materialized view works with the rights of whoever inserts. All of it is
judged in the engine's own wording of the statement, in which keywords stand in capitals, an engine after
``ENGINE =``, and nothing is abbreviated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from appanalytics.server.problems import Problem
from appanalytics.server.tokens import Token, tokens

#: Verbs that define or change tables; their statements are judged here.
DEFINING = frozenset(["CREATE", "ATTACH", "REPLACE", "ALTER", "UPDATE", "DELETE"])
_KEEPING = re.compile(
    r"(Replicated|Shared)?(Replacing|Summing|Aggregating|(Versioned)?Collapsing|Graphite|Coalescing)?MergeTree|Memory|"
    r"Null|Log|TinyLog|StripeLog|Set|Join|View|MaterializedView|GenerateRandom"
)
#: They name other tables, which they read or write with every right.
_LINKING = re.compile(r"Buffer|Dictionary|Merge|Alias|TimeSeries")
_LOOKUP = re.compile(r"dict[a-z]\w*|joinGet\w*|(global)?(not)?(null)?in(IgnoreSet)?", re.IGNORECASE)


def check_definition(wording: bytes, *, admin: bool) -> None:
    """Judge a definition in the engine's wording; raises `Problem` (497)."""
    every = _told_apart(wording)
    if not any(token.is_word("DATABASE") for token in every[:4]):  # databases have engines of another kind
        _check_engines(every, admin=admin)
    if not admin:
        _check_rights(every)
        _check_background(every[: _query_at(every)])


def _told_apart(wording: bytes) -> list[Token]:
    """Tokens in which keywords alone are words: what is not in capitals is a name."""
    every = []
    for token in tokens(wording):
        raw = wording[token.start : token.end].decode("utf-8", "replace")
        is_name = token.kind == "word" and not raw.isupper()
        every.append(token._replace(kind="quoted", text=raw) if is_name else token)
    return every


def _check_engines(every: Sequence[Token], *, admin: bool) -> None:
    for one, equals, name in zip(every, every[1:], every[2:], strict=False):
        if not one.is_word("ENGINE") or equals.text != "=" or name.kind not in ("word", "quoted"):
            continue
        if not _KEEPING.fullmatch(name.text) and not (admin and _LINKING.fullmatch(name.text)):
            raise _refused(f"a table of the engine {name.text} is not allowed here")


def _check_rights(every: Sequence[Token]) -> None:
    if any(token.is_word("DICTIONARY") for token in every[1:4]) and not every[0].is_word("ALTER"):
        raise _refused("a dictionary loads with every right, so that an admin alone may make one")
    for one, two in pairwise(every):
        if one.is_word("MATERIALIZED") and two.is_word("VIEW"):
            raise _refused(
                "a materialized view works with the rights of whoever inserts; an admin alone may make one"
            )
        if one.is_word("DEFINER") and two.text == "=":
            raise _refused("a view works with the rights of who asks it; an admin alone may name a DEFINER")
        if one.is_word("SECURITY") and two.is_word("DEFINER", "NONE"):
            raise _refused("a view works with the rights of who asks it: SQL SECURITY INVOKER")
        if one.is_word("MODIFY") and two.is_word("QUERY", "REFRESH"):
            raise _refused("an admin alone may change a materialized view")


def _check_background(stored: Sequence[Token]) -> None:
    """Refuse to read other tables in what works in the background: mutations, TTL, indexes, projections."""
    for place, token in enumerate(stored):
        after = stored[place + 1 : place + 2]
        if token.is_word("SELECT"):
            raise _refused("what works in the background may not ask tables, as it does so with every right")
        if token.kind == "quoted" and after and after[0].text == "(" and _LOOKUP.fullmatch(token.text):
            raise _refused(f"{token.text}() in the background reads with every right")
        if token.is_word("IN") and _is_table(stored[place + 1 :]):
            raise _refused("IN a table, in the background, reads it with every right")


def _is_table(rest: Sequence[Token]) -> bool:
    """Whether a name that calls nothing follows ``IN``."""
    inner = [token for token in rest[:8] if token.text != "(" or token.kind != "mark"]
    called = [one for one, two in pairwise(rest[:8]) if two.text == "(" and two.kind == "mark"]
    return bool(inner) and inner[0].kind in ("word", "quoted") and inner[0] not in called


def _query_at(every: Sequence[Token]) -> int:
    """Where ``AS SELECT`` of a CREATE begins: the statement's own query, which its maker's rights hold."""
    if every[:1] and every[0].is_word("ALTER", "UPDATE", "DELETE"):
        return len(every)
    for place, (token, after) in enumerate(pairwise(every)):
        if token.is_word("AS") and not token.depth and (after.is_word("SELECT", "WITH") or after.text == "("):
            return place
    return len(every)


def _refused(text: str) -> Problem:
    return Problem(497, text, "ACCESS_DENIED")
