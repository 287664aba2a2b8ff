"""Comparisons of two groups that cannot be asked for; refused before anything is read."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.errors import QuestionError
from appanalytics.retention import RetentionQuestion
from appanalytics.retention.compare import compare
from appanalytics.window import Window

CATALOG = load_catalog()
WINDOW = Window.of("2026-03-02", "2026-03-09", ZoneInfo("UTC"))
NOTHING: Any = None


@pytest.mark.parametrize(
    ("how", "values", "said"),
    [
        ({}, ("ads", "organic"), "compare two values of one dimension"),
        ({"by": ["source", "os"]}, ("ads", "organic"), "compare two values of one dimension"),
        ({"by": "source", "kind": "bracket"}, ("ads", "organic"), "brackets cannot be compared"),
        ({"by": "source"}, ("ads", "ads"), "source ads against itself"),
    ],
)
def test_what_cannot_be_compared(how: dict[str, Any], values: tuple[str, str], said: str) -> None:
    question = RetentionQuestion.of(CATALOG, WINDOW, **how)
    with pytest.raises(QuestionError) as told:
        compare(NOTHING, NOTHING, NOTHING, question, *values, today=date(2026, 4, 1))
    assert said in told.value.message
    assert told.value.hint
