"""Which period is asked about: a day, an hour, or a quarter of one, and the same period of earlier days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from appanalytics.errors import QuestionError, WindowError
from appanalytics.window import Grain, Window, parse_moment

_STEPS = {Grain.QUARTER_HOUR: timedelta(minutes=15), Grain.HOUR: timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Target:
    """One period of a grain: a whole day, hour or quarter hour of the reporting time zone."""

    window: Window
    grain: Grain

    @classmethod
    def of(cls, at: str | date | datetime, zone: ZoneInfo, grain: str | Grain | None = None) -> Target:
        """Read a day or a time. A day is a day; a time is the hour, or the quarter hour where it has minutes.

        Another ``grain`` may be named: the period of that grain that holds the moment. Raises `QuestionError` for
        weeks and months, `WindowError` for what is no day or time.
        """
        moment = parse_moment(at, zone)
        local = moment.astimezone(zone)
        named = Grain.parse(grain) if grain else _grain(at, local)
        if named is Grain.DAY:
            return cls(Window.of_day(local.date(), zone), named)
        if named not in _STEPS:
            raise QuestionError(f"a {named} cannot be investigated", hint="day, hour or 15m")
        bucket = next(iter(Window(moment, moment + timedelta(seconds=1), zone).buckets(named)))
        return cls(Window(bucket.start, bucket.end, zone), named)

    @property
    def day(self) -> date:
        """The reporting day."""
        return self.window.first_day

    def before(self, days: int) -> Window:
        """The same period so many days earlier."""
        return self.window.shift(-days)

    def same_part(self, days: int) -> Window | None:
        """The same; None for a part of a day that clocks skipped or repeated on that day."""
        try:
            window = self.before(days)
        except WindowError:
            return None
        is_whole = self.grain is Grain.DAY or window.end - window.start == self.window.end - self.window.start
        return window if is_whole else None

    def label(self) -> str:
        """ISO start: a day, or a local time with its offset."""
        local = self.window.start.astimezone(self.window.zone)
        return local.date().isoformat() if self.grain is Grain.DAY else local.isoformat(timespec="minutes")


def _grain(at: str | date | datetime, local: datetime) -> Grain:
    is_day = len(at.strip()) <= 10 if isinstance(at, str) else not isinstance(at, datetime)
    if is_day and local.time() == time.min:
        return Grain.DAY
    return Grain.QUARTER_HOUR if local.minute else Grain.HOUR
