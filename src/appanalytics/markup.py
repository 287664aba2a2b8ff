"""Telegram's subset of HTML: how long a text is as Telegram counts it, and how it is cut, or made plain."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

#: Characters of a message and of a caption, after the entities are parsed (Bot API, sendMessage and sendPhoto).
MESSAGE_LIMIT = 4096
CAPTION_LIMIT = 1024
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


def escape(text: str) -> str:
    """Text that shows itself: names of users and segments may hold ``<`` and ``&``."""
    return html.escape(text, quote=False)


def plain(markup: str) -> str:
    """What a reader sees: without tags, entities resolved."""
    return html.unescape(_TAG.sub("", markup))


def units(text: str) -> int:
    """Length as Telegram counts it: UTF-16 code units, so an emoji counts two."""
    return len(text.encode("utf-16-le")) // 2


def length(markup: str) -> int:
    """Length of what a reader sees, which is what Telegram limits; tags count nothing."""
    return units(plain(markup))


def shorten(markup: str, limit: int) -> str:
    """At most ``limit`` units of what a reader sees, whole lines where possible; ``…`` says that more was there.

    Tags that are open where the text is cut are closed. A first line that is too long alone is cut after a word.
    """
    if length(markup) <= limit:
        return markup
    cutter = _Cutter(limit - 2)  # room for a line break and the ellipsis
    cutter.feed(markup)
    cutter.close()
    return cutter.cut()


class _Cutter(HTMLParser):
    """Copies markup until the room is used up, and remembers the last good places to end."""

    def __init__(self, limit: int) -> None:
        super().__init__(convert_charrefs=True)
        self._left = limit
        self._made: list[str] = []
        self._open: list[str] = []
        self._full = False
        self._line = ""
        self._word = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Copy a tag and remember that it is open."""
        if not self._full:
            self._made.append(self.get_starttag_text() or "")
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Copy an end, and those of the tags inside of it that were forgotten."""
        if not self._full and tag in self._open:
            while self._open[-1] != tag:
                self._made.append(f"</{self._open.pop()}>")
            self._open.pop()
            self._made.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Copy text while there is room."""
        for character in data:
            if self._full:
                return
            if character == "\n":
                self._line = self._ended()
            elif character.isspace():
                self._word = self._ended()
            size = units(character)
            if size > self._left:
                self._full = True
                return
            self._left -= size
            self._made.append(escape(character))

    def _ended(self) -> str:
        return "".join([*self._made, *(f"</{tag}>" for tag in reversed(self._open))])

    def cut(self) -> str:
        """What was copied, ended at a line, else at a word, else anywhere."""
        if plain(self._line).strip():
            return self._line.rstrip() + "\n…"
        return (self._word if plain(self._word).strip() else self._ended()).rstrip() + "…"
