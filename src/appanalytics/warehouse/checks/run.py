"""Run all checks of a warehouse: a visible list of steps, each a function from the scope to its results."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from appanalytics.engine import Engine
from appanalytics.errors import WindowError
from appanalytics.progress import Progress, silent
from appanalytics.warehouse.checks import agreement, arrival, copies, rolled, sliced, values, volume
from appanalytics.warehouse.checks.limits import DEFAULT, Limits
from appanalytics.warehouse.checks.report import Check, CheckReport
from appanalytics.warehouse.checks.scope import Scope, read_scope
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Window

STEPS: tuple[Callable[[Scope], list[Check]], ...] = (
    arrival.freshness,
    arrival.future,
    volume.volume,
    values.impossible_values,
    values.blind_likes,
    copies.copies,
    arrival.day_log,
    rolled.user_day,
    rolled.post_day,
    rolled.active_users,
    agreement.user_day_days,
    agreement.user_links,
    agreement.slice_day,
    agreement.user_month,
    agreement.retention_day,
    agreement.post_day_days,
    sliced.report_daily,
)


def run_checks(
    engine: Engine,
    layout: Layout,
    *,
    as_of: datetime | None,
    window: Window | None = None,
    full: bool = False,
    limits: Limits = DEFAULT,
    progress: Progress = silent,
) -> CheckReport:
    """Check a warehouse; nothing is changed.

    Numbers of events, the day log and sums of rollups are compared for every day. What needs the events
    themselves (values, copies, numbers of different users) is looked at on some days: the newest and a few
    older ones that change from day to day, or all with ``full`` (at 46 M events: minutes instead of seconds).
    A defect of an older day's events can therefore stay unseen by the default run.

    ``as_of`` is the instant up to which data can be there (usually now): days that end later are left out, and
    freshness and events of the future are judged by it. Without it these two are skipped and the last day is
    taken to be whole. ``window`` limits the days.
    """
    if as_of is not None and as_of.tzinfo is None:
        raise WindowError(f"as_of {as_of} has no time zone")
    progress("check", 0, len(STEPS), "checks")
    scope = read_scope(engine, layout, limits, as_of, window, full=full)
    results: list[Check] = []
    for done, step in enumerate(STEPS, 1):
        results += step(scope)
        progress("check", done, len(STEPS), "checks")
    return CheckReport(tuple(results), tuple(scope.sample))
