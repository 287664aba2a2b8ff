"""Real history for planning: the users of the days before the start, under the experiment's own assignment.

Nothing differs between the arms yet, so what is seen here is what the metric varies by, how many users come, and
whether the split itself is even.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from appanalytics.engine import Engine
from appanalytics.errors import ExperimentError
from appanalytics.experiments.definition import Assignment, Experiment, Period, Variant
from appanalytics.experiments.metrics import user_metric
from appanalytics.experiments.observe import Observations, observed
from appanalytics.warehouse.rollup import Layout

EVERYBODY = "everybody"


def days_before(period: Period, first_day: date | None, last_day: date | None, days: int, name: str) -> Period:
    """Up to ``days`` days before the start, as far as there are whole days of data.

    Raises `ExperimentError` where there is none.
    """
    if first_day is None or last_day is None or min(period.since, last_day + timedelta(days=1)) <= first_day:
        raise ExperimentError(
            f"{name}: there is no whole day of events before {period.since}",
            hint="planning reads history: load some, or give a later start",
        )
    until = min(period.since, last_day + timedelta(days=1))
    return Period(max(first_day, until - timedelta(days=days)), until)


def for_everybody(experiment: Experiment) -> Experiment:
    """The same experiment with every user in one arm."""
    return experiment.model_copy(
        update={"assignment": Assignment(salt=EVERYBODY), "variants": {EVERYBODY: Variant()}}
    )


@contextlib.contextmanager
def observed_before(
    engine: Engine, layout: Layout, experiment: Experiment, past: Period, first_day: date | None,
    metrics: Sequence[str], segments: Sequence[str] | None = None,
) -> Iterator[Observations]:  # fmt: skip
    """Observations of past days as if they were the experiment's; its history is cut where events begin."""
    earlier = (past.since - first_day).days if first_day else 0
    changes = {
        "history_days": max(0, min(experiment.history_days, earlier)),
        "segments": experiment.segments if segments is None else tuple(segments),
    }
    asked = experiment.model_copy(update=changes)
    asked.check(layout.catalog)
    known = tuple(user_metric(layout.catalog, name) for name in metrics)
    with observed(engine, layout, asked, known, past) as seen:
        yield seen
