"""What `init` does with a ClickHouse that holds an app's own tables: look, guess, ask, count, lay views."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.errors import MappingError, SettingsError, WarehouseMissing

if TYPE_CHECKING:
    from appanalytics.adopt import Branch, SourceMap, Wishes
    from appanalytics.engine import WarehouseUrl


@dataclass(frozen=True)
class Given:
    """The options of `init` that say what is what."""

    feed: Sequence[str] = ()
    messages: Sequence[str] = ()
    users: Sequence[str] = ()
    columns: Sequence[str] = ()
    actions: Sequence[str] = ()
    own: str = "appanalytics"
    zone: str = "UTC"
    yes: bool = False
    only_show: bool = False

    def wishes(self) -> Wishes:
        """The same as the mapping takes it; raises `MappingError` for what cannot be read."""
        from appanalytics.adopt import Wishes

        tables = {"feed": self.feed, "messages": self.messages, "users": self.users}
        columns = dict(_pair(each, "--column feed.user_id=COLUMN") for each in self.columns)
        actions = dict(_pair(each, "--action like=VALUE,VALUE") for each in self.actions)
        asks = _ask if not self.yes and sys.stdin.isatty() else None
        return Wishes(
            {source: list(named) for source, named in tables.items() if named},
            columns,
            {name: tuple(value.strip() for value in values.split(",")) for name, values in actions.items()},
            asks,
            self.yes,
        )


@dataclass(frozen=True)
class Adopted:
    """What was made: the address of our database, and actions that the shipped catalog does not count."""

    url: WarehouseUrl
    actions: Sequence[str] = field(default_factory=tuple)


def holds_tables_of_others(url: WarehouseUrl, own: str) -> bool:
    """True where a database of that name holds tables and is not our own; raises where no engine answers."""
    from contextlib import closing

    from appanalytics.engine import connect

    try:
        engine = connect(url)
    except WarehouseMissing:
        return False
    with closing(engine):
        names = {
            row["name"]
            for row in engine.rows("SELECT name FROM system.tables WHERE database = currentDatabase() LIMIT 1000")
        }
    return bool(names) and "schema_migrations" not in names


def adopt(url: WarehouseUrl, given: Given) -> Adopted | None:
    """Look at a database's tables and lay views over them, telling and asking; None when nothing was made."""
    from contextlib import closing

    from appanalytics.adopt import count, guess, lay, read_sketches, settle
    from appanalytics.engine import connect

    if given.own == url.database:
        raise SettingsError(f"our tables need a database of their own, not {given.own}", hint="--own NAME")
    wishes = given.wishes()
    with closing(connect(url)) as engine, progress() as watch:
        sketches = read_sketches(engine, url.database, watch)
    sources = settle(sketches, guess(sketches), wishes)
    _show(sources)
    with closing(connect(url)) as engine, progress() as watch:
        for place, each in enumerate(sources):
            watch("count the rows", place, len(sources), "sources")
            told = count(engine, each, given.zone).lines()
            for line in told:
                say(line)
    if given.only_show:
        _show_sql(sources, given.zone)
        return None
    if wishes.ask is not None and not typer.confirm(
        f"Make views of these in the database {given.own}?", default=True
    ):
        return None
    ours = replace(url, database=given.own)
    with closing(connect(ours, create=True)) as engine:
        names = lay(engine, sources, given.zone)
    say(f"made the views {' and '.join(names)} in the database {given.own}; your tables are only read")
    return Adopted(ours, [name for each in sources for name in each.own_actions])


def catalog_of(actions: Sequence[str]) -> str:
    """A project's catalog with a measure for each action that the shipped one does not count."""
    lines = ["# Measures of this app, beside those that come with AppAnalytics.", "measures:"]
    for name in actions:
        lines += [f"  {name}:", "    source: feed", f"    count: {{action: {name}}}", "    unit: events"]
        lines += [f"    labels: {{en: {name.replace('_', ' ').capitalize()}}}"]
    return "\n".join(lines) + "\n"


def url_text(url: WarehouseUrl) -> str:
    """A URL as the settings have it, with its password."""
    from urllib.parse import quote

    if url.is_embedded:
        return f"chdb://{url.path}?database={url.database}"
    secret = f":{quote(url.password, safe='')}" if url.password else ""
    return f"{url.scheme}://{quote(url.user, safe='')}{secret}@{url.host}:{url.port}/{url.database}"


def _show(sources: Sequence[SourceMap]) -> None:
    rows = [row for each in sources for branch in each.branches for row in _rows(each.source, branch)]
    print_records(rows, ["ours", "theirs", "sure", "why"])


def _rows(source: str, branch: Branch) -> list[dict[str, str]]:
    table = branch.sketch.table
    rows = [_row(source, table, branch.confidence, f"{branch.sketch.rows:,} rows; {branch.reason}")]
    for role, pick in branch.picks.items():
        rows.append(_row(f"{source}.{role}", pick.column.name, pick.confidence, pick.reason))
    if branch.constant and source == "feed":
        rows.append(_row(f"{source}.action", branch.constant, branch.confidence, "every row of the table"))
    for name, values in branch.actions.items():
        rows.append(_row(f"{source} action {name}", ", ".join(values), 1.0, "values of the column"))
    return rows


def _row(ours: str, theirs: str, sure: float, why: str) -> dict[str, str]:
    return {"ours": ours, "theirs": theirs, "sure": f"{sure:.0%}", "why": why}


def _show_sql(sources: Sequence[SourceMap], zone: str) -> None:
    from appanalytics.adopt import view_sql

    for each in sources:
        say(f"\nCREATE OR REPLACE VIEW {each.table} AS\n{view_sql(each, zone)};")


def _ask(question: str, answers: Sequence[str], likely: str) -> str:
    say(f"{question} {', '.join(answers)}")
    while True:
        answer = str(typer.prompt("", default=likely or None, prompt_suffix="> ")).strip()
        if answer in answers or answer == "none":
            return answer
        say(f"{answer!r} is none of them")


def _pair(text: str, example: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (sign and name and value):
        raise MappingError(f"cannot read {text!r}", hint=f"write {example}")
    return name, value
