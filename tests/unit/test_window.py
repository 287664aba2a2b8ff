"""Windows, grains and the reporting time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appanalytics.errors import QuestionError, SettingsError, WindowError
from appanalytics.window import Grain, Window, day_start, parse_length, parse_moment, parse_relative, parse_zone

ZONES = ["UTC", "Europe/Moscow", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]


def test_a_day_of_spring_has_23_hours_and_one_of_autumn_25() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring, autumn = Window.of_day(date(2026, 3, 29), berlin), Window.of_day(date(2026, 10, 25), berlin)
    assert len(list(spring.buckets(Grain.HOUR))) == 23
    assert len(list(autumn.buckets(Grain.HOUR))) == 25
    assert len(list(autumn.buckets(Grain.QUARTER_HOUR))) == 100
    repeated = [each.start.astimezone(berlin).isoformat() for each in autumn.buckets(Grain.HOUR)][2:4]
    assert repeated == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_hours_of_a_zone_with_half_an_hour_begin_at_its_own_hours() -> None:
    window = Window.of_day(date(2026, 1, 1), ZoneInfo("Asia/Kolkata"))
    assert next(iter(window.buckets(Grain.HOUR))).start == datetime(2025, 12, 31, 18, 30, tzinfo=UTC)


@given(
    st.dates(date(2000, 1, 1), date(2040, 1, 1)),
    st.integers(1, 400),
    st.sampled_from(ZONES),
    st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH]),
)
def test_buckets_cover_the_window_without_gap_or_overlap(first: date, days: int, zone: str, grain: Grain) -> None:
    window = Window.of(first, first + timedelta(days=days), ZoneInfo(zone))
    buckets = list(window.buckets(grain))
    assert buckets[0].start <= window.start
    assert buckets[-1].end >= window.end
    assert all(left.end == right.start for left, right in pairwise(buckets))
    assert len(list(window.days())) == days
    assert window.is_whole_days


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.sampled_from(ZONES), st.integers(-60, 60))
def test_shifting_keeps_whole_days_whole(first: date, zone: str, days: int) -> None:
    window = Window.of_day(first, ZoneInfo(zone)).shift(days)
    assert window.is_whole_days
    assert window.first_day == first + timedelta(days=days)


@pytest.mark.parametrize(("since", "until"), [("2026-01-02", "2026-01-02"), ("2026-01-02", "2026-01-01")])
def test_a_window_that_ends_before_it_starts(since: str, until: str) -> None:
    with pytest.raises(WindowError, match="before it starts"):
        Window.of(since, until, ZoneInfo("UTC"))


def test_naive_times_are_reporting_time_and_aware_ones_are_not() -> None:
    moscow = ZoneInfo("Europe/Moscow")
    assert parse_moment("2026-01-01", moscow) == day_start(date(2026, 1, 1), moscow)
    assert parse_moment("2026-01-01T00:00+00:00", moscow) == datetime(2026, 1, 1, tzinfo=UTC)
    assert not Window.of("2026-01-01T01:00", "2026-01-02", moscow).is_whole_days


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "", "0001-01-01", "9999-12-31"])
def test_unreadable_moments(text: str) -> None:
    with pytest.raises(WindowError):
        parse_moment(text, ZoneInfo("UTC"))


def test_relative_days() -> None:
    today = date(2026, 11, 23)
    words = ("today", "yesterday", "7d", "2026-01-01", "0d")
    assert [parse_relative(text, today) for text in words] == [
        "2026-11-23", "2026-11-22", "2026-11-16", "2026-01-01", "2026-11-23",
    ]  # fmt: skip


def test_wrong_names() -> None:
    with pytest.raises(QuestionError) as caught:
        Grain.parse("weak")
    assert "did you mean week?" in str(caught.value)
    for name in ("Mars/Olympus", "../etc/passwd", ""):
        with pytest.raises(SettingsError):
            parse_zone(name)


@pytest.mark.parametrize("text", ["", "0s", "5 weeks", "h", "-3d"])
def test_lengths_that_are_none(text: str) -> None:
    with pytest.raises(WindowError, match="cannot read the length"):
        parse_length(text)
