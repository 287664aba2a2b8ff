"""The demo that goes on: live events of the simulated app, streamed into the collector."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from appanalytics.jobs.parts.part import Part
from appanalytics.settings import Loaded


def live_part(loaded: Loaded, injected: Sequence[str] = ()) -> Part:
    """`appanalytics simulate --live`: quickly up to now, then in real time; ``injected`` are its options besides."""
    return Part(
        name="live",
        title="live events",
        command=(sys.executable, "-m", "appanalytics", "simulate", "--live", *injected),
        folder=loaded.base,
        environment=loaded.environment(),
        ready=lambda: True,
    )
