"""The absent: who was expected and did not come, where they live, since when they are users, who came back.

Every user of the five weeks before is expected with the chance that users like him had on ordinary days: seen as
long ago, as old, as often there, in the same segments or outside of them. The chances are scaled so that outside of
the named segments as many were expected as came: what the day did to everybody is nobody's absence. Those who had
been away for longer, and newcomers, are expected in the proportion in which they came elsewhere on that day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

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

_Row = dict[str, Any]
_Stratum = tuple[int, int, int]


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
    asked = _rows(reader, people, [*ordinary, day], segments, dimension)
    usual, rows = ([row for row in asked if (row["asked"] == day) is is_day] for is_day in (False, True))
    inside = [row for row in rows if row["inside"] or not segments]
    rest = [row for row in rows if segments and not row["inside"]]
    chance = _chances(usual)
    factor, longer = _calibration(rest, usual, chance)

    def expected(row: _Row) -> float:
        return factor * longer * row["users"] * chance(row) if row["gap"] > AWAY_LONGER else 0.0

    last = reader.coverage.last
    over = (last.astimezone(reader.layout.zone).date() - day).days if last else 0
    known = [row for row in inside if row["gap"] > AWAY_LONGER]
    away = sum(row["users"] - row["came"] for row in known)
    back = {
        name: (wilson(Share(sum(row[name] for row in known), away)), _usual_back(known, usual, name))
        if over >= days
        else (None, None)
        for name, days in (("back_next", 1), ("back_week", 7))
    }
    existing = [row for row in inside if row["gap"] != NEWCOMER]
    return Absent(
        sum(map(expected, existing)),
        sum(row["came"] for row in existing),
        _newcomers(rest, usual) if segments else None,
        sum(row["came"] for row in inside if row["gap"] == NEWCOMER),
        dimension,
        _missing(existing, "place", expected) if dimension else (),
        _missing(existing, "since_day", expected),
        back["back_next"][0], back["back_week"][0], back["back_next"][1], back["back_week"][1],
    )  # fmt: skip


def _rows(
    reader: Reader, people: Population, days: list[date], segments: Sequence[Where], dimension: str | None
) -> list[_Row]:
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
    return reader.rows("absent", sql, {**parameters, **bound, **window})


def _stratum(row: _Row) -> _Stratum:
    return row["gap"], row["age"], row["often"]


def _chances(rows: list[_Row]) -> Callable[[_Row], float]:
    """Share of each stratum that came, inside and outside of the segments apart.

    Others may hold users of a kind that the segments do not have, such as those of a campaign. Sparse strata are
    pulled towards all users of the same side that were seen as long ago.
    """
    users: dict[Any, int] = defaultdict(int)
    came: dict[Any, int] = defaultdict(int)
    for row in rows:
        for key in (_side(row), _side(row)[:2]):
            users[key] += row["users"]
            came[key] += row["came"]

    def chance(row: _Row) -> float:
        key, wide = _side(row), _side(row)[:2]
        general = came[wide] / users[wide] if users[wide] else 0.0
        return (came[key] + 5 * general) / (users[key] + 5)

    return chance


def _side(row: _Row) -> tuple[Any, ...]:
    return bool(row["inside"]), *_stratum(row)


def _calibration(rest: list[_Row], usual: list[_Row], chance: Callable[[_Row], float]) -> tuple[float, float]:
    """By how much the day differed from ordinary ones outside of the segments, and how many had been away longer.

    Without anything outside the day is taken as ordinary.
    """
    seen = [row for row in rest or usual if row["gap"] > AWAY_LONGER]
    came = sum(row["came"] for row in seen)
    longer = sum(row["came"] for row in rest or usual if row["gap"] == AWAY_LONGER)
    if not came:
        return 1.0, 1.0
    foreseen = sum(row["users"] * chance(row) for row in seen)
    return (came / foreseen if rest and foreseen else 1.0), 1 + longer / came


def _newcomers(rest: list[_Row], usual: list[_Row]) -> float | None:
    """Newcomers as many as usual for each newcomer elsewhere."""
    elsewhere = sum(row["came"] for row in rest if row["gap"] == NEWCOMER)
    before = [row for row in usual if row["gap"] == NEWCOMER]
    there = sum(row["came"] for row in before if not row["inside"])
    here = sum(row["came"] for row in before if row["inside"])
    return elsewhere * here / there if there else None


def _missing(rows: list[_Row], name: str, expected: Callable[[_Row], float]) -> tuple[Missing, ...]:
    awaited: dict[str, float] = defaultdict(float)
    came: dict[str, int] = defaultdict(int)
    for row in rows:
        awaited[str(row[name])] += expected(row)
        came[str(row[name])] += row["came"]
    found = [Missing(value, number, came[value]) for value, number in awaited.items()]
    return tuple(sorted(found, key=lambda each: -each.missing)[:LISTED])


def _usual_back(rows: list[_Row], usual: list[_Row], name: str) -> float | None:
    """What those who did not come would do after an ordinary day, stratum by stratum."""
    away: dict[_Stratum, int] = defaultdict(int)
    back: dict[_Stratum, int] = defaultdict(int)
    for row in usual:
        away[_stratum(row)] += row["users"] - row["came"]
        back[_stratum(row)] += row[name]
    weighed = [(row["users"] - row["came"], _stratum(row)) for row in rows]
    known = [(users, back[key] / away[key]) for users, key in weighed if away[key]]
    total = sum(users for users, _ in known)
    return sum(users * share for users, share in known) / total if total else None
