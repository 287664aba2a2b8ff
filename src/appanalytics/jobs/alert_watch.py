"""Alerts without a scheduler: look again and again, for a demo, a small team, or a stream that runs fast."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from appanalytics.errors import AppAnalyticsError
from appanalytics.jobs.alert_messages import run_tick
from appanalytics.jobs.alerts import incident_records

if TYPE_CHECKING:
    from appanalytics.app import App

_SHOWN = ("severity", "metric", "slice", "direction", "start")


def watch_alerts(
    open_app: Callable[[], AbstractContextManager[App]], every: float, ticks: int | None, tell: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:  # fmt: skip
    """Look every so many seconds, ``ticks`` times or for ever; ``tell`` gets a line where an incident changed.

    A look that fails, because the warehouse is away or somebody's mistake is to be mended, is told and made again.
    """
    known: dict[str, str] | None = None
    looks = 0
    while ticks is None or looks < ticks:
        if looks:
            sleep(every)
        looks += 1
        try:
            with open_app() as app:
                report = run_tick(app, app.now())
                found = {row["id"]: row for row in incident_records(app, app.now())}
        except AppAnalyticsError as error:
            tell(f"not looked: {error}")
            continue
        changed = [row for key, row in found.items() if known is not None and known.get(key) != row["state"]]
        if known is None:
            tell(report)
            changed = [row for row in found.values() if row["state"] in ("firing", "recovering")]
        for row in reversed(changed):
            tell(_line(row))
        known = {key: row["state"] for key, row in found.items()}


def _line(row: dict[str, Any]) -> str:
    return f"{row['state']}: " + " ".join(str(row[name]) for name in _SHOWN if row[name])
