"""Before the start: how small an effect so many days show, and how many days an effect needs, from real history."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any

from appanalytics import stats
from appanalytics.engine import Engine
from appanalytics.errors import ExperimentError, nearest
from appanalytics.experiments import read
from appanalytics.experiments.definition import Experiment, Period
from appanalytics.experiments.history import days_before, observed_before
from appanalytics.experiments.metrics import UserMetric, user_metric
from appanalytics.experiments.observe import Observations
from appanalytics.experiments.show import Shown
from appanalytics.progress import Progress, silent
from appanalytics.warehouse.rollup import Layout

if TYPE_CHECKING:
    from appanalytics.document import Document

STEP = "history"
#: Numbers of days that are looked at; more where the answer lies between them.
GRID = (1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 84)


@dataclass(frozen=True, slots=True)
class Length:
    """What an experiment of ``days`` days shows of a metric.

    ``users_control`` and ``users_treatment`` came within the last so many days of history. ``smallest`` and
    ``smallest_cuped`` are the smallest relative effects seen with the wanted power (null where the metric is zero or
    does not vary; with CUPED null without history). ``power`` is the chance to see the wanted effect, ``needed`` the
    users of control that it asks for; null without a wanted effect.
    """

    days: int
    users_control: int
    users_treatment: int
    value: float | None
    variance: float | None
    smallest: float | None
    smallest_cuped: float | None
    power: float | None
    needed: int | None


@dataclass(frozen=True, slots=True)
class MetricPlan:
    """One metric's lengths, planned for a relative ``effect``.

    ``reduction``: share of the variance that history explains (CUPED) at the planned length, null without history.
    ``enough`` and ``enough_cuped``: after so many days the wanted effect is seen with the wanted power; null where
    the days of history are too few to tell, or without a wanted effect.
    """

    metric: UserMetric
    effect: float | None
    lengths: tuple[Length, ...]
    reduction: float | None
    enough: int | None
    enough_cuped: int | None


@dataclass(frozen=True, repr=False)
class Planned(Shown):
    """The plans of all metrics for one treatment, from the days ``past``."""

    experiment: Experiment
    treatment: str
    past: Period
    power: float
    level: float
    metrics: tuple[MetricPlan, ...]

    def page(self, locale: str = "en", *, pictures: bool = True) -> Document:
        """The page for people, in English or Russian."""
        from appanalytics.experiments.page_before import plan_page

        return plan_page(self, locale=locale, pictures=pictures)

    def records(self) -> list[dict[str, Any]]:
        """Flat records, one for each metric and number of days; effects are relative, shares are fractions."""
        names = Length.__slots__
        return [
            {"metric": plan.metric.name, **{name: getattr(each, name) for name in names},
             "effect": plan.effect, "wanted_power": self.power, "level": self.level, "reduction": plan.reduction,
             "enough": plan.enough, "enough_cuped": plan.enough_cuped}
            for plan in self.metrics
            for each in plan.lengths
        ]  # fmt: skip


def plan(
    engine: Engine, layout: Layout, experiment: Experiment, period: Period, first_day: date | None,
    last_day: date | None, *, metrics: Sequence[str] = (), effect: float | None = None, power: float | None = None,
    days: int = 28, treatment: str | None = None, progress: Progress = silent,
) -> Planned:  # fmt: skip
    """Plan from up to ``days`` days of history; ``effect`` and ``power`` are the definition's unless given.

    Without ``metrics`` the primary one and the guardrails are planned. A guardrail's effect is its margin: the loss
    that must be ruled out. Users of an experiment of ``d`` days are taken to be those of the last ``d`` days: an app
    that grows brings more. Raises `ExperimentError` without history, `WarehouseMissing` where it is not rolled up.
    """
    names = tuple(metrics) or tuple(dict.fromkeys((experiment.primary, *experiment.guardrails)))
    wanted = effect if effect is not None else experiment.plan.effect
    arm = treatment or experiment.treatments[0]
    if arm not in experiment.treatments:
        hint = nearest(arm, experiment.treatments)
        raise ExperimentError(f"{experiment.name} has no treatment {arm!r}", hint=hint)
    aims = {name: experiment.guardrails.get(name, wanted) if effect is None else wanted for name in names}
    past = days_before(period, first_day, last_day, days, experiment.name)
    target, level = power if power is not None else experiment.plan.power, experiment.plan.level
    known = {name: user_metric(layout.catalog, name) for name in names}

    @cache
    def of_days(number: int) -> dict[str, _Part]:
        window = Period(past.until - timedelta(days=number), past.until)
        with observed_before(engine, layout, experiment, window, first_day, names, ()) as seen:
            return {each.name: _part(seen, each, (experiment.control, arm)) for each in seen.metrics}

    def length(name: str, number: int) -> Length:
        return _length(number, of_days(number)[name], aims[name], target, level)

    def fits(name: str, which: str, number: int) -> bool:
        aim, smallest = aims[name], getattr(length(name, number), which)
        return aim is not None and smallest is not None and smallest <= aim

    grid = sorted({each for each in (*GRID, period.days) if each <= past.days} | {past.days})
    for place, number in enumerate(grid):
        progress(STEP, place, len(grid), "lengths")
        of_days(number)
    progress(STEP, len(grid), len(grid), "lengths")
    found = []
    for name in names:
        enough = {which: _enough(partial(fits, name, which), grid) for which in ("smallest", "smallest_cuped")}
        shown = sorted({*grid, *(each for each in enough.values() if each is not None)})
        lengths = tuple(length(name, number) for number in shown)
        explained = of_days(min(period.days, past.days))[name].explained
        found.append(MetricPlan(known[name], aims[name], lengths, explained, *enough.values()))
    return Planned(experiment, arm, past, target, level, tuple(found))


@dataclass(frozen=True, slots=True)
class _Part:
    """A metric in both arms together: users of each, value, variance of one user, what history explains of it."""

    users: tuple[int, int]
    value: float | None
    variance: float | None
    explained: float | None


def _part(seen: Observations, metric: UserMetric, arms: tuple[str, str]) -> _Part:
    moments = read.history_moments(seen, metric)
    some = [moments[name] for name in arms if name in moments]
    if not some:
        return _Part((0, 0), None, None, None)
    whole = reduce(add, some)
    now = whole.columns(0, 1) if metric.is_ratio else whole.columns(0)
    value = now.means[0] if not metric.is_ratio else now.means[0] / now.means[1] if now.means[1] else None
    variance = stats.ratio_variance(now) if metric.is_ratio else now[0].variance
    adjust = stats.cuped_ratio if metric.is_ratio else stats.cuped_mean
    explained = adjust(whole, whole).reduction if seen.has_history and variance else None
    counts = [moments[name].count if name in moments else 0 for name in arms]
    return _Part((counts[0], counts[1]), value, variance, explained)


def _length(days: int, part: _Part, effect: float | None, power: float, level: float) -> Length:
    users, value, variance = part.users, part.value, part.variance
    if not value or not variance or min(users) < 2:
        return Length(days, *users, value, variance, None, None, None, None)
    left = None if part.explained is None else variance * (1 - part.explained)
    aim = abs(value) * effect if effect else None
    reach = needed = None
    if aim:
        reach = stats.achieved_power(*users, aim, variance, level=level).power
        share = users[1] / users[0]
        solved = stats.users_needed(aim, variance, power=power, level=level, allocation=share)
        needed = math.ceil(solved.users_control)
    smallest = [
        None if each is None else stats.detectable(*users, each, power=power, level=level).effect / abs(value)
        for each in (variance, left)
    ]
    return Length(days, *users, value, variance, smallest[0], smallest[1], reach, needed)


def _enough(fits: Callable[[int], bool], grid: Sequence[int]) -> int | None:
    """The first number of days that fits: the first of the grid, then bisection down to the one before."""
    first = next((place for place, number in enumerate(grid) if fits(number)), None)
    if first is None:
        return None
    low, high = grid[first - 1] if first else 0, grid[first]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
