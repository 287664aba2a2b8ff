"""What is worth knowing of a day, found in its numbers: values outside of their usual range, and whose they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from appanalytics.engine import Engine
from appanalytics.errors import QuestionError
from appanalytics.investigate import Findings, Verdict, investigate
from appanalytics.investigate.words import Speaker
from appanalytics.known_events import KnownEvents
from appanalytics.locales import Locale
from appanalytics.reports.figures import change
from appanalytics.reports.meaning import retention_days
from appanalytics.reports.message import UNUSUAL, Finding, Line, usually
from appanalytics.reports.words import WORDS
from appanalytics.warehouse.rollup import Layout

#: Segments that a sentence names.
SEGMENTS = 3
#: Share of the move that a segment must have to be named.
LEAST_SHARE = 0.05
#: Weight of the moves; news of others are above (a failed check) or below (a running experiment).
WEIGHT = 50.0
#: Says whose a metric's move is; empty where nobody can tell.
Explain = Callable[[str], str]


def unusual_moves(lines: Sequence[Line], locale: Locale, explain: Explain) -> list[Finding]:
    """The move farthest outside of its usual range, with its segment, and the names of all others."""
    outside = sorted(
        (line for line in lines if line.reading.side),
        key=lambda line: (retention_days(line.reading.metric) is not None, -line.reading.surprise),
    )
    if not outside:
        return []
    largest, *others = outside
    told = " ".join(part for part in (_sentence(largest, locale), explain(largest.reading.metric)) if part)
    return [Finding(UNUSUAL, told, WEIGHT), *_others(others, locale)]


def explainer(
    engine: Engine, layout: Layout, day: date, locale: Locale, *, events: KnownEvents, as_of: datetime | None
) -> Explain:
    """Ask an investigation whose a metric's move is."""

    def explain(metric: str) -> str:
        if retention_days(metric) is not None:
            return ""
        try:
            found = investigate(engine, layout, metric, day, events=events, as_of=as_of, segments_only=True)
        except QuestionError:  # too little history, or a metric that cannot be taken apart
            return ""
        return _cause(found, locale)

    return explain


def _sentence(line: Line, locale: Locale) -> str:
    words, reading = WORDS[locale.code], line.reading
    expected = reading.usual.expected if reading.usual else None
    return words.unusual.format(
        metric=line.label,
        value=locale.number(reading.value, reading.unit),
        side=words.above if reading.side > 0 else words.below,
        usual=usually(reading, locale),
        moved=locale.change(change(reading.value, expected, reading.unit), reading.unit),
    )


def _others(lines: Sequence[Line], locale: Locale) -> list[Finding]:
    """One sentence that names what else lies outside, by side."""
    words, parts = WORDS[locale.code], []
    for side, text in ((1, words.others_above), (-1, words.others_below)):
        if labels := [line.label for line in lines if line.reading.side == side]:
            parts.append(text.format(metrics=", ".join(labels)))
    return [Finding(UNUSUAL, " ".join(parts), WEIGHT - 1)] if parts else []


def _cause(found: Findings, locale: Locale) -> str:
    """Its segments with what each contributes, or that everything moved alike, and known events of the day."""
    words, say = WORDS[locale.code], Speaker.of(found.catalog, found.metric, locale)
    is_ratio = found.explanation is not None and found.explanation.baseline is not None
    named = [
        f"{say.segment(each.where)} ({say.signed(each.part.contribution, ratio=is_ratio)})"
        for each in found.segments
        if each.part.share is not None and each.part.share >= LEAST_SHARE
    ]
    told = []
    if named:
        told.append(words.segments.format(segments=say.listed(named, SEGMENTS)))
    elif found.explanation is not None and (
        found.explanation.general or found.explanation.verdict is Verdict.GENERAL
    ):
        told.append(words.everywhere)
    if found.events:
        labels = [f"{each.label(locale.code)} ({each.kind.label(locale.code)})" for each in found.events]
        told.append(words.known.format(events=", ".join(labels)))
    return " ".join(told)
