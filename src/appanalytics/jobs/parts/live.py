"""The demo that goes on: live events of the simulated app, streamed into the collector."""

from __future__ import annotations

import sys

from appanalytics.jobs.parts.part import Part
from appanalytics.settings import Loaded


def live_part(loaded: Loaded) -> Part:
    """`appanalytics simulate --live`: quickly up to now, then in real time."""
    return Part(
        name="live",
        title="live events",
        command=(sys.executable, "-m", "appanalytics", "simulate", "--live"),
        folder=loaded.base,
        environment=loaded.environment(),
        ready=lambda: True,
    )
