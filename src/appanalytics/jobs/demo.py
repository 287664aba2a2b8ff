"""The demo: a synthetic app's history, rolled up, checked and reported on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from appanalytics.jobs.quality import keep
from appanalytics.jobs.report import daily_report_of
from appanalytics.progress import Progress, silent
from appanalytics.simulate import GroundTruth, World, simulate
from appanalytics.simulate.ledger import WORLD_KEY
from appanalytics.warehouse.checks import CheckReport, run_checks
from appanalytics.warehouse.meta import read_meta
from appanalytics.warehouse.report_table import ReportTableResult, build_report_table
from appanalytics.window import day_start, parse_zone

if TYPE_CHECKING:
    from appanalytics.app import App
    from appanalytics.reports import DailyReport
    from appanalytics.warehouse.rollup import RollupReport

#: Days before the demo's end that the report table has, as if the schedule had run on each of them.
_REPORTED_DAYS = 14


@dataclass(frozen=True)
class DemoOutcome:
    """What the demo made."""

    world: World
    rolled: RollupReport
    checks: CheckReport
    table: ReportTableResult
    report: DailyReport
    files: list[Path]

    @property
    def failed(self) -> bool:
        """True when a check failed."""
        return bool(self.checks.failed)

    def lines(self, command: str = "appanalytics") -> Iterator[str]:
        """What to print, in order; ``command`` begins each command to try next."""
        yield str(self.rolled)
        yield str(self.table)
        yield str(self.checks)
        yield ""
        yield self.report.text
        yield ""
        yield f"written: {', '.join(str(path) for path in self.files)}"
        yield ""
        yield "Try next:"
        for line in next_steps(self.world):
            yield f"  {command} {line}"


def next_steps(world: World) -> list[str]:
    """Arguments worth trying on the demo: what its story tells of days that it has, then what any has."""
    told = [
        (49, 49, "investigate dau --at {0}  # the outage, explained"),
        (38, 44, "query dau --grain day --by source --since {0} --until {1}  # the ads campaign"),
        (49, 50, "query users --by city --limit 8 --since {0} --until {1} --compare week  # the outage"),
        (53, 64, "query views ctr dau --grain day --since {0} --until {1}  # the flash mob"),
    ]
    return [
        *(line.format(world.day(first), world.day(until)) for first, until, line in told if until <= world.days),
        *("query mau stickiness --grain week", "metrics list"),
    ]


def make_history(
    app: App, *, users: int, days: int, seed: int, until: date, progress: Progress = silent
) -> GroundTruth:
    """Make (or find) the history of the synthetic app that ends before ``until``."""
    world = World(users=users, days=days, seed=seed, until=until, zone=app.zone)
    return simulate(app.engine, world, progress)


def stored_world(app: App) -> World | None:
    """The world whose history this warehouse holds or began to hold, or None."""
    text = read_meta(app.engine, WORLD_KEY)
    if text is None:
        return None
    held = json.loads(text)["world"]
    return World(
        users=held["users"],
        days=held["days"],
        seed=held["seed"],
        until=date.fromisoformat(held["until"]),
        zone=parse_zone(held["zone"]),
        salt=held["salt"],
    )


def _as_of(app: App, world: World) -> datetime:
    """The instant of the checks. A history that nobody continued is judged as of its end, whenever that was."""
    end = day_start(world.until, app.zone)
    held = app.days_with_events()
    return app.now() if held and held.end > end else min(end, app.now())


def run_demo(app: App, *, users: int, days: int, seed: int, progress: Progress = silent) -> DemoOutcome:
    """Everything that ``make up`` does. A demo made on an earlier day is kept, with its own last day."""
    world = stored_world(app) or World(users=users, days=days, seed=seed, until=app.today(), zone=app.zone)
    simulate(app.engine, world, progress)
    rolled = app.rollup(progress=progress)
    last = world.until - timedelta(days=1)
    first = max(world.until - timedelta(days=_REPORTED_DAYS), world.first_day)
    window = app.window(first, world.until, None)
    table = build_report_table(app.engine, app.layout, window, progress=progress)
    checks = run_checks(app.engine, app.layout, as_of=_as_of(app, world), progress=progress)
    keep(app, last, checks)
    report, files = daily_report_of(app, last)
    return DemoOutcome(world, rolled, checks, table, report, files)
