"""How a warehouse in use is doing: the server, what arrives, roll-ups, the collector, messages, backups, the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

from appanalytics.engine.endpoint import Endpoint, find_endpoint, left_by_a_crash, server_folder
from appanalytics.errors import AppAnalyticsError, SettingsError
from appanalytics.jobs.lateness import late_jobs
from appanalytics.jobs.messages import post_office
from appanalytics.jobs.whole import states
from appanalytics.settings import Loaded
from appanalytics.sqltext import identifier
from appanalytics.warehouse.backup import backups
from appanalytics.warehouse.checks.limits import Limits
from appanalytics.warehouse.days import stale_since

if TYPE_CHECKING:
    from appanalytics.app import App

_LIMITS = Limits()
_OLD_BACKUP = timedelta(days=2)
_LEAST_FREE, _LITTLE_FREE = 1 << 30, 0.10
_PATIENCE_SECONDS = 10.0


class State(StrEnum):
    """``off``: not in use, which may be meant."""

    OK = "ok"
    OFF = "off"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the system. ``value`` is its number in ``unit``, or None."""

    check: str
    state: State
    detail: str
    value: float | None = None
    unit: str = ""

    def as_record(self) -> dict[str, Any]:
        """Flat, as the command line prints it."""
        return {
            "check": self.check,
            "state": self.state.value,
            "detail": self.detail,
            "value": self.value,
            "unit": self.unit,
        }


def parts(loaded: Loaded) -> Iterator[Finding]:
    """The parts that `appanalytics up` keeps running; none when it did not start any."""
    for part in states(loaded):
        state = State.OK if part.runs else State.OFF if part.state == "STOPPED" else State.FAILED
        detail = f"process {part.pid}, up {timedelta(seconds=part.seconds)}" if part.runs else part.state.lower()
        if part.restarts:
            state = State.WARNING if state is State.OK else state
            detail += f"; ended and restarted {part.restarts} times"
        yield Finding(f"part {part.name}", state, detail, part.restarts, "restarts")


def outside(loaded: Loaded) -> Iterator[Finding]:
    """What can be told without opening the warehouse: the server that owns it, its collector, the disk."""
    folder = loaded.warehouse().path
    if folder is None:
        return
    owner = find_endpoint(folder)
    yield _server(folder, owner)
    yield _collector(folder, owner)
    yield _disk(folder)


def inside(app: App) -> Iterator[Finding]:
    """What the warehouse itself tells."""
    now = app.now()
    yield from _arrivals(app, now)
    yield _rollups(app, now)
    messages = post_office(app).outbox.summary()
    hint = "; see: appanalytics messages list --state dead" if messages.dead else ""
    state = State.FAILED if messages.dead else State.OK
    yield Finding("messages", state, f"{messages}{hint}", messages.dead, "given up")
    late = late_jobs(app, now)
    text = "; ".join(f"{each.job} for {each.day} was due at {each.due:%H:%M}" for each in late)
    yield Finding("routine", State.WARNING if late else State.OK, text or "nothing is late", len(late), "late jobs")
    yield _backups(app, now)


def _server(folder: Path, owner: Endpoint | None) -> Finding:
    if owner is not None:
        return Finding("server", State.OK, f"process {owner.pid} at http://{owner.host}:{owner.port}/")
    if left_by_a_crash(folder):
        return Finding("server", State.FAILED, "it died; start it again: appanalytics serve")
    return Finding("server", State.OFF, "nobody serves this warehouse: appanalytics serve")


