"""Expressions of a mapping: a small closed part of ClickHouse's scalar language.

An expression may hold literals, the operators below, columns of the file and the functions of `FUNCTIONS`. It is
cut into tokens here and put together again from tokens that are known; texts become parameters and columns
become the staging table's names, so nothing that somebody wrote reaches SQL as it was written. Functions that
can fail on a bad cell are left out in favour of their ``…OrNull`` forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from appanalytics.errors import MappingError, nearest

_FUNCTIONS = """
if multiIf coalesce ifNull nullIf isNull isNotNull empty notEmpty
lower upper lowerUTF8 upperUTF8 trimBoth trimLeft trimRight concat substring substringUTF8 length lengthUTF8
position positionCaseInsensitive startsWith endsWith replaceOne replaceAll left right reverse
match extract replaceRegexpOne replaceRegexpAll domain path extractURLParameter cutQueryString
toString toInt64OrNull toInt64OrZero toUInt64OrNull toUInt64OrZero toFloat64OrNull toFloat64OrZero
abs sign round floor ceil trunc least greatest intDivOrZero moduloOrZero
parseDateTime64BestEffortOrNull toYear toMonth toDayOfMonth toDayOfWeek toHour toMinute toUnixTimestamp dateDiff
sipHash64 xxHash64 cityHash64
"""
FUNCTIONS = frozenset(re.findall(r"\w+", _FUNCTIONS))
KEYWORDS = frozenset({"AND", "OR", "NOT", "LIKE", "ILIKE", "IS", "NULL", "IN", "CASE", "WHEN", "THEN", "ELSE", "END"})
LONGEST = 4000
_PATTERN_SECOND = frozenset(["match", "extract", "replaceRegexpOne", "replaceRegexpAll"])
_TOKEN = re.compile(
    r"""\s+
    | (?P<number>\d+(?:\.\d+)?(?![\w.]))
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`)
    | (?P<word>[^\W\d]\w*)
    | (?P<operator>\|\||<=|>=|<>|!=|==|[-+*/=<>(),])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of an expression: its kind, its meaning, and where it starts."""

    kind: str
    value: str
    start: int


def compile_expression(text: str, column: Callable[[str], str], bind: Callable[[str], str]) -> str:
    """Turn an expression into safe SQL.

    ``column`` gives the SQL of a column of the file (or raises `MappingError`), ``bind`` the placeholder of a text.
    """
    tokens = tokenize(text)
    _check_lists(tokens, text)
    _check_patterns(tokens, text)
    return " ".join(_emit(tokens, index, text, column, bind) for index in range(len(tokens)))


def columns_of(text: str) -> tuple[str, ...]:
    """Names of the file's columns that an expression uses."""
    tokens = tokenize(text)
    return tuple(
        dict.fromkeys(
            token.value
            for index, token in enumerate(tokens)
            if token.kind == "quoted" or (token.kind == "word" and _role(tokens, index) == "column")
        )
    )


def tokenize(text: str) -> list[Token]:
    """Cut an expression into tokens; anything that is no token is a `MappingError`."""
    if not text.strip() or len(text) > LONGEST:
        raise MappingError(f"an expression has 1 to {LONGEST} characters")
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if not match:
            raise _refusal(text, position, f"{text[position]!r} has no meaning there")
        if match.lastgroup:
            tokens.append(Token(match.lastgroup, _meaning(match.lastgroup, match[0]), position))
        position = match.end()
    return tokens


def _meaning(kind: str, text: str) -> str:
    if kind in ("text", "quoted"):
        quote = text[0]
        return text[1:-1].replace(quote * 2, quote)
    return text


def _role(tokens: list[Token], index: int) -> str:
    if index + 1 < len(tokens) and tokens[index + 1].value == "(" and tokens[index + 1].kind == "operator":
        return "keyword" if tokens[index].value.upper() in KEYWORDS else "function"
    return "keyword" if tokens[index].value.upper() in KEYWORDS else "column"


def _emit(
    tokens: list[Token], index: int, text: str, column: Callable[[str], str], bind: Callable[[str], str]
) -> str:
    token = tokens[index]
    if token.kind == "text":
        return bind(token.value)
    if token.kind == "quoted":
        return column(token.value)
    if token.kind != "word":
        return token.value
    role = _role(tokens, index)
    if role == "keyword":
        return token.value.upper()
    if role == "column":
        return column(token.value)
    if token.value not in FUNCTIONS:
        raise _refusal(text, token.start, f"{token.value} is not a function it may use", FUNCTIONS)
    return token.value


def _check_lists(tokens: list[Token], text: str) -> None:
    # Without this, `x IN (name)` would read a table of that name.
    for index, token in enumerate(tokens):
        if token.kind == "word" and token.value.upper() == "IN":
            parts = _arguments(tokens, index + 1)
            if not parts or any([part.kind for part in each] not in (["text"], ["number"]) for each in parts):
                raise _refusal(text, token.start, "IN takes a list of literals, as in IN ('a', 'b')")


def _check_patterns(tokens: list[Token], text: str) -> None:
    # A pattern out of a cell could be an invalid one, and would stop the load halfway.
    for index, token in enumerate(tokens):
        if token.kind == "word" and token.value in _PATTERN_SECOND and _role(tokens, index) == "function":
            second = _arguments(tokens, index + 1)[1:2]
            if not second or [part.kind for part in second[0]] != ["text"]:
                raise _refusal(text, token.start, f"the pattern of {token.value} must be a literal text")


def _arguments(tokens: list[Token], opening: int) -> list[list[Token]]:
    """Cut what stands in the parentheses that open at ``opening`` at its commas; empty if none open there."""
    if tokens[opening : opening + 1] == [] or (tokens[opening].kind, tokens[opening].value) != ("operator", "("):
        return []
    depth = 1
    parts: list[list[Token]] = [[]]
    for token in tokens[opening + 1 :]:
        sign = token.value if token.kind == "operator" else ""
        depth += (sign == "(") - (sign == ")")
        if not depth:
            break
        if sign == "," and depth == 1:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _refusal(text: str, position: int, why: str, known: Iterable[str] | None = None) -> MappingError:
    word = re.match(r"\w+", text[position:])
    hint = nearest(word[0], known) if known and word else None
    return MappingError(f"expression {text!r}, character {position + 1}: {why}", hint=hint)
