"""The page about the audience, in English or Russian."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from appanalytics.audience.decompose import Audience, Split
from appanalytics.audience.pictures import bars, slice_text
from appanalytics.audience.words import Words, words_of
from appanalytics.document import Block, Document, Heading, Paragraph, Picture, Table, plain
from appanalytics.known_events import KnownEvents
from appanalytics.locales import Locale, locale_of
from appanalytics.pictures import png
from appanalytics.window import bucket_day

MOST_PICTURES = 6
_NUMBERS = ("active", "new", "retained", "returning", "gone", "quick_ratio")


def audience_page(
    found: Audience, *, locale: str | Locale = "en", pictures: bool = True, label: str | None = None,
    notes: Mapping[date, str] | None = None,
) -> Document:  # fmt: skip
    """For each slice a sentence about its last complete period, bars with ``notes`` above periods, and the table."""
    words = words_of(language := locale_of(locale))
    grain, by = words(str(found.question.periods.grain)), found.question.sliced.by
    title = words("title", grain=grain)
    if by:
        title = words("title_by", grain=grain, dimension=plain(label or ", ".join(by)))
    blocks: list[Block] = []
    for number, values in enumerate(found.slices):
        splits = found.of_slice(values)
        if by:
            blocks.append(Heading(plain(slice_text(values, words))))
        if whole := [each for each in splits if each.complete]:
            blocks.append(Paragraph(_sentence(whole[-1], grain, words, language)))
        if pictures and number < MOST_PICTURES:
            picture = png(bars(found, values, locale=language, notes=notes))
            blocks.append(Picture(f"bars-{number + 1}", picture, words("bars_alt")))
        rows = tuple(_row(each, language) for each in splits)
        head = (words("time"), *(words(name) for name in _NUMBERS))
        blocks.append(Table(head, rows, head[1:]))
    if not all(each.complete for each in found.splits):
        blocks.append(Paragraph(plain(words("incomplete"))))
    return Document(title, tuple(blocks), language.code)


def event_notes(found: Audience, known: KnownEvents, locale: str | Locale = "en") -> dict[date, str]:
    """Names of known events by the period in which they began."""
    language, window = locale_of(locale), found.question.sliced.window
    notes: dict[date, str] = {}
    for event in known.during(window):
        start = bucket_day(max(event.days(window.zone)[0], window.first_day), found.question.periods.grain)
        notes[start] = ", ".join(filter(None, (notes.get(start), event.label(language.code))))
    return notes


def _sentence(each: Split, grain: str, words: Words, language: Locale) -> str:
    change = each.active / each.before - 1 if each.before else None
    return words(
        "last", time=each.start.isoformat(), grain=grain, change=language.relative(change),
        **{name: language.number(getattr(each, name)) for name in _NUMBERS},
    )  # fmt: skip


def _row(each: Split, language: Locale) -> tuple[str, ...]:
    star = "" if each.complete else " *"
    return (each.start.isoformat() + star, *(language.number(getattr(each, name)) for name in _NUMBERS))
