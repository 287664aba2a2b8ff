"""Did the events arrive: freshness, events of the future, and the day log against the events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from appanalytics.catalog import Source
from appanalytics.sqltext import identifier
from appanalytics.warehouse.checks.report import Check, Status, settle, skipped
from appanalytics.warehouse.checks.scope import Scope

_FRESH = "minutes since the last event"
_FUTURE = "events later than the present"
_LOG = "day log against events"


def freshness(scope: Scope) -> list[Check]:
    """Minutes from each source's last event to ``as_of``; one result for each source."""
    if scope.as_of is None:
        return skipped("freshness", _FRESH, "no present time was given")
    return [_fresh(scope, name, scope.as_of) for name in scope.layout.catalog.sources]


def _fresh(scope: Scope, name: str, as_of: datetime) -> Check:
    source = scope.layout.catalog.sources[name]
    last = _last_event(scope, source, as_of + timedelta(minutes=scope.limits.ahead_minutes))
    if last is None:
        return Check("freshness", Status.SKIPPED, _FRESH, slice=name, hint="no events yet")
    minutes = max(0, round((as_of - last).total_seconds() / 60))
    late, dead = scope.limits.late_minutes, scope.limits.dead_minutes
    status = Status.FAILED if minutes > dead else Status.WARNING if minutes > late else Status.OK
    local = last.astimezone(scope.layout.zone).strftime("%Y-%m-%d %H:%M")
    hint = "" if status is Status.OK else f"the last event is of {local}; is the stream or the load running?"
    return Check("freshness", status, _FRESH, minutes, f"at most {late}", slice=name, hint=hint)


def _last_event(scope: Scope, source: Source, limit: datetime) -> datetime | None:
    """Time of the last event that is not of the future, which would hide that nothing comes any more."""
    time = identifier(source.time)
    sql = f"SELECT max({time}) FROM {identifier(source.table)}"
    last = _aware(scope.engine.scalar(f"{sql} HAVING count() > 0"))  # known without reading the events
    if last is None or last <= limit:
        return last
    where = f"WHERE {time} <= {{limit:DateTime64(3, 'UTC')}} HAVING count() > 0"
    return _aware(scope.engine.scalar(f"{sql} {where}", {"limit": limit}))


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and not moment.tzinfo else moment


def future(scope: Scope) -> list[Check]:
    """Events more than a few minutes later than ``as_of``: a wrong clock or a wrong time zone."""
    if scope.as_of is None:
        return skipped("future", _FUTURE, "no present time was given")
    limit = scope.as_of + timedelta(minutes=scope.limits.ahead_minutes)
    found = []
    for name, source in scope.layout.catalog.sources.items():
        time = identifier(source.time)
        sql = f"SELECT count() FROM {identifier(source.table)} WHERE {time} > {{limit:DateTime64(3, 'UTC')}}"
        count = scope.engine.scalar(sql, {"limit": limit})
        if count:
            hint = "look for a wrong clock, or times that were loaded in the wrong time zone"
            found.append(Check("future", Status.FAILED, _FUTURE, count, 0, slice=name, hint=hint))
    return settle("future", _FUTURE, found, looked_at=0)


def day_log(scope: Scope) -> list[Check]:
    """Days that wait for a roll-up (a warning) and days rolled up from other events than there are (a failure)."""
    if not scope.counts and not scope.states:
        return skipped("day_log", _LOG, "no events yet")
    if not scope.current:
        why = "there are no rollups of this catalog and time zone; run: appanalytics rollup"
        return skipped("day_log", _LOG, why)
    return settle("day_log", _LOG, [*_stale(scope), *_unlike(scope)], looked_at=f"{len(scope.counts)} days")


def _stale(scope: Scope) -> list[Check]:
    days = [day for day in scope.days if day in scope.marked]
    if not days:
        return []
    text = f"{len(days)} days changed after their last roll-up, the first is {days[0]}"
    hint = "answers come from the events until: appanalytics rollup"
    return [Check("day_log", Status.WARNING, _LOG, text, "none", days[0], hint=hint)]


def _unlike(scope: Scope) -> list[Check]:
    hint = "events were changed without a mark; run: appanalytics rollup"
    return [
        Check("day_log", Status.FAILED, _LOG, held, rolled, day, source, hint)
        for day, source, held, rolled in scope.unlike
    ]
