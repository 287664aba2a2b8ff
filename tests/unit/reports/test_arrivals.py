"""When a day may be reported, and what it lacks when it may not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appanalytics.reports.arrivals import Arrival, Gap, Lack, find_gap, silent_sources
from appanalytics.window import Window

DAY = Window.of_day(date(2026, 11, 22), ZoneInfo("UTC"))
LATER = DAY.end + timedelta(hours=11)
QUIET = timedelta(minutes=60)
EVENING = DAY.end - timedelta(hours=2)


def feed(events: int = 1000, before: int = 1000, last: datetime = LATER) -> Arrival:
    return Arrival("feed", events, before, last)


def gap(*arrivals: Arrival, as_of: datetime | None = LATER) -> Lack | None:
    found = find_gap(arrivals, DAY, as_of=as_of, quiet=QUIET)
    return found.lack if found else None


def test_a_day_with_later_events_is_complete() -> None:
    assert gap(feed(), Arrival("messages", 10, 10, LATER)) is None
    assert gap(feed(), as_of=None) is None


def test_a_day_that_is_not_over() -> None:
    assert gap(feed(), as_of=DAY.end - timedelta(seconds=1)) is Lack.NOT_OVER
    assert gap(feed(last=EVENING), as_of=None) is Lack.NOT_OVER
    assert gap(feed(last=DAY.end - timedelta(minutes=1)), as_of=DAY.end) is None


@pytest.mark.parametrize("as_of", [LATER, None])
def test_no_events(as_of: datetime | None) -> None:
    assert gap(feed(0, 10), as_of=as_of) is Lack.NO_EVENTS
    assert gap(feed(0, 0, datetime(1970, 1, 1, tzinfo=UTC)), as_of=as_of) is Lack.NO_EVENTS


def test_the_newest_day_of_a_source_that_stops_early() -> None:
    assert gap(feed(last=EVENING)) is Lack.SOURCE_STOPS
    assert gap(feed(last=DAY.end - QUIET)) is None
    found = find_gap([feed(), Arrival("messages", 5, 700, EVENING)], DAY, as_of=LATER, quiet=QUIET)
    assert found == Gap(Lack.SOURCE_STOPS, "messages", EVENING)


def test_few_events_may_be_far_apart() -> None:
    assert gap(feed(12, 12, EVENING)) is None


def test_a_source_that_did_not_arrive_and_one_that_was_silent() -> None:
    missing = Arrival("messages", 0, 500, DAY.start - timedelta(seconds=1))
    silent = Arrival("messages", 0, 500, LATER)
    assert gap(feed(), missing) is Lack.SOURCE_MISSING
    assert gap(feed(), silent) is None
    assert silent_sources([feed(), silent]) == ["messages"]


def test_a_source_that_was_never_used_is_no_gap() -> None:
    assert gap(feed(), Arrival("messages", 0, 0, datetime(1970, 1, 1, tzinfo=UTC))) is None
