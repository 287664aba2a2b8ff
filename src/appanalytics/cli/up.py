"""``up``, ``down``, ``demo``: the whole product on this machine, from nothing, and its end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import Annotated

import typer

from appanalytics.cli.output import progress, say
from appanalytics.cli.state import options


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(up)
    cli.command()(down)
    cli.command()(demo)


_Days = Annotated[int, typer.Option(help="Length of the demo's history in days.")]
_Users = Annotated[int, typer.Option(help="Users of the demo's news feed.")]
_Seed = Annotated[int, typer.Option(help="The same seed makes the same demo.")]


def up(
    only: Annotated[
        str | None, typer.Option(metavar="PARTS", help="Only these: server, live, superset, airflow; by commas.")
    ] = None,
    with_demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Make the demo in an empty warehouse.")] = True,
    days: _Days = 75,
    users: _Users = 141_000,
    seed: _Seed = 7,
) -> None:
    """Start everything: server, live events, Superset, Airflow. The prompt comes back, they go on.

    An empty warehouse gets the demo first. What runs already is left alone, so a second run is harmless. A part that
    dies is restarted. `appanalytics status` shows them, `appanalytics down` stops them.
    """
    from appanalytics.jobs.whole import chosen, start

    loaded = options.load()
    names = chosen(only, loaded)
    failed = with_demo and _make_demo(users, days, seed)
    with progress() as watch:
        told = start(loaded, names, watch)
    say("")
    say("Running (appanalytics status shows the parts, appanalytics down stops them):")
    for line in told.lines():
        say(line)
    if failed or told.missing:
        raise typer.Exit(1)


def down() -> None:
    """Stop all parts that `up` started. The data stay."""
    from appanalytics.jobs.whole import stop

    with progress() as watch:
        watch("stop", 0, 1, "parts")
        names = stop(options.load())
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
