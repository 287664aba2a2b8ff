"""Alerts as a job: judge what is new, keep the incidents, and what people say to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appanalytics.anomalies import store
from appanalytics.anomalies.catchup import Caught, backtest, catch_up
from appanalytics.anomalies.days import is_sliced
from appanalytics.anomalies.file import Replay, against, read_labels
from appanalytics.anomalies.watch import ALL, Watch, watchable, why_not
from appanalytics.errors import QuestionError, nearest
from appanalytics.progress import Progress, silent
from appanalytics.warehouse.lock import exclusive

if TYPE_CHECKING:
    from appanalytics.app import App

_OPEN = ("pending", "firing", "recovering")


def watch_of(app: App, method: str | None = None) -> Watch:
    """What the settings say is watched."""
    given = app.loaded.settings.alerts
    return Watch(
        app.catalog,
        app.zone,
        watchable(app.catalog) if given.metrics.strip() == ALL else _names(given.metrics),
        _names(given.dimensions),
        minutes=given.minutes,
        method=method or given.method,
        min_size=given.min_size,
        min_change=given.min_change,
        delay=given.delay,
        hold=given.hold,
    )


def metric_records(app: App) -> list[dict[str, Any]]:
    """Every metric of the catalog as flat records: whether it is watched, by what grain, and why it cannot be."""
    watch = watch_of(app)
    found = []
    for name in (each.name for each in app.catalog.quantities()):
        reason = why_not(app.catalog, name)
        grain = "" if reason else "day" if watch.is_daily(name) else f"{watch.minutes} min, small slices 1 h"
        record = {"metric": name, "watched": name in watch.metrics, "grain": grain}
        found.append(record | {"slices": not reason and is_sliced(watch, name), "reason": reason})
    return found


def check_alerts(app: App, now: datetime, progress: Progress = silent) -> Caught:
    """Judge all bins that are there at ``now``. One process of all that share the warehouse does at a time."""
    with exclusive(app.engine, "alerts"):
        return catch_up(app.engine, watch_of(app), now, events=app.known_events, progress=progress)


def incident_records(
    app: App, now: datetime, *, all_states: bool = False, open_only: bool = False
) -> list[dict[str, Any]]:
    """Incidents as flat records, the newest first."""
    found = store.read_incidents(app.engine, now, all_states=all_states)
    return [_record(app, each) for each in found if not open_only or each.row["state"] in _OPEN]


def mute(app: App, incident: str, metric: str, part: str, length: timedelta) -> datetime:
    """Silence an incident, a metric or a slice; a length of zero ends that. Returns the end."""
    if incident:
        _known(app, incident)
    if metric:
        app.catalog.quantity(metric)
    until = app.now() + length
    kind = "mute" if length else "unmute"
    store.act(app.engine, kind, app.now(), incident=incident, metric=metric, slice=part, until=until)
    return until


def acknowledge(app: App, incident: str, text: str) -> None:
    """Note that somebody is on an incident."""
    _known(app, incident)
    store.act(app.engine, "ack", app.now(), incident=incident, text=text)


def replay(
    app: App, since: str | None, until: str | None, *, method: str | None = None, labels: Path | None = None,
    progress: Progress = silent,
) -> Replay:  # fmt: skip
    """Judge days of the warehouse as ticks would have done, and store nothing. An alert is where one fires."""
    window = app.window(since, until, app.days_with_events())
    watch = watch_of(app, method)
    spans = read_labels(labels, app.zone) if labels else []
    found, _ = backtest(app.engine, watch, window.start, window.end, events=app.known_events, progress=progress)
    rows = [_shown(app, store.record(watch, each)) for each in found]
    alerts = [{"start": row["fired"]} for row in rows]
    weeks = (window.end - window.start) / timedelta(days=7)
    scores = against(alerts, spans, timedelta(seconds=watch.step)) if labels else ()
    return Replay(tuple(rows), weeks, *scores)


def _record(app: App, found: store.Stored) -> dict[str, Any]:
    row = _shown(app, found.row)
    return row | {"muted": found.muted, "acknowledged": found.acknowledged}


def _shown(app: App, row: dict[str, Any]) -> dict[str, Any]:
    names = ["id", "kind", "state", "severity", "direction", "metric", "slice", "score", "note"]
    times = {name: _iso(app, row[name]) for name in ("start", "end", "fired")}
    numbers = {name: round(row[name], 4) for name in ("value", "expected")}
    return {name: row[name] for name in names} | times | numbers


def _iso(app: App, moment: datetime | int | None) -> str | None:
    if moment is None:
        return None
    if isinstance(moment, int):
        moment = datetime.fromtimestamp(moment, UTC)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(app.zone).isoformat()


def _known(app: App, incident: str) -> None:
    ids = [each.row["id"] for each in store.read_incidents(app.engine, app.now(), all_states=True)]
    if incident not in ids:
        raise QuestionError(f"there is no incident {incident!r}", hint=nearest(incident, ids))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
