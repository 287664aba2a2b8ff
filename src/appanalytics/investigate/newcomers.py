"""Newcomers of the day: whether they came back, against ordinary cohorts and against others of the same day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from appanalytics.investigate.explanation import Where
from appanalytics.investigate.population import Population, conditions, filters_of, shape
from appanalytics.investigate.reader import Reader
from appanalytics.query.scope import Scope
from appanalytics.stats import Interval, Share, wilson

#: Earlier cohorts that are called ordinary.
ORDINARY_DAYS = 14


@dataclass(frozen=True, slots=True)
class Cohort:
    """Users of one kind who came first on the day, or on ordinary days before it.

    ``kind`` is ``segment`` (newcomers of the named segment), ``beyond`` (of them those beyond the ordinary number:
    an estimate), ``others`` (outside of the segment) or ``ordinary`` (the two weeks before, all who share ``value``
    of the dimension). ``next_day`` and ``week`` are the shares back on the next day and on any of the next seven,
    with 95 % Wilson intervals; None while those days are not over.
    """

    kind: str
    value: str | None
    users: int
    next_day: Interval | None
    week: Interval | None


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Cohorts of the day. ``where`` is the segment, empty for all; ``dimension`` splits the others."""

    where: Where
    dimension: str | None
    cohorts: tuple[Cohort, ...]

    def of(self, kind: str, value: str | None = None) -> Cohort | None:
        """The cohort of a kind, and of a value of the dimension."""
        return next((each for each in self.cohorts if each.kind == kind and value in (None, each.value)), None)


@dataclass(slots=True)
class _Sum:
    users: int = 0
    back_next: int = 0
    back_week: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """Take in a row of the statement."""
        self.users += row["users"]
        self.back_next += row["back_next"]
        self.back_week += row["back_week"]


def newcomers(
    reader: Reader, people: Population, where: Where, dimension: str | None, clean: Iterable[date]
) -> Newcomers | None:
    """Cohorts of the asked day and of the ``clean`` days before it; None where nobody came first on that day."""
    day = reader.target.day
    ordinary = sorted(each for each in clean if day - timedelta(days=ORDINARY_DAYS) <= each < day)
    catalog = reader.layout.catalog
    segment, bound = conditions(reader, filters_of(where), "segment_")
    split = Scope.of_users(catalog).expression(dimension) if dimension else "''"
    sql, parameters = shape(reader, "newcomers", people, segment=segment, split=split)
    first = ordinary[0] if ordinary else day
    rows = reader.rows("newcomers", sql, {**parameters, **bound, "first": first, "until": day + timedelta(days=1)})
    sums: dict[tuple[str, str | None], _Sum] = {}
    held = {name: str(value) for name, value in where}.get(dimension or "")
    usual = _Sum()  # of the segment, before
    for row in rows:
        value = row["value"] if dimension else None
        if row["cohort"] == day:
            kind = "segment" if row["inside"] and where else "others"
            sums.setdefault((kind, None if kind == "segment" else value), _Sum()).add(row)
        elif row["cohort"] in set(ordinary):
            sums.setdefault(("ordinary", value), _Sum()).add(row)
            if row["inside"]:
                usual.add(row)
    if not any(kind in ("segment", "others") for kind, _ in sums):
        return None
    beyond = _beyond(sums.get(("segment", None)), usual, sums.get(("ordinary", held)), len(ordinary))
    if beyond is not None:
        sums["beyond", None] = beyond
    last = reader.coverage.last
    over = (last.astimezone(reader.layout.zone).date() - day).days if last else 0
    order = {"segment": 0, "beyond": 1, "others": 2, "ordinary": 3}
    cohorts = [
        Cohort(
            kind, value, total.users,
            wilson(Share(total.back_next, total.users)) if over >= 1 else None,
            wilson(Share(total.back_week, total.users)) if over >= 7 else None,
        )
        for (kind, value), total in sorted(sums.items(), key=lambda item: (order[item[0][0]], item[0][1] or ""))
        if total.users
    ]  # fmt: skip
    return Newcomers(where, dimension, tuple(cohorts))


def _beyond(segment: _Sum | None, usual: _Sum, like: _Sum | None, days: int) -> _Sum | None:
    """The segment's newcomers less the ordinary number of them, who come back as ordinary ones do."""
    if segment is None or not days:
        return None
    rates = usual if usual.users >= 200 or like is None else like
    number = usual.users / days
    if number >= segment.users or not rates.users:
        return None
    users = round(segment.users - number)
    back_next = round(segment.back_next - number * rates.back_next / rates.users)
    back_week = round(segment.back_week - number * rates.back_week / rates.users)
    return _Sum(users, min(max(back_next, 0), users), min(max(back_week, 0), users))
