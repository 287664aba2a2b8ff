"""``appanalytics up``: the whole product on this machine, from nothing."""

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


def up(
    days: Annotated[int, typer.Option(help="Length of the demo's history in days.")] = 75,
    users: Annotated[int, typer.Option(help="Users of the demo's news feed.")] = 141_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same demo.")] = 7,
) -> None:
    """Make the demo warehouse, roll it up, check it, build yesterday's report table and the daily report.

    What is there already is kept: a second run takes seconds.
    """
    from appanalytics.jobs.demo import run_demo

    with options.open(create=True) as app:
        with progress() as watch:
            outcome = run_demo(app, users=users, days=days, seed=seed, progress=watch)
        command = _command()
        for line in outcome.lines(command):
            say(line)
    if outcome.failed:
        raise typer.Exit(1)


def _command() -> str:
    """How to call this program again, on the same warehouse."""
    called = "appanalytics" if shutil.which("appanalytics") else os.path.relpath(sys.argv[0])
    return f"{called} --warehouse {shlex.quote(options.warehouse)}" if options.warehouse else called
