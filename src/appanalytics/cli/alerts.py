"""``appanalytics alerts``: check what is new, incidents, silence, and the replay of a history or a file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.cli.state import options
from appanalytics.errors import QuestionError
from appanalytics.window import parse_moment

group = typer.Typer(help="Anomalies: few alerts, early, true.", no_args_is_help=True)

COLUMNS = ["start", "end", "metric", "slice", "direction", "severity", "value", "expected"]

_METHOD = Annotated[
    str | None, typer.Option(help="Detector: experts, seasonal, original, rolling_z, seasonal_naive, or a plugin.")
]


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="alerts")


@group.callback()
def _group() -> None:
    """Anomalies: few alerts, early, true."""


@group.command("check")
def check(
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As if it were this time; now unless given.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Write and deliver messages of what changed.")] = False,
) -> None:
    """Judge the bins that came since the last check and list the open incidents. Once more changes nothing."""
    from appanalytics.jobs.alert_messages import tell_incidents
    from appanalytics.jobs.alerts import check_alerts, incident_records
    from appanalytics.jobs.messages import deliver_messages

    with options.open() as app, progress() as watch:
        now = parse_moment(at, app.zone) if at else app.now()
        caught = check_alerts(app, now, watch)
        rows = incident_records(app, now, open_only=True)
        delivery = deliver_messages(app, patience=30.0) if send and tell_incidents(app, now) else None
    print_records(rows, ["state", *COLUMNS, "id"], numbers=["value", "expected"])
    say(str(caught) + (f"; {delivery}" if delivery else ""))


@group.command("watch")
def watch(
    every: Annotated[float, typer.Option(min=1, max=3600, help="Seconds between two looks.")] = 15,
    ticks: Annotated[int | None, typer.Option(min=1, help="Stop after so many looks; without it go on.")] = None,
) -> None:
    """Check again and again, tell what changed, and send the messages, until Ctrl-C.

    A bin is judged as soon as later events are there. Others may check meanwhile: one does at a time.
    """
    from appanalytics.jobs.alert_watch import watch_alerts

    watch_alerts(options.open, every, ticks, say)


@group.command("list")
def listing(
    all_states: Annotated[bool, typer.Option("--all", help="Also doubts that were dropped.")] = False,
    open_only: Annotated[bool, typer.Option("--open", help="Only what is not over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 30,
) -> None:
    """List incidents, the newest first."""
    from appanalytics.jobs.alerts import incident_records

    with options.open() as app:
        rows = incident_records(app, app.now(), all_states=all_states, open_only=open_only)[:limit]
    print_records(rows, ["state", *COLUMNS, "muted", "acknowledged", "id"], numbers=["value", "expected"])


@group.command("metrics")
def metrics() -> None:
    """List every metric of the catalog: is it watched, how often it is judged, and why it cannot be watched."""
    from appanalytics.jobs.alerts import metric_records

    with options.open() as app:
        rows = metric_records(app)
    print_records(rows, ["metric", "watched", "grain", "slices", "reason"])


@group.command("mute")
def mute(
    incident: Annotated[str | None, typer.Argument(metavar="INCIDENT", help="Its id.")] = None,
    metric: Annotated[str | None, typer.Option(help="All incidents led by this metric.")] = None,
    part: Annotated[
        str | None, typer.Option("--slice", metavar="DIM=VALUE", help="All incidents of this slice.")
    ] = None,
    hours: Annotated[float, typer.Option(min=0, max=24 * 366, help="For so long; 0 ends it.")] = 24,
) -> None:
    """Send no messages of an incident, a metric or a slice for some hours. It is still judged and listed."""
    from appanalytics.jobs.alerts import mute as silence

    if not (incident or metric or part):
        raise QuestionError("mute what?", hint="give an incident's id, --metric or --slice")
    with options.open() as app:
        until = silence(app, incident or "", metric or "", part or "", timedelta(hours=hours))
        say(f"muted until {until.astimezone(app.zone):%Y-%m-%d %H:%M}" if hours else "not muted any more")


@group.command("ack")
def ack(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id.")],
    by: Annotated[str, typer.Option(help="Who is on it, or a note.")] = "",
) -> None:
    """Say that somebody is on it: no reminders, only its change and its end are told."""
    from appanalytics.jobs.alerts import acknowledge

    with options.open() as app:
        acknowledge(app, incident, by)
    say(f"{incident} is acknowledged")


@group.command("backtest")
def backtest(
    series: Annotated[Path | None, typer.Option(metavar="FILE", help="Replay this file of time,value.")] = None,
    labels: Annotated[Path | None, typer.Option(metavar="FILE", help="Its anomalies: start,end.")] = None,
    method: _METHOD = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="First day of the warehouse's events.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The day after the last.")] = None,
) -> None:
    """Replay the warehouse, or a file, as ticks would have judged it: which alerts, when, and how many a week."""
    if series is not None:
        _of_file(series, labels, method)
        return
    from appanalytics.jobs.alerts import replay

    with options.open() as app, progress() as watch:
        found = replay(app, since, until, method=method, labels=labels, progress=watch)
    print_records(found.alerts, ["fired", *COLUMNS], numbers=["value", "expected"])
    say(f"{len(found.alerts)} incidents in {found.weeks:.1f} weeks: {found.rate:.2f} a week")
    if labels:
        _told(found.precision, found.recall, found.delay)


def _of_file(series: Path, labels: Path | None, method: str | None) -> None:
    from appanalytics.anomalies import replay_file

    replay = replay_file(series, labels, method or "experts", options.load().settings.zone)
    print_records(replay.alerts, COLUMNS, numbers=["value", "expected"])
    say(f"{len(replay.alerts)} alerts in {replay.weeks:.1f} weeks: {replay.rate:.2f} a week")
    if labels:
        _told(replay.precision, replay.recall, replay.delay)


def _told(precision: float | None, recall: float | None, delay: float | None) -> None:
    shown = [
        f"{name} {'–' if value is None else f'{value:.2f}'}"
        for name, value in (("precision", precision), ("recall", recall))
    ]
    bins = "–" if delay is None else f"{delay:.0f} bins"
    say(f"{', '.join(shown)}, median delay {bins}")
