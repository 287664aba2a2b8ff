"""Questions: the period that one is compared with, and the names that are checked."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.errors import QuestionError
from appanalytics.query.question import Compare, Question, compared_window
from appanalytics.window import Grain, Window

BERLIN = ZoneInfo("Europe/Berlin")


def days(first: str, until: str) -> Window:
    return Window.of(first, until, BERLIN)


@pytest.mark.parametrize(
    ("grain", "window", "before"),
    [
        (Grain.DAY, ("2026-03-10", "2026-03-13"), ("2026-03-07", "2026-03-10")),
        (Grain.WEEK, ("2026-03-02", "2026-03-11"), ("2026-02-16", "2026-02-25")),  # 9 days reach into two weeks
        (Grain.MONTH, ("2026-01-15", "2026-03-10"), ("2025-10-01", "2026-01-01")),  # three months, over the year
        (Grain.TOTAL, ("2026-03-10", "2026-03-13"), ("2026-03-07", "2026-03-10")),
    ],
)
def test_the_period_before_has_as_many_buckets(
    grain: Grain, window: tuple[str, str], before: tuple[str, str]
) -> None:
    assert compared_window(days(*window), grain, Compare.PREVIOUS) == days(*before)


def test_parts_of_days_are_compared_by_whole_buckets() -> None:
    start, end = datetime(2026, 3, 10, 10, tzinfo=UTC), datetime(2026, 3, 10, 12, 20, tzinfo=UTC)
    some = Window(start, end, BERLIN)
    by_hour = compared_window(some, Grain.HOUR, Compare.PREVIOUS)
    assert by_hour.start == datetime(2026, 3, 10, 7, tzinfo=UTC)  # three hours have a part in it
    by_quarter = compared_window(some, Grain.QUARTER_HOUR, Compare.PREVIOUS)
    assert by_quarter.start == datetime(2026, 3, 10, 7, 30, tzinfo=UTC)  # ten quarters
    assert compared_window(some, Grain.TOTAL, Compare.PREVIOUS).end == start
    by_day = compared_window(some, Grain.DAY, Compare.PREVIOUS)
    assert by_day.end - by_day.start == end - start
    assert by_day.start == datetime(2026, 3, 9, 10, tzinfo=UTC)


def test_a_week_before() -> None:
    assert compared_window(days("2026-03-10", "2026-03-13"), Grain.DAY, Compare.WEEK) == days(
        "2026-03-03", "2026-03-06"
    )
    with pytest.raises(QuestionError, match="months cannot be compared with a week before"):
        compared_window(days("2026-03-01", "2026-04-01"), Grain.MONTH, Compare.WEEK)


def test_a_question_without_a_metric_says_what_there_is() -> None:
    with pytest.raises(QuestionError, match="ask for at least one metric"):
        Question.of(load_catalog(), " , ", days("2026-03-10", "2026-03-13"))
