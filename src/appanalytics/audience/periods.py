"""Calendar periods: days, weeks and months in a row, and which of them the data cover."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from appanalytics.errors import QuestionError
from appanalytics.query import Observed
from appanalytics.window import Grain, Window, bucket_day, next_bucket_day

GRAINS = (Grain.DAY, Grain.WEEK, Grain.MONTH)
_FIRST_MONDAY = date(1970, 1, 5)


@dataclass(frozen=True, slots=True)
class Periods:
    """All whole periods that a window touches, in order."""

    grain: Grain
    first: date
    until: date

    @classmethod
    def of(cls, grain: str | Grain, window: Window) -> Periods:
        """Days, weeks (from Monday) or months; raises `QuestionError` for another grain."""
        parsed = Grain.parse(grain)
        if parsed not in GRAINS:
            raise QuestionError(f"there is no audience of {parsed}", hint="use day, week or month")
        return cls(
            parsed, bucket_day(window.first_day, parsed), next_bucket_day(bucket_day(window.last_day, parsed), parsed)
        )

    def starts(self) -> list[date]:
        """First days of the periods."""
        day, found = self.first, []
        while day < self.until:
            found.append(day)
            day = next_bucket_day(day, self.grain)
        return found

    def before(self, start: date) -> date:
        """First day of the period before."""
        return bucket_day(start - timedelta(days=1), self.grain)

    def end(self, start: date) -> date:
        """The day after a period."""
        return next_bucket_day(start, self.grain)

    def is_complete(self, start: date, seen: Observed) -> bool:
        """Is the period over, and is the whole period before it in the data?"""
        return self.end(start) <= seen.over and self.before(start) >= seen.first

    def number(self, start: date) -> int:
        """A period's place in the calendar: numbers of neighbours differ by one."""
        if self.grain is Grain.MONTH:
            return start.year * 12 + start.month - 1
        return (start - _FIRST_MONDAY).days // 7 if self.grain is Grain.WEEK else (start - date(1970, 1, 1)).days

    @property
    def start_sql(self) -> str:
        """The first day of a row's period."""
        return {Grain.WEEK: "toMonday(day)", Grain.MONTH: "toStartOfMonth(day)"}.get(self.grain, "day")

    @property
    def before_sql(self) -> str:
        """The first day of the period before a row's."""
        if self.grain is Grain.MONTH:
            return "addMonths(toStartOfMonth(day), -1)"
        return f"{self.start_sql} - {7 if self.grain is Grain.WEEK else 1}"

    @property
    def number_sql(self) -> str:
        """`number` of a row's period."""
        if self.grain is Grain.MONTH:
            return "toYear(day) * 12 + toMonth(day) - 1"
        return "intDiv(toInt32(toMonday(day)) - 4, 7)" if self.grain is Grain.WEEK else "toInt32(day)"
