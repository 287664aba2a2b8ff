"""A question (metrics, by, where, window, grain) becomes a plan, SQL, and an answer."""

from appanalytics.query.answer import Answer
from appanalytics.query.asked import Prefer
from appanalytics.query.coverage import Coverage, read_coverage
from appanalytics.query.plan import Plan, make_plan
from appanalytics.query.question import Compare, Filter, Question
from appanalytics.query.run import ask, check_values, default_window
from appanalytics.query.services import Observed, Service, population, service_of

__all__ = [
    "Answer",
    "Compare",
    "Coverage",
    "Filter",
    "Observed",
    "Plan",
    "Prefer",
    "Question",
    "Service",
    "ask",
    "check_values",
    "default_window",
    "make_plan",
    "population",
    "read_coverage",
    "service_of",
]
