"""Rollups against the numbers of events and against each other, on all days; reads no events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from appanalytics.sqltext import identifier
from appanalytics.warehouse.checks.compare import by_day, differences
from appanalytics.warehouse.checks.report import Check, Status, settle, skipped
from appanalytics.warehouse.checks.rolled import HINT
from appanalytics.warehouse.checks.scope import Scope
from appanalytics.warehouse.rollup.layout import events_column

_EVENTS = "events of every day: user_day against the tables of events"
_RETENTION = "totals of every day and dimension: retention_day against user_day"
_SLICES = "totals of every day: slice_day against user_day"
_MONTHS = "totals of every month: user_month against user_day"
_LINKS = "each user's first and previous days in user_day"
_POSTS = "totals of every day: post_day against user_day"


def user_day_days(scope: Scope) -> list[Check]:
    """Events of each source and day."""
    if not scope.fresh_days:
        return skipped("user_day", _EVENTS, "no rolled-up days")
    return settle("user_day", _EVENTS, _wrong(scope), looked_at=f"{len(scope.fresh_days)} days")


def sound_days(scope: Scope) -> list[date]:
    """Days whose user_day holds as many events as there are, so that others can be judged by it."""
    wrong = {check.day for check in _wrong(scope)} if scope.fresh_days else set()
    return [day for day in scope.fresh_days if day not in wrong]


def _wrong(scope: Scope) -> list[Check]:
    columns = {events_column(name): name for name in scope.layout.catalog.sources}
    expected = {
        day: {column: counts.get(name, 0) for column, name in columns.items()} for day, counts in scope.counts.items()
    }
    return list(differences("user_day", _EVENTS, scope.user_days, expected, columns, scope.fresh_days, HINT))


def user_links(scope: Scope) -> list[Check]:
    """Users whose first day is not the earliest of their days, or whose previous days are not a chain of them.

    Along a right chain the steps ``day - prev_day`` add up to the user's last day, the first step being from 0.
    """
    if not scope.current or sound_days(scope) != scope.fresh_days:
        return skipped("user_day", _LINKS, "user_day must be rolled up and whole first")
    users = scope.engine.scalar(scope.render("links"))
    found = [Check("user_day", Status.FAILED, _LINKS, users, 0, hint=HINT)] if users else []
    return settle("user_day", _LINKS, found)


def slice_day(scope: Scope) -> list[Check]:
    """Counters of a day, summed over all slices."""
    days = sound_days(scope)
    if not days:
        return skipped("slice_day", _SLICES, "no rolled-up days")
    columns = scope.layout.counters
    found = by_day(scope.engine.rows(f"SELECT day, {_sums(columns)} FROM slice_day GROUP BY day"))
    wrong = differences("slice_day", _SLICES, found, scope.user_days, columns, days, HINT)
    return settle("slice_day", _SLICES, wrong, looked_at=f"{len(days)} days")


def user_month(scope: Scope) -> list[Check]:
    """Counters of a month, summed over its users, are those of its days."""
    if not scope.current or sound_days(scope) != scope.fresh_days:
        return skipped("user_month", _MONTHS, "user_day must be rolled up and whole first")
    columns = scope.layout.counters
    expected: dict[date, Counter[str]] = {}
    for day, held in scope.user_days.items():
        expected.setdefault(day.replace(day=1), Counter()).update({name: held[name] for name in columns})
    found = by_day(scope.engine.rows(f"SELECT month AS day, {_sums(columns)} FROM user_month GROUP BY month"))
    wrong = differences("user_month", _MONTHS, found, expected, columns, {*expected, *found}, HINT)
    return settle("user_month", _MONTHS, wrong, looked_at=f"{len(expected)} months")


def retention_day(scope: Scope) -> list[Check]:
    """Users and counters of a day, summed over first days, are the same in every dimension and in user_day."""
    days = sound_days(scope)
    if not days:
        return skipped("retention_day", _RETENTION, "no rolled-up days")
    sums = ", ".join(f"sum({name}) AS {name}" for name in _columns(scope))
    rows = scope.engine.rows(f"SELECT day, dimension, {sums} FROM retention_day GROUP BY day, dimension")
    expected, found = scope.user_days, list[Check]()
    for dimension in ["", *(each.name for each in scope.layout.compact)]:
        here = by_day(row for row in rows if row["dimension"] == dimension)
        wrong = differences("retention_day", _RETENTION, here, expected, _columns(scope), days, HINT)
        found += [_with_dimension(check, dimension) for check in wrong]
    return settle("retention_day", _RETENTION, found, looked_at=f"{len(days)} days")


def post_day_days(scope: Scope) -> list[Check]:
    """Counters of the source of posts."""
    days = sound_days(scope)
    if not days or not scope.layout.item_source:
        return skipped("post_day", _POSTS, "no rolled-up days with posts")
    sums = _sums(scope.layout.item_counters)
    found = by_day(scope.engine.rows(f"SELECT day, {sums} FROM post_day GROUP BY day"))
    columns = scope.layout.item_counters
    wrong = differences("post_day", _POSTS, found, scope.user_days, columns, days, HINT)
    return settle("post_day", _POSTS, wrong, looked_at=f"{len(days)} days")


def _columns(scope: Scope) -> list[str]:
    return ["users", *map(identifier, scope.layout.counters)]


def _sums(columns: Iterable[str]) -> str:
    return ", ".join(f"sum({identifier(name)}) AS {identifier(name)}" for name in columns)


def _with_dimension(check: Check, dimension: str) -> Check:
    where = f"{check.slice} by {dimension}" if dimension else check.slice
    return replace(check, slice=where)
