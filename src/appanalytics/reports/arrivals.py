"""Did a day's events arrive? A report on half a day would be worse than none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from appanalytics.engine import Engine
from appanalytics.sqltext import identifier, render
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Window

#: Silence at the end of a day is suspicious when it lasts this many mean distances between events. With a night
#: of a quarter of the mean rate, the chance of it is exp(-5).
DISTANCES = 20


@dataclass(frozen=True, slots=True)
class Arrival:
    """Events of one source on a day and on the day before; ``last`` is its newest event of all (UTC)."""

    source: str
    events: int
    events_before: int
    last: datetime


class Lack(StrEnum):
    """Why a day cannot be reported."""

    NOT_OVER = "not_over"
    NO_EVENTS = "no_events"
    SOURCE_MISSING = "source_missing"
    SOURCE_STOPS = "source_stops"


@dataclass(frozen=True, slots=True)
class Gap:
    """What is missing of a day: which source, and the newest event there is."""

    lack: Lack
    source: str = ""
    last: datetime | None = None


def read_arrivals(engine: Engine, layout: Layout, day: date) -> list[Arrival]:
    """Count the events of a day and the day before by source; reads the times of two days."""
    window = Window.of_day(day, layout.zone)
    parts = [
        render(
            "appanalytics.reports", "arrivals", source=name, time=identifier(each.time), table=identifier(each.table)
        )
        for name, each in layout.catalog.sources.items()
    ]
    bound = {"start": window.start, "end": window.end, "before": window.shift(-1).start}
    rows = {row["source"]: row for row in engine.rows("\nUNION ALL\n".join(parts), bound)}
    return [
        Arrival(name, rows[name]["events"], rows[name]["events_before"], _aware(rows[name]["last"]))
        for name in layout.catalog.sources
    ]


def find_gap(arrivals: Sequence[Arrival], window: Window, *, as_of: datetime | None, quiet: timedelta) -> Gap | None:
    """What the day ``window`` lacks, or None when it may be reported.

    A source whose newest event lies before the day's end has stopped when it is silent for longer than ``quiet``
    and than `DISTANCES` mean distances of the day before. Later events of a source prove that it goes on: a
    silence before them is the app's own, and news rather than a gap.
    """
    newest = max((each.last for each in arrivals), default=window.start)
    if as_of is not None and as_of < window.end:
        return Gap(Lack.NOT_OVER, last=newest)
    if not any(each.events for each in arrivals):
        return Gap(Lack.NO_EVENTS, last=newest)
    if as_of is None and newest < window.end:
        return Gap(Lack.NOT_OVER, last=newest)
    for each in arrivals:
        if not each.events_before or each.last >= window.end:
            continue
        if not each.events:
            return Gap(Lack.SOURCE_MISSING, each.source, each.last)
        if window.end - each.last > max(quiet, DISTANCES * timedelta(days=1) / each.events_before):
            return Gap(Lack.SOURCE_STOPS, each.source, each.last)
    return None


def silent_sources(arrivals: Sequence[Arrival]) -> list[str]:
    """Sources without any event on the day that had some the day before."""
    return [each.source for each in arrivals if each.events_before and not each.events]


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
