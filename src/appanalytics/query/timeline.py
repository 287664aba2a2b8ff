"""How a question's time becomes slots and buckets, the same for SQL and for the arrays in Python.

A *slot* is the unit in which activity is told apart: a day, or for grains below a day a bucket of it. Days are
numbered from 1970-01-01 (``toInt32`` of a Date), smaller slots from the first bucket of the question. Of a question
about parts of days every part is one slot, the days between them are slots without events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from appanalytics.catalog import Source
from appanalytics.catalog.sql import is_sorted_by_hour, within
from appanalytics.query.question import Question
from appanalytics.sqltext import identifier, literal
from appanalytics.window import Bucket, Grain, Window, bucket_day

_EPOCH = date(1970, 1, 1)
_DAY, _QUARTER = timedelta(days=1), timedelta(minutes=15)
#: Slots of parts begin so long before them: clocks may change between the first part and a later one.
_SLACK = timedelta(hours=6)


def parts_fit(parts: Sequence[Window]) -> bool:
    """May these windows be the parts of one question? As long as each other, each within a slot of its own."""
    if len({each.end - each.start for each in parts}) > 1:  # clocks changed in one of them
        return False
    slots = [_slot_of_part(parts, each) for each in parts]
    ends = [_slot_of_part(parts, Window(each.end - timedelta(microseconds=1), each.end, each.zone)) for each in parts]
    return slots == ends and slots == sorted(set(slots))


def _slot_of_part(parts: Sequence[Window], part: Window) -> int:
    return (part.start - parts[0].start + _SLACK) // _DAY


def day_number(day: date) -> int:
    """Days since 1970-01-01, as ClickHouse numbers a Date."""
    return (day - _EPOCH).days


@dataclass(frozen=True)
class Timeline:
    """Buckets and slots of one question."""

    window: Window
    grain: Grain
    parts: tuple[Window, ...] = ()

    @classmethod
    def of(cls, question: Question) -> Timeline:
        """The timeline of a question's window, grain and parts."""
        return cls(question.window, question.grain, question.parts)

    @cached_property
    def buckets(self) -> list[Bucket]:
        """Buckets of the answer, in order, cut to the window."""
        whole = [Bucket(each.start, each.end) for each in self.parts] or self.window.buckets(self.grain)
        return [Bucket(max(each.start, self.window.start), min(each.end, self.window.end)) for each in whole]

    @cached_property
    def labels(self) -> list[str]:
        """ISO start of each whole bucket: a day, or an instant with its offset below a day."""
        return [self._label(each) for each in (self.buckets if self.parts else self.window.buckets(self.grain))]

    def _label(self, bucket: Bucket) -> str:
        local = bucket.start.astimezone(self.window.zone)
        if self.grain.is_below_day:
            return local.isoformat(timespec="seconds")
        at_midnight = (local.hour, local.minute, local.second) == (0, 0, 0)
        return local.date().isoformat() if at_midnight else local.isoformat(timespec="seconds")

    @property
    def step(self) -> timedelta:
        """Length of a slot below a day."""
        if self.parts:
            return _DAY
        return timedelta(minutes=15) if self.grain is Grain.QUARTER_HOUR else timedelta(hours=1)

    @cached_property
    def origin(self) -> datetime:
        """Instant of slot 0 below a day."""
        if self.parts:
            return self.parts[0].start - _SLACK
        return next(iter(self.window.buckets(self.grain))).start

    @property
    def slots_in_day(self) -> int:
        """Slots that make 24 hours."""
        return int(timedelta(days=1) / self.step) if self.grain.is_below_day else 1

    @property
    def days_before(self) -> int:
        """Days of history before the window: all since 1970-01-01."""
        return day_number(self.window.first_day)

    @cached_property
    def first_slot(self) -> int:
        """The slot of the window's start."""
        return 0 if self.grain.is_below_day else day_number(self.window.first_day)

    @cached_property
    def last_slots(self) -> list[int]:
        """The last slot of each bucket, for values that hold at its end."""
        if self.parts:
            return [_slot_of_part(self.parts, each) for each in self.parts]
        if self.grain.is_below_day:
            return list(range(len(self.buckets)))
        return [day_number(self._last_day(each)) for each in self.buckets]

    def _last_day(self, bucket: Bucket) -> date:
        return (bucket.end - timedelta(microseconds=1)).astimezone(self.window.zone).date()

    def last_days(self) -> list[date]:
        """The day that holds the end of each bucket."""
        return [self._last_day(each) for each in self.buckets]

    def period_starts(self, period: Grain) -> list[int]:
        """Number of the first day of the week or month that holds the end of each bucket."""
        return [day_number(bucket_day(day, period)) for day in self.last_days()]

    # --- the same in SQL ---

    def slot_of_event(self, time: str) -> str:
        """A slot from an event's time."""
        if not self.grain.is_below_day:
            return f"toInt32({self.day_of_event(time)})"
        seconds = int(self.step.total_seconds())
        # Floor division also for events before the origin; times are read as whole seconds.
        return f"toInt64(floor((toInt64(toUnixTimestamp({time})) - {{origin:Int64}}) / {seconds}))"

    def day_of_event(self, time: str) -> str:
        """The reporting day of an event."""
        return f"toDate({time}, {literal(self.window.zone.key)})"

    def bucket_of_day(self, day: str) -> str:
        """Number of the first day of a day's bucket; the window's first day for a total."""
        return {
            Grain.DAY: f"toInt32({day})",
            Grain.WEEK: f"toInt32(toMonday({day}))",
            Grain.MONTH: f"toInt32(toStartOfMonth({day}))",
        }.get(self.grain, "toInt32({first:Date})")

    def bucket_of_event(self, time: str) -> str:
        """A bucket's key from an event's time."""
        return self.slot_of_event(time) if self.grain.is_below_day else self.bucket_of_day(self.day_of_event(time))

    def bucket_keys(self) -> dict[int, int]:
        """Place of each bucket by the key that SQL gives it."""
        if self.grain.is_below_day:
            return {slot: place for place, slot in enumerate(self.last_slots)}
        if self.grain is Grain.TOTAL:
            return {day_number(self.window.first_day): 0}
        starts = [bucket_day(each.start.astimezone(self.window.zone).date(), self.grain) for each in self.buckets]
        return {day_number(day): place for place, day in enumerate(starts)}

    def within(self, source: Source, since: str, until: str) -> list[str]:
        """Row conditions of the parts within ``[since, until)`` (SQL expressions) in a source's table."""
        conditions = within(source, since, until)
        if not self.parts:
            return conditions
        time = identifier(source.time)
        if not is_sorted_by_hour(source):  # ranges, which may suit the order of a table that is not ours
            starts, ends = (f"toDateTime64({{{name}:Array(Int64)}}[%d], 0, 'UTC')" for name in ("starts", "ends"))
            spans = [
                f"({time} >= {starts % place} AND {time} < {ends % place})" for place in range(1, len(self.parts) + 1)
            ]
            return [*conditions, f"({' OR '.join(spans)})"]
        since_start = (
            f"toInt64(toUnixTimestamp({time}))"
            f" - transform({self.slot_of_event(time)}, {{slots:Array(Int64)}}, {{starts:Array(Int64)}}, 0)"
        )
        length = int((self.parts[0].end - self.parts[0].start).total_seconds())
        hours = f"toStartOfHour({time}) IN {{hours:Array(DateTime)}}"
        return [*conditions, hours, f"{since_start} BETWEEN 0 AND {length - 1}"]

    def _edges(self) -> dict[str, Any]:
        """The parts for a statement; ``hours`` are starts of hours, in any time zone of a column, that touch one."""
        starts = [int(each.start.timestamp()) for each in self.parts]
        ends = [int(each.end.timestamp()) for each in self.parts]
        quarter = int(_QUARTER.total_seconds())
        hours: set[int] = set()
        for start, end in zip(starts, ends, strict=True):
            hours.update(range(start // quarter * quarter - 3 * quarter, end, quarter))
        texts = [datetime.fromtimestamp(hour, UTC).strftime("%Y-%m-%d %H:%M:%S") for hour in sorted(hours)]
        return {"starts": starts, "ends": ends, "slots": self.last_slots, "hours": texts}

    def parameters(self) -> dict[str, Any]:
        """Edges of the window for a statement: instants and whole days."""
        bound: dict[str, Any] = {
            "start": self.window.start.replace(tzinfo=UTC),
            "end": self.window.end.replace(tzinfo=UTC),
            "first": self.window.first_day,
            "until": self.window.last_day + timedelta(days=1),
        }
        if self.grain.is_below_day:
            bound["origin"] = int(self.origin.timestamp())
        return bound | self._edges() if self.parts else bound
