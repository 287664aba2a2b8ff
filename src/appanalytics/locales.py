"""How numbers and days are written in the languages of reports and pictures: English and Russian.

Minus is U+2212. Russian groups digits by a narrow no-break space (U+202F) and sets ``%`` and ``п. п.`` off by
a no-break space (U+00A0), so that a number never breaks over two lines. Null is an en dash.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from appanalytics.errors import SettingsError, nearest

NOTHING = "–"
MINUS = "−"


@dataclass(frozen=True, slots=True)
class Locale:
    """One language. ``months`` are in the form that follows a day's number; weeks begin on Monday."""

    code: str
    group: str
    point: str
    percent: str
    percentage_points: str
    powers: tuple[tuple[int, str], ...]
    weekdays: tuple[str, ...]
    short_weekdays: tuple[str, ...]
    months: tuple[str, ...]
    full_day: str
    short_day_form: str

    # --- numbers ---

    def decimal(self, value: float, digits: int = 0, *, sign: bool = False) -> str:
        """A number with ``digits`` decimals; ``sign`` also writes a plus. What rounds to zero has no sign."""
        text = f"{abs(value):,.{digits}f}".replace(",", "\0").replace(".", self.point).replace("\0", self.group)
        if not any(character in "123456789" for character in text):
            return text
        return (MINUS if value < 0 else "+" if sign else "") + text

    def share(self, value: float) -> str:
        """A fraction in per cent: one decimal from 10 % on, two below."""
        digits = 1 if abs(value) >= 0.0995 else 2 if value else 0
        return self.decimal(value * 100, digits) + self.percent

    def number(self, value: float | None, unit: str = "") -> str:
        """A value of a metric: shares in per cent, whole numbers whole, others with two decimals."""
        if value is None:
            return NOTHING
        if unit == "share":
            return self.share(value)
        return self.decimal(value, 0 if isinstance(value, int) else 2)

    def relative(self, change: float | None) -> str:
        """A relative change (0.042 is ``+4.2%``); from 100 % on without decimals, from tenfold on as ``×10``."""
        if change is None:
            return NOTHING
        if change >= 8.995:
            return f"×{self.decimal(change + 1)}"
        return self.decimal(change * 100, 1 if abs(change) < 0.9995 else 0, sign=True) + self.percent

    def points(self, change: float | None) -> str:
        """A difference of two shares in percentage points; below one point with two decimals."""
        if change is None:
            return NOTHING
        return self.decimal(change * 100, 1 if abs(change) >= 0.00995 else 2, sign=True) + self.percentage_points

    def change(self, change: float | None, unit: str = "") -> str:
        """A change as its unit wants it: percentage points for shares, relative for everything else."""
        return self.points(change) if unit == "share" else self.relative(change)

    def short(self, value: float) -> str:
        """A number for an axis, three significant digits at most: ``10k``, ``1.25M``, ``10 тыс.``"""
        for power, word in self.powers:
            if abs(value) >= power * 0.9995:
                return self._trimmed(value / power) + word
        return self._trimmed(value)

    def short_share(self, value: float) -> str:
        """A fraction for an axis: ``21%``, ``21.5%``."""
        return self._trimmed(value * 100) + self.percent

    def _trimmed(self, value: float) -> str:
        text = self.decimal(value, 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0)
        return text.rstrip("0").rstrip(self.point) if self.point in text else text

    # --- days ---

    def day(self, day: date) -> str:
        """A day in full: ``Sunday, 22 November 2026``."""
        return self._fill(self.full_day, day)

    def short_day(self, day: date) -> str:
        """A day of this year in short: ``Sun 22 Nov``, ``вс 22.11``."""
        return self._fill(self.short_day_form, day)

    def weekday(self, day: date) -> str:
        """The weekday in short."""
        return self.short_weekdays[day.weekday()]

    def span(self, first: date, last: date) -> str:
        """Days from ``first`` to ``last``, both inside: ``16–22 November 2026``."""
        start = str(first.day)
        if first.month != last.month:
            start += f" {self.months[first.month - 1]}"
        if first.year != last.year:
            start += f" {first.year}"
        joint = "–" if start.isdigit() else " – "
        return f"{start}{joint}{last.day} {self.months[last.month - 1]} {last.year}"

    def _fill(self, form: str, day: date) -> str:
        month = self.months[day.month - 1]
        weekday = day.weekday()
        return form.format(
            weekday=self.weekdays[weekday],
            wd=self.short_weekdays[weekday],
            day=day.day,
            month=month,
            mon=month[:3],
            dd=f"{day.day:02}",
            mm=f"{day.month:02}",
            year=day.year,
        )


ENGLISH = Locale(
    code="en",
    group=",",
    point=".",
    percent="%",
    percentage_points="\u00a0pp",
    powers=((10**9, "bn"), (10**6, "M"), (10**3, "k")),
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    short_weekdays=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    months=(
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    full_day="{weekday}, {day} {month} {year}",
    short_day_form="{wd} {day} {mon}",
)  # fmt: skip

RUSSIAN = Locale(
    code="ru",
    group="\u202f",
    point=",",
    percent="\u00a0%",
    percentage_points="\u00a0п.\u00a0п.",
    powers=((10**9, "\u00a0млрд"), (10**6, "\u00a0млн"), (10**3, "\u00a0тыс.")),
    weekdays=("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    short_weekdays=("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
    months=(
        "января", "февраля", "марта", "апреля", "мая", "июня",
        "июля", "августа", "сентября", "октября", "ноября", "декабря",
    ),
    full_day="{day} {month} {year}, {weekday}",
    short_day_form="{wd} {dd}.{mm}",
)  # fmt: skip

LOCALES = {each.code: each for each in (ENGLISH, RUSSIAN)}


def locale_of(code: str | Locale) -> Locale:
    """The locale of a code; an unknown one is a `SettingsError` that lists the known."""
    if isinstance(code, Locale):
        return code
    if code not in LOCALES:
        raise SettingsError(f"unknown locale {code!r}", hint=nearest(str(code), LOCALES))
    return LOCALES[code]
