"""What a statement is: its first words, where its data begin, in which format its result is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from appanalytics.server.problems import Problem
from appanalytics.server.tokens import Token, tokens

#: Verbs whose answer has rows, so that a format belongs to it.
WITH_RESULT = frozenset(
    ["SELECT", "WITH", "FROM", "SHOW", "DESC", "DESCRIBE", "EXISTS", "EXPLAIN", "CHECK", "KILL", "VALUES"]
)
_AFTER_NAME = frozenset(["VALUES", "FORMAT", "SELECT", "WITH", "FROM", "SETTINGS", "PARTITION"])
_MULTI = "Syntax error (Multi-statements are not allowed)"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without its data.

    ``text`` has no semicolon and, for an INSERT of data, no FORMAT or VALUES. ``format`` is what the statement itself
    asks for (of its result, or of the data), and ``format_at`` where in ``text`` that clause begins. ``data`` is the
    offset of an INSERT's inline data in the request, None for a statement that takes none.
    """

    text: str
    verbs: tuple[str, ...]
    format: str | None = None
    format_at: int | None = None
    data: int | None = None
    has_parameters: bool = False

    @property
    def verb(self) -> str:
        """The first word."""
        return self.verbs[0] if self.verbs else ""

    @property
    def has_result(self) -> bool:
        """Whether rows come back."""
        return self.verb in WITH_RESULT

    @property
    def keeps_state(self) -> bool:
        """Whether it changes the connection it runs on: SET, USE, temporary tables."""
        return self.verb in ("SET", "USE", "BEGIN", "EXECUTE", "ATTACH") or "TEMPORARY" in self.verbs

    def into(self, file: str) -> str:
        """The same statement writing its result into a file."""
        at = len(self.text) if self.format_at is None else self.format_at
        return f"{self.text[:at]}\nINTO OUTFILE '{file}' APPEND {self.text[at:]}"


def read_statement(sql: bytes) -> Statement:
    """Read the statement at the start of a request.

    Raises `Problem` (62) for none or several statements, and for reading or writing files beside the engine.
    """
    head: list[Token] = []
    for token in tokens(sql):
        head.append(token)
        if len(head) == 6:
            break
    verbs = tuple(token.text for token in head if token.kind == "word")
    if not head or head[0].text == ";":
        raise Problem(62, "Syntax error: Empty query", "SYNTAX_ERROR")
    if verbs[:1] == ("INSERT",):
        return _insert(sql, verbs)
    every = list(tokens(sql))
    if verbs[:1] == ("WITH",) and any(one.is_word("INSERT") and two.is_word("INTO") for one, two in _top(every)):
        return Statement(_decoded(sql), ("INSERT", *verbs), None, None, None, _has_parameters(every))
    return _plain(sql, verbs, every, head[0].kind == "mark")


def _top(every: list[Token]) -> Iterator[tuple[Token, Token]]:
    return pairwise(token for token in every if not token.depth)


def _plain(sql: bytes, verbs: tuple[str, ...], every: list[Token], in_brackets: bool) -> Statement:
    end = len(sql)
    for place, token in enumerate(every):
        if token.text == ";" and token.kind == "mark":
            if any(later.text != ";" for later in every[place:]):
                raise Problem(62, _MULTI, "SYNTAX_ERROR")
            end, every = token.start, every[:place]
            break
    if any(one.is_word("INTO") and two.is_word("OUTFILE") for one, two in pairwise(every)):
        raise Problem(1, "INTO OUTFILE is not allowed over HTTP", "UNSUPPORTED_METHOD")
    text = _decoded(sql[:end])
    shape, at = _format_clause(sql, every)
    if shape is None and in_brackets and verbs[:1] in (("SELECT",), ("WITH",)):
        return Statement(text, verbs, has_parameters=_has_parameters(every))
    at_text = None if at is None else len(sql[:at].decode("utf-8"))
    return Statement(text, verbs, shape, at_text, has_parameters=_has_parameters(every))


