"""The arithmetic of sizes, against numbers worked out by hand, and the page that shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appanalytics.warehouse.sizing import EVENTS_A_USER, Held, Load, Measured, grown, size

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "sizing.md").read_text(encoding="utf-8")
TEN_BILLION = Load(10e9, 10e9 / EVENTS_A_USER)


def test_ten_billion_by_hand() -> None:
    cost = Measured(event_bytes=3, user_day_bytes=15, other_bytes=0, insert_cpu=1, rollup_cpu=2, scan_cpu=0.1)
    found = size(Load(10e9, 2e8, days=100, replicas=2, cores=32, disk_bytes=1e12, fill=0.5), cost)
    assert found.day_bytes == 33e9
    assert found.kept_bytes == 3.3e12
    assert found.by_disk == 7  # 3.3 TB over half a terabyte
    assert found.insert_cores == pytest.approx(10_000 / 86_400 * 3 * 2)
    assert found.rollup_core_hours == pytest.approx(20_000 / 3600)
    assert found.by_rollup == 1  # 5.6 core hours in an hour of 16 cores
    assert (found.shards, found.nodes) == (7, 14)
    assert found.query_core_seconds == pytest.approx(600)


def test_more_of_anything_never_needs_less() -> None:
    nodes = size(TEN_BILLION).nodes
    for more in ({"events": 2e10}, {"users": 1e9}, {"days": 3650}, {"replicas": 3}, {"peak": 300.0}):
        assert size(replace(TEN_BILLION, **more)).nodes >= nodes  # type: ignore[arg-type]
    assert size(replace(TEN_BILLION, events=1e12, rollup_hours=0.1)).by_rollup > 1


def test_growth_follows_events_and_users() -> None:
    columns = {"time": 100, "user_id": 30, "city": 20, "post_id": 90}
    held = {"feed_actions": Held(300, 80, columns), "user_day": Held(50), "post_day": Held(20)}
    assert grown(held, 1, 1) == 370
    assert grown(held, 10, 10) == 3000 + 500 + 20
    bits = 80 * 8 * 3 / 8  # eight times as many: each of 640 differences takes three bits less
    assert grown(held, 8, 1) == 8 * 250 - bits + 50 + 50 + 20
    assert grown(held, 1, 8) == 250 + 8 * 50 + 8 * 50 + 20


def test_times_never_take_less_than_before() -> None:
    assert grown({"feed_actions": Held(10, 80, {"time": 10})}, 8, 1) == 10


def test_the_page_shows_what_is_computed() -> None:
    shown = PAGE.partition("```text\n")[2].partition("```")[0]
    assert shown == "\n".join(size(TEN_BILLION).lines()) + "\n"
    for events in (1e8, 1e9, 1e10):
        found = size(Load(events, events / EVENTS_A_USER))
        cells = [
            f"{events:,.0f}", f"{found.load.users:,.0f}", f"{found.day_bytes / 1e9:,.2f}",
            f"{found.kept_bytes / 1e12:,.2f}", f"{found.insert_cores:,.1f}", f"{found.rollup_core_hours:,.2f}",
            f"{found.shards}", f"{found.nodes}",
        ]  # fmt: skip
        row = f"| {' | '.join(cells)} |"
        assert row in PAGE, row
