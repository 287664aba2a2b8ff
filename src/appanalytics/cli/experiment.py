"""``appanalytics experiment``: analyse experiments, decide on them, and keep their states."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appanalytics.cli.output import console, print_records, progress, say
from appanalytics.cli.state import options
from appanalytics.errors import ExperimentError, UserError

if TYPE_CHECKING:
    from appanalytics.app import App
    from appanalytics.document import Document
    from appanalytics.experiments import Analysis

group = typer.Typer(help="Experiments: plan, split, analyse, decide.", no_args_is_help=True)

_NAME = Annotated[str, typer.Argument(metavar="NAME", help="An experiment of the registry, or a YAML file.")]
_LOCALE = Annotated[str | None, typer.Option(help="en or ru; the setting unless given.")]
_OUT = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also write the page there: Markdown, HTML, PNG.")]
_TREATMENT = Annotated[str | None, typer.Option(help="The variant compared with the control; the first one.")]
_COLUMNS = (
    "metric", "method", "control", "treatment", "effect", "low", "high", "statistic", "p_value",
)  # fmt: skip


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="experiment")


@group.command("list")
def list_() -> None:
    """List the registry: each experiment with its state, days, variants and primary metric."""
    from appanalytics.experiments.ledger import entries
    from appanalytics.experiments.registry import read_registry

    with options.open() as app:
        folder = app.experiments_folder
        held = entries(app.engine)
        records = [
            {
                "name": each.name, "state": str(held[each.name].state) if each.name in held else "draft",
                "since": each.since, "until": each.until, "primary": each.primary,
                "variants": ", ".join(each.variants), "owner": each.owner,
            }
            for each in read_registry(folder).values()
        ]  # fmt: skip
    if not records:
        say(f"no experiments in {folder}; docs/experiments.md shows how to write one")
    if records or options.format != "table":
        print_records(records, list(records[0]) if records else [])


@group.command("start")
def start(
    name: _NAME,
    again: Annotated[bool, typer.Option("--again", help="Register a definition that changed.")] = False,
) -> None:
    """Register the definition and start: from here on it cannot change unnoticed."""
    with options.open() as app:
        found = app.experiment(name)
        found.start(again=again)
        say(f"{found.experiment.name} is running, {found.period.since} … {found.period.until}")


@group.command("stop")
def stop(name: _NAME) -> None:
    """Stop a running experiment."""
    with options.open() as app:
        found = app.experiment(name)
        found.stop()
        say(f"{found.experiment.name} is stopped")


@group.command("analyze")
def analyze(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="An experiment, unless --users is given.")
    ] = None,
    users: Annotated[
        Path | None, typer.Option("--users", metavar="FILE", help="A CSV or Parquet with one row for each user.")
    ] = None,
    variant: Annotated[str | None, typer.Option(metavar="COLUMN", help="The file's column of variants.")] = None,
    control: Annotated[str | None, typer.Option(metavar="VALUE", help="The control's value in it.")] = None,
    treatment: Annotated[
        str | None, typer.Option(metavar="VALUE", help="The treatment's value; of an experiment, its variant.")
    ] = None,
    numerator: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column that is compared.")] = None,
    denominator: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Divide by it; without: a mean per user.")
    ] = None,
    user: Annotated[str | None, typer.Option(metavar="COLUMN", help="The user's id: for buckets and checks.")] = None,
    by: Annotated[list[str], typer.Option(metavar="COLUMN", help="The file's segments; may be repeated.")] = [],  # noqa: B006
    duplicates: Annotated[
        str, typer.Option(metavar="refuse|drop|sum", help="What to do with several rows of one user.")
    ] = "refuse",
    as_of: Annotated[str | None, typer.Option(metavar="DAY", help="As it was seen at the end of a day.")] = None,
    resamples: Annotated[int, typer.Option(min=100, max=1_000_000, help="Of the bootstrap.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap; the same seed gives the same numbers.")] = 1,
    locale: _LOCALE = None,
    out: _OUT = None,
) -> None:
    """Analyse an experiment of the registry, or a file of users without any warehouse.

    A file is counted by an engine in memory, or with --warehouse by that one, which keeps nothing of it.
    Prints the page: what the rule would decide, the effect by every method, why methods disagree, what became of
    the distribution, segments, checks. Nothing is recorded. JSON and CSV give one record for each metric and method.
    """
    if (name is None) == (users is None):
        raise UserError("name an experiment, or give --users FILE", hint="one of the two")
    if users is not None:
        if as_of is not None:
            raise UserError("--as-of goes with an experiment of the registry")
        columns = _columns(variant, numerator, denominator, user, by)
        if control is None or treatment is None:
            raise UserError("--users needs --control and --treatment", hint=f"two values of the column {variant}")
        analysis = _of_file(users, columns, (control, treatment), duplicates, resamples, seed)
        _show(analysis, None, language(options.load().settings.reporting.locale, locale), out, {})
        return
    if variant or control or numerator or denominator or user or by:
        raise UserError("--variant, --control, --numerator and the like go with --users FILE")
    with options.open() as app, progress() as watch:
        found = app.experiment(name or "")
        code = language(app.loaded.settings.reporting.locale, locale)
        analysis = found.analyze(as_of=_day(app, as_of), resamples=resamples, seed=seed, progress=watch)
        labels = found.labels(code)
    _show(analysis, treatment, code, out, labels)


@group.command("decide")
def decide(
    name: _NAME,
    treatment: _TREATMENT = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what the rule says; record nothing.")] = False,
    resamples: Annotated[int, typer.Option(min=100, max=1_000_000, help="Of the bootstrap.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the bootstrap; the same seed gives the same numbers.")] = 1,
    locale: _LOCALE = None,
    out: _OUT = None,
) -> None:
    """Decide by the written rule: ship, do not ship, or go on; recorded with its numbers and page in `decisions`.

    Unless the rule says to go on, the experiment is decided afterwards. JSON and CSV give one record.
    """
    with options.open() as app, progress() as watch:
        found = app.experiment(name)
        code = language(app.loaded.settings.reporting.locale, locale)
        decided = found.decide(
            treatment, record=not dry_run, locale=code, resamples=resamples, seed=seed, progress=watch
        )  # fmt: skip
        labels = found.labels(code)
    page = replace(decided, labels=labels).page(code, pictures=out is not None)
    if options.format == "table":
        page.print(console())
    else:
        record = decided.record()
        print_records([record], list(record))
    save_page(page, out, found.experiment.name, code)


def _columns(
    variant: str | None, numerator: str | None, denominator: str | None, user: str | None, by: list[str]
) -> Any:
    from appanalytics.experiments.userrows import Columns

    if variant is None or numerator is None:
        raise UserError("--users needs --variant and --numerator", hint="--variant exp_group --numerator likes")
    return Columns(variant, numerator, denominator, user, tuple(by))


def _of_file(path: Path, columns: Any, arms: tuple[str, str], duplicates: str, resamples: int, seed: int) -> Analysis:
    from appanalytics.engine import WarehouseUrl, connect
    from appanalytics.experiments.methods import Options
    from appanalytics.experiments.userfile import Duplicates, analyze_file

    engine = connect(WarehouseUrl.parse(options.warehouse or "chdb://memory"), create=True)
    try:
        with progress() as watch:
            return analyze_file(
                engine, path, columns, arms[0], (arms[1],), options=Options(resamples=resamples, seed=seed),
                duplicates=Duplicates(duplicates), progress=watch,
            )  # fmt: skip
    finally:
        engine.close()


def _show(analysis: Analysis, treatment: str | None, locale: str, out: Path | None, labels: dict[str, str]) -> None:
    from appanalytics.experiments import page_of

    known = analysis.experiment.treatments
    if analysis.period is not None and treatment is not None and treatment not in known:
        raise ExperimentError(f"no treatment {treatment!r}", hint=", ".join(known))
    arm = treatment if analysis.period is not None else None
    page = page_of(analysis, arm, locale=locale, pictures=out is not None, names=labels)
    if options.format == "table":
        page.print(console())
    else:
        records = analysis.records() if arm is None else [r for r in analysis.records() if r["variant"] == arm]
        print_records(records, list(records[0]) if records else list(_COLUMNS))
    save_page(page, out, analysis.experiment.name, locale)


def save_page(page: Document, out: Path | None, name: str, locale: str) -> list[Path]:
    """Write a page into a folder, if there is one, and tell the files."""
    if out is None:
        return []
    try:
        written = page.save(out, name if locale == "en" else f"{name}-{locale}")
    except OSError as error:
        raise UserError(f"cannot write to {out}: {error.strerror}") from None
    say(f"written: {', '.join(str(path) for path in written if path.suffix != '.png')}")
    return written


def language(setting: str, given: str | None) -> str:
    """The code of the language asked for, or of the settings."""
    from appanalytics.locales import locale_of

    return locale_of(given or setting).code


def _day(app: App, text: str | None) -> date | None:
    return app.window(text, None, None).first_day if text is not None else None
