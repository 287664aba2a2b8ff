"""``appanalytics audience``: who is new, stays, returns and goes; services; single users."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appanalytics.cli.output import print_records, save_page, say
from appanalytics.cli.questions import complete_dimension
from appanalytics.cli.state import options
from appanalytics.errors import UserError
from appanalytics.locales import locale_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from appanalytics.audience import Histogram

group = typer.Typer(
    help="The audience: new, retained, returning, gone; services; single users.", invoke_without_command=True
)

BY = Annotated[
    list[str], typer.Option(help="Slice by a dimension; may be repeated.", autocompletion=complete_dimension)
]
WHERE = Annotated[list[str], typer.Option(metavar="DIM=VALUE", help="Keep these values: source=ads or os!=iOS.")]
SINCE = Annotated[str | None, typer.Option(metavar="DAY", help="First day; its whole period is shown.")]
UNTIL = Annotated[str | None, typer.Option(metavar="DAY", help="End; not part of the window.")]
GRAIN = Annotated[str, typer.Option(help="day, week or month.")]
SERVICE = Annotated[str, typer.Option(help="any, or one of the catalog's sources: feed, messages.")]
LOCALE = Annotated[str | None, typer.Option(help="en or ru; the setting unless given.")]
OUT = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also write page or picture there.")]


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="audience")


@group.callback()
def audience(
    context: typer.Context, grain: GRAIN = "week", by: BY = [], where: WHERE = [], since: SINCE = None,  # noqa: B006
    until: UNTIL = None, service: SERVICE = "any", locale: LOCALE = None, out: OUT = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show the SQL instead of numbers.")] = False,
) -> None:  # fmt: skip
    """Split the users of each day, week or month: new, retained, returning (were away a whole period), and gone.

    active = new + retained + returning, and the change of active = new + returning - gone. A star marks periods that
    are not over, or whose period before is not wholly in the data.
    """
    from appanalytics.audience import event_notes

    if context.invoked_subcommand is not None:
        return
    with options.open() as app:
        found = app.audience(grain=grain, by=by, where=where, since=since, until=until, service=service)
        language = locale_of(locale or app.loaded.settings.reporting.locale)
        notes = event_notes(found, app.known_events, language)
        label = ", ".join(app.catalog.dimension(name).label(language.code) for name in found.question.sliced.by)
    if out is not None:
        save_page(found.page(locale=language.code, label=label, notes=notes), out, "audience")
    if explain:
        print(f"-- from {found.relation}\n{found.sql}")
        return
    names = [name for name in found.columns if name not in ("time", *found.question.sliced.by)]
    shown = found.columns[:-1] if options.format == "table" else found.columns
    print_records(found.records, shown, cells=found.cells(), numbers=names)
    if options.format == "table" and not all(each.complete for each in found.splits):
        say("* not over, or the data do not hold the whole period before")


@group.command("overlap")
def overlap(
    grain: GRAIN = "week", since: SINCE = None, until: UNTIL = None, locale: LOCALE = None, out: OUT = None
) -> None:
    """Show the users of each period by the services that they used in it."""
    with options.open() as app:
        found = app.migration(grain=grain, since=since, until=until)
        language = locale_of(locale or app.loaded.settings.reporting.locale)
    if out is not None:
        _save_picture(found.plot(locale=language.code), out, "overlap")
    _print(found.overlap(), ("time", "services", "users", "share", "complete"), ("users", "share"))


@group.command("migration")
def migration(grain: GRAIN = "week", since: SINCE = None, until: UNTIL = None) -> None:
    """Show how users moved between services: from the period before to the last complete one.

    JSON and CSV: all periods, one record for each move.
    """
    with options.open() as app:
        found = app.migration(grain=grain, since=since, until=until)
    if options.format != "table":
        print_records(found.records, found.columns)
        return
    head, rows = found.matrix()
    texts = [
        ["" if value is None else f"{value:,}" if isinstance(value, int) else value for value in row] for row in rows
    ]
    print_records([], head, cells=texts, numbers=head[1:])


@group.command("loyal")
def loyal(
    most: Annotated[int, typer.Option("--limit", help="How many users.")] = 20, by: BY = ["gender", "age"],  # noqa: B006
    where: WHERE = [], since: SINCE = None, until: UNTIL = None, service: SERVICE = "any",  # noqa: B006
) -> None:  # fmt: skip
    """List the most loyal users: active on the most days, then with the most events. --by: what to show of them."""
    with options.open() as app:
        records = app.loyal_users(most=most, show=by, where=where, since=since, until=until, service=service)
    _print(records, tuple(records[0]) if records else ("user_id", "days"), ())


@group.command("histogram")
def histogram(
    measure: Annotated[str, typer.Argument(help="A counted measure such as views; or days: active days of a user.")],
    since: SINCE = None, until: UNTIL = None, locale: LOCALE = None, out: OUT = None,
) -> None:  # fmt: skip
    """Show the histogram of one user's day: on how many days of users a measure had each value, zero left out."""
    with options.open() as app:
        found: Histogram = app.histogram(measure, since=since, until=until)
        language = locale_of(locale or app.loaded.settings.reporting.locale)
    if out is not None:
        _save_picture(found.plot(locale=language.code), out, f"histogram-{measure}")
    _print(found.records, found.columns, found.columns)


def _save_picture(figure: Figure, folder: Path, name: str) -> None:
    from appanalytics.pictures import png

    file = folder / f"{name}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(figure))
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from None
    say(f"written: {file}")


def _print(records: Sequence[dict[str, Any]], columns: Sequence[str], numbers: Sequence[str]) -> None:
    texts = [[_text(name, value) for name, value in record.items()] for record in records]
    print_records(records, columns, cells=texts, numbers=numbers)


def _text(name: str, value: Any) -> str:
    from appanalytics.query.show import number

    if name == "user_id":
        return str(value)
    return "unknown" if value is None else number(value, name)
