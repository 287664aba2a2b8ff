"""``appanalytics run``: the routine jobs without a scheduler, for cron, Kubernetes or by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.cli.state import options
from appanalytics.errors import QuestionError


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(run)


def run(
    name: Annotated[str | None, typer.Argument(metavar="JOB", help="Which job; all are listed without.")] = None,
    day: Annotated[str | None, typer.Option(metavar="DAY", help="The day processed; yesterday unless given.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="First day of a range.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The day after a range.")] = None,
    reverse: Annotated[bool, typer.Option("--reverse", help="The newest day of a range first.")] = False,
) -> None:
    """Run a job for a day or a range of days, as the schedule does. Running it again changes nothing."""
    from appanalytics.jobs.registry import JOBS, job, run_days

    if name is None:
        print_records([{"job": each.name, "summary": each.summary} for each in JOBS.values()], ["job", "summary"])
        return
    job(name)
    if day and (since or until):
        raise QuestionError("give --day, or --since and --until, not both")
    with options.open() as app, progress() as watch:
        window = app.window(since, until, app.days_with_events()) if since or until else None
        days = list(window.days()) if window else [app.window(day or "yesterday", None, None).first_day]
        lines = list(_told(run_days(app, name, days[::-1] if reverse else days, watch)))
    if options.format != "table":
        print_records([{"job": name, "result": line} for line in lines], ["job", "result"])


def _told(lines: Iterator[str]) -> Iterator[str]:
    """The same lines, each shown as soon as its day is done."""
    for line in lines:
        if options.format == "table":
            say(line)
        yield line
