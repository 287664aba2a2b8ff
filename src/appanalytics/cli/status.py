"""``status``: how the system is doing, for people and for whoever watches it."""

from __future__ import annotations

import typer

from appanalytics.cli.output import print_records
from appanalytics.cli.state import options
from appanalytics.errors import AppAnalyticsError, WarehouseMissing


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(status)


def status() -> None:
    """Server, freshness of the events, lag of the roll-ups, the collector's queue, messages, backups, disk.

    Exit code 0 when nothing failed (warnings are no failure), 1 otherwise. The checks of the data themselves are
    those of `appanalytics check`.
    """
    from appanalytics.jobs.status import State
    from appanalytics.jobs.status import status as find

    loaded = options.load()
    try:
        with options.open() as app:
            found = find(loaded, app)
    except WarehouseMissing:
        raise
    except AppAnalyticsError as error:
        found = find(loaded, error)
    columns = ["check", "state", "detail", "value", "unit"]
    print_records([each.as_record() for each in found], columns, numbers=["value"])
    if any(each.state is State.FAILED for each in found):
        raise typer.Exit(1)
