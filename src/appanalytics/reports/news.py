"""What is worth knowing of a day, found in its numbers: values outside of their usual range."""

from __future__ import annotations

from collections.abc import Sequence

from appanalytics.locales import Locale
from appanalytics.reports.figures import Reading, change
from appanalytics.reports.message import UNUSUAL, Finding, Line, usually
from appanalytics.reports.words import WORDS

#: Unusual moves that are told in words; all of them are marked at their numbers.
MOST = 2
#: News of others (a failed check, an open incident) come before a move of this many half widths.
URGENT = 100.0


def most_unusual(lines: Sequence[Line], locale: Locale) -> list[Finding]:
    """The moves farthest outside of their usual ranges, the farthest first."""
    outside = sorted((line for line in lines if line.reading.side), key=lambda line: -line.reading.surprise)
    return [
        Finding(UNUSUAL, _sentence(line, locale), min(line.reading.surprise, URGENT - 1)) for line in outside[:MOST]
    ]


def moved(reading: Reading, locale: Locale) -> str:
    """The change against what was expected; empty where nothing was."""
    expected = reading.usual.expected if reading.usual else None
    return locale.change(change(reading.value, expected, reading.unit), reading.unit)


def _sentence(line: Line, locale: Locale) -> str:
    words = WORDS[locale.code]
    return words.unusual.format(
        metric=line.label,
        value=locale.number(line.reading.value, line.reading.unit),
        side=words.above if line.reading.side > 0 else words.below,
        usual=usually(line.reading, locale),
        moved=moved(line.reading, locale),
    )
