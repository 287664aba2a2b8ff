"""``appanalytics query``: a question and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import print_records, say
from appanalytics.cli.state import options

if TYPE_CHECKING:
    from appanalytics.query import Answer


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(query)


def complete_metric(incomplete: str) -> list[str]:
    """Names of metrics for the shell's completion."""
    from appanalytics.catalog import load_catalog

    return [each.name for each in load_catalog().quantities() if each.name.startswith(incomplete)]


def complete_dimension(incomplete: str) -> list[str]:
    """Names of dimensions for the shell's completion."""
    from appanalytics.catalog import load_catalog

    return [name for name in load_catalog().dimensions if name.startswith(incomplete)]


def query(
    metrics: Annotated[
        list[str],
        typer.Argument(
            metavar="METRIC…", help="What to count; see: appanalytics metrics list.", autocompletion=complete_metric
        ),
    ],
    by: Annotated[
        list[str], typer.Option(help="Slice by a dimension; may be repeated.", autocompletion=complete_dimension)
    ] = [],  # noqa: B006 (typer copies it)
    where: Annotated[
        list[str], typer.Option(metavar="DIM=VALUE", help="Keep these values: country=Russia,Belarus or os!=iOS.")
    ] = [],  # noqa: B006
    since: Annotated[
        str | None, typer.Option(metavar="DAY|TIME", help="Start: 2026-11-01, 2026-11-01T12:00, yesterday, 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY|TIME", help="End; not part of the window.")] = None,
    grain: Annotated[str, typer.Option(help="total, 15m, hour, day, week or month.")] = "total",
    compare: Annotated[
        str | None, typer.Option(metavar="previous|week", help="Set against the period before or a week earlier.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the slices with the most of the first metric.")] = None,
    prefer: Annotated[
        str, typer.Option("--from", help="auto, events (never a rollup) or rollups (an error where they cannot).")
    ] = "auto",
    explain: Annotated[bool, typer.Option("--explain", help="Show the plan and its SQL instead of numbers.")] = False,
) -> None:
    """Ask for metrics over time, by dimensions, for some values.

    Days are those of the reporting time zone. Without --since and --until: all days with events. A star marks
    periods that are incomplete; a dash a number that does not exist, such as a ratio with zero below.
    """
    with options.open() as app:
        answer = app.query(
            metrics,
            by=by,
            where=where,
            since=since,
            until=until,
            grain=grain,
            compare=compare,
            limit=limit,
            prefer=prefer,
        )
    if explain:
        print(answer.plan)
    else:
        print_answer(answer)


def print_answer(answer: Answer) -> None:
    """Print an answer in the chosen format."""
    from appanalytics.query.show import cell

    columns = [name for name in answer.columns if name != "complete" or options.format != "table"]
    cells = (
        [
            [cell(answer, record, name) + ("" if name != "time" or record["complete"] else " *") for name in columns]
            for record in answer.records
        ]
        if options.format == "table"
        else None
    )
    numbers = [name for name in columns if name not in ("time", *answer.question.by)]
    print_records(answer.records, columns, cells=cells, numbers=numbers)
    if options.format == "table" and not all(record["complete"] for record in answer.records):
        say("* incomplete period")