def _format_clause(sql: bytes, every: list[Token]) -> tuple[str | None, int | None]:
    """The last FORMAT clause that ends the statement or stands before its last SETTINGS."""
    for place in range(len(every) - 2, 0, -1):
        token, name = every[place], every[place + 1]
        if not token.is_word("FORMAT") or token.depth or name.kind not in ("word", "quoted"):
            continue
        before, after = every[place - 1], every[place + 2 : place + 3]
        if before.text in (",", ".") or before.is_word("SELECT", "AS", "BY"):
            continue
        if not after or after[0].is_word("SETTINGS"):
            return _name(sql, name), token.start
    return None, None


def _name(sql: bytes, token: Token) -> str:
    return sql[token.start : token.end].decode("utf-8", "replace").strip('`"')


def _has_parameters(every: list[Token]) -> bool:
    return any(one.text == "{" and two.kind in ("word", "quoted") for one, two in pairwise(every))


def _decoded(sql: bytes) -> str:
    try:
        return sql.decode("utf-8").rstrip()
    except UnicodeDecodeError as error:
        raise Problem(62, f"Syntax error: the statement is not UTF-8 at byte {error.start}", "SYNTAX_ERROR") from None


def _insert(sql: bytes, verbs: tuple[str, ...]) -> Statement:
    """INSERT INTO [TABLE] [FUNCTION f(…)] name [(columns)] [SETTINGS …] then VALUES, FORMAT, SELECT or nothing."""
    read: list[Token] = []
    named = False
    source = tokens(sql)
    for token in source:
        read.append(token)
        if token.depth or len(read) <= 2:
            continue
        if not named:
            named = _ends_name(read)
            if not named or not token.is_word(*_AFTER_NAME):
                continue
        if token.is_word("VALUES"):
            return Statement(_decoded(sql[: token.start]), verbs, "Values", None, token.end, _has_parameters(read))
        if token.is_word("FORMAT"):
            shape = next(source, None)
            if shape is None:
                break
            return _with_data(sql, verbs, read, token.start, shape)
        if token.is_word("FROM"):
            raise Problem(1, "INSERT FROM INFILE is not allowed over HTTP", "UNSUPPORTED_METHOD")
        if token.is_word("SELECT", "WITH"):
            return _insert_select(sql, verbs, [*read, *source])
        if token.text == ";":
            if any(later.text != ";" for later in source):
                raise Problem(62, _MULTI, "SYNTAX_ERROR")
            return Statement(_decoded(sql[: token.start]), verbs, None, None, len(sql), _has_parameters(read))
    if any(token.is_word("SELECT") for token in read):
        return _insert_select(sql, verbs, read)
    return Statement(_decoded(sql), verbs, None, None, len(sql), _has_parameters(read))


def _ends_name(read: list[Token]) -> bool:
    """Whether the table's name is complete before the newest token."""
    words = [token for token in read if not token.depth]
    newest, before = words[-1], words[-2]
    if before.is_word("INTO", "TABLE", "FUNCTION") and len(words) <= 4 and newest.text != "(":
        return False
    return newest.text != "." and before.text != "."


def _with_data(sql: bytes, verbs: tuple[str, ...], read: list[Token], end: int, shape: Token) -> Statement:
    name = _name(sql, shape)
    at = shape.end
    while sql[at : at + 1] in (b" ", b"\t", b"\f", b";"):
        at += 1
    if sql[at : at + 1] == b"\r":
        at += 1
    if sql[at : at + 1] == b"\n":
        at += 1
    return Statement(_decoded(sql[:end]), verbs, name, None, at, _has_parameters(read))


def _insert_select(sql: bytes, verbs: tuple[str, ...], every: list[Token]) -> Statement:
    """INSERT … SELECT; with ``input(…)`` it takes data in the format that stands at its end."""
    if any(one.is_word("INPUT") and two.text == "(" for one, two in pairwise(every)):
        for place, token in enumerate(every[:-1]):
            if token.is_word("FORMAT") and not token.depth and every[place - 1].text != ",":
                return _with_data(sql, verbs, every[:place], token.start, every[place + 1])
    return _plain(sql, verbs, every, in_brackets=False)
