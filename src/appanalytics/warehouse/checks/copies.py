"""Events that are there twice: a file that was loaded again, a retry that was taken for news.

Two events are copies when time, user and all columns that the catalog names for the source (post and action, or
receiver) are equal. Coarse clocks make some by themselves, so a day is judged against the other days looked at.
Copies are of one user, so of many events the default run compares those of some users alone.
"""

from __future__ import annotations

from datetime import date
from statistics import median
from typing import Any

from appanalytics.catalog import Source
from appanalytics.sqltext import identifier
from appanalytics.warehouse.checks.report import Check, Status, settle, skipped
from appanalytics.warehouse.checks.scope import Scope
from appanalytics.warehouse.rollup.shapes import day_of

_COMPARED = "share of events that are exact copies, against the other days"
_NEIGHBOURS = 7
_MOST_SUSPECTS = 5
#: Events that are compared with each other by the default run; of more, those of some users are taken.
_ENOUGH = 500_000


def copies(scope: Scope) -> list[Check]:
    """Share of copies on the sampled days, and on days with far more events than those around."""
    if not scope.sample:
        return skipped("copies", _COMPARED, "no whole days yet")
    found = []
    for source in scope.layout.catalog.sources.values():
        days = sorted({*scope.sample, *_suspects(scope, source)})
        found += _judge(scope, source, _shares(scope, source, days))
    return settle("copies", _COMPARED, found)


def _suspects(scope: Scope, source: Source) -> list[date]:
    """Days with conspicuously many events, the worst first, at most a few."""
    series = scope.series(source.name)
    days, values = list(series), list(series.values())
    inside = {*scope.days}
    ratios = {}
    for place, day in enumerate(days):
        around = values[max(0, place - _NEIGHBOURS) : place] + values[place + 1 : place + 1 + _NEIGHBOURS]
        usual = median(around) if around else 0
        if day in inside and usual and values[place] > scope.limits.copied_ratio * usual:
            ratios[day] = values[place] / usual
    return sorted(ratios, key=lambda day: -ratios[day])[:_MOST_SUSPECTS]


def _shares(scope: Scope, source: Source, days: list[date]) -> list[dict[str, Any]]:
    where, parameters = scope.spans(source, days)
    events = sum(scope.counts.get(day, {}).get(source.name, 0) for day in days)
    parameters["part"] = 1 if scope.full else max(1, events // _ENOUGH)
    columns = [source.time, source.user, *source.columns.values()]
    sql = scope.render(
        "copies",
        day=day_of(scope.layout, source),
        user=identifier(source.user),
        key=", ".join(identifier(column) for column in dict.fromkeys(columns)),
        table=identifier(source.table),
        where=where,
    )
    return scope.engine.rows(sql, parameters)


def _judge(scope: Scope, source: Source, rows: list[dict[str, Any]]) -> list[Check]:
    limits = scope.limits
    shares = {row["day"]: row["copies"] / row["events"] for row in rows}
    many = {row["day"] for row in rows if row["copies"] >= limits.copied_least}
    found = []
    for day, share in shares.items():
        if day not in many:
            continue
        usual = median([each for other, each in shares.items() if other != day] or [0.0])
        if share >= limits.copied_always or share > usual + max(limits.copied_share, usual):
            hint = f"{share:.1%} of the day's events are copies; look at the loads of that day"
            found.append(Check("copies", Status.FAILED, _COMPARED, share, usual, day, source.name, hint))
    return found
