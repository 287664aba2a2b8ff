"""``appanalytics retention``: who comes back, and whether two groups differ in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from appanalytics.cli.output import console, print_records, save_page, say
from appanalytics.cli.questions import complete_dimension
from appanalytics.cli.state import options
from appanalytics.locales import locale_of

group = typer.Typer(help="Retention: cohorts by first day, and who of them returns.", invoke_without_command=True)

BY = Annotated[
    list[str], typer.Option(help="Slice by a dimension; may be repeated.", autocompletion=complete_dimension)
]
WHERE = Annotated[list[str], typer.Option(metavar="DIM=VALUE", help="Keep these values: source=ads or os!=iOS.")]
SINCE = Annotated[str | None, typer.Option(metavar="DAY", help="First day of the first cohort: 2026-11-01, 20d.")]
UNTIL = Annotated[str | None, typer.Option(metavar="DAY", help="End of the cohorts; not part of them.")]
GRAIN = Annotated[str, typer.Option(help="Cohorts by day, week or month.")]
STEP = Annotated[str | None, typer.Option(help="What life is counted in: day, or the cohorts' grain (default).")]
SERVICE = Annotated[str, typer.Option(help="any, or one of the catalog's sources: feed, messages.")]
EVENT = Annotated[str, typer.Option(help="What counts as a return: any, or a measure such as likes.")]
KIND = Annotated[str, typer.Option(help="exact (on the step), unbounded (on or after), bracket, rolling.")]
SPAN = Annotated[int, typer.Option(help="Steps of a rolling window.")]
BRACKETS = Annotated[str, typer.Option(metavar="1,2-7,8-30", help="Brackets of steps.")]
PERIODS = Annotated[int | None, typer.Option("--days", "--periods", metavar="N", help="The last step shown.")]

LOCALE = Annotated[str | None, typer.Option(help="en or ru; the setting unless given.")]
OUT = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also write the page there: Markdown, HTML, PNG.")]


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="retention")


@group.callback()
def triangle(
    context: typer.Context, by: BY = [], where: WHERE = [], since: SINCE = None, until: UNTIL = None,  # noqa: B006
    grain: GRAIN = "day", step: STEP = None, kind: KIND = "exact", service: SERVICE = "any", event: EVENT = "any",
    periods: PERIODS = None, span: SPAN = 7, brackets: BRACKETS = "",
    locale: LOCALE = None, out: OUT = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the SQL instead of numbers.")] = False,
) -> None:  # fmt: skip
    """Show the cohort triangle: of the users who first came on a day, the share that came back later.

    The last row weighs all cohorts by their users. A star marks cells whose days are not over for the whole cohort;
    they are no part of the last row. JSON and CSV have a record for each cell, with its 95% interval (Wilson).
    """
    how = {
        "by": by, "where": where, "since": since, "until": until, "grain": grain, "step": step, "kind": kind,
        "service": service, "event": event, "periods": periods, "span": span, "brackets": brackets,
    }  # fmt: skip
    if context.invoked_subcommand is None:
        _show(how, locale, out, explain=explain)


@group.command("compare")
def compare(
    by: Annotated[str, typer.Option(help="The dimension.", autocompletion=complete_dimension)],
    a: Annotated[str, typer.Option("--a", help="Its value that is compared against, such as ads.")],
    b: Annotated[str, typer.Option("--b", help="Its value that is compared, such as organic.")],
    where: WHERE = [], since: SINCE = None, until: UNTIL = None, grain: GRAIN = "day", step: STEP = None,  # noqa: B006
    kind: KIND = "exact", service: SERVICE = "any", event: EVENT = "any", periods: PERIODS = None, span: SPAN = 7,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95, locale: LOCALE = None, out: OUT = None,
) -> None:  # fmt: skip
    """Compare two groups of newcomers: do b come back more often than a of the same cohorts?

    The verdict, the difference at each step and over all, with intervals and p-values, stratified by cohort; the
    cohorts that drive it, and the difference without them. JSON and CSV: the same as records.
    """
    with options.open() as app:
        language = locale_of(locale or app.loaded.settings.reporting.locale)
        found = app.compare_retention(
            by, a, b, where=where, since=since, until=until, level=level, grain=grain, step=step, kind=kind,
            service=service, event=event, periods=periods, span=span,
        )  # fmt: skip
        label = app.catalog.dimension(by).label(language.code)
    page = found.page(locale=language.code, pictures=out is not None, label=label)
    if options.format == "table":
        page.print(console())
    else:
        print_records(found.records, found.columns)
    save_page(page, out, "retention-compare")


def _show(how: dict[str, Any], locale: str | None, out: Path | None, *, explain: bool) -> None:
    from appanalytics.retention import event_notes

    with options.open() as app:
        found = app.retention(**how)
        language = locale_of(locale or app.loaded.settings.reporting.locale)
        notes = event_notes(found, app.known_events, language)
        label = ", ".join(app.catalog.dimension(name).label(language.code) for name in found.question.by)
    if out is not None:
        save_page(found.page(locale=language.code, label=label, notes=notes), out, "retention")
    if explain:
        print(f"-- from {found.relation}\n{found.sql}")
        return
    if options.format != "table":
        print_records(found.records, found.columns)
        return
    for values in found.slices:
        head, rows = found.grid(values, most=15)
        title = ", ".join(str(value) for value in values) or None
        print_records([], head, cells=rows, numbers=head[1:], title=title)
    if not all(cell.complete for cell in found.cells):
        say("* not over for the whole cohort; no part of the last row")
