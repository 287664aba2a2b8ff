"""Split SQL into tokens as ClickHouse's lexer does, so far as a front needs it.

The lexer also takes the spaces and quotes of a word processor; whoever reads a statement otherwise than the engine
does can be made to look past a part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_TOKEN = re.compile(
    rb"""
      (?P<space>  (?:[\s\x00]
                  | \xc2[\x85\xa0] | \xe1\xa0\x8e | \xe2\x80[\x80-\x8d\xa8\xa9\xaf] | \xe2\x81[\x9f\xa0]
                  | \xe3\x80\x80 | \xef\xbb\xbf)+
                | --[^\n]* | \#[\ !][^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string> '(?:[^'\\]|\\.|'')*' | \xe2\x80\x98.*?\xe2\x80\x99 | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
    | (?P<quoted> `(?:[^`\\]|\\.|``)*` | "(?:[^"\\]|\\.|"")*" | \xe2\x80\x9c.*?\xe2\x80\x9d )
    | (?P<word>   [A-Za-z_][A-Za-z0-9_$]* )
    | (?P<number> [0-9][A-Za-z0-9_.]* )
    | (?P<mark>   . )
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One token and its place. ``text`` of a word is in upper case, of a quoted name without its quotes."""

    kind: str
    text: str
    start: int
    end: int
    depth: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these bare words."""
        return self.kind == "word" and self.text in words


def tokens(sql: bytes, start: int = 0) -> Iterator[Token]:
    """Tokens of a statement without spaces and comments, read as far as they are asked for.

    ``depth`` counts open round, square and curly brackets round the token.
    """
    depth = 0
    for found in _TOKEN.finditer(sql, start):
        kind = found.lastgroup
        if kind == "space":
            continue
        text = found[0].decode("utf-8", "replace")
        if kind == "mark":
            if text in ")]}":
                depth = max(0, depth - 1)
            yield Token(kind, text, *found.span(), depth)
            if text in "([{":
                depth += 1
        elif kind == "word":
            yield Token(kind, text.upper(), *found.span(), depth)
        elif kind == "quoted":
            yield Token(kind, text[1:-1], *found.span(), depth)
        else:
            yield Token("number" if kind == "number" else "string", text, *found.span(), depth)
