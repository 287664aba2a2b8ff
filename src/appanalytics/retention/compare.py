"""Ads against organic: does one group of newcomers come back more often than another of the same days?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from appanalytics.engine import Engine
from appanalytics.errors import QuestionError, nearest
from appanalytics.known_events import KnownEvent, KnownEvents
from appanalytics.query import Coverage, Observed
from appanalytics.query.scope import output
from appanalytics.retention.groups import Arm, Deviation, Stratum, driving, overall, usable
from appanalytics.retention.question import NO_END, Kind, RetentionQuestion
from appanalytics.retention.read import read_counts, read_rows
from appanalytics.retention.triangle import Cell, Point, Triangle, last_complete_step
from appanalytics.stats import Comparison, Interval, Share, mantel_haenszel, wilson
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from appanalytics.document import Document


class Verdict(StrEnum):
    """What the data say of the two groups."""

    HIGHER = "higher"
    LOWER = "lower"
    NO_DIFFERENCE = "no_difference"
    NOTHING_TO_COMPARE = "nothing_to_compare"


@dataclass(frozen=True, slots=True)
class StepDifference:
    """The difference of the groups at one step (Mantel–Haenszel), over the cohorts that are old enough.

    ``without`` is the same without driving cohorts.
    """

    step: int
    cohorts: int
    comparison: Comparison
    without: Comparison


@dataclass(frozen=True, slots=True)
class Driver:
    """A cohort that drives the difference, and which group of it is unusual.

    ``group`` is that group's value, ``users`` its newcomers, ``share`` their return at step 1 with Wilson's interval,
    ``usual`` the same of all other cohorts of the group. ``events`` are known events of its days.
    """

    deviation: Deviation
    group: str
    users: int
    share: Interval
    usual: Interval
    events: tuple[KnownEvent, ...] = ()

    @property
    def cohort(self) -> date:
        """First day of the cohort."""
        return self.deviation.stratum.cohort


@dataclass(frozen=True, repr=False)
class RetentionComparison:
    """Retention of ``treatment`` against ``control`` within the same cohorts.

    ``overall`` is the mean difference over all complete cells from step 1 on, treatment less control; ``without`` the
    same without the driving cohorts (equal to it where there are none). All differences are in units of the share.
    """

    triangle: Triangle
    dimension: str
    control: str
    treatment: str
    overall: Comparison
    without: Comparison
    steps: tuple[StepDifference, ...]
    drivers: tuple[Driver, ...]
    strata: tuple[Stratum, ...]
    left_out: int = 0

    @property
    def verdict(self) -> Verdict:
        """By the difference without driving cohorts: they may be one campaign, and the rest is the rule."""
        if self.without.effect is None:
            return Verdict.NOTHING_TO_COMPARE
        if not self.without.is_significant():
            return Verdict.NO_DIFFERENCE
        return Verdict.HIGHER if self.without.effect > 0 else Verdict.LOWER

    @property
    def records(self) -> list[dict[str, Any]]:
        """Flat records: ``scope`` is overall, without_driving, step or driving_cohort."""
        found = [
            {"scope": "overall", **self._named(), **_numbers(self.overall), "cohorts": len(self.strata)},
            {
                "scope": "without_driving", **self._named(), **_numbers(self.without),
                "cohorts": len(self.strata) - len(self.drivers),
            },
        ]  # fmt: skip
        found += [
            {
                "scope": "step", **self._named(), "offset": each.step, **_numbers(each.comparison),
                "cohorts": each.cohorts,
            }
            for each in self.steps
        ]  # fmt: skip
        found += [{"scope": "driving_cohort", **self._named(), **_driver(each)} for each in self.drivers]
        return [{name: record.get(name) for name in self.columns} for record in found]

    @property
    def columns(self) -> list[str]:
        """Keys of every record."""
        return [
            "scope", "cohort", "offset", "control_value", "treatment_value", "control", "treatment", "effect", "low",
            "high", "statistic", "p_value", "cohorts",
        ]  # fmt: skip

    def plot(self, *, locale: str = "en") -> Figure:
        """The difference at each step with its interval; needs the extra ``pictures``."""
        from appanalytics.retention.pictures import differences

        return differences(self, locale=locale)

    def page(self, *, locale: str = "en", pictures: bool = True, label: str | None = None) -> Document:
        """Everything as one page for a terminal, Markdown or HTML."""
        from appanalytics.retention.page import comparison_page

        return comparison_page(self, locale=locale, pictures=pictures, label=label)

    def _repr_html_(self) -> str:
        return self.page(pictures=False)._repr_html_()

    def _named(self) -> dict[str, Any]:
        return {"control_value": self.control, "treatment_value": self.treatment}

    def __repr__(self) -> str:
        from appanalytics.retention.page import conclusion

        return "\n".join(text.replace("**", "") for text in conclusion(self))


def compare(
    engine: Engine, layout: Layout, coverage: Coverage, question: RetentionQuestion, control: str, treatment: str, *,
    today: date, level: float = 0.95, known: KnownEvents | None = None,
) -> RetentionComparison:  # fmt: skip
    """Compare two values of the question's one dimension. ``known`` are events to name beside driving cohorts.

    Raises `QuestionError` for another number of dimensions, for unknown values, and for brackets.
    """
    (dimension,) = _checked(question)
    if control == treatment:
        raise QuestionError(f"{dimension} {control} against itself", hint="give two values")
    both = RetentionQuestion.of(
        layout.catalog, question.window, by=dimension, where={dimension: [control, treatment]}
    ).where
    control, treatment = both[0].values
    seen = Observed.of(coverage, question.window, today)
    counts, statement = read_counts(engine, layout, coverage, question, seen)
    triangle = Triangle.of(question, counts, seen, statement.relation, statement.text)
    triangle = triangle.only({control: _value(triangle, control), treatment: _value(triangle, treatment)})
    horizons = _horizons(question, seen)
    strata = _strata(engine, layout, question, seen, horizons, (control, treatment))
    kept = usable(strata)
    cells = {text: triangle.of_slice((_value(triangle, text),)) for text in (control, treatment)}
    by_step = {each.cohort: _by_step(each, cells[control], cells[treatment]) for each in kept}
    deviations = driving(kept, by_step)
    drives = {each.stratum.cohort for each in deviations}
    return RetentionComparison(
        triangle, dimension, control, treatment, overall(strata, level),
        overall([each for each in strata if each.cohort not in drives], level),
        tuple(_steps(triangle, cells[control], cells[treatment], drives, level)),
        tuple(_named_driver(each, question, cells, known or KnownEvents(), level) for each in deviations),
        tuple(kept), len(strata) - len(kept),
    )  # fmt: skip


def _checked(question: RetentionQuestion) -> tuple[str]:
    if len(question.by) != 1:
        raise QuestionError("compare two values of one dimension", hint="--by source --a ads --b organic")
    if question.kind is Kind.BRACKET:
        raise QuestionError("brackets cannot be compared", hint="use the kind exact, unbounded or rolling")
    return (question.by[0],)


def _value(triangle: Triangle, text: str) -> Any:
    """The value of a slice by its text; raises `QuestionError` where no newcomer has it."""
    named = {"unknown" if value is None else str(value): value for (value,) in triangle.slices}
    if text not in named:
        raise QuestionError(f"no newcomers with {triangle.question.by[0]} {text!r}", hint=nearest(text, named))
    return named[text]


def _horizons(question: RetentionQuestion, seen: Observed) -> dict[date, int]:
    """The last complete step of each cohort that has one after its first."""
    most = question.periods if question.periods is not None else NO_END
    steps = {cohort: min(last_complete_step(question, cohort, seen), most) for cohort in question.cohorts()}
    return {cohort: step for cohort, step in steps.items() if step > 0}


def _strata(
    engine: Engine, layout: Layout, question: RetentionQuestion, seen: Observed, horizons: dict[date, int],
    values: Sequence[str],
) -> list[Stratum]:  # fmt: skip
    if not horizons:
        return []
    more = {"cohorts": list(horizons), "horizons": list(horizons.values())}
    arms: dict[date, dict[str, Arm]] = {}
    for row in read_rows(engine, layout, question, seen, "spread", more):
        value = row[output(question.by[0])]
        arm = Arm(int(row["users"]), int(row["sum_total"]), int(row["sum_squares"]))
        arms.setdefault(row["cohort"], {})["unknown" if value is None else str(value)] = arm
    none = Arm(0, 0, 0)
    return [
        Stratum(cohort, horizons[cohort], *(arms[cohort].get(value, none) for value in values))
        for cohort in sorted(arms)
        if any(value in arms[cohort] for value in values)
    ]


Cells = dict[tuple[date, int], Cell]


def _by_step(stratum: Stratum, control: Cells, treatment: Cells) -> dict[int, tuple[float, float]]:
    found = {}
    for step in range(1, stratum.steps + 1):
        one, other = control[stratum.cohort, step], treatment[stratum.cohort, step]
        found[step] = (stratum.weight, other.users / other.size - one.users / one.size)
    return found


def _steps(
    triangle: Triangle, control: Cells, treatment: Cells, drives: set[date], level: float
) -> list[StepDifference]:
    found = []
    for step in triangle.places:
        pairs = [
            (cell, treatment[cohort, place])
            for (cohort, place), cell in control.items()
            if place == step and step and cell.complete and (cohort, place) in treatment
        ]
        if pairs:
            rest = [pair for pair in pairs if pair[0].cohort not in drives]
            both, without = (mantel_haenszel(_shares(some), level=level) for some in (pairs, rest))
            found.append(StepDifference(step, len(pairs), both, without))
    return found


def _shares(pairs: Sequence[tuple[Cell, Cell]]) -> list[tuple[Share, Share]]:
    return [(Share(one.users, one.size), Share(other.users, other.size)) for one, other in pairs]


def _named_driver(
    deviation: Deviation, question: RetentionQuestion, cells: dict[str, Cells], known: KnownEvents, level: float
) -> Driver:
    cohort, steps = deviation.stratum.cohort, deviation.stratum.steps

    def strangeness(group: str) -> float:
        """How far the group's cohort is from the group's others, in its own standard errors."""
        apart = error = 0.0
        for step in range(1, steps + 1):
            here, usual = cells[group][cohort, step], _others(cells[group], cohort, step)
            share = usual.share or 0.0
            apart += here.users / here.size - share
            error += share * (1 - share) / here.size
        return abs(apart) / error**0.5 if error else 0.0

    group = max(cells, key=strangeness)
    here, usual = cells[group][cohort, 1], _others(cells[group], cohort, 1)
    first, last = question.members(cohort)
    days = Window.of(first, last + timedelta(days=1), question.window.zone)
    return Driver(
        deviation, group, here.size, wilson(Share(here.users, here.size), level=level),
        wilson(Share(usual.users, usual.size), level=level), tuple(known.during(days)),
    )  # fmt: skip


def _others(cells: Cells, cohort: date, step: int) -> Point:
    """All other complete cells of a step together."""
    rest = [cell for (day, place), cell in cells.items() if place == step and day != cohort and cell.complete]
    return Point((), step, sum(cell.size for cell in rest), sum(cell.users for cell in rest), len(rest))


def _numbers(found: Comparison) -> dict[str, Any]:
    return {
        "control": found.control, "treatment": found.treatment, "effect": found.effect, "low": found.low,
        "high": found.high, "statistic": found.statistic, "p_value": found.p_value,
    }  # fmt: skip


def _driver(each: Driver) -> dict[str, Any]:
    stratum = each.deviation.stratum
    return {
        "cohort": each.cohort.isoformat(), "control": stratum.control.mean / stratum.steps,
        "treatment": stratum.treatment.mean / stratum.steps, "effect": stratum.difference / stratum.steps,
        "statistic": each.deviation.z, "p_value": each.deviation.p_value, "cohorts": 1,
    }  # fmt: skip
