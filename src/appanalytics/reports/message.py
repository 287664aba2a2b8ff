"""A report as text: a table for a terminal, and lines in Telegram's subset of HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rich.cells import cell_len

from appanalytics.locales import NOTHING, Locale
from appanalytics.reports.figures import Reading, Verdict, verdict
from appanalytics.reports.words import WORDS, Words

MESSAGE_LIMIT = 4096
CAPTION_LIMIT = 1024
#: Longer names are cut, so that one of them cannot push the numbers out of a caption.
LONGEST_LABEL = 60
LAMPS = {Verdict.GOOD: "🟢", Verdict.BAD: "🔴", Verdict.NONE: "⚪"}
WARNING = "⚠️"


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of a message."""

    emoji: str
    label: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Block:
    """A heading with its lines."""

    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """What is said of a day: a title, blocks of numbers, and notes at the end."""

    title: str
    day: date
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    locale: Locale

    @property
    def words(self) -> Words:
        """Sentences in the message's language."""
        return WORDS[self.locale.code]

    def as_text(self) -> str:
        """A table in columns of equal width; it ends with a line break."""
        head = [self._head()]
        rows = [("", "", *self._columns())] if self.blocks else []
        for block in self.blocks:
            rows += [("", "", "", "", "")] if not block.heading else [("", block.heading, "", "", "")]
            rows += [self._row(line) for line in block.lines]
        table = _aligned(rows)
        notes = [f"{WARNING} {note}" for note in self.notes]
        parts = ["\n".join(part) for part in (head, table, notes) if part]
        return "\n\n".join(parts) + "\n"

    def as_html(self, limit: int = MESSAGE_LIMIT) -> str:
        """Lines for a phone; whole lines beyond ``limit`` UTF-16 units are left out, and ``…`` says so."""
        lines = [f"<b>{_escape(self._head())}</b>"]
        notes = [f"{WARNING} {_escape(note)}" for note in self.notes]
        if self.blocks:
            day, week = self._compared()
            legend = self.words.legend.format(day_before=day, week_before=week)
            lines.append(f"<i>{_escape(legend)}</i>")
        if notes:
            lines += ["", *notes]
        for block in self.blocks:
            lines += ["", f"<b>{_escape(block.heading)}</b>"] if block.heading else [""]
            lines += [self._html_line(line) for line in block.lines]
        return shorten(lines, limit)

    def _head(self) -> str:
        return f"{self.title} · {self.locale.day(self.day)}"

    def _compared(self) -> tuple[str, str]:
        earlier = (self.day - timedelta(days=1), self.day - timedelta(days=7))
        return self.locale.short_day(earlier[0]), self.locale.short_day(earlier[1])

    def _columns(self) -> tuple[str, str, str]:
        day, week = self._compared()
        return (
            self.locale.short_day(self.day),
            self.words.versus.format(day=day),
            self.words.versus.format(day=week),
        )

    def _row(self, line: Line) -> tuple[str, str, str, str, str]:
        value = self.locale.number(line.reading.value, line.reading.unit)
        return (line.emoji, _cut(line.label), value, *self._changes(line.reading))

    def _html_line(self, line: Line) -> str:
        value = self.locale.number(line.reading.value, line.reading.unit)
        label = _escape(f"{line.emoji} {_cut(line.label)}".strip())
        return f"{label}: <b>{value}</b>  {' / '.join(self._changes(line.reading))}"

    def _changes(self, reading: Reading) -> tuple[str, str]:
        def shown(moved: float | None) -> str:
            text = self.locale.change(moved, reading.unit)
            if text == NOTHING:
                return text
            is_flat = not any(character in "123456789" for character in text)
            return f"{LAMPS[Verdict.NONE if is_flat else verdict(moved, reading.good)]} {text}"

        return shown(reading.day_change), shown(reading.week_change)


def units(text: str) -> int:
    """Length as Telegram counts it: UTF-16 code units, so an emoji counts two."""
    return len(text.encode("utf-16-le")) // 2


def shorten(lines: Sequence[str], limit: int) -> str:
    """As many whole lines as fit; every line closes its own tags, so nothing is torn."""
    whole = "\n".join(lines)
    if units(whole) <= limit:
        return whole
    kept: list[str] = []
    for line in lines:
        if units("\n".join([*kept, line, "…"])) > limit:
            break
        kept.append(line)
    return "\n".join([*kept, "…"])


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Emoji and labels to the left, numbers to the right; a heading may reach over the columns beside it."""
    if not rows:
        return []
    bodies = [row for row in rows if row[2]]
    widths = [max(cell_len(row[place]) for row in bodies) for place in range(5)]
    lines = []
    for emoji, label, *numbers in rows:
        if not any(numbers):
            lines += ["", label] if label else [""]
            continue
        start = _padded(emoji, widths[0]) + (" " if widths[0] else "") + _padded(label, widths[1])
        cells = [" " * (width - cell_len(text)) + text for text, width in zip(numbers, widths[2:], strict=True)]
        lines.append("  ".join([start, *cells]).rstrip())
    return lines


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _cut(label: str) -> str:
    plain = " ".join(label.split())
    return plain if len(plain) <= LONGEST_LABEL else plain[: LONGEST_LABEL - 1] + "…"


def _escape(text: str) -> str:
    return html.escape(text, quote=False)
