"""``load``, ``rollup``, ``check``: events in, rollups made, both checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.cli.state import options
from appanalytics.errors import QuestionError, nearest

if TYPE_CHECKING:
    from appanalytics.warehouse.load import FileReport


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(load)
    cli.command()(rollup)
    cli.command()(check)


def load(
    source: Annotated[str, typer.Argument(metavar="feed|messages", help="Which events the files hold.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="CSV, TSV, JSON lines or Parquet; gzip too.")],
    mapping: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="How columns become ours; see docs/loading.md.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Load a file even if its content was loaded before.")
    ] = False,
) -> None:
    """Load files of events. A file loaded twice adds nothing; an interrupted load goes on when run again.

    Rows that cannot be read go to the table `rejects` with file, line and reason.
    """
    from appanalytics.catalog import load_catalog
    from appanalytics.warehouse.load import load_files, read_mapping

    known = load_catalog().sources
    if source not in known:
        raise QuestionError(f"unknown source {source!r}", hint=nearest(source, known))
    chosen = read_mapping(mapping) if mapping else None
    with options.open(create=True) as app, progress() as watch:
        report = load_files(app.engine, source, files, chosen, watch, zone=app.zone, again=again)
    if options.format == "table":
        say(str(report))
        say("next: appanalytics rollup")
    else:
        columns = ["file", "rows", "loaded", "already", "skipped", "rejected", "first", "last"]
        print_records([{"file": str(each.path), **_counts(each)} for each in report.files], columns)


def _counts(file: FileReport) -> dict[str, Any]:
    names = ("rows", "loaded", "already", "skipped", "rejected", "first", "last")
    return {name: getattr(file, name) for name in names}


def rollup(
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Only days from this one on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Only days before this one.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also days that did not change.")] = False,
) -> None:
    """Bring the rollups up to the events. Only days that changed are done; running it again changes nothing."""
    with options.open() as app, progress() as watch:
        report = app.rollup(since, until, force=force, progress=watch)
    if options.format == "table":
        say(str(report))
    else:
        fields = {"days": report.days, "relinked": report.relinked, "events": report.events}
        print_records([fields], list(fields))


def check(
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Check days from this one on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Check days before this one.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Every day instead of a sample.")] = False,
    table: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Check a report table from a CSV file instead.")
    ] = None,
) -> None:
    """Check the data: freshness, volume, impossible values, rollups against events, duplicate loads.

    Exit code 1 when a check failed.
    """
    from appanalytics.warehouse.checks import check_report_table, read_report_table, run_checks

    if table is not None:
        report = check_report_table(read_report_table(table))
    else:
        with options.open() as app, progress() as watch:
            window = app.window(since, until, app.days_with_events()) if since or until else None
            report = run_checks(app.engine, app.layout, as_of=app.now(), window=window, full=full, progress=watch)
    records = report.to_records()
    print_records(records, list(records[0]) if records else [])
    if report.failed:
        raise typer.Exit(1)
