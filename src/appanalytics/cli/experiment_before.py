"""``appanalytics experiment split | power | aa``: what is done before the start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appanalytics.cli.experiment import group, language, save_page
from appanalytics.cli.output import console, print_records, progress
from appanalytics.cli.state import options

if TYPE_CHECKING:
    from appanalytics.document import Document
    from appanalytics.experiments import Experiment

_NAME = Annotated[str, typer.Argument(metavar="NAME", help="An experiment of the registry, or a YAML file.")]
_LOCALE = Annotated[str | None, typer.Option(help="en or ru; the setting unless given.")]
_OUT = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also write the page there: Markdown, HTML, PNG.")]
_HISTORY = Annotated[
    int | None, typer.Option("--days", min=1, max=400, help="Days of history; the experiment's length unless given.")
]


def add_to(cli: typer.Typer) -> None:
    """Nothing to add: the commands belong to the group of experiments."""


@group.command("split")
def split(
    name: _NAME,
    user: Annotated[
        list[str], typer.Option(metavar="ID", help="Only tell this user's variant; may be repeated.")
    ] = [],  # noqa: B006
    by: Annotated[
        list[str], typer.Option(metavar="DIM", help="Balance by it; the definition's segments unless given.")
    ] = [],  # noqa: B006
    days: _HISTORY = None,
    sql: Annotated[bool, typer.Option("--sql", help="Only print the split as an SQL expression.")] = False,
    locale: _LOCALE = None,
    out: _OUT = None,
) -> None:
    """Split the users of the days before: sizes, balance by dimension, and who is in another experiment.

    With --user the variant of users, with --sql the expression over user_id; neither needs data.
    """
    from appanalytics.experiments import split_page
    from appanalytics.experiments.split import variant_sql

    with options.open() as app:
        found = app.experiment(name)
        if sql:
            print(variant_sql(found.experiment, app.catalog))
            return
        if user:
            print_records(
                [_assigned(found.experiment, each) for each in user], ["user", "variant", "part", "layer_part"]
            )
            return
        seen = found.split(dimensions=by or None, days=days)
        code = language(app.loaded.settings.reporting.locale, locale)
    _print(split_page(seen, locale=code), seen.records(), out, f"{found.experiment.name}-split", code)


def _assigned(experiment: Experiment, user: str) -> dict[str, Any]:
    from appanalytics.experiments import assigned, part_of
    from appanalytics.experiments.definition import TRAFFIC
    from appanalytics.experiments.split import layer_salt

    variant = assigned(experiment, user)
    plan = experiment.assignment
    return {
        "user": user,
        "variant": variant,
        "part": part_of(user, plan.salt or "", sum(experiment.weights.values())),
        "layer_part": part_of(user, layer_salt(plan.layer), TRAFFIC) if plan.layer else None,
    }


@group.command("power")
def power(
    name: _NAME,
    metric: Annotated[
        list[str], typer.Option(help="Primary metric and guardrails unless given; may be repeated.")
    ] = [],  # noqa: B006
    effect: Annotated[
        float | None,
        typer.Option(
            min=1e-9, help="Relative effect, 0.03 is 3 %; the plan's, and guardrails' margins, unless given."
        ),
    ] = None,
    wanted: Annotated[
        float | None, typer.Option("--power", min=0.06, max=0.9999, help="The plan's unless given.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=400, help="Most days of history.")] = 28,
    treatment: Annotated[str | None, typer.Option(help="The first one unless given.")] = None,
    locale: _LOCALE = None,
    out: _OUT = None,
) -> None:
    """Plan: the smallest effect that so many days show, with and without CUPED, and the days an effect needs."""
    from appanalytics.experiments import plan_page

    with options.open() as app, progress() as watch:
        found = app.experiment(name)
        plan = found.power(
            metrics=metric, effect=effect, power=wanted, days=days, treatment=treatment, progress=watch
        )
        code = language(app.loaded.settings.reporting.locale, locale)
    page = plan_page(plan, locale=code, pictures=out is not None)
    _print(page, plan.records(), out, f"{found.experiment.name}-plan", code)


@group.command("aa")
def aa(
    name: _NAME,
    metric: Annotated[str | None, typer.Option(help="The primary one unless given.")] = None,
    method: Annotated[list[str], typer.Option(help="All unless given; may be repeated.")] = [],  # noqa: B006
    draws: Annotated[int, typer.Option(min=100, max=1_000_000, help="How many splits.")] = 10_000,
    users: Annotated[int, typer.Option(min=2, help="Users of each group in a draw.")] = 500,
    days: _HISTORY = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same numbers.")] = 1,
    locale: _LOCALE = None,
    out: _OUT = None,
) -> None:
    """A/A: draw two groups of real users between whom nothing differs, many times, and count each method's alarms."""
    from appanalytics.experiments import rehearsal_page

    with options.open() as app, progress() as watch:
        found = app.experiment(name)
        seen = found.rehearse(
            metric=metric, methods=method, draws=draws, users_per_arm=users, days=days, seed=seed,
            progress=watch,
        )  # fmt: skip
        code = language(app.loaded.settings.reporting.locale, locale)
    page = rehearsal_page(seen, locale=code, pictures=out is not None)
    _print(page, seen.records(), out, f"{found.experiment.name}-aa", code)


def _print(page: Document, records: list[dict[str, Any]], out: Path | None, name: str, code: str) -> None:
    if options.format == "table":
        page.print(console())
    else:
        print_records(records, list(records[0]) if records else [])
    save_page(page, out, name, code)
