"""A question (metrics, by, where, window, grain) becomes a plan, SQL, and an answer."""

from appanalytics.query.answer import Answer
from appanalytics.query.asked import Prefer
from appanalytics.query.coverage import Coverage, read_coverage
from appanalytics.query.plan import Plan, make_plan
from appanalytics.query.question import Compare, Filter, Question
from appanalytics.query.run import ask, default_window

__all__ = [
    "Answer",
    "Compare",
    "Coverage",
    "Filter",
    "Plan",
    "Prefer",
    "Question",
    "ask",
    "default_window",
    "make_plan",
    "read_coverage",
]
