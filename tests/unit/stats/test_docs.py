"""What docs/statistics.md shows is run here, and it names every function."""

from __future__ import annotations

import doctest
from pathlib import Path

from appanalytics import stats

PAGE = Path(__file__).resolve().parents[3] / "docs" / "statistics.md"


def test_examples() -> None:
    found = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert found.attempted >= 6
    assert not found.failed


def test_every_function_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8").replace(
        "quantile_difference(s)", "quantile_difference quantile_differences"
    )
    functions = [name for name in stats.__all__ if name.islower() and callable(getattr(stats, name))]
    helpers = {"top_share", "linearised", "share_variance", "ratio_variance", "cuped_variance"}
    assert not [name for name in functions if name not in text and name not in helpers]
