"""What a name of a report means: a metric of the catalog, or a day's retention, which no entry of it can say."""

from __future__ import annotations

import re
from dataclasses import dataclass

from appanalytics.catalog import Catalog

_RETENTION = re.compile(r"retention_day_([1-9]\d?)")
RETENTION_EXAMPLE = "retention_day_1"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A report's quantity: names for people by locale, unit, and which direction is good."""

    labels: tuple[tuple[str, str], ...]
    unit: str
    good: str

    def label(self, locale: str) -> str:
        """Its name in a locale."""
        return dict(self.labels)[locale]


def retention_days(metric: str) -> int | None:
    """Days of ``retention_day_N``, or None for every other name.

    Its value of a day is the share of the users whose first day was N days before who were active on that day.
    """
    found = _RETENTION.fullmatch(metric)
    return int(found[1]) if found else None


def meaning_of(catalog: Catalog, metric: str) -> Meaning:
    """What a name means; raises `QuestionError` for a name that neither the catalog nor a report has."""
    if (days := retention_days(metric)) is not None:
        labels = (("en", f"Retention, day {days}"), ("ru", f"Удержание {days}-го дня"))
        return Meaning(labels, "share", "up")
    found = catalog.quantity(metric)
    return Meaning(tuple((locale, found.label(locale)) for locale in ("en", "ru")), found.unit, found.good)
