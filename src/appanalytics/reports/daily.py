"""The daily report: one day's numbers, each against the day before and the week before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import FileError
from appanalytics.known_events import KnownEvents
from appanalytics.locales import Locale, locale_of
from appanalytics.markup import CAPTION_LIMIT
from appanalytics.reports.arrivals import Gap, find_gap, read_arrivals, silent_sources
from appanalytics.reports.contents import Contents, Item, Section, load_contents
from appanalytics.reports.figures import DAYS, History, read_history
from appanalytics.reports.meaning import meaning_of
from appanalytics.reports.message import Block, Finding, Line, Message
from appanalytics.reports.news import Explain, explainer, unusual_moves
from appanalytics.reports.picture import Panel, Picture
from appanalytics.reports.words import WORDS
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Window


@dataclass(frozen=True)
class DailyReport:
    """A day's report, ready to be shown or sent.

    ``text`` is for a terminal. ``html`` is Telegram's subset, 4096 UTF-16 units at most; ``caption`` is the same
    cut to the 1024 that fit under a picture. ``figures`` are flat records: ``time`` (the day), ``metric``,
    ``unit``, ``value``, ``day_before``, ``day_change``, ``week_before``, ``week_change``, ``expected``, ``low``,
    ``high``; a change is relative, of a share a difference of fractions, null where there is nothing to compare.
    ``low`` to ``high`` is the usual range (that of `appanalytics.investigate`), null with too little history.
    Without ``complete`` the text says why, and there are no figures.
    """

    day: date
    locale: str
    complete: bool
    text: str
    html: str
    caption: str
    figures: tuple[dict[str, Any], ...]
    drawing: Picture = field(repr=False)

    def picture(self) -> bytes:
        """The picture as a PNG of 1200 × 1000 pixels; needs the extra ``pictures``."""
        return self.drawing.png()

    def save(self, folder: Path) -> list[Path]:
        """Write ``report-DAY.txt``, then ``report-DAY.png``, into a folder that is made if it is not there.

        Raises `FileError` when they cannot be written.
        """
        text, picture = (folder / f"report-{self.day}.{kind}" for kind in ("txt", "png"))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text.write_text(self.text, encoding="utf-8")
            picture.write_bytes(self.picture())
        except OSError as error:
            raise FileError(f"cannot write the report to {folder}: {error}") from None
        return [text, picture]

    def __str__(self) -> str:
        return self.text


def daily_report(
    engine: Engine,
    layout: Layout,
    day: date,
    *,
    locale: str | Locale = "en",
    contents: Contents | Path | None = None,
    as_of: datetime | None = None,
    news: Sequence[Finding] = (),
    events: KnownEvents | None = None,
) -> DailyReport:
    """Report on a day of the reporting time zone.

    ``as_of`` is the instant up to which events can be there (usually now); without it the newest day counts as
    unfinished. ``contents`` is a project's own YAML; the shipped contents if there is none. ``news`` are things worth
    knowing that others found; the most unusual move is added with its segment, and `Contents.news` of all are said.
    ``events`` is the calendar.
    """
    language = locale_of(locale)
    plan = contents if isinstance(contents, Contents) else load_contents(contents)
    plan.check(layout.catalog)
    arrivals = read_arrivals(engine, layout, day)
    quiet = timedelta(minutes=plan.quiet_minutes)
    gap = find_gap(arrivals, Window.of_day(day, layout.zone), as_of=as_of, quiet=quiet)
    history = read_history(engine, layout, plan.metrics(), day, as_of=as_of)
    writer = _Writer(plan, layout, language, day, tuple(news))
    if gap is not None:
        return writer.incomplete(history, gap)
    explain = explainer(engine, layout, day, language, events=events or KnownEvents(), as_of=as_of)
    return writer.complete(history, silent_sources(arrivals), explain)


@dataclass(frozen=True)
class _Writer:
    """Puts a day's numbers into words."""

    contents: Contents
    layout: Layout
    locale: Locale
    day: date
    news: tuple[Finding, ...] = ()

    @property
    def catalog(self) -> Catalog:
        """The layout's catalog."""
        return self.layout.catalog

    def complete(self, history: History, silent: list[str], explain: Explain) -> DailyReport:
        """The report with its numbers, and a note for each source without events."""
        blocks = tuple(
            self._block(section, history) for section in self.contents.sections if self._is_used(section, history)
        )
        words = WORDS[self.locale.code]
        notes = tuple(words.silent.format(source=self._source(name)) for name in silent)
        names = dict.fromkeys(item.metric for item in self.contents.items())
        figures = tuple(history.reading(self.catalog, name).as_record(self.day) for name in names)
        lines = [line for block in blocks for line in block.lines]
        news = sorted([*self.news, *unusual_moves(lines, self.locale, explain)], key=lambda each: -each.weight)
        return self._report(
            blocks, notes, figures, self._picture(history), is_complete=True, news=tuple(news[: self.contents.news])
        )

    def incomplete(self, history: History, gap: Gap) -> DailyReport:
        """The report that says what is missing; the picture shows the days before."""
        words = WORDS[self.locale.code]
        first = words.incomplete.format(day=self.locale.short_day(self.day))
        why = words.lacks[gap.lack].format(source=self._source(gap.source), last=self._moment(gap.last))
        drawing = self._picture(history.without_last(), warning=first)
        return self._report((), ("\n".join((first, why, words.later)),), (), drawing, is_complete=False)

    def _is_used(self, section: Section, history: History) -> bool:
        return any(value for item in section.metrics for value in history.values[item.metric][-DAYS:])

    def _block(self, section: Section, history: History) -> Block:
        heading = f"{section.emoji} {self._text(section.title)}".strip()
        readings = [(item, history.reading(self.catalog, item.metric)) for item in section.metrics]
        return Block(heading, tuple(Line(item.emoji, self._label(item), reading) for item, reading in readings))

    def _report(
        self,
        blocks: tuple[Block, ...],
        notes: tuple[str, ...],
        figures: tuple[dict[str, Any], ...],
        drawing: Picture,
        *,
        is_complete: bool,
        news: tuple[Finding, ...] = (),
    ) -> DailyReport:
        title = f"{self.contents.emoji} {self._text(self.contents.title)}".strip()
        message = Message(title, self.day, blocks, notes, self.locale, news)
        return DailyReport(
            day=self.day,
            locale=self.locale.code,
            complete=is_complete,
            text=message.as_text(),
            html=message.as_html(),
            caption=message.as_html(CAPTION_LIMIT),
            figures=figures,
            drawing=drawing,
        )

    def _picture(self, history: History, warning: str = "") -> Picture:
        panels = []
        for item in self.contents.picture:
            found = meaning_of(self.catalog, item.metric)
            values, usual = history.values[item.metric][-DAYS:], history.ranges[item.metric][-DAYS:]
            panels.append(Panel(self._label(item), found.unit, found.good, values, usual))
        return Picture(self._text(self.contents.title), self.day, tuple(panels), self.locale, warning)

    def _label(self, item: Item) -> str:
        return item.label(self.catalog, self.locale.code)

    def _source(self, name: str) -> str:
        return self.catalog.sources[name].label(self.locale.code) if name else ""

    def _text(self, labels: dict[str, str]) -> str:
        return labels.get(self.locale.code) or labels.get("en") or ""

    def _moment(self, moment: datetime | None) -> str:
        if moment is None:
            return ""
        local = moment.astimezone(self.layout.zone)
        return f"{self.locale.short_day(local.date())}, {local:%H:%M}"
