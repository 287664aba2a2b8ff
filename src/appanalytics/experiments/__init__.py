"""Experiments: from a salted split to a decision that can be trusted."""

from appanalytics.experiments.analysis import Analysis, Result
from appanalytics.experiments.decide import Decision, Outcome, Step, decide
from appanalytics.experiments.definition import Experiment, Period, State
from appanalytics.experiments.opened import Decided, OpenExperiment
from appanalytics.experiments.page import page_of
from appanalytics.experiments.page_before import plan_page, rehearsal_page, split_page
from appanalytics.experiments.power import Planned
from appanalytics.experiments.registry import find_experiment, parse_experiment, read_experiment, read_registry
from appanalytics.experiments.rehearse import Rehearsed
from appanalytics.experiments.sizes import Sizes
from appanalytics.experiments.split import assigned, part_of, variant_of

__all__ = [
    "Analysis", "Decided", "Decision", "Experiment", "OpenExperiment", "Outcome", "Period", "Planned",
    "Rehearsed", "Result", "Sizes", "State", "Step", "assigned", "decide", "find_experiment", "page_of",
    "parse_experiment", "part_of", "plan_page", "read_experiment", "read_registry", "rehearsal_page",
    "split_page", "variant_of",
]  # fmt: skip
