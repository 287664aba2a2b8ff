"""The first minutes of a demo: an outage in its live stream is found, explained and told, for the user to see.

The stream first catches up with the clock, so an outage that "happened" an hour ago can be told at once.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from appanalytics.errors import AppAnalyticsError
from appanalytics.jobs.alert_messages import run_tick
from appanalytics.jobs.alerts import incident_records
from appanalytics.jobs.demo import stored_world
from appanalytics.jobs.messages import pages, post_office
from appanalytics.markup import plain
from appanalytics.progress import Progress, silent
from appanalytics.simulate.ledger import read_injections
from appanalytics.window import day_start

if TYPE_CHECKING:
    from appanalytics.app import App

WHERE = "os=Android"
_LENGTH = timedelta(minutes=60)
_SHORTEST = timedelta(minutes=45)
_CALM = timedelta(minutes=15)  # between its end and now, so that what it did lies in bins that are over
_BEHIND = timedelta(minutes=2)  # a stream that is so far behind the clock has caught up
_PAUSE = 1.0


@dataclass(frozen=True)
class Outage:
    """Users of one system are not heard of from ``start`` to ``end``."""

    start: datetime
    end: datetime

    @property
    def options(self) -> tuple[str, ...]:
        """What `appanalytics simulate --live` takes."""
        minutes = (self.end - self.start) // timedelta(minutes=1)
        return (
            *("--inject", "outage", "--where", WHERE),
            *("--at", self.start.isoformat(timespec="minutes"), "--lasting", f"{minutes}m"),
        )

    def __str__(self) -> str:
        return f"{WHERE}, {self.start:%H:%M}–{self.end:%H:%M}"


def plan_outage(app: App) -> Outage | None:
    """An hour that ended a quarter of an hour ago, in reporting time.

    None where the warehouse is no demo or the demo ended before today, where something was put into its stream
    before, and in the first hour of a day (the stream begins at midnight).
    """
    world, now = stored_world(app), app.now().astimezone(app.zone)
    if world is None or world.until != app.today() or read_injections(app.engine):
        return None
    end = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) - _CALM
    start = max(end - _LENGTH, day_start(world.until, app.zone).astimezone(app.zone))
    return Outage(start, end) if end - start >= _SHORTEST else None


def tell_first_incident(app: App, patience: timedelta, progress: Progress = silent) -> list[str]:
    """Wait until the live stream has caught up, judge, explain and send; returns what to print.

    Nothing is found twice: the same tick again says the same. After ``patience`` it says that the schedule will tell.
    """
    if not _caught_up(app, patience, progress):
        return ["The live stream has not caught up with the clock yet; alerts will tell of it when it has."]
    run_tick(app, app.now(), progress)
    office = post_office(app)
    threads = [office.threads.told(incident["id"]) for incident in incident_records(app, app.now(), open_only=True)]
    told = [letters[-1] for letters in threads if letters]
    if not told:
        return ["The on-call chat was told nothing: in so few users it does not stand out from chance."]
    shown = ["What the on-call chat was told:", ""]
    for letter in told:
        shown += [*plain(letter.html).splitlines(), ""]
    try:
        shown += [f"as a chat, with its picture: {page.as_uri()}" for _, page in pages(office)]
    except AppAnalyticsError as error:
        shown.append(str(error))
    return shown


def _caught_up(app: App, patience: timedelta, progress: Progress) -> bool:
    source = app.catalog.sources["feed"]
    sql = f"SELECT max({source.time}) FROM {source.table}"
    first = day_start(app.today(), app.zone)
    end = time.monotonic() + patience.total_seconds()
    while True:
        now = app.now()
        at = max(app.engine.scalar(sql), first)
        whole, done = (now - first).total_seconds() / 60, (at - first).total_seconds() / 60
        progress("live events of today", min(done, whole), whole, "minutes")
        if now - at <= _BEHIND:
            progress("live events of today", whole, whole, "minutes")
            return True
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
