"""``redash``: the report tables in Redash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.cli.state import options

if TYPE_CHECKING:
    from appanalytics.redash import Change

group = typer.Typer(no_args_is_help=True)


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="redash", help="Redash: data source, queries and dashboard of the report tables.")


@group.command("plan")
def plan_redash() -> None:
    """Show what `apply` would create or change; nothing is changed."""
    from appanalytics.jobs.redash import change_redash

    changes, _ = change_redash(options.load(), dry=True)
    _tell(changes, "nothing to do")


@group.command("apply")
def apply_redash(
    check: Annotated[bool, typer.Option(help="Run each query once afterwards.")] = True,
) -> None:
    """Put data source, queries, charts and dashboard into Redash. A second time changes nothing.

    What others made there is left alone.
    """
    from appanalytics.jobs.redash import change_redash

    with progress() as watch:
        changes, rows = change_redash(options.load(), check=check, progress=watch)
    _tell(changes, "nothing had to be changed")
    if options.format == "table":
        for name, count in rows.items():
            say(f"runs: {name}, {count} rows")


def _tell(changes: Sequence[Change], otherwise: str) -> None:
    if options.format == "table":
        for change in changes:
            say(str(change))
        if not changes:
            say(otherwise)
    else:
        fields = ["action", "kind", "name", "fields"]
        print_records([{name: getattr(each, name) for name in fields} for each in changes], fields)
