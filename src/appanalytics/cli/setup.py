"""``init``, ``config show``, ``doctor``: settings, where they come from, and whether all is well."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from appanalytics.cli.output import print_records, say
from appanalytics.cli.state import options
from appanalytics.errors import AppAnalyticsError, SettingsError

config = typer.Typer(help="Show the settings in force.", no_args_is_help=True)


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(init)
    cli.command()(doctor)
    cli.add_typer(config, name="config")


_Names = Annotated[list[str] | None, typer.Option("--feed", metavar="TABLE", help="Table of the feed's events.")]
_Messages = Annotated[list[str] | None, typer.Option("--messages", metavar="TABLE", help="Table of messages.")]
_Users = Annotated[
    list[str] | None, typer.Option("--users", metavar="none", help="none: no attributes from a table of users.")
]
_Columns = Annotated[
    list[str] | None, typer.Option("--column", metavar="OURS=THEIRS", help="A column, such as feed.user_id=uid.")
]
_Actions = Annotated[
    list[str] | None, typer.Option("--action", metavar="NAME=VALUES", help="Values of an action: like=LIKE,HEART.")
]


def init(
    timezone: Annotated[str | None, typer.Option(help="Reporting time zone, such as Europe/Moscow.")] = None,
    locale: Annotated[str | None, typer.Option(help="Language of messages: en or ru.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    feed: _Names = None,
    messages: _Messages = None,
    users: _Users = None,
    column: _Columns = None,
    action: _Actions = None,
    own: Annotated[str, typer.Option("--own", metavar="NAME", help="Database for what is ours.")] = "appanalytics",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take what is likeliest.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show and count, change nothing.")] = False,
) -> None:
    """Write a settings file, with a line of explanation for every setting.

    The file is appanalytics.toml in this folder, or the one named with --config; --warehouse sets the URL. Where that
    is a ClickHouse database with an app's own tables, they are looked at, matched with ours, counted, and laid under
    views in a database of ours, so that everything works on them without copying.
    """
    from appanalytics.cli.adopt import Given, adopt, catalog_of, holds_tables_of_others, url_text
    from appanalytics.engine import WarehouseUrl
    from appanalytics.settings import FILE_NAME, template
    from appanalytics.window import parse_zone

    target = Path(options.config or FILE_NAME)
    if target.exists() and not (force or dry_run):
        raise SettingsError(f"{target} is there already", hint="--force writes over it; nothing was changed")
    given = {"warehouse.url": options.warehouse, "reporting.timezone": timezone, "reporting.locale": locale}
    values = {name: value for name, value in given.items() if value}
    if options.warehouse:
        WarehouseUrl.parse(options.warehouse)
    if timezone:
        parse_zone(timezone)
    if locale not in (None, "en", "ru"):
        raise SettingsError(f"unknown language {locale!r}", hint="en or ru")
    if options.warehouse and holds_tables_of_others(url := WarehouseUrl.parse(options.warehouse), own):
        given_names = Given(
            feed or [], messages or [], users or [], column or [], action or [], own, timezone or "UTC", yes, dry_run
        )
        adopted = adopt(url, given_names)
        if adopted is None:
            return
        values["warehouse.url"] = url_text(adopted.url)
        if adopted.actions:
            _write(target.with_name("catalog.yaml"), catalog_of(adopted.actions))
            values["catalog.file"] = "catalog.yaml"
    _write(target, template(values))
    say(f"wrote {target}; see what is in force with: appanalytics config show")


def _write(target: Path, text: str) -> None:
    try:
        _write_private(target, text)
    except OSError as error:
        raise SettingsError(f"cannot write {target}: {error.strerror}") from None
    if target.suffix == ".yaml":
        say(f"wrote {target}")


def _write_private(target: Path, text: str) -> None:
    """Write a file that only its owner can read; it may come to hold secrets."""
    partial = target.with_name(target.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    partial.replace(target)


@config.command("show")
def show() -> None:
    """Show every setting, its value (secrets masked) and where the value comes from."""
    rows = [dict(zip(("setting", "value", "origin"), row, strict=True)) for row in options.load().rows()]
    print_records(rows, ["setting", "value", "origin"])


def doctor() -> None:
    """Check this installation: versions, settings, warehouse, rollups; says what to do about what is wrong."""
    rows = [*_installation(), *_warehouse()]
    print_records(rows, ["check", "state", "detail"])
    if any(row["state"] == "failed" for row in rows):
        raise typer.Exit(1)


def _installation() -> list[dict[str, str]]:
    from importlib.metadata import PackageNotFoundError, version

    rows = [_row("python", sys.version_info >= (3, 11), sys.version.split()[0])]
    for name, needed in (("chdb", True), ("clickhouse-connect", True), ("pyarrow", True), ("matplotlib", False)):
        try:
            rows.append(_row(name, True, version(name)))
        except PackageNotFoundError:
            rows.append(_row(name, not needed, "not installed" + ("" if needed else "; pictures need it")))
    return rows


def _warehouse() -> list[dict[str, str]]:
    from appanalytics.jobs.messages import post_office
    from appanalytics.query import read_coverage

    try:
        with options.open() as app:
            engine_version = app.engine.scalar("SELECT version()")
            rows = [_row("warehouse", True, f"{app.engine.url}, ClickHouse {engine_version}")]
            coverage = read_coverage(app.engine, app.layout)
            messages = post_office(app).outbox.summary()
    except AppAnalyticsError as error:
        return [_row("warehouse", False, str(error))]
    span = f"{coverage.first:%Y-%m-%d %H:%M} … {coverage.last:%Y-%m-%d %H:%M} UTC" if coverage.first else "none yet"
    rows.append(_row("events", True, span))
    stale = f"{len(coverage.stale)} days changed; run: appanalytics rollup" if coverage.stale else "fresh"
    rows.append(_row("rollups", not coverage.stale and not coverage.reason, coverage.reason or stale))
    given_up = "; see: appanalytics messages list --state dead" if messages.dead else ""
    rows.append(_row("messages", not messages.dead, f"{messages}{given_up}"))
    return rows


def _row(check: str, good: bool, detail: str) -> dict[str, str]:
    return {"check": check, "state": "ok" if good else "failed", "detail": detail}
