"""Retention: cohorts by first day, who of them returns, and whether two groups differ."""

from appanalytics.retention.ask import retention
from appanalytics.retention.compare import Driver, RetentionComparison, StepDifference, Verdict, compare
from appanalytics.retention.page import comparison_page, conclusion, event_notes, triangle_page
from appanalytics.retention.question import Bracket, Kind, RetentionQuestion
from appanalytics.retention.triangle import Cell, Point, Triangle

__all__ = [
    "Bracket", "Cell", "Driver", "Kind", "Point", "RetentionComparison", "RetentionQuestion", "StepDifference",
    "Triangle", "Verdict", "compare", "comparison_page", "conclusion", "event_notes", "retention", "triangle_page",
]  # fmt: skip
