"""``simulate``: the synthetic app's history, and the app going on live."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from appanalytics.cli.output import progress, say
from appanalytics.cli.state import options
from appanalytics.errors import SettingsError, UserError

if TYPE_CHECKING:
    from appanalytics.app import App
    from appanalytics.jobs.live import Told
    from appanalytics.simulate import World
    from appanalytics.simulate.injection import Injection

_USUAL_LENGTH = "1h"
_LINE_SECONDS = 10.0


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(simulate)


def simulate(
    days: Annotated[int, typer.Option(help="Length of the history in days.")] = 75,
    users: Annotated[int, typer.Option(help="Users of the news feed over the whole history.")] = 141_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same events.")] = 7,
    until: Annotated[
        str | None, typer.Option(metavar="DAY", help="The day after the last one; today unless given.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what was injected where, as JSON.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Go on after the history, through the collector of a running server.")
    ] = False,
    speed: Annotated[
        float | None, typer.Option(min=0.01, help="Live: how many times as fast as the clock, until it is now.")
    ] = None,
    length: Annotated[
        str | None, typer.Option("--for", metavar="LENGTH", help="Live: stop after so much of the app's time.")
    ] = None,
    inject: Annotated[str | None, typer.Option(metavar="KIND", help="Live: outage, drop or spike.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When the injection begins.")] = None,
    after: Annotated[
        str | None, typer.Option(metavar="LENGTH", help="The same, counted from the stream's beginning.")
    ] = None,
    lasting: Annotated[str, typer.Option(metavar="LENGTH", help="How long the injection lasts.")] = _USUAL_LENGTH,
    where: Annotated[
        list[str] | None, typer.Option(metavar="DIM=VALUE", help="Slice that is hit; service=feed works, too.")
    ] = None,
    size: Annotated[
        float | None, typer.Option(help="Share of users that a drop loses; how many times as much a spike is.")
    ] = None,
    collector: Annotated[
        str | None, typer.Option(metavar="URL", help="Live: another collector than the warehouse's own.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Live: key of the app for that collector.")] = None,
) -> None:
    """Make the history of a synthetic social app: growth, retention, a campaign, an outage, an A/B test.

    All of it is computed inside the engine. A history that is there already is left as it is; one that was
    interrupted goes on. With --live the app goes on from where it stopped: quickly up to now, then in real time.
    """
    if not live:
        _only_live(speed=speed, **{"for": length}, inject=inject, collector=collector, key=key)
        _history(days, users, seed, until, truth)
        return
    asked = _Injected(inject, at, after, lasting, tuple(where or ()), size)
    asked.check()
    _live(days, users, seed, until, speed, length, asked, collector, key)


def _only_live(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise UserError(f"--{name} goes with --live")


def _history(days: int, users: int, seed: int, until: str | None, truth: Path | None) -> None:
    from appanalytics.jobs.demo import make_history

    with options.open(create=True) as app, progress() as watch:
        last = app.window(until, None, None).first_day if until else app.today()
        found = make_history(app, users=users, days=days, seed=seed, until=last, progress=watch)
    if truth is not None:
        try:
            truth.write_text(found.to_json(), encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"cannot write {truth}: {error.strerror}") from None
    say(f"the app's history is there: {days} days that end before {last}; next: appanalytics rollup")


@dataclass(frozen=True)
class _Injected:
    """What was asked to be injected, as text."""

    kind: str | None
    at: str | None
    after: str | None
    lasting: str
    where: tuple[str, ...]
    size: float | None

    def check(self) -> None:
        """Raise `UserError` for options that do not go together."""
        if self.at and self.after:
            raise UserError("give --at or --after, not both")
        if self.kind is None and (self.at or self.after or self.where or self.size is not None):
            raise UserError("nothing is injected", hint="say what: --inject outage, drop or spike")

    def read(self, app: App, start: datetime) -> list[Injection]:
        """The injection in a stream that goes on at ``start``; none when nothing was asked for."""
        from appanalytics.simulate.injection import Injection
        from appanalytics.window import parse_length, parse_moment

        if self.kind is None:
            return []
        begin = parse_moment(self.at, app.zone) if self.at else start
        begin += parse_length(self.after) if self.after else timedelta()
        end = begin + parse_length(self.lasting)
        return [Injection.of(app.catalog, self.kind, begin, end, self.where, self.size)]


def _live(
    days: int,
    users: int,
    seed: int,
    until: str | None,
    speed: float | None,
    length: str | None,
    asked: _Injected,
    collector: str | None,
    key: str | None,
) -> None:
    from appanalytics.jobs.demo import stored_world
    from appanalytics.jobs.live import Door, Pace, batch_name, live_app, resume_at, stream
    from appanalytics.simulate import World, simulate
    from appanalytics.simulate.ledger import record_injection
    from appanalytics.window import parse_length

    span = parse_length(length) if length else None
    door = Door.of(options.load().warehouse(), collector, key)
    with options.open(create=True) as app:
        last = app.window(until, None, None).first_day if until else app.today()
        world = stored_world(app) or World(until=last, zone=app.zone, users=users, days=days, seed=seed)
        with progress() as watch:
            simulate(app.engine, world, watch)
        start = resume_at(app, world)
        injections = asked.read(app, start)
        for each in injections:
            record_injection(app.engine, each.as_record())
            say(f"injected: {each}, {_shown(each.start, world)} … {_shown(each.end, world)}")
        with live_app(app, world) as source:
            told = stream(
                source.slices(start, injections),
                lambda part: door.send(part, batch_name(world, part)),
                Pace(start, speed),
                start + span if span else None,
                _lines(world, injections),
            )
    say(f"streamed up to {_shown(told.at, world)}: {told.events:,} events")


def _lines(world: World, injections: list[Injection]) -> Callable[[Told], None]:
    """A line that tells how far the stream is: rewritten on a terminal, otherwise one every ten seconds."""
    terminal = Console(stderr=True, highlight=False, soft_wrap=True)
    every = 0.5 if terminal.is_terminal else _LINE_SECONDS
    last = time.monotonic()

    def tell(told: Told) -> None:
        nonlocal last
        if time.monotonic() - last < every:
            return
        last = time.monotonic()
        now = [str(each) for each in injections if each.start <= told.at < each.end]
        parts = [f"{told.events:,} events", f"{told.rate:,.0f}/s", *now]
        line = f"{_shown(told.at, world)}  {', '.join(parts)}"
        if terminal.is_terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
        else:
            terminal.print(line, markup=False)

    return tell


def _shown(moment: datetime, world: World) -> str:
    return f"{moment.astimezone(world.zone):%Y-%m-%d %H:%M:%S}"
