"""Ask about retention."""

from __future__ import annotations

from datetime import date

from appanalytics.engine import Engine
from appanalytics.query import Coverage, Observed
from appanalytics.retention.question import RetentionQuestion
from appanalytics.retention.read import read_counts
from appanalytics.retention.triangle import Triangle
from appanalytics.warehouse.rollup import Layout


def retention(
    engine: Engine, layout: Layout, coverage: Coverage, question: RetentionQuestion, *, today: date
) -> Triangle:
    """The cohort triangle of a question. Days from ``today`` on are not over.

    Raises `WarehouseMissing` without events, `UserError` where rollups are stale, `QuestionError` for unknown values.
    """
    seen = Observed.of(coverage, question.window, today)
    counts, statement = read_counts(engine, layout, coverage, question, seen)
    return Triangle.of(question, counts, seen, statement.relation, statement.text)
