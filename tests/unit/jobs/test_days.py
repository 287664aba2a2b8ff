"""The day of a run is the same for a schedule, a person, a backfill and a second try; daylight saving too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanalytics.errors import WindowError
from appanalytics.jobs.days import day_processed, tick_processed

MOSCOW, BERLIN, NEPAL = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
ZONES = st.sampled_from([ZoneInfo("UTC"), MOSCOW, BERLIN, NEPAL, ZoneInfo("America/New_York")])
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("asked", "partition", "end", "day"),
    [
        ("2026-11-20", "2026-11-22", datetime(2026, 11, 24, tzinfo=UTC), date(2026, 11, 20)),
        (None, "2026-11-22", datetime(2026, 11, 24, tzinfo=UTC), date(2026, 11, 22)),
        ("", "", datetime(2026, 11, 22, 23, 30, tzinfo=UTC), date(2026, 11, 22)),  # 02:30 of the 23rd in Moscow
        (None, None, datetime(2026, 11, 22, 20, 59, tzinfo=UTC), date(2026, 11, 21)),
        (None, None, datetime(2026, 11, 22, 21, 0, tzinfo=UTC), date(2026, 11, 22)),
    ],
)
def test_what_wins(asked: str | None, partition: str | None, end: datetime, day: date) -> None:
    assert day_processed(asked=asked, partition=partition, end=end, zone=MOSCOW) == day


@pytest.mark.parametrize("changes", [date(2026, 3, 29), date(2026, 10, 25)])
def test_days_on_which_clocks_change_are_days_like_others(changes: date) -> None:
    for hour in (1, 3, 12):
        end = datetime(changes.year, changes.month, changes.day, hour, 30, tzinfo=BERLIN)
        assert day_processed(asked=None, partition=None, end=end, zone=BERLIN) == changes - timedelta(days=1)


@given(INSTANTS, ZONES)
def test_the_day_is_over_and_the_next_is_not(end: datetime, zone: ZoneInfo) -> None:
    day = day_processed(asked=None, partition=None, end=end, zone=zone)
    following = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    assert following <= end < datetime.combine(day + timedelta(days=2), datetime.min.time(), zone)


@pytest.mark.parametrize("text", ["yesterday", "20.11.2026", "2026-13-01", "1066-10-14"])
def test_no_day(text: str) -> None:
    with pytest.raises(WindowError):
        day_processed(asked=text, partition=None, end=None, zone=MOSCOW)


def test_nothing_says_which_day() -> None:
    with pytest.raises(WindowError, match="nothing says which day"):
        day_processed(asked=None, partition=None, end=None, zone=MOSCOW)
    with pytest.raises(WindowError, match="no time zone"):
        day_processed(asked=None, partition=None, end=datetime(2026, 1, 1), zone=MOSCOW)  # noqa: DTZ001
    with pytest.raises(WindowError, match="nothing says which quarter hour"):
        tick_processed(asked=None, end=None, zone=MOSCOW)


@given(INSTANTS, ZONES)
def test_a_tick_is_the_last_quarter_hour_that_is_over(end: datetime, zone: ZoneInfo) -> None:
    tick = tick_processed(asked=None, end=end.astimezone(zone), zone=zone)
    assert timedelta(0) <= end - tick < timedelta(minutes=15)
    assert tick.astimezone(zone).minute % 15 == 0
    assert tick_processed(asked=None, end=tick, zone=zone) == tick


def test_a_tick_that_was_asked_for() -> None:
    assert tick_processed(asked="2026-11-22T18:44", end=None, zone=MOSCOW) == datetime(
        2026, 11, 22, 15, 30, tzinfo=UTC
    )
    given_offset = datetime(2026, 11, 22, 18, 44, tzinfo=timezone(timedelta(hours=5))).isoformat()
    assert tick_processed(asked=given_offset, end=None, zone=MOSCOW) == datetime(2026, 11, 22, 13, 30, tzinfo=UTC)
