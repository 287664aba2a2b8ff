"""Who may run which statement: the engine's own judgement of it, and the user's role."""

from __future__ import annotations

from typing import Any

from appanalytics.server import running
from appanalytics.server.connections import Connection
from appanalytics.server.guard import check_settings, check_settings_named, check_statement, doubtful, settings_named
from appanalytics.server.problems import Problem
from appanalytics.server.request import Request
from appanalytics.server.statement import Statement
from appanalytics.server.tokens import tokens
from appanalytics.server.users import User
from appanalytics.sqltext import literal

_CONTROL = frozenset(["SET", "USE", "KILL", "SYSTEM", "BACKUP", "RESTORE", "ALTER", "ATTACH", "DETACH"])
_NEVER = (("SYSTEM", "SHUTDOWN"), ("SYSTEM", "KILL"), ("SYSTEM", "SUSPEND"))
_HARMLESS = frozenset(["SET", "USE"])


def check(request: Request, user: User, statement: Statement, sql: bytes) -> None:
    """Refuse what nobody may do, before a connection is taken; raises `Problem`."""
    check_statement(sql if statement.data is None else sql[: statement.data], request.parameters)
    check_settings(request.settings, user.reads_only)
    check_settings_named(settings_named(statement.text.encode()), user.reads_only)
    if statement.verbs[:2] in _NEVER:
        raise Problem(497, f"{' '.join(statement.verbs[:2])} is not allowed over HTTP", "ACCESS_DENIED")
    if statement.verbs[:2] in (("SET", "ROLE"), ("SET", "DEFAULT"), ("SET", "TRANSACTION")):
        raise Problem(497, "roles belong to users here and cannot be set", "ACCESS_DENIED")
    if statement.data is not None and user.reads_only:
        raise Problem(497, "this user may only read", "ACCESS_DENIED")
    if statement.data is not None and request.method in ("GET", "HEAD"):
        raise _get_only_reads()


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


def check_again(connection: Connection, request: Request, statement: Statement) -> None:
    """Judge the engine's own wording of a doubtful statement, so that no way of writing it hides a name.

    Raises `Problem` (497). What the engine cannot read it will not run.
    """
    sql = statement.text.encode()
    if doubtful(sql):
        asked = f"SELECT formatQuerySingleLineOrNull({literal(statement.text)})"
        check_statement(connection.run(asked, "RawBLOB").bytes(), request.parameters)


def own_kill(statement: Statement, name: str, user: User) -> Statement:
    """KILL QUERY by the client's ids, and for everybody but an admin of the user's own queries alone."""
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
