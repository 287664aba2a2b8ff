"""What a demo offers to try."""

from __future__ import annotations

import re
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from appanalytics.jobs.demo import next_steps
from appanalytics.simulate import World


@pytest.mark.parametrize(("days", "told"), [(75, 6), (60, 5), (45, 3), (30, 2)])
def test_only_days_that_the_demo_has_are_offered(days: int, told: int) -> None:
    until = date(2026, 11, 29)
    steps = next_steps(World(until=until, zone=ZoneInfo("UTC"), users=1_000, days=days))
    assert len(steps) == told
    for day in re.findall(r"20\d\d-\d\d-\d\d", "\n".join(steps)):
        assert until - timedelta(days=days) <= date.fromisoformat(day) <= until
