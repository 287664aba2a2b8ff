"""Retention: cohorts by first day, who of them returns, and whether two groups differ."""

from appanalytics.retention.ask import retention
from appanalytics.retention.question import Bracket, Kind, RetentionQuestion
from appanalytics.retention.triangle import Cell, Point, Triangle

__all__ = ["Bracket", "Cell", "Kind", "Point", "RetentionQuestion", "Triangle", "retention"]
