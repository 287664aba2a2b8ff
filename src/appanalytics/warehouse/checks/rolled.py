"""Rollups against the events themselves, on the sampled days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from appanalytics.catalog import Source
from appanalytics.catalog import sql as expressions
from appanalytics.sqltext import identifier
from appanalytics.warehouse.checks.compare import by_day, differences
from appanalytics.warehouse.checks.report import Check, Status, settle, skipped
from appanalytics.warehouse.checks.scope import Scope
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, events_column
from appanalytics.warehouse.rollup.shapes import day_of

_USER_DAY = "user_day against events"
_POST_DAY = "post_day against events"
_ACTIVE = "users active in a window: active_delta against events"
HINT = "make it again with: appanalytics rollup --force --since DAY --until NEXT"
_WEEK = 7


def user_day(scope: Scope) -> list[Check]:
    """Every counter and the number of users of a day; a user's ``lead`` must be on one row."""
    if not scope.fresh_sample:
        return skipped("user_day", _USER_DAY, _why(scope))
    layout = scope.layout
    counters = [identifier(column) for column in layout.counters]
    parts: list[str] = []
    parameters: dict[str, Any] = {}
    for source in layout.catalog.sources.values():
        where, bound = scope.spans(source, scope.fresh_sample)
        parts.append(_users_of(scope, source, where))
        parameters |= bound
    events = scope.render(
        "users_of_events",
        sums=", ".join(f"sum({column}) AS {column}" for column in counters),
        union="\n    UNION ALL\n    ".join(parts),
    )
    rollup = scope.render(
        "users_of_rollup", sums=", ".join(f"sum({column}) AS {column}" for column in counters), where=_DAYS
    )
    expected = by_day(scope.engine.rows(events, parameters))
    for row in expected.values():
        row["leads"] = row["users"]
    found = by_day(scope.engine.rows(rollup, {"days": scope.fresh_sample}))
    columns = [*layout.counters, "users", "leads"]
    wrong = differences("user_day", _USER_DAY, found, expected, columns, scope.fresh_sample, HINT)
    return settle("user_day", _USER_DAY, wrong, looked_at=f"{len(scope.fresh_sample)} days")


_DAYS = "day IN {days:Array(Date)}"


def _users_of(scope: Scope, source: Source, where: str) -> str:
    values = dict.fromkeys(scope.layout.counters, "0")
    values[events_column(source.name)] = "count()"
    for measure in scope.layout.stored_measures:
        if measure.source == source.name:
            values[measure.name] = expressions.aggregate(source, measure)
    return scope.render(
        "users_of_source",
        day=day_of(scope.layout, source),
        user=identifier(source.user),
        counters=", ".join(f"{value} AS {identifier(name)}" for name, value in values.items()),
        table=identifier(source.table),
        where=where,
    )


def post_day(scope: Scope) -> list[Check]:
    """Counters and the number of different posts of a day."""
    layout = scope.layout
    if not layout.item_source or not scope.fresh_sample:
        return skipped("post_day", _POST_DAY, "no source has posts" if not layout.item_source else _why(scope))
    source = layout.catalog.sources[layout.item_source]
    where, parameters = scope.spans(source, scope.fresh_sample)
    values = {events_column(source.name): "count()"}
    for measure in layout.stored_measures:
        if measure.source == source.name:
            values[measure.name] = expressions.aggregate(source, measure)
    items = ", ".join(identifier(source.column(each.column)) for each in layout.item_dimensions)
    events = scope.render(
        "items",
        day=day_of(layout, source),
        sums=", ".join(f"{value} AS n_{name}" for name, value in values.items()),
        items=items,
        table=identifier(source.table),
        where=where,
    )
    rollup = scope.render(
        "items",
        day="day",
        sums=", ".join(f"sum({identifier(name)}) AS n_{name}" for name in values),
        items=", ".join(identifier(each.name) for each in layout.item_dimensions),
        table="post_day",
        where=_DAYS,
    )
    expected = by_day(scope.engine.rows(events, parameters))
    found = by_day(scope.engine.rows(rollup, {"days": scope.fresh_sample}))
    columns = [*(f"n_{name}" for name in values), "items"]
    wrong = differences("post_day", _POST_DAY, found, expected, columns, scope.fresh_sample, HINT)
    return settle("post_day", _POST_DAY, wrong, looked_at=f"{len(scope.fresh_sample)} days")