def _collector(folder: Path, owner: Endpoint | None) -> Finding:
    if owner is None:
        waiting = len(list((server_folder(folder) / "journal").glob("*.journal")))
        if not waiting:
            return Finding("collector", State.OFF, "nobody collects events")
        text = "a journal with events that may not be in their tables; the next start stores them: appanalytics serve"
        return Finding("collector", State.FAILED, text, waiting, "segments")
    told = _asked(owner)
    if told is None:
        return Finding("collector", State.OFF, "the server does not answer as a collector")
    text = f"{told['events']:,} events in {told['requests']:,} requests, {told['rejected']:,} refused"
    text += f"; {told['waiting']:,} requests wait ({told['held'] / 1e6:,.1f} MB)"
    if told["unsure"]:
        return Finding("collector", State.FAILED, f"{text}; events wait in the journal", told["waiting"], "requests")
    state = State.WARNING if told["held"] > told["memory"] / 2 else State.OK
    return Finding("collector", state, text, told["waiting"], "requests")


def _asked(owner: Endpoint) -> dict[str, Any] | None:
    http = urllib3.PoolManager(retries=False, timeout=_PATIENCE_SECONDS)
    headers = {"Authorization": f"Bearer {owner.user}.{owner.password}"}
    try:
        answer = http.request("GET", f"http://{owner.host}:{owner.port}/v1/status", headers=headers)
        told: dict[str, Any] | None = answer.json() if answer.status == 200 else None
    except (urllib3.exceptions.HTTPError, ValueError):
        return None
    finally:
        http.clear()
    return told


def _disk(folder: Path) -> Finding:
    place = next(path for path in (folder, *folder.parents) if path.exists())
    usage = shutil.disk_usage(place)
    share = usage.free / usage.total
    state = State.FAILED if usage.free < _LEAST_FREE else State.WARNING if share < _LITTLE_FREE else State.OK
    return Finding("disk", state, f"{usage.free / 1e9:,.1f} GB free, {share:.0%}", round(usage.free / 1e9, 1), "GB")


def _arrivals(app: App, now: datetime) -> Iterator[Finding]:
    for name, source in app.catalog.sources.items():
        limit = now + timedelta(minutes=_LIMITS.ahead_minutes)
        sql = f"SELECT max({identifier(source.time)}) FROM {identifier(source.table)} HAVING count() > 0"
        last = app.engine.scalar(sql)
        check = f"events {name}"
        if last is None:
            yield Finding(check, State.OFF, "no events yet")
            continue
        last = last.replace(tzinfo=now.tzinfo) if last.tzinfo is None else last
        minutes = (now - min(last, limit)).total_seconds() / 60
        local = f"{last.astimezone(app.zone):%Y-%m-%d %H:%M:%S}"
        yield Finding(check, _by_age(minutes), f"the last is of {local}", round(max(0.0, minutes), 1), "minutes")


def _rollups(app: App, now: datetime) -> Finding:
    since = stale_since(app.engine)
    if since is None:
        return Finding("rollups", State.OK, "all that the day log tells is rolled up", 0, "minutes")
    minutes = max(0.0, (now - since).total_seconds() / 60)
    text = f"changes since {since.astimezone(app.zone):%Y-%m-%d %H:%M:%S} wait: appanalytics rollup"
    return Finding("rollups", _by_age(minutes), text, round(minutes, 1), "minutes")


def _backups(app: App, now: datetime) -> Finding:
    try:
        held = backups(app.loaded.backups())
    except SettingsError as error:
        return Finding("backups", State.OFF, error.message)
    if not held:
        return Finding("backups", State.OFF, "none yet: appanalytics backup")
    age = now - held[-1].began
    state = State.WARNING if age > _OLD_BACKUP else State.OK
    text = f"{len(held)}, the newest is {held[-1].name}"
    return Finding("backups", state, text, round(age.total_seconds() / 3600, 1), "hours")


def _by_age(minutes: float) -> State:
    if minutes > _LIMITS.dead_minutes:
        return State.FAILED
    return State.WARNING if minutes > _LIMITS.late_minutes else State.OK


def status(loaded: Loaded, opened: App | AppAnalyticsError) -> list[Finding]:
    """Everything; a warehouse that does not open is a failure of its own."""
    found = [*parts(loaded), *outside(loaded)]
    if isinstance(opened, AppAnalyticsError):
        return [*found, Finding("warehouse", State.FAILED, str(opened))]
    return [*found, *inside(opened)]
