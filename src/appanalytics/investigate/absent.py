"""The absent: who was expected and did not come, where they live, since when they are users, who came back.

Every user of the five weeks before is expected with the chance that users like him had on ordinary days: seen as
long ago, as old, as often there, in the same segments or outside of them. The chances are scaled so that outside of
the named segments as many were expected as came: what the day did to everybody is nobody's absence. Those who had
been away for longer, and newcomers, are expected in the proportion in which they came elsewhere on that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appanalytics.engine.columns import numbers
from appanalytics.investigate.explanation import Where
from appanalytics.investigate.population import Population, conditions, filters_of, shape
from appanalytics.investigate.reader import Reader
from appanalytics.query.scope import Scope
from appanalytics.stats import Interval, Share, wilson

#: Ordinary days that the chances come from, and in how many days before they are looked for. With five weeks before
#: and one after they fit the 64 bits that hold a user's days.
ORDINARY_DAYS, REACH, WEEKS = 5, 20, 35
#: Values of a dimension that are listed.
LISTED = 10
#: Codes of `absent.sql` for users not seen in the five weeks before.
AWAY_LONGER, NEWCOMER = 0, -1

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Missing:
    """Users with one attribute: how many were expected to come, and how many did."""

    value: str
    expected: float
    came: int

    @property
    def missing(self) -> float:
        """Expected less came."""
        return self.expected - self.came


@dataclass(frozen=True, slots=True)
class Absent:
    """Who was expected and did not come, in the named segments (of all users, where none is named).

    ``expected`` and ``came`` are users known before the day; ``expected_new`` and ``came_new`` newcomers, None where
    no segment is named. ``places`` (values of ``dimension``) and ``first_days`` say who the missing ones are, the
    largest first. ``back_next`` and ``back_week`` are the shares of those who did not come that were there on the
    next day and within a week (95 % Wilson intervals); ``usual_next`` and ``usual_week`` what users like them do
    after staying away on an ordinary day. None while those days are not over.
    """

    expected: float
    came: int
    expected_new: float | None
    came_new: int
    dimension: str | None
    places: tuple[Missing, ...]
    first_days: tuple[Missing, ...]
    back_next: Interval | None
    back_week: Interval | None
    usual_next: float | None
    usual_week: float | None

    @property
    def missing(self) -> float:
        """Known users, expected less came."""
        return self.expected - self.came

    @property
    def missing_new(self) -> float | None:
        """Newcomers, expected less came."""
        return self.expected_new - self.came_new if self.expected_new is not None else None


def absent(
    reader: Reader, people: Population, segments: Sequence[Where], dimension: str | None, clean: Iterable[date]
) -> Absent | None:
    """The absent of the asked day; None without ordinary days before it."""
    day = reader.target.day
    ordinary = sorted(each for each in clean if day - timedelta(days=REACH) <= each < day)[-ORDINARY_DAYS:]
    if not ordinary:
        return None
    asked = _read(reader, people, [*ordinary, day], segments, dimension)
    usual, rows = asked.where(asked.asked < day), asked.where(asked.asked == day)
    inside = rows.where(rows.inside) if segments else rows
    rest = rows.where(~rows.inside) if segments else None
    chance = _Chances(usual)
    factor, longer = _calibration(rest, usual, chance)
    existing = inside.where(inside.gap != NEWCOMER)
    expected = np.where(existing.gap > AWAY_LONGER, factor * longer * existing.users * chance.of(existing), 0.0)
    last = reader.coverage.last
    over = (last.astimezone(reader.layout.zone).date() - day).days if last else 0
    known = inside.where(inside.gap > AWAY_LONGER)
    away = int((known.users - known.came).sum())
    back = {
        name: (wilson(Share(int(getattr(known, name).sum()), away)), _usual_back(known, usual, name))
        if over >= days
        else (None, None)
        for name, days in (("back_next", 1), ("back_week", 7))
    }
    return Absent(
        float(expected.sum()),
        int(existing.came.sum()),
        _newcomers(rest, usual) if rest is not None else None,
        int(inside.came[inside.gap == NEWCOMER].sum()),
        dimension,
        _missing(existing.place, existing.came, expected) if dimension else (),
        _missing(existing.since_day, existing.came, expected),
        back["back_next"][0], back["back_week"][0], back["back_next"][1], back["back_week"][1],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Users:
    """Rows of ``absent.sql``, column by column; all of one length."""

    asked: NDArray[Any]
    gap: Codes
    age: Codes
    often: Codes
    inside: Flags
    since_day: NDArray[Any]
    place: NDArray[Any]
    users: Codes
    came: Codes
    back_next: Codes
    back_week: Codes

    def where(self, chosen: Flags) -> _Users:
        """Some of the rows."""
        return _Users(*(getattr(self, each.name)[chosen] for each in fields(self)))

    @property
    def stratum(self) -> Codes:
        """A number for each combination of gap, age and frequency."""
        return ((self.gap + 1) * 128 + self.age) * 16 + self.often

    @property
    def wide(self) -> Codes:
        """A number for each gap, inside and outside of the segments apart."""
        return (self.gap + 1) * 2 + self.inside

    @property
    def side(self) -> Codes:
        """A number for each stratum, inside and outside of the segments apart."""
        return self.stratum * 2 + self.inside


def _read(
    reader: Reader, people: Population, days: list[date], segments: Sequence[Where], dimension: str | None
) -> _Users:
    """Users by stratum and whether they are in a named segment; of the asked day also by place and first day."""
    bound: dict[str, Any] = {"day": reader.target.day}
    parts = []
    for number, where in enumerate(segments):
        text, more = conditions(reader, filters_of(where), f"segment_{number}_")
        parts.append(f"({text})")
        bound |= more
    place = Scope.of_users(reader.layout.catalog).expression(dimension) if dimension else "''"
    sql, parameters = shape(reader, "absent", people, segment=" OR ".join(parts) or "1", place=place)
    window = {"first": min(days) - timedelta(days=WEEKS), "until": max(days) + timedelta(days=8), "asked": days}
    table = reader.table("absent", sql, {**parameters, **bound, **window})
    held = {each.name: numbers(table.column(each.name)) for each in fields(_Users) if each.name != "place"}
    kinds = {"asked": "datetime64[D]", "since_day": "datetime64[D]", "inside": "bool"}
    return _Users(
        place=np.array(table.column("place").to_pylist(), dtype=object),
        **{name: each.astype(kinds.get(name, "int64")) for name, each in held.items()},
    )


class _Chances:
    """Share of each stratum that came, inside and outside of the segments apart.

    Others may hold users of a kind that the segments do not have, such as those of a campaign. Sparse strata are
    pulled towards all users of the same side that were seen as long ago.
    """

    def __init__(self, usual: _Users) -> None:
        self._users, self._came = (np.bincount(usual.side, each) for each in (usual.users, usual.came))
        self._wide_users, self._wide_came = (np.bincount(usual.wide, each) for each in (usual.users, usual.came))

    def of(self, rows: _Users) -> Floats:
        """The chance of the users of each row."""
        general = _looked_up(self._wide_came, rows.wide) / np.maximum(_looked_up(self._wide_users, rows.wide), 1.0)
        chance: Floats = (_looked_up(self._came, rows.side) + 5 * general) / (_looked_up(self._users, rows.side) + 5)
        return chance


def _looked_up(sums: NDArray[Any], keys: Codes) -> Floats:
    """Sums by key; 0 for keys beyond them."""
    return (
        np.where(keys < len(sums), sums[np.minimum(keys, len(sums) - 1)], 0.0) if len(sums) else np.zeros(len(keys))
    )


def _calibration(rest: _Users | None, usual: _Users, chance: _Chances) -> tuple[float, float]:
    """By how much the day differed from ordinary ones outside of the segments, and how many had been away longer.

    Without anything outside the day is taken as ordinary.
    """
    is_rest = rest is not None and len(rest.users) > 0
    rows = rest if rest is not None and is_rest else usual
    seen = rows.where(rows.gap > AWAY_LONGER)
    came = int(seen.came.sum())
    longer = int(rows.came[rows.gap == AWAY_LONGER].sum())
    if not came:
        return 1.0, 1.0
    foreseen = float((seen.users * chance.of(seen)).sum())
    return (came / foreseen if is_rest and foreseen else 1.0), 1 + longer / came


def _newcomers(rest: _Users, usual: _Users) -> float | None:
    """Newcomers as many as usual for each newcomer elsewhere."""
    elsewhere = int(rest.came[rest.gap == NEWCOMER].sum())
    before = usual.where(usual.gap == NEWCOMER)
    there, here = int(before.came[~before.inside].sum()), int(before.came[before.inside].sum())
    return elsewhere * here / there if there else None


def _missing(values: NDArray[Any], came: Codes, expected: Floats) -> tuple[Missing, ...]:
    """Expected and came by value, the most missing first; of equals the one that the rows name first."""
    names, first, place = np.unique(values, return_index=True, return_inverse=True)
    awaited, there = np.bincount(place, expected, len(names)), np.bincount(place, came, len(names))
    order = np.lexsort((first, there - awaited))[:LISTED]
    return tuple(Missing(str(names[each]), float(awaited[each]), int(there[each])) for each in order)


def _usual_back(rows: _Users, usual: _Users, name: str) -> float | None:
    """What those who did not come would do after an ordinary day, stratum by stratum."""
    away = np.bincount(usual.stratum, usual.users - usual.came)
    back = np.bincount(usual.stratum, getattr(usual, name))
    weight, here = rows.users - rows.came, _looked_up(away, rows.stratum)
    known = here > 0
    total = int(weight[known].sum())
    share = _looked_up(back, rows.stratum)[known] / here[known]
    return float((weight[known] * share).sum()) / total if total else None