def active_users(scope: Scope) -> list[Check]:
    """Running sums of `active_delta` against users counted in the events of the window.

    Windows below a week for every sampled day, the longest for the newest; all of them with a full check. A
    window that holds a day that waits for a roll-up is left out. Users with several combinations of attributes
    count once for each, as in the rollup.
    """
    if not scope.fresh_sample or not scope.layout.windows:
        return skipped("active_delta", _ACTIVE, _why(scope) if scope.layout.windows else "no metric has a window")
    windows = _windows(scope)
    if not windows:
        return skipped("active_delta", _ACTIVE, "every window holds days that wait for a roll-up")
    mixed = bool(scope.engine.scalar("SELECT count() > 0 FROM (SELECT 1 FROM mixed_users WHERE compact LIMIT 1)"))
    found = []
    for day, length in windows:
        rolled, counted = _rolled_users(scope, day, length), _counted_users(scope, day, length, mixed=mixed)
        for service, users in counted.items():
            if rolled.get(service, 0) != users:
                where = f"{length} days, {service}"
                got = rolled.get(service, 0)
                found.append(Check("active_delta", Status.FAILED, _ACTIVE, got, users, day, where, HINT))
    return settle("active_delta", _ACTIVE, found, looked_at=f"{len(windows)} windows")


def _windows(scope: Scope) -> list[tuple[date, int]]:
    newest, longest = scope.fresh_sample[-1], scope.layout.windows[-1]
    stale = scope.stale
    return [
        (day, length)
        for day in scope.fresh_sample
        for length in scope.layout.windows
        if (scope.full or length < _WEEK or (day == newest and length == longest))
        and not any(day - timedelta(days=back) in stale for back in range(length))
    ]


def _rolled_users(scope: Scope, day: date, length: int) -> dict[str, int]:
    rows = scope.engine.rows(
        "SELECT service, sum(delta) AS users FROM active_delta WHERE days = {length:UInt16} AND day <= {day:Date}"
        " GROUP BY service",
        {"length": length, "day": day},
    )
    return {row["service"]: row["users"] for row in rows}


def _counted_users(scope: Scope, day: date, length: int, *, mixed: bool) -> dict[str, int]:
    days = [day - timedelta(days=back) for back in range(length)]
    sources = scope.layout.catalog.sources
    parts: list[str] = []
    parameters: dict[str, Any] = {}
    for name, source in sources.items():
        where, bound = scope.spans(source, days)
        marks = ", ".join(f"{int(other == name)} AS in_{other}" for other in sources)
        parts.append(
            f"SELECT {_person(scope, source, mixed=mixed)}, {marks} FROM {identifier(source.table)} WHERE {where}"
        )
        parameters |= bound
    sql = scope.render(
        "active",
        flags=", ".join(f"max(in_{name}) AS in_{name}" for name in sources),
        counts=", ".join(f"countIf(in_{name}) AS `{name}`" for name in sources),
        union="\n        UNION ALL\n        ".join(parts),
    )
    (row,) = scope.engine.rows(sql, parameters)
    return {ANY_SERVICE: row.pop("everybody"), **row}


def _person(scope: Scope, source: Source, *, mixed: bool) -> str:
    """Who counts once: the user, or the user with his compact attributes where some users have several."""
    user = identifier(source.user)
    labels = [
        expressions.label(each, expressions.dimension_column(scope.layout.catalog, each, source))
        for each in scope.layout.compact
    ]
    return f"({', '.join([user, *labels])}) AS person" if mixed else f"{user} AS person"


def _why(scope: Scope) -> str:
    if not scope.sample:
        return "no whole days yet"
    return "days wait for a roll-up" if scope.current else "there are no rollups; run: appanalytics rollup"
