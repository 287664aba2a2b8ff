"""``appanalytics report``: the daily report and the ETL's report table."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.cli.state import options
from appanalytics.errors import QuestionError

if TYPE_CHECKING:
    from appanalytics.app import App

group = typer.Typer(help="The daily report, and the report table of the ETL.", no_args_is_help=True)

_DAY = Annotated[str, typer.Option(metavar="DAY", help="The day reported on: 2026-11-22, yesterday.")]


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="report")


@group.command("daily")
def daily(
    day: _DAY = "yesterday",
    locale: Annotated[str | None, typer.Option(help="en or ru; the setting unless given.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where text and picture are written; the setting.")
    ] = None,
    send: Annotated[
        bool, typer.Option("--send", help="Send it to the chats of the settings, too; never twice for one day.")
    ] = False,
) -> None:
    """Report on one day against the day before and a week before, in text and as a picture."""
    from appanalytics.cli.messages import finish
    from appanalytics.jobs.report import daily_report_of, send_daily_report
    from appanalytics.pictures import import_early

    if locale not in (None, "en", "ru"):
        raise QuestionError(f"unknown language {locale!r}", hint="en or ru")
    with options.open() as app:
        import_early()
        chosen = _day(app, day)
        report, written = daily_report_of(app, chosen, locale=locale, folder=out)
        delivery = send_daily_report(app, chosen, made=report) if send else None
    if options.format == "table":
        print(report.text)
        say(f"\nwritten: {', '.join(str(path) for path in written)}")
    else:
        records = report.figures
        print_records(records, list(records[0]) if records else [])
    if delivery is not None:
        finish(delivery)


@group.command("table")
def table(
    day: Annotated[str | None, typer.Option(metavar="DAY", help="The day; yesterday unless given.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DAY", help="First day of a range.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="The day after a range.")] = None,
) -> None:
    """Build `report_daily` for a day or a range, and print it. Building it again gives the same table."""
    from appanalytics.warehouse.report_table import build_report_table, read_report_day

    if day and (since or until):
        raise QuestionError("give --day, or --since and --until, not both")
    with options.open() as app, progress() as watch:
        first = _day(app, since or day or "yesterday")
        window = app.window(since, until, app.days_with_events()) if since or until else app.day_window(first)
        result = build_report_table(app.engine, app.layout, window, progress=watch)
        records = read_report_day(app.engine, window.first_day) if window.first_day == window.last_day else []
    if records or options.format != "table":
        print_records(records, list(records[0]) if records else [], numbers=list(records[0])[3:] if records else [])
    if options.format == "table":
        say(str(result))


def _day(app: App, text: str) -> date:
    return app.window(text, None, None).first_day
