"""What an investigation found, as one frozen value with words, pages, pictures and plain records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from appanalytics.catalog import Catalog
from appanalytics.document import Document
from appanalytics.investigate.beside import Items
from appanalytics.investigate.explanation import Explanation, Ruling, Segment
from appanalytics.investigate.forecast import Forecast
from appanalytics.investigate.moved import Moved, services
from appanalytics.investigate.people import People, Running
from appanalytics.investigate.reader import Step
from appanalytics.investigate.target import Target
from appanalytics.known_events import KnownEvent, KnownEvents
from appanalytics.query import Filter
from appanalytics.window import Window


@dataclass(frozen=True, eq=False, repr=False)
class Findings:
    """One metric in one period: expected against actual, who explains it, what is ruled out.

    ``forecast`` holds the series of ``periods`` (the same period of earlier days, then the asked one).
    ``explanation`` is None where the metric does not add up over users' attributes; ``not_additive`` then names the
    part that does not. ``groups`` are searches over numbered attributes alone (experiment group), ``items`` the
    posts whose number changed most. ``people`` are the users behind it (of metrics that count users, by day),
    ``moved`` the other metrics of the period, the most unusual first, ``experiments`` those that ran. ``complete`` is
    False while the period is not over or reaches beyond the data. ``events`` are the known events of the period,
    ``calendar`` those of the whole series. ``steps`` are the statements that were run.
    """

    metric: str
    target: Target
    where: tuple[Filter, ...]
    forecast: Forecast = field(repr=False)
    periods: tuple[Window, ...] = field(repr=False)
    complete: bool
    explanation: Explanation | None
    not_additive: str
    groups: Mapping[str, Explanation]
    items: tuple[Items, ...]
    people: People
    moved: tuple[Moved, ...]
    experiments: tuple[Running, ...]
    events: tuple[KnownEvent, ...]
    calendar: KnownEvents = field(repr=False)
    steps: tuple[Step, ...] = field(repr=False)
    catalog: Catalog = field(repr=False)

    # --- the numbers ---

    @property
    def actual(self) -> float | None:
        """The value in the period, in the metric's unit; None where there is nothing to divide by."""
        return _number(self.forecast.actual[-1])

    @property
    def expected(self) -> float | None:
        """What was expected; None without enough history."""
        return _number(self.forecast.expected[-1])

    @property
    def low(self) -> float | None:
        """Lower end of the 99 % band of the expectation."""
        return _number(self.forecast.low[-1])

    @property
    def high(self) -> float | None:
        """Upper end of the 99 % band of the expectation."""
        return _number(self.forecast.high[-1])

    @property
    def change(self) -> float | None:
        """Actual less expected."""
        return self.actual - self.expected if self.actual is not None and self.expected is not None else None

    @property
    def relative(self) -> float | None:
        """Actual / expected − 1."""
        return self.actual / self.expected - 1 if self.actual is not None and self.expected else None

    @property
    def is_unusual(self) -> bool:
        """True when the value lies outside of its band."""
        return self.forecast.is_unusual

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Segments that changed in their own way, the strongest cause first; empty where none explains it."""
        return self.explanation.segments if self.explanation else ()

    @property
    def ruled_out(self) -> tuple[str, ...]:
        """Dimensions of which no value has a part in the change, outside of the named segments."""
        return self.explanation.ruled_out if self.explanation and (self.segments or self.is_unusual) else ()

    @property
    def rulings(self) -> tuple[Ruling, ...]:
        """How much of the change each further dimension may have at most."""
        return self.explanation.rulings if self.explanation else ()

    @property
    def services(self) -> tuple[str, ...]:
        """Services whose metrics left their bands, the most changed first; see `appanalytics.investigate.moved`."""
        changes = {each.metric: each.relative for each in self.moved if each.is_unusual}
        if self.is_unusual:
            changes[self.metric] = self.relative
        return services(self.catalog, changes)

    @property
    def group_segments(self) -> tuple[Segment, ...]:
        """Numbered groups (experiment groups) that changed in their own way."""
        return tuple(segment for each in self.groups.values() for segment in each.segments)

    # --- words, pages, pictures ---

    def sentence(self, locale: str = "en") -> str:
        """The findings in two or three sentences of plain text, English or Russian; for messages."""
        from appanalytics.investigate.summary import sentence

        return sentence(self, locale)

    def page(self, locale: str = "en", *, pictures: bool = True, sql: bool = False) -> Document:
        """The report as a page for terminal, Markdown and HTML; ``sql`` adds the statements."""
        from appanalytics.investigate.page import page

        return page(self, locale, pictures=pictures, sql=sql)

    def picture(self, locale: str = "en") -> bytes:
        """The series with its expected band, the period marked, as a PNG; needs the extra ``pictures``."""
        from appanalytics.investigate.figures import series_picture

        return series_picture(self, locale)

    def segments_picture(self, locale: str = "en") -> bytes:
        """What each segment contributed, as a PNG; there must be segments."""
        from appanalytics.investigate.figures import segments_picture

        return segments_picture(self, locale)

    def return_picture(self, locale: str = "en") -> bytes:
        """Return of the newcomers with intervals, as a PNG; there must be newcomers."""
        from appanalytics.investigate.figures import return_picture

        return return_picture(self, locale)

    def records(self) -> list[dict[str, Any]]:
        """All numbers as flat records; ``part`` says what each is about."""
        from appanalytics.investigate.records import records

        return records(self)

    def sql(self) -> str:
        """All statements, each with a comment that says what for."""
        return "\n\n".join(f"-- {number}. {each.name}\n{each.sql}" for number, each in enumerate(self.steps, 1))

    def __repr__(self) -> str:
        return self.page(pictures=False).markdown()

    def _repr_html_(self) -> str:
        return self.page()._repr_html_()


def _number(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
