"""``up``, ``down``, ``demo``: the whole product on this machine, from nothing, and its end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import progress, say
from appanalytics.cli.state import options

if TYPE_CHECKING:
    from appanalytics.jobs.first_incident import Outage


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(up)
    cli.command()(down)
    cli.command()(demo)


#: How long `up` waits for the live events of today before it leaves the first alert to the schedule.
_PATIENCE = timedelta(minutes=4)
_Days = Annotated[int, typer.Option(help="Length of the demo's history in days.")]
_Users = Annotated[int, typer.Option(help="Users of the demo's news feed.")]
_Seed = Annotated[int, typer.Option(help="The same seed makes the same demo.")]


def up(
    only: Annotated[
        str | None, typer.Option(metavar="PARTS", help="Only these: server, live, superset, airflow; by commas.")
    ] = None,
    with_demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Make the demo in an empty warehouse.")] = True,
    data: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="No demo: a folder with your files, feed….csv and messages….parquet."),
    ] = None,
    days: _Days = 75,
    users: _Users = 141_000,
    seed: _Seed = 7,
) -> None:
    """Start everything: server, live events, Superset, Airflow. The prompt comes back, they go on.

    An empty warehouse gets the demo first, or your own files (--data; feed.yaml beside them is their mapping). What
    runs already is left alone, so a second run is harmless. A part that dies is restarted. `appanalytics status`
    shows them, `appanalytics down` stops them.
    """
    from appanalytics.jobs.whole import chosen, start

    loaded = options.load()
    names = chosen(only, loaded)
    if data:
        _load(data)
    failed = with_demo and not data and _make_demo(users, days, seed)
    if "live" in names and not _is_demo():
        names.remove("live")  # nothing is made up beside an app's own events
    outage = _planned_outage() if {"server", "live"} <= set(names) else None
    with progress() as watch:
        told = start(loaded, names, watch, outage.options if outage else ())
    if outage:
        _tell_outage(outage)
    say("")
    say("Running (appanalytics status shows the parts, appanalytics down stops them):")
    for line in [*told.lines(), "", *_to_look_at(names)]:
        say(line)
    if failed or told.missing:
        raise typer.Exit(1)


def _load(data: Path) -> None:
    from appanalytics.jobs.own_data import load_own_data, own_files

    with options.open(create=True) as app, progress() as watch:
        for line in load_own_data(app, own_files(data, list(app.catalog.sources)), watch):
            say(line)


def _is_demo() -> bool:
    from appanalytics.jobs.demo import stored_world

    with options.open(create=True) as app:
        return stored_world(app) is not None


def _to_look_at(names: list[str]) -> Iterator[str]:
    from appanalytics.jobs.demo import next_steps, stored_world
    from appanalytics.jobs.messages import pages, post_office

    yield "Look at:"
    with options.open() as app:
        if "superset" in names:
            yield "  the dashboards Main and Today (its charts refresh while events stream in), then SQL Lab"
        if "airflow" in names:
            yield "  the grid of daily_tables in Airflow; any of its days can be run again"
        for _, page in pages(post_office(app)):
            yield f"  the chat of reports and alerts: {page.as_uri()}"
        if world := stored_world(app):
            first, second = next_steps(world)[:2]
            yield f"  {_command()} {first}"
            yield f"  {_command()} {second}"


def _planned_outage() -> Outage | None:
    from appanalytics.jobs.first_incident import plan_outage

    with options.open() as app:
        return plan_outage(app)


def _tell_outage(outage: Outage) -> None:
    """Show what on-call people get about the outage that was put into the demo's live stream."""
    from appanalytics.jobs.first_incident import tell_first_incident

    with options.open() as app, progress() as watch:
        lines = tell_first_incident(app, _PATIENCE, watch)
    say("")
    say(f"An outage was put into the live events of this demo ({outage}).")
    say("")
    for line in lines:
        say(f"  {line}".rstrip())


def down() -> None:
    """Stop all parts that `up` started. The data stay."""
    from appanalytics.jobs.whole import stop

    with progress() as watch:
        watch("stop", 0, 1, "parts")
        names = stop(options.load())
        watch("stop", 1, 1, "parts")
    say(f"stopped: {', '.join(names)}" if names else "nothing was running")


def demo(days: _Days = 75, users: _Users = 141_000, seed: _Seed = 7) -> None:
    """Make the demo warehouse, roll it up, check it, build yesterday's report table and the daily report.

    What is there already is kept: a second run takes seconds.
    """
    if _make_demo(users, days, seed):
        raise typer.Exit(1)


def _make_demo(users: int, days: int, seed: int) -> bool:
    """Make the demo and tell; returns whether a check failed. A warehouse with other events is left as it is."""
    from appanalytics.jobs.demo import run_demo, stored_world

    with options.open(create=True) as app:
        held = app.days_with_events()
        if held and stored_world(app) is None:
            say(f"the warehouse holds events from {held.first_day} on; no demo is made")
            return False
        with progress() as watch:
            outcome = run_demo(app, users=users, days=days, seed=seed, progress=watch)
        for line in outcome.lines(_command()):
            say(line)
    return outcome.failed


def _command() -> str:
    """How to call this program again, on the same warehouse."""
    called = "appanalytics" if shutil.which("appanalytics") else os.path.relpath(sys.argv[0])
    return f"{called} --warehouse {shlex.quote(options.warehouse)}" if options.warehouse else called
