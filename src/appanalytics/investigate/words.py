"""How findings are told: texts of a language, numbers in the metric's unit, names of segments and periods."""

from __future__ import annotations

from dataclasses import dataclass

from appanalytics.catalog import Catalog
from appanalytics.investigate.explanation import Where
from appanalytics.investigate.target import Target
from appanalytics.investigate.words_en import ENGLISH
from appanalytics.investigate.words_ru import RUSSIAN
from appanalytics.locales import Locale, locale_of
from appanalytics.window import Grain


@dataclass(frozen=True, slots=True)
class Speaker:
    """One language over one catalog, for numbers of one unit."""

    catalog: Catalog
    locale: Locale
    unit: str

    @classmethod
    def of(cls, catalog: Catalog, metric: str, locale: str | Locale) -> Speaker:
        """For a metric's numbers."""
        return cls(catalog, locale_of(locale), catalog.quantity(metric).unit)

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, filled."""
        texts = RUSSIAN if self.locale.code == "ru" else ENGLISH
        return texts[key].format(**values)

    def number(self, value: float | None, *, ratio: bool) -> str:
        """A value: whole for counts, as its unit wants it for ratios."""
        if value is None or not ratio:
            return self.locale.number(None if value is None else round(value))
        return self.locale.number(float(value), self.unit)

    def signed(self, value: float | None, *, ratio: bool) -> str:
        """A difference of two values."""
        if value is None:
            return self.locale.number(None)
        if ratio and self.unit == "share":
            return self.locale.points(value)
        return self.locale.decimal(value, 2 if ratio else 0, sign=True)

    def percent(self, share: float | None) -> str:
        """A fraction without a sign, whole per cents."""
        return self.locale.number(None) if share is None else self.locale.decimal(share * 100) + self.locale.percent

    def dimension(self, name: str) -> str:
        """A dimension's label inside of a sentence."""
        label = self.catalog.dimension(name).label(self.locale.code)
        return label if label[:2].isupper() else label[:1].lower() + label[1:]

    def segment(self, where: Where) -> str:
        """``city Moscow, OS iOS``."""
        return ", ".join(f"{self.dimension(name)} {value}" for name, value in where)

    def listed(self, parts: list[str], most: int = 5) -> str:
        """Some parts in a row, and how many more there are."""
        shown = parts[:most]
        if len(parts) > most:
            shown.append(self("more", count=len(parts) - most))
        return ", ".join(shown)

    def when(self, target: Target) -> str:
        """The period: a day, or a part of it."""
        day = self.locale.short_day(target.day)
        if target.grain is Grain.DAY:
            return day
        start, end = (
            moment.astimezone(target.window.zone).strftime("%H:%M")
            for moment in (target.window.start, target.window.end)
        )
        return self("part_of_day", day=day, start=start, end=end)
