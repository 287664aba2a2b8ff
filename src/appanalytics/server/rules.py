"""Who may run which statement: the engine's own judgement of it, and the user's role."""

from __future__ import annotations

import re
from typing import Any

from appanalytics.server import running
from appanalytics.server.connections import Connection
from appanalytics.server.definitions import DEFINING, check_definition
from appanalytics.server.guard import check_settings, check_settings_named, check_statement, doubtful, settings_named
from appanalytics.server.problems import Problem
from appanalytics.server.request import Request
from appanalytics.server.statement import Statement
from appanalytics.server.tokens import tokens
from appanalytics.server.users import THREADS, User
from appanalytics.sqltext import literal

_CONTROL_LIST = """
    SET USE KILL SYSTEM BACKUP RESTORE ALTER ATTACH DETACH DELETE UPDATE
"""
_CONTROL = frozenset(_CONTROL_LIST.split())
_NEVER = tuple(("SYSTEM", what) for what in ("SHUTDOWN", "KILL", "SUSPEND", "ENABLE", "DISABLE"))
#: What of SYSTEM and KILL is for others than admins; the engine's grants judge it further.
_WRITERS = {"SYSTEM": ("FLUSH", "SYNC", "WAIT"), "KILL": ("QUERY", "MUTATION")}
_READERS = {"KILL": ("QUERY",)}
_THREADS = frozenset(THREADS)
_HARMLESS = frozenset(["SET", "USE"])


def check(request: Request, user: User, statement: Statement, sql: bytes) -> None:
    """Refuse what nobody may do, before a connection is taken; raises `Problem`."""
    check_statement(sql if statement.data is None else sql[: statement.data], request.parameters)
    check_settings(request.settings, user.reads_only)
    named = settings_named(statement.text.encode())
    check_settings_named(named, user.reads_only)
    if user.reads_only:
        _check_threads(request, statement.text if not _THREADS.isdisjoint(named) else "")
    if statement.verbs[:2] in _NEVER:
        raise Problem(497, f"{' '.join(statement.verbs[:2])} is not allowed over HTTP", "ACCESS_DENIED")
    _check_verbs(user, statement.verbs)
    if statement.verbs[:2] in (("SET", "ROLE"), ("SET", "DEFAULT"), ("SET", "TRANSACTION")):
        raise Problem(497, "roles belong to users here and cannot be set", "ACCESS_DENIED")
    if statement.data is not None and user.reads_only:
        raise Problem(497, "this user may only read", "ACCESS_DENIED")
    if statement.data is not None and request.method in ("GET", "HEAD"):
        raise _get_only_reads()


def _check_threads(request: Request, text: str) -> None:
    """The engine holds the most threads, but lets 0 pass, which means all cores; raises `Problem` (452)."""
    every = list(tokens(text.encode()))
    said = [(name.text, value.text.strip("'")) for name, value in zip(every, every[2:], strict=False)]
    for name, value in [*said, *request.settings.items()]:
        if name.lower() in _THREADS and not re.fullmatch("[1-9][0-9]*", value):
            raise Problem(452, f"Setting {name.lower()} must be 1 or more", "SETTING_CONSTRAINT_VIOLATION")


def _check_verbs(user: User, verbs: tuple[str, ...]) -> None:
    if user.role == "admin" or verbs[:1] not in (("SYSTEM",), ("KILL",)):
        return
    allowed = (_READERS if user.reads_only else _WRITERS).get(verbs[0], ())
    if verbs[1:2] and verbs[1] not in allowed:
        raise Problem(497, f"{verbs[0]} {verbs[1]} is for admins", "ACCESS_DENIED")


def check_class(raw: Any, request: Request, user: User, statement: Statement) -> None:
    """Refuse what the engine's parser says is more than the user may do; raises `Problem`."""
    found = raw.classify_query(statement.text)
    kind = found["query_class"].name
    if found["statement_count"] > 1:
        raise Problem(62, "Syntax error (Multi-statements are not allowed)", "SYNTAX_ERROR")
    if kind in ("READ_ONLY", "UNKNOWN") or statement.verb in _HARMLESS:
        return  # the engine refuses to parse what it calls UNKNOWN, and says where
    if kind == "CONTROL" and statement.verb not in _CONTROL and "TEMPORARY" not in statement.verbs:
        raise Problem(497, f"{statement.verb} is not allowed over HTTP", "ACCESS_DENIED")
    if request.method in ("GET", "HEAD"):
        raise _get_only_reads()
    if user.reads_only and statement.verb != "KILL":
        raise Problem(497, "this user may only read", "ACCESS_DENIED")


def check_again(connection: Connection, request: Request, user: User, statement: Statement) -> None:
    """Judge the engine's own wording of a definition or a doubtful statement, so that no way of writing hides a name.

    Raises `Problem` (497; 62 for a definition that the engine cannot read). What else it cannot read it will not run.
    """
    defines = statement.verb in DEFINING
    if not defines and not doubtful(statement.text.encode()):
        return
    function = "formatQuerySingleLine" if defines else "formatQuerySingleLineOrNull"
    wording = connection.run(f"SELECT {function}({literal(statement.text)})", "RawBLOB").bytes()
    check_statement(wording, request.parameters)
    if defines:
        check_definition(wording, admin=user.role == "admin")


def own_kill(statement: Statement, name: str, user: User) -> Statement:
    """KILL QUERY by the client's ids, and for everybody but an admin of the user's own queries alone."""
    if statement.verbs[:2] != ("KILL", "QUERY"):
        return statement
    text = statement.text
    every = list(tokens(text.encode()))
    where = next((token for token in every if token.is_word("WHERE") and not token.depth), None)
    if where is None:
        return statement
    enders = (token.start for token in every if token.is_word("SYNC", "ASYNC", "TEST", "FORMAT") and not token.depth)
    end = next((at for at in enders if at > where.start), len(text.encode()))
    body = text.encode()
    condition = body[where.end : end]
    for token in reversed([one for one in every if where.end <= one.start < end and one.text == "QUERY_ID"]):
        start, stop = token.start - where.end, token.end - where.end
        condition = condition[:start] + running.QUERY_ID.encode() + condition[stop:]
    mine = b"" if user.role == "admin" else f" AND {running.USER} = '{name}'".encode()
    made = body[: where.end] + b" (" + condition + b"\n)" + mine + b" " + body[end:]
    return Statement(made.decode("utf-8"), statement.verbs, statement.format, None, None, statement.has_parameters)


def _get_only_reads() -> Problem:
    text = "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. Use POST"
    return Problem(164, text, "READONLY")
