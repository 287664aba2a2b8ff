"""A small share of `python -m benchmarks.delivery`: faults by chance, kills in the middle, faster limits."""

from __future__ import annotations

from pathlib import Path

from appanalytics.notify import Limits

from .deliveries import Load, delivery_rounds


def test_nothing_is_lost_and_what_came_twice_is_known(tmp_path: Path) -> None:
    limits = Limits(per_second=120, spacing=0.0, per_group=40, group_seconds=2.0, margin=1.0)
    load = Load(messages=120, chats=30, kills=2, limits=limits)
    outcome = delivery_rounds(tmp_path / "warehouse", load)
    assert outcome.is_clean, str(outcome)
    assert outcome.kills == 2
    assert outcome.faults > 0
    assert outcome.summary.sent == 120
