"""``appanalytics investigate``: who explains a change of a metric."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from appanalytics.cli.output import console, print_records, say
from appanalytics.cli.questions import complete_metric
from appanalytics.cli.state import options
from appanalytics.errors import UserError


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(investigate)


def investigate(
    metric: Annotated[
        str, typer.Argument(metavar="METRIC", help="See: appanalytics metrics list.", autocompletion=complete_metric)
    ],
    at: Annotated[
        str,
        typer.Option("--at", metavar="DAY|TIME", help="A day, or a time: its hour, with minutes its quarter hour."),
    ],
    where: Annotated[
        list[str], typer.Option(metavar="DIM=VALUE", help="Investigate a slice: os=iOS; may be repeated.")
    ] = [],  # noqa: B006 (typer copies it)
    grain: Annotated[
        str | None, typer.Option(help="day, hour or 15m, where the time alone would say another.")
    ] = None,
    locale: Annotated[str | None, typer.Option(help="en or ru; the setting unless given.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write the report there: Markdown, HTML, PNG.")
    ] = None,
    sql: Annotated[
        bool, typer.Option("--sql", help="Show the statements, ready for SQL Lab, instead of numbers.")
    ] = False,
) -> None:
    """Explain a metric's value: expected against actual, which segments did it, and what has no part in it.

    The expectation comes from the same period of earlier days (weekday or other rhythm, growth), without known
    events and disturbed days. JSON and CSV give the numbers as flat records; ``part`` says what each is about.
    """
    from appanalytics.investigate.records import COLUMNS
    from appanalytics.locales import locale_of

    with options.open() as app:
        code = locale_of(locale or app.loaded.settings.reporting.locale).code
        found = app.investigate(metric, at, where=where, grain=grain)
    if sql:
        print(found.sql())
    elif options.format == "table":
        found.page(code, pictures=False).print(console())
    else:
        print_records(found.records(), COLUMNS)
    if out is not None:
        name = f"{metric}-{found.target.label().replace(':', '').split('+')[0]}"
        try:
            written = found.page(code, sql=True).save(out, name if code == "en" else f"{name}-{code}")
        except OSError as error:
            raise UserError(f"cannot write to {out}: {error.strerror}") from None
        say(f"written: {', '.join(str(path) for path in written if path.suffix != '.png')}")
