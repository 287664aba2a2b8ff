"""A report as text: a table for a terminal, and lines in Telegram's subset of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from rich.cells import cell_len

from appanalytics.locales import NOTHING, Locale
from appanalytics.markup import MESSAGE_LIMIT, escape, length, shorten
from appanalytics.reports.figures import Reading, Verdict, verdict
from appanalytics.reports.words import WORDS, Words

#: Longer names are cut, so that one of them cannot push the numbers out of a caption.
LONGEST_LABEL = 60
LAMPS = {Verdict.GOOD: "🟢", Verdict.BAD: "🔴", Verdict.NONE: "⚪"}
WARNING = "⚠️"
UNUSUAL = "❗"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing worth knowing, a sentence in the report's language; ``weight`` is how much, the largest first."""

    emoji: str
    text: str
    weight: float = 0.0


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
    """What is said of a day: a title, what is worth knowing, warnings, and blocks of numbers."""

    title: str
    day: date
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    locale: Locale
    news: tuple[Finding, ...] = ()

    @property
    def words(self) -> Words:
        """Sentences in the message's language."""
        return WORDS[self.locale.code]

    def as_text(self) -> str:
        """A table in columns of equal width; it ends with a line break."""
        head = [self._head()]
        rows = [("", "", *self._columns())] if self.blocks else []
        for block in self.blocks:
            rows += [("",) * 6] if not block.heading else [("", block.heading, "", "", "", "")]
            rows += [self._row(line) for line in block.lines]
        news = [self.words.worth_knowing, *(f"{each.emoji} {each.text}" for each in self.news)] if self.news else []
        notes = [f"{WARNING} {note}" for note in self.notes]
        parts = ["\n".join(part) for part in (head, notes, news, _aligned(rows)) if part]
        return "\n\n".join(parts) + "\n"

    def as_html(self, limit: int = MESSAGE_LIMIT) -> str:
        """Lines for a phone, at most ``limit`` UTF-16 units of what a reader sees.

        Where they are too long, headings and empty lines go first, then whole lines at the end, and ``…`` says so.
        """
        whole = "\n".join(self._html_lines(is_short=False))
        return whole if length(whole) <= limit else shorten("\n".join(self._html_lines(is_short=True)), limit)

    def _html_lines(self, *, is_short: bool) -> list[str]:
        lines = [f"<b>{escape(self._head())}</b>"]
        if self.blocks:
            day, week = self._compared()
            legend = self.words.legend.format(day_before=day, week_before=week)
            lines.append(f"<i>{escape(legend)}</i>")
        told = [f"{WARNING} {escape(note)}" for note in self.notes]
        told += [f"{each.emoji} {escape(each.text)}" for each in self.news]
        lines += ["", *told] if told else []
        for at, block in enumerate(self.blocks):
            lines += [""] if not is_short or (at == 0 and told) else []
            lines += [f"<b>{escape(block.heading)}</b>"] if block.heading and not is_short else []
            lines += [self._html_line(line) for line in block.lines]
        return lines

    def _head(self) -> str:
        return f"{self.title} · {self.locale.day(self.day)}"

    def _compared(self) -> tuple[str, str]:
        earlier = (self.day - timedelta(days=1), self.day - timedelta(days=7))
        return self.locale.short_day(earlier[0]), self.locale.short_day(earlier[1])

    def _columns(self) -> tuple[str, str, str, str]:
        day, week = self._compared()
        versus = self.words.versus
        shown = (self.locale.short_day(self.day), versus.format(day=day), versus.format(day=week))
        is_known = any(line.reading.usual for block in self.blocks for line in block.lines)
        return (*shown, self.words.usual if is_known else "")

    def _row(self, line: Line) -> tuple[str, str, str, str, str, str]:
        value = self.locale.number(line.reading.value, line.reading.unit)
        mark = f"{UNUSUAL} " if line.reading.side else ""
        usual = mark + usually(line.reading, self.locale) if line.reading.usual else ""
        return (line.emoji, _cut(line.label), value, *self._changes(line.reading), usual)

    def _html_line(self, line: Line) -> str:
        value = self.locale.number(line.reading.value, line.reading.unit)
        label = escape(f"{line.emoji} {_cut(line.label)}".strip())
        mark = f" {UNUSUAL}" if line.reading.side else ""
        return f"{label}: <b>{value}</b>{mark}  {' / '.join(self._changes(line.reading))}"

    def _changes(self, reading: Reading) -> tuple[str, str]:
        def shown(moved: float | None) -> str:
            text = self.locale.change(moved, reading.unit)
            if text == NOTHING:
                return text
            is_flat = not any(character in "123456789" for character in text)
            return f"{LAMPS[Verdict.NONE if is_flat else verdict(moved, reading.good)]} {text}"

        return shown(reading.day_change), shown(reading.week_change)


def usually(reading: Reading, locale: Locale) -> str:
    """The usual range as ``low–high``; what it says of a metric without one is a dash."""
    if reading.usual is None:
        return NOTHING
    low, high = (_end(end, reading, locale) for end in (reading.usual.low, reading.usual.high))
    units = [locale.percent, *(word for _, word in locale.powers)]
    shared = next((unit for unit in units if low.endswith(unit) and high.endswith(unit)), "")
    return f"{low.removesuffix(shared)}–{high}"


def _end(end: float, reading: Reading, locale: Locale) -> str:
    """An end of a range: of large numbers three digits, because more would not mean anything."""
    if reading.unit != "share" and end >= 10_000:
        return locale.short(end)
    return locale.number(round(end) if isinstance(reading.value, int) else end, reading.unit)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Emoji and labels to the left, numbers to the right; a heading may reach over the columns beside it."""
    if not rows:
        return []
    bodies = [row for row in rows if row[2]]
    widths = [max(cell_len(row[place]) for row in bodies) for place in range(len(rows[0]))]
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
