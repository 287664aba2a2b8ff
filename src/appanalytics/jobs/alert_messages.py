"""Incidents told: written as threads when they change, explained, with a picture, in the chats' languages."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from appanalytics.anomalies import store
from appanalytics.anomalies.incidents import UNWATCHED, State
from appanalytics.anomalies.picture import bin_minutes, incident_picture
from appanalytics.anomalies.words import Speaker, message
from appanalytics.catalog import Ratio
from appanalytics.chats import Severity
from appanalytics.errors import AppAnalyticsError, SettingsError
from appanalytics.jobs.alerts import check_alerts, watch_of
from appanalytics.jobs.lateness import tell_lateness
from appanalytics.jobs.messages import PostOffice, deliver_messages, post_office
from appanalytics.notify import Letter
from appanalytics.progress import Progress, silent

if TYPE_CHECKING:
    from appanalytics.app import App
    from appanalytics.investigate import Findings

#: What changed longer ago is history: a first run tells nobody of it.
_NEWS = timedelta(days=1)


def run_alerts(app: App, day: date, progress: Progress = silent) -> str:
    """The job: judge what came up to now, tell, deliver. The day says nothing, a tick is about now."""
    return run_tick(app, app.now(), progress)


def run_tick(app: App, now: datetime, progress: Progress = silent) -> str:
    """The same as of an instant, as a scheduler knows it."""
    caught = check_alerts(app, now, progress)
    written = tell_incidents(app, now) + tell_lateness(app, now)
    delivery = deliver_messages(app, patience=30.0)
    return f"{caught}; {written} messages written; {delivery}"


def tell_incidents(app: App, now: datetime) -> int:
    """Write what changed since it was told last; returns the number of messages. Once more writes nothing.

    An incident that became more severe is told anew, acknowledged or not. When its first whole hour is there, its
    first message is edited: an hour explains more than the bins that made it certain. An open one is told again
    after `alerts.remind` hours, unless somebody acknowledged it.
    """
    office = post_office(app)
    written = 0
    for found in store.read_incidents(app.engine, now, since=now - timedelta(days=60)):
        kind = _due(app, found, now)
        if kind:
            written += _tell(app, office, found, kind)
            changed = int(found.row["changed"].timestamp())
            told = {"incident": found.row["id"], "version": changed, "text": found.row["severity"]}
            store.act(app.engine, "told", now, **told)
    return written


def _due(app: App, found: store.Stored, now: datetime) -> str:
    """What is to be told now: ``open``, ``worse``, ``still``, ``over``, or nothing."""
    state, changed = State(found.row["state"]), found.row["changed"]
    if found.muted or state in (State.PENDING, State.DROPPED):
        return ""
    if found.told_at is None:
        if found.row["note"] == UNWATCHED:
            return ""
        return "" if now - changed > _NEWS and not state.is_open else "open"
    if int(changed.timestamp()) != found.told:
        if state is State.RESOLVED:
            return "over"
        is_worse = found.told_as and Severity(found.row["severity"]).rank > Severity(found.told_as).rank
        return "worse" if is_worse else "open"
    if found.row["kind"] == "metric" and state.is_open and found.told_at < _first_hour(app, found) <= now:
        return "open"
    remind = timedelta(hours=app.loaded.settings.alerts.remind)
    still = state is State.FIRING and not found.acknowledged and now - found.told_at >= remind
    return "still" if still else ""


def _first_hour(app: App, found: store.Stored) -> datetime:
    """When the first whole hour of an incident can be read."""
    start = found.row["start"]
    begun = start.replace(minute=0, second=0, microsecond=0)
    hours = timedelta(hours=1 if begun == start else 2)
    end: datetime = begun + hours + timedelta(minutes=app.loaded.settings.alerts.delay)
    return end


def _tell(app: App, office: PostOffice, found: store.Stored, kind: str) -> int:
    row = found.row
    locales = {chat.locale or office.locale for chat in office.chats if chat.alerts}
    why = investigated(app, found) if kind != "over" else None
    letters = {code: letter(app, found, kind, code, why) for code in locales}
    if kind == "open":
        return office.threads.update(row["id"], letters, metric=row["metric"], severity=row["severity"])
    if kind != "worse":
        return office.threads.resolve(row["id"], letters)
    held = office.threads.told(row["id"])
    written = 0 if any(each in held for each in letters.values()) else office.threads.resolve(row["id"], letters)
    return written + _tell(app, office, found, "open")  # whoever has no thread yet gets one, without the answer


def letter(app: App, found: store.Stored, kind: str, code: str, why: Findings | None) -> Letter:
    """The message of an incident in one language. ``kind`` is ``open``, ``worse``, ``still`` or ``over``."""
    row, settings = found.row, app.loaded.settings.alerts
    speaker = Speaker(app.catalog, app.zone, code)
    link = ""
    if settings.dashboard:
        around = {"start": row["start"] - timedelta(days=1), "end": row["end"] + timedelta(hours=1)}
        link = settings.dashboard.format(**{name: quote(at.isoformat()) for name, at in around.items()})
    text = message(
        speaker,
        row,
        found.members,
        kind=kind,
        minutes=bin_minutes(app.engine, row["metric"], row["slice"], row["end"]) or settings.minutes,
        why=_told_why(speaker, row, why) if why else "",
        acknowledged=found.acknowledged,
        link=link,
    )
    picture = b""
    if kind == "open" and row["kind"] == "metric":
        try:
            picture = incident_picture(app.engine, speaker, row, found.members)
        except SettingsError:  # no matplotlib: the text says it all
            picture = b""
    return Letter(text, picture)


def investigated(app: App, found: store.Stored) -> Findings | None:
    """Who explains the metric's change, in the last whole anomalous hour or day; None where that cannot be said.

    Of a mean it is the sum that is explained: an hour of a slice has too few users for a mean of its own. Of a
    slice's count it is the users, where they are part of the incident: they do not come in bursts.
    """
    if found.row["kind"] != "metric":
        return None
    metric = found.row["metric"]
    quantity = app.catalog.quantity(metric)
    is_mean = isinstance(quantity, Ratio) and quantity.unit != "share"
    if isinstance(quantity, Ratio) and is_mean:
        metric = quantity.ratio[0]
    elif found.row["slice"]:
        metric = _users_of(app, found)
    end = found.row["end"]
    if watch_of(app).is_daily(found.row["metric"]):
        return _why(app, metric, (end - timedelta(hours=12)).astimezone(app.zone).date(), "day")
    hour = end.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    at = max(hour, found.row["start"].replace(minute=0))
    why = _why(app, metric, at, "hour")
    return None if is_mean and why is not None and not why.is_unusual and why.segments else why


def _told_why(speaker: Speaker, row: dict[str, Any], why: Findings) -> str:
    """The findings; where a sum is usual for an hour though its mean is not, only that no segment stands out."""
    if row["metric"] != why.metric and not why.is_unusual and not why.segments:
        return speaker.say("alike")
    return why.sentence(speaker.code)


def _users_of(app: App, found: store.Stored) -> str:
    """The users of the same source where they are part of the incident of a count, else its metric."""
    metric: str = found.row["metric"]
    lead = app.catalog.measures.get(metric)
    if lead is None or not lead.is_additive:
        return metric
    for name in (each["metric"] for each in found.members):
        users = app.catalog.measures.get(name)
        if users is not None and users.unique == "user" and users.source == lead.source:
            return users.name
    return metric


def _why(app: App, metric: str, at: date | datetime, grain: str) -> Findings | None:
    try:
        return app.investigate(metric, at, grain=grain)
    except AppAnalyticsError:
        return None
