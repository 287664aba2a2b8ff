"""Findings as a page: the headline with its picture, segments, what is ruled out, what was known, statements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from appanalytics.document import Block, Bullets, Code, Document, Heading, Paragraph, Picture, Table, plain
from appanalytics.investigate import behind, summary
from appanalytics.investigate.explanation import Part
from appanalytics.investigate.summary import is_ratio, speaker
from appanalytics.investigate.words import Speaker

if TYPE_CHECKING:
    from appanalytics.investigate.findings import Findings

#: Segments that a table shows.
SHOWN = 15


def page(found: Findings, locale: str, *, pictures: bool, sql: bool) -> Document:
    """The whole report in a language."""
    say = speaker(found, locale)
    blocks = tuple(_blocks(found, say, pictures=pictures, sql=sql))
    return Document(plain(summary.title(found, say)), blocks, say.locale.code)


def _blocks(found: Findings, say: Speaker, *, pictures: bool, sql: bool) -> Iterator[Block]:
    yield Paragraph(f"**{plain(summary.headline(found, say))}**")
    if not found.complete:
        yield Paragraph(say("incomplete"))
    yield Paragraph(
        plain(
            " ".join(
                part
                for part in (summary.cause(found, say), summary.out(found, say), summary.beside(found, say))
                if part
            )
        )
    )
    if pictures:
        metric = found.catalog.quantity(found.metric).label(say.locale.code)
        yield Picture("series", found.picture(say.locale.code), say("alt_series", metric=metric))
    if found.segments:
        yield Heading(say("h_segments"))
        if pictures:
            yield Picture("segments", found.segments_picture(say.locale.code), say("alt_segments"))
        yield _segments(found, say)
    apart = found.explanation.rate_and_mix if found.explanation else None
    if apart is not None and found.is_unusual:
        rate, mix = (say.signed(each, ratio=True) for each in (apart.rate, apart.mix))
        yield Paragraph(say("rate_and_mix", rate=rate, mix=mix))
    if found.rulings and (found.segments or found.is_unusual):
        yield Heading(say("h_ruled_out"))
        yield Bullets(
            tuple(
                say(
                    "ruling" if each.ruled_out else "open_ruling",
                    dimension=say.dimension(each.dimension),
                    bound=say.percent(each.bound),
                )
                for each in found.rulings
            )
        )
    yield from _beside(found, say)
    yield from behind.blocks(found, say, pictures=pictures)
    yield Heading(say("h_known"))
    yield Paragraph(plain(summary.known(found, say) or say("none_known")))
    if sql:
        yield Heading(say("h_sql"))
        for number, step in enumerate(found.steps, 1):
            yield Code(step.sql, "sql", f"{number}. {say('s_' + step.name)}")


def _beside(found: Findings, say: Speaker) -> Iterator[Block]:
    """Experiment groups, and the posts that changed most."""
    quiet = [say.dimension(name) for name, each in found.groups.items() if not each.segments]
    if quiet and found.is_unusual:
        yield Paragraph(plain(say("groups_none", dimensions=", ".join(quiet))))
    for each in found.items:
        yield Heading(say("h_items", dimension=found.catalog.dimension(each.dimension).label(say.locale.code)))
        key = "item_stands_out" if each.stands_out else "item_usual"
        yield Paragraph(plain(say(key, **summary.item_texts(each, say))))
        numbers = tuple(say(f"c_{name}") for name in ("actual", "before", "change"))
        rows = [
            (one.value, *(say.number(value, ratio=False) for value in (one.actual, one.before)),
             say.signed(one.actual - one.before, ratio=False))
            for one in each.changed
        ]  # fmt: skip
        head = found.catalog.dimension(each.dimension).label(say.locale.code)
        yield Table((head, *numbers), tuple(rows), numbers)


def _segments(found: Findings, say: Speaker) -> Table:
    assert found.explanation is not None  # noqa: S101 (there are segments)
    ratio = is_ratio(found)
    numbers = tuple(say(f"c_{name}") for name in ("actual", "expected", "contribution", "share", "effect"))
    rows = [(say.segment(each.where), *_row(each.part, say, ratio=ratio)) for each in found.segments[:SHOWN]]
    if len(found.segments) > SHOWN:
        rows.append((say("more", count=len(found.segments) - SHOWN), "", "", "", "", ""))
    rows.append((say("rest"), *_row(found.explanation.rest, say, ratio=ratio)))
    return Table((say("c_segment"), *numbers), tuple(rows), numbers)


def _row(part: Part, say: Speaker, *, ratio: bool) -> tuple[str, str, str, str, str]:
    effect = ""
    if part.effect is not None and part.low is not None and part.high is not None:
        named = {name: say.locale.relative(getattr(part, name)) for name in ("effect", "low", "high")}
        effect = say("interval", **named)
    return (
        say.number(part.actual, ratio=ratio),
        say.number(part.expected, ratio=ratio),
        say.signed(part.contribution, ratio=ratio),
        say.percent(part.share),
        effect,
    )
