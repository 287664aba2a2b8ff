"""The experiment that the demo decides is the one that the documentation shows."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def test_the_shipped_definition_is_the_example() -> None:
    shipped = files("appanalytics.jobs").joinpath("feed_ranking.yaml").read_text(encoding="utf-8")
    example = Path(__file__).resolve().parents[2] / "examples" / "experiments" / "feed_ranking.yaml"
    assert shipped == example.read_text(encoding="utf-8")
