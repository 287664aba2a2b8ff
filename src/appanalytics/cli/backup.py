"""``backup``, ``restore``: copies of the warehouse, made and put back while it is in use."""

from __future__ import annotations

from typing import Annotated

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.cli.state import options


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(backup)
    cli.command()(restore)


def backup(
    name: Annotated[str | None, typer.Option(help="Its name; the present time unless given.")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Everything, not only what changed since the last full.")
    ] = False,
    keep: Annotated[
        int | None, typer.Option(min=1, help="How many are kept; default: warehouse.keep_backups.")
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="List the backups, and make none.")] = False,
) -> None:
    """Back up the warehouse, also while a server or others use it, and remove the oldest backups.

    A backup on top of a full one (at most a week old) holds only what changed since.
    """
    from appanalytics.jobs.backup import back_up
    from appanalytics.warehouse.backup import backups

    if show:
        held = backups(options.load().backups())
        columns = ["name", "began", "size", "own", "base"]
        print_records(
            [{key: getattr(each, key) for key in columns} for each in held], columns, numbers=["size", "own"]
        )
        return
    with options.open() as app, progress() as watch:
        made = back_up(app, name, full=full, keep=keep, progress=watch)
    if options.format == "table":
        say(str(made))
    else:
        one = made.backup
        print_records(
            [{"name": one.name, "began": one.began, "size": one.size, "own": one.own, "base": one.base}],
            ["name", "began", "size", "own", "base"],
        )


def restore(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Which backup; the newest unless given.")
    ] = None,
    over: Annotated[bool, typer.Option("--over", help="In place of events that are there; they are lost.")] = False,
) -> None:
    """Put a backup in place of the warehouse, at one moment, and roll up what it leaves stale.

    Another warehouse is made from it with --warehouse chdb:///FOLDER and the setting warehouse.backups.
    """
    from appanalytics.jobs.backup import restore as put_back

    with options.open(create=True) as app, progress() as watch:
        found, rolled = put_back(app, name, over=over, progress=watch)
    say(f"restored {found.name}, as of {found.began:%Y-%m-%d %H:%M:%S} UTC; {rolled}")
