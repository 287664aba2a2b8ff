"""New, retained, returned and gone users of the day, each against what was expected of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from appanalytics.investigate.forecast import Flags, forecasts
from appanalytics.investigate.population import Population, shape
from appanalytics.investigate.reader import Reader

PARTS = ("new", "retained", "returned", "gone")


@dataclass(frozen=True, slots=True)
class AudiencePart:
    """Users of the day who are ``new``, were active the day before (``retained``), or came back after longer
    (``returned``); and ``gone``: active the day before and not on this one. With what was expected, 99 % band.
    """

    name: str
    actual: float
    expected: float
    low: float
    high: float

    @property
    def change(self) -> float:
        """Actual less expected."""
        return self.actual - self.expected

    @property
    def is_unusual(self) -> bool:
        """True outside of the band."""
        return not self.low <= self.actual <= self.high


def audience(reader: Reader, people: Population, usable: Flags) -> tuple[AudiencePart, ...]:
    """The parts; they add up: active = new + retained + returned."""
    sql, parameters = shape(reader, "audience", people)
    days = [each.first_day for each in reader.periods]
    rows = reader.rows("audience", sql, {**parameters, "first": days[0], "until": days[-1] + timedelta(days=1)})
    by_day = {row["day"]: row for row in rows}
    counted = {
        name: np.array([float(by_day[day][name]) if day in by_day else 0.0 for day in days]) for name in PARTS[:3]
    }
    active = sum(counted.values())
    assert isinstance(active, np.ndarray)  # noqa: S101 (a sum of arrays)
    first = reader.coverage.first
    if first is not None and days[0] == first.astimezone(reader.layout.zone).date():
        counted["retained"][0] = counted["returned"][0] = np.nan  # nothing is known of the days before the data
    counted["gone"] = np.concatenate([[np.nan], active[:-1] - counted["retained"][1:]])
    found = forecasts(np.stack([counted[name] for name in PARTS]), usable=np.tile(usable, (4, 1)), counts=[True] * 4)
    return tuple(
        AudiencePart(
            name, float(each.actual[-1]), float(each.expected[-1]), float(each.low[-1]), float(each.high[-1])
        )
        for name, each in zip(PARTS, found, strict=True)
    )
