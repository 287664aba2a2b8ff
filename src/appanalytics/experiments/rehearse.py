"""A/A on real history: does a method raise alarms where nothing changed, and was this very split even?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from appanalytics import stats
from appanalytics.engine import Engine
from appanalytics.errors import ExperimentError
from appanalytics.experiments import read
from appanalytics.experiments.definition import Experiment, Period
from appanalytics.experiments.evaluate import compare
from appanalytics.experiments.history import days_before, observed_before
from appanalytics.experiments.metrics import UserMetric
from appanalytics.experiments.show import Shown
from appanalytics.progress import Progress, silent
from appanalytics.stats import METHODS, Comparison, Rehearsal
from appanalytics.warehouse.rollup import Layout

if TYPE_CHECKING:
    from appanalytics.document import Document

STEP = "draws"


@dataclass(frozen=True, repr=False)
class Rehearsed(Shown):
    """The rehearsal of one metric on the users of the days ``past``.

    ``split``: by treatment, the plain comparison of the arms before the start, when nothing differed between them.
    """

    experiment: Experiment
    metric: UserMetric
    past: Period
    population: int
    draws: int
    users_per_arm: int
    level: float
    methods: tuple[Rehearsal, ...]
    split: dict[str, Comparison]

    def page(self, locale: str = "en", *, pictures: bool = True) -> Document:
        """The page for people, in English or Russian."""
        from appanalytics.experiments.page_before import rehearsal_page

        return rehearsal_page(self, locale=locale, pictures=pictures)

    def records(self) -> list[dict[str, Any]]:
        """Flat records, one for each method: share of false alarms with its interval, and what that says."""
        return [
            {
                "metric": self.metric.name, "method": each.method, "draws": self.draws,
                "users_per_arm": self.users_per_arm, "population": self.population,
                "false_positives": each.false_positives.estimate, "low": each.false_positives.low,
                "high": each.false_positives.high, "uniform_p": each.uniform.p_value,
                "verdict": verdict(each, self.level),
            }
            for each in self.methods
        ]  # fmt: skip


def verdict(found: Rehearsal, level: float) -> str:
    """``honest``, ``lies`` (too many alarms), ``cautious`` (too few), or ``unknown`` without an answer."""
    if found.false_positives.low is None or found.false_positives.high is None:
        return "unknown"
    if not found.is_honest(level):
        return "lies"
    return "cautious" if found.false_positives.high < 1 - level else "honest"


#: Of the ratio alone; the others fit a mean per user, too.
_OF_RATIOS = ("smoothed", "smoothed_own_prior", "linearised", "delta")
#: Other systems' relative differences, which no analysis shows: `fieller_relative` takes their place.
_NOT_SHOWN = ("delta_relative", "welch_relative")


def methods_for(metric: UserMetric, *, history: bool) -> tuple[str, ...]:
    """The methods that an analysis of the metric asks, as far as one look can rehearse them.

    The confidence sequence is left out: it promises fewer than 5 % of alarms at *all* looks together.
    """
    others = _NOT_SHOWN if metric.is_ratio else (*_OF_RATIOS, *_NOT_SHOWN)
    return tuple(each for each in METHODS if each not in others and (history or each != "cuped"))


def rehearse(
    engine: Engine, layout: Layout, experiment: Experiment, period: Period, first_day: date | None,
    last_day: date | None, *, metric: str | None = None, methods: Sequence[str] = (), draws: int = 10_000,
    users_per_arm: int = 500, days: int | None = None, seed: int = 1, progress: Progress = silent,
) -> Rehearsed:  # fmt: skip
    """Draw two equal groups out of the experiment's users of history, many times, and ask every method.

    ``days``: of history, the experiment's own length unless given. Of more than about 200,000 users a hash takes so
    many. Raises `ExperimentError` without history and `StatisticsError` where there are too few users for two groups.
    """
    past = days_before(period, first_day, last_day, days or period.days, experiment.name)
    with observed_before(engine, layout, experiment, past, first_day, (metric or experiment.primary,), ()) as seen:
        (known,) = seen.metrics
        arms = read.cells(seen, known)
        users = read.population(seen, known)
    if not users.users:
        raise ExperimentError("no user of the experiment was there before the start", hint="is the assignment right?")
    level = experiment.plan.level
    asked = tuple(methods) or methods_for(known, history=bool(users.before))
    found = []
    for number, method in enumerate(asked):
        progress(STEP, number * draws, len(asked) * draws, "draws")
        given = {"seed": seed, "draws": draws, "users_per_arm": users_per_arm}
        found.append(stats.rehearse(users, [method], level=level, **given)[method])
    progress(STEP, len(asked) * draws, len(asked) * draws, "draws")
    control = arms[experiment.control].moments
    split = {name: compare(known, control, arms[name].moments, level) for name in experiment.treatments}
    population = int(users.counts[users.denominators > 0].sum())
    return Rehearsed(experiment, known, past, population, draws, users_per_arm, level, tuple(found), split)
