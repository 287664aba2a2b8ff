"""Periods of time: grains, half-open windows, and the reporting time zone.

A window is an argument everywhere; nothing in here reads a clock. Days, weeks (from Monday) and months are
those of the reporting time zone, so a day may have 23 or 25 hours. Quarter hours and hours are instants:
in the hour that a clock repeats in autumn, both are there, told apart by their offset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from appanalytics.errors import QuestionError, SettingsError, WindowError, nearest

EARLIEST = date(1970, 1, 1)
LATEST = date(2299, 12, 31)  # the last day that DateTime64 holds


class Grain(StrEnum):
    """The length of one bucket of an answer."""

    TOTAL = "total"
    QUARTER_HOUR = "15m"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def is_below_day(self) -> bool:
        """True for buckets that are instants rather than calendar days."""
        return self in (Grain.QUARTER_HOUR, Grain.HOUR)

    @classmethod
    def parse(cls, text: str | Grain) -> Grain:
        """Read a grain's name; a wrong one is a `QuestionError` that lists the right ones."""
        try:
            return cls(text)
        except ValueError:
            known = [grain.value for grain in cls]
            raise QuestionError(f"unknown grain {str(text)!r}", hint=nearest(str(text), known)) from None


def parse_zone(name: str) -> ZoneInfo:
    """Look up an IANA time zone such as ``Europe/Moscow``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"unknown time zone {name!r}", hint="use an IANA name such as UTC or Europe/Moscow"
        ) from None


def parse_length(text: str) -> timedelta:
    """Read a length of time such as ``90s``, ``15m``, ``2h`` or ``3d``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text.strip())
    if not found or not float(found[1]):
        raise WindowError(f"cannot read the length {text!r}", hint="write 90s, 15m, 2h or 3d")
    return timedelta(seconds=float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]])


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Midnight of a day in the reporting time zone, as an instant in UTC."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def parse_moment(text: str | date | datetime, zone: ZoneInfo) -> datetime:
    """Read ``2026-11-22``, ``2026-11-22T18:30`` or an aware date-time; naive values are reporting time."""
    if isinstance(text, datetime):
        moment = text
    elif isinstance(text, date):
        moment = datetime.combine(text, time.min)
    else:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise WindowError(
                f"cannot read {text!r} as a day or time", hint="write 2026-11-22 or 2026-11-22T18:30"
            ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    if not EARLIEST < moment.date() <= LATEST:
        raise WindowError(f"{text} is outside of {EARLIEST}…{LATEST}")
    return moment.astimezone(UTC)


def parse_relative(text: str, today: date) -> str:
    """Turn ``today``, ``yesterday``, ``tomorrow`` and ``7d`` (seven days ago) into an ISO day; leave others."""
    word = text.strip().lower()
    named = {"today": 0, "yesterday": 1, "tomorrow": -1}
    if word in named:
        return (today - timedelta(days=named[word])).isoformat()
    if match := re.fullmatch(r"(\d{1,5})d", word):
        return (today - timedelta(days=int(match[1]))).isoformat()
    return text


@dataclass(frozen=True, slots=True)
class Bucket:
    """One step of a grid: the half-open span of instants ``[start, end)`` in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open period ``[start, end)`` of instants, cut into days by ``zone``.

    ``start`` and ``end`` are aware and in UTC. An empty or reversed window cannot be made.
    """

    start: datetime
    end: datetime
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise WindowError(
                f"the window ends ({self._show(self.end)}) before it starts ({self._show(self.start)})",
                hint="--until is not part of the window; one day is --since 2026-11-22 --until 2026-11-23",
            )

    @classmethod
    def of(cls, since: str | date, until: str | date, zone: ZoneInfo) -> Window:
        """Make a window from days or times; ``until`` is not part of it."""
        return cls(parse_moment(since, zone), parse_moment(until, zone), zone)

    @classmethod
    def of_day(cls, day: date, zone: ZoneInfo) -> Window:
        """Make the window of one whole day."""
        return cls(day_start(day, zone), day_start(day + timedelta(days=1), zone), zone)

    @property
    def first_day(self) -> date:
        """The day that holds the first instant."""
        return self.start.astimezone(self.zone).date()

    @property
    def last_day(self) -> date:
        """The day that holds the last instant."""
        return (self.end - timedelta(microseconds=1)).astimezone(self.zone).date()

    @property
    def is_whole_days(self) -> bool:
        """True when both edges are midnights, so that daily rollups can answer."""
        return self.start == day_start(self.first_day, self.zone) and self.end == day_start(
            self.last_day + timedelta(days=1), self.zone
        )

    def days(self) -> Iterator[date]:
        """Every day that the window touches, in order."""
        day = self.first_day
        while day <= self.last_day:
            yield day
            day += timedelta(days=1)

    def shift(self, days: int) -> Window:
        """Move by calendar days; local times of day stay what they are."""

        def moved(moment: datetime) -> datetime:
            local = moment.astimezone(self.zone).replace(tzinfo=None) + timedelta(days=days)
            return local.replace(tzinfo=self.zone).astimezone(UTC)

        return Window(moved(self.start), moved(self.end), self.zone)

    def buckets(self, grain: Grain) -> Iterator[Bucket]:
        """Whole buckets that the window touches; the first and last may reach beyond its edges."""
        if grain is Grain.TOTAL:
            yield Bucket(self.start, self.end)
        elif grain.is_below_day:
            yield from self._instants(timedelta(minutes=15) if grain is Grain.QUARTER_HOUR else timedelta(hours=1))
        else:
            yield from self._calendar(grain)

    def _instants(self, step: timedelta) -> Iterator[Bucket]:
        moment = self._floor(step)
        while moment < self.end:
            yield Bucket(moment, moment + step)
            moment += step

    def _floor(self, step: timedelta) -> datetime:
        # Zones such as Asia/Kolkata (+05:30) have hours that do not start at whole hours of UTC.
        offset = self.start.astimezone(self.zone).utcoffset() or timedelta()
        local = self.start + offset
        return local - (local - datetime(1970, 1, 1, tzinfo=UTC)) % step - offset

    def _calendar(self, grain: Grain) -> Iterator[Bucket]:
        day = bucket_day(self.first_day, grain)
        while day <= self.last_day:
            following = next_bucket_day(day, grain)
            yield Bucket(day_start(day, self.zone), day_start(following, self.zone))
            day = following

    def _show(self, moment: datetime) -> str:
        local = moment.astimezone(self.zone)
        return local.date().isoformat() if local.time() == time.min else local.strftime("%Y-%m-%dT%H:%M")

    def __str__(self) -> str:
        return f"{self._show(self.start)} … {self._show(self.end)} {self.zone.key}"


def bucket_day(day: date, grain: Grain) -> date:
    """First day of the day, week (Monday) or month that holds ``day``."""
    if grain is Grain.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if grain is Grain.MONTH else day


def next_bucket_day(day: date, grain: Grain) -> date:
    """First day of the next bucket after the one that starts with ``day``."""
    if grain is Grain.MONTH:
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=7 if grain is Grain.WEEK else 1)
