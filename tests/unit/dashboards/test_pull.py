"""Edits by hand come back into a spec, or are told."""

from __future__ import annotations

from pathlib import Path

from appanalytics.dashboards import load_specs
from appanalytics.dashboards.plan import Change, Plan
from appanalytics.dashboards.pull import pull


def test_edits_that_a_key_can_hold_are_written(tmp_path: Path) -> None:
    plan = Plan(
        (
            Change("edited", "chart", "audience/quick-ratio", "slice_name", "Growth", "Quick ratio"),
            Change(
                "edited", "chart", "audience/gone", "params.metrics", ["new", "gone"], ["new", "retained", "gone"]
            ),
            Change("edited", "dashboard", "audience", "position.CHART-gone.meta.width", 6, 12),
            Change("edited", "chart", "audience/gone", "params.opacity", 0.5, None),
            Change("change", "chart", "audience/gone", "params.row_limit", 5, 10_000),
        )
    )
    done = pull(plan, load_specs(), tmp_path, "en")
    assert [(each.name, each.key) for each in done] == [
        ("audience/quick-ratio", "title"),
        ("audience/gone", "metrics"),
        ("audience", "width"),
        ("audience/gone", ""),
    ]
    assert [file.name for file in tmp_path.iterdir()] == ["audience.yaml"]
    (spec,) = [each.spec for each in load_specs(tmp_path) if each.spec.name == "audience"]
    charts = {chart.name: chart for chart in spec.charts}
    assert charts["quick-ratio"].title == {"en": "Growth", "ru": "Quick ratio"}
    assert (charts["gone"].metrics, charts["gone"].width, charts["gone"].limit) == (["new", "gone"], 6, 10_000)
