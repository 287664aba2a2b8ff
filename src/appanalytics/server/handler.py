"""From a request to its answer, in one thread: who asks, what, on which connection, with which result."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appanalytics.server import execute
from appanalytics.server.blocks import unblocked
from appanalytics.server.body import FIRST, LONGEST_FORM, LONGEST_STATEMENT, Body, begun, whole
from appanalytics.server.compression import chosen
from appanalytics.server.connections import Connection, Connections, Profile
from appanalytics.server.execute import Cost, Job
from appanalytics.server.externals import NO_EXPRESSIONS, load_externals, read_form
from appanalytics.server.formats import content_type, format_name
from appanalytics.server.logs import by_client
from appanalytics.server.problems import Problem
from appanalytics.server.progress import paced, told
from appanalytics.server.reply import Reply
from appanalytics.server.request import Request, credentials
from appanalytics.server.rules import check, check_again, check_class, own_kill
from appanalytics.server.running import Run, Running
from appanalytics.server.sessions import Session, Sessions
from appanalytics.server.statement import Statement, read_statement
from appanalytics.server.tokens import tokens
from appanalytics.server.users import User, Users

#: An INSERT whose rows are shorter than this runs as one text, so that VALUES may hold expressions.
_SMALL_INSERT = 1 << 18


@dataclass(frozen=True)
class Facts:
    """What answers say about the server."""

    version: str
    timezone: str
    name: str
    database: str
    pipes: Path


@dataclass
class Handler:
    """Everything that requests share."""

    users: Users
    connections: Connections
    sessions: Sessions
    running: Running
    facts: Facts
    runs: dict[Reply, Run]

    def serve(self, request: Request, body: Body, reply: Reply) -> None:
        """Answer a request into ``reply``; raises `Problem`."""
        name, user = self._who(request)
        if request.flag("enable_http_compression"):
            reply.encoding = chosen(request.headers.get("accept-encoding", ""))
        reply.headers |= {"X-ClickHouse-Server-Display-Name": self.facts.name}
        reply.headers |= {"X-ClickHouse-Timezone": self.facts.timezone}
        reply.blocks = request.flag("compress")
        sql, statement, rest = _statement(request, body)
        if statement is None:
            raise Problem(62, "Syntax error: Empty query", "SYNTAX_ERROR")
        check(request, user, statement, sql)
        if request.roles:
            raise Problem(511, f"There is no role `{request.roles[0]}` in `user directories`", "UNKNOWN_ROLE")
        reads = statement.data is None and statement.has_result and statement.verb != "KILL"
        lane = self.running.reads if reads else self.running.writes
        with self.running.enter(name, user, request.query_id) as run, lane.place():
            reply.headers["X-ClickHouse-Query-Id"] = run.query_id
            if reads:
                self.runs[reply] = run
            try:
                with (
                    self._connection(request, name, statement) as (connection, session),
                    told(connection, request, reply),
                ):
                    self._run(_Turn(request, name, user, statement, sql, rest, run, reply), connection, session)
            finally:
                self.runs.pop(reply, None)

    def _who(self, request: Request) -> tuple[str, User]:
        name, password = credentials(request)
        user = self.users.find(name, password)
        if user is None:
            text = f"{name}: Authentication failed: password is incorrect, or there is no user with such name"
            raise Problem(516, text, "AUTHENTICATION_FAILED")
        return name, user

    @contextmanager
    def _connection(
        self, request: Request, name: str, statement: Statement
    ) -> Iterator[tuple[Connection, Session | None]]:
        asked = paced(request, statement.format or request.default_format)
        with ExitStack() as stack:
            if session_id := request.own.get("session_id"):
                plain = Profile(name, self.facts.database)
                must_exist = request.own.get("session_check") == "1"
                timeout = request.session_timeout
                session = stack.enter_context(self.sessions.enter(plain, session_id, timeout, must_exist))
                session.wear(asked, self._database(request, ""))
                yield session.connection, session
            else:
                profile = Profile(name, self._database(request, self.facts.database), tuple(sorted(asked.items())))
                fresh = bool(request.externals)
                yield stack.enter_context(self.connections.lease(profile, fresh=fresh)), None

    def _database(self, request: Request, otherwise: str) -> str:
        """The engine's own ``default`` is a view of the working folder's files, so that name means the warehouse."""
        return self.facts.database if request.database == "default" else request.database or otherwise

    def _run(self, turn: _Turn, connection: Connection, session: Session | None) -> None:
        statement, request, reply = turn.statement, turn.request, turn.reply
        if request.externals:
            load_externals(connection, request.externals, turn.name)
        if statement.verb == "KILL":
            statement = own_kill(statement, turn.name, turn.user)
        cost = Cost()
        reply.last_headers = lambda: {"X-ClickHouse-Summary": cost.summary()}
        reply.held_back = request.flag("wait_end_of_query")
        if statement.data is not None:
            reply.headers["Content-Type"] = "text/plain; charset=UTF-8"
            self._insert(turn, connection, cost)
            return
        check_class(connection.raw, request, turn.user, statement)
        check_again(connection, request, turn.user, statement)
        if statement.keeps_state:
            connection.spoilt = True
        if session is not None and statement.verb == "SET":
            session.undress()
        shape = format_name(statement.format or request.default_format)
        framed = "TOTALS" in statement.text.upper() or request.settings.get("extremes", "0") != "0"
        job = Job(statement, request.parameters, shape, turn.run.tag, self.facts.pipes, framed)
        self._answer(job, connection, reply, cost)
        if session is not None and statement.verb == "USE":
            session.remember()

    def _answer(self, job: Job, connection: Connection, reply: Reply, cost: Cost) -> None:
        pieces = execute.rows(connection, job, cost)
        first = next(pieces, b"")
        if first or job.statement.has_result:
            reply.headers["Content-Type"] = content_type(job.format)
            reply.headers["X-ClickHouse-Format"] = job.format
        with closing_all(pieces):
            for piece in itertools.chain([first], pieces):
                reply.write(piece)

    def _insert(self, turn: _Turn, connection: Connection, cost: Cost) -> None:
        statement, request = turn.statement, turn.request
        check_again(connection, request, turn.user, statement)
        shape = format_name(statement.format or request.headers.get("x-clickhouse-format") or "Values")
        job = Job(statement, request.parameters, shape, turn.run.tag, self.facts.pipes)
        start = turn.sql[statement.data or 0 :]
        if shape == "Values":
            start = begun(turn.rest, start, _SMALL_INSERT + 1)
            if len(start) <= _SMALL_INSERT:
                self._insert_text(turn, start, connection, cost)
                return
            connection.set(NO_EXPRESSIONS)
            connection.spoilt = True
        execute.insert(connection, job, itertools.chain([start] if start else [], turn.rest), cost)

    def _insert_text(self, turn: _Turn, data: bytes, connection: Connection, cost: Cost) -> None:
        from appanalytics.server.guard import check_statement

        check_statement(data, turn.request.parameters)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Problem(27, f"the values are not UTF-8 at byte {error.start}", "CANNOT_PARSE_INPUT") from None
        head = turn.run.tag + turn.statement.text
        cost.add(connection.run(f"{head} VALUES {text}", "Null", turn.request.parameters))


@dataclass
class _Turn:
    """One request under way."""

    request: Request
    name: str
    user: User
    statement: Statement
    sql: bytes
    rest: Iterator[bytes]
    run: Run
    reply: Reply


@contextmanager
def closing_all(pieces: Iterator[Any]) -> Iterator[None]:
    """Close a generator that is left early, so that it stops its statement."""
    try:
        yield
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _statement(request: Request, body: Body) -> tuple[bytes, Statement | None, Iterator[bytes]]:
    """The statement, the bytes it was read from, and what of the body comes after them."""
    kind = request.headers.get("content-type", "")
    pieces = body.plain(request.headers.get("content-encoding", ""))
    if request.flag("decompress"):
        pieces = unblocked(pieces)
    if kind.lower().startswith("multipart/form-data"):
        read_form(request, kind, whole(pieces, LONGEST_FORM, "form"))
        pieces = iter(())
    start = request.own.get("query", "").encode()
    sql = begun(pieces, start + b"\n" if start else b"", FIRST)
    first = next(tokens(sql), None)
    if first is None:
        return sql, None, pieces
    if first.is_word("INSERT"):
        statement = read_statement(sql)
        if statement.data is not None:
            return sql, statement, pieces
    sql = by_client(whole(pieces, LONGEST_STATEMENT, "statement", sql))
    return sql, read_statement(sql), iter(())
