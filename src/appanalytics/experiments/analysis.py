"""The analysis of an experiment: what each part is, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from appanalytics.experiments.checks import Check, Kind, Status
from appanalytics.experiments.definition import Experiment, Period
from appanalytics.experiments.judge import Judgement
from appanalytics.experiments.methods import Answers, Arm
from appanalytics.experiments.metrics import UserMetric
from appanalytics.experiments.polarised import Finding
from appanalytics.experiments.read import Counts
from appanalytics.experiments.show import Shown
from appanalytics.stats import Comparison, Guardrail, Test

if TYPE_CHECKING:
    from appanalytics.document import Document


class Role(StrEnum):
    """Why a metric is looked at."""

    PRIMARY = "primary"
    GUARDRAIL = "guardrail"
    SECONDARY = "secondary"


@dataclass(frozen=True, slots=True)
class Segment:
    """A dimension's values: the main effect in each, and whether effects differ (``adjusted_p``: Holm over all)."""

    dimension: str
    effects: tuple[tuple[str, Comparison], ...]
    interaction: Test
    adjusted_p: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """The effect from the start to the end of a day: with its plain interval, and with one valid at every look."""

    day: date
    plain: Comparison
    always_valid: Comparison


@dataclass(frozen=True, slots=True)
class Impact:
    """What the effect would mean for the whole app per day, in units of the numerator (likes), with its interval.

    ``per_day`` is False where there is no calendar (a file of users): then it is for all users of the file.
    """

    effect: float
    low: float
    high: float
    today: float
    per_day: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """One metric in one treatment against the control.

    ``main`` is the comparison that decides, ``adjusted`` the same with its p-value corrected within the family,
    ``relative`` the relative difference.
    """

    metric: UserMetric
    role: Role
    treatment: str
    control_arm: Arm = field(repr=False)
    treatment_arm: Arm = field(repr=False)
    answers: Answers = field(repr=False)
    main: Comparison
    adjusted: Comparison
    relative: Comparison
    judgement: Judgement
    finding: Finding = field(repr=False)
    guardrail: Guardrail | None = None
    segments: tuple[Segment, ...] = ()
    days: tuple[Day, ...] = ()
    impact: Impact | None = None


@dataclass(frozen=True, repr=False)
class Analysis(Shown):
    """An experiment analysed as of ``last_day`` (its last whole day of data; None for a file of users)."""

    experiment: Experiment
    period: Period | None
    counts: Counts
    checks: tuple[Check, ...]
    results: tuple[Result, ...]
    last_day: date | None
    catalog_hash: str = ""
    state: str = "draft"

    def result(self, metric: str | None = None, treatment: str | None = None) -> Result:
        """The result of a metric (the primary one) in a treatment (the first)."""
        name, arm = metric or self.experiment.primary, treatment or self.experiment.treatments[0]
        return next(each for each in self.results if (each.metric.name, each.treatment) == (name, arm))

    def of(self, treatment: str) -> tuple[Result, ...]:
        """All results of a treatment: primary metric, guardrails, secondary metrics."""
        return tuple(each for each in self.results if each.treatment == treatment)

    def check(self, kind: Kind) -> Check | None:
        """The check of a kind, or None."""
        return next((each for each in self.checks if each.kind is kind), None)

    @property
    def failed(self) -> tuple[Check, ...]:
        """Checks that say the result cannot be trusted."""
        return tuple(each for each in self.checks if each.status is Status.FAILED)

    @property
    def is_look(self) -> bool:
        """True before the planned end."""
        end = self.check(Kind.PLANNED_END)
        return end is not None and end.status is not Status.OK

    def records(self) -> list[dict[str, Any]]:
        """Flat records, one for each metric, method and treatment; the names are a contract.

        ``control`` and ``treatment`` are the arms' values. ``p_value`` may underflow to 0: ``log10_p`` and
        ``p_text`` go on. ``adjusted_p`` is the main method's, corrected within the family. ``false_positives``
        is given for a method that is not calibrated: its share of alarms in A/A draws of these users.
        """
        return [
            record(each, method, found) | {"users_control": each.control_arm.cells.users,
                                           "users_treatment": each.treatment_arm.cells.users}
            for each in self.results
            for method, found in each.answers.comparisons.items()
        ]  # fmt: skip

    def page(
        self, locale: str = "en", *, pictures: bool = True, treatment: str | None = None
    ) -> Document:  # fmt: skip
        """The page of a treatment (the first one): what the rule would decide, every method, checks."""
        from appanalytics.experiments.page import page_of

        return page_of(self, treatment, locale=locale, pictures=pictures)


def record(result: Result, method: str, found: Comparison) -> dict[str, Any]:
    """One comparison as a flat record."""
    is_main = result.judgement.answers == method
    return {
        "metric": result.metric.name,
        "method": method,
        "control": found.control,
        "treatment": found.treatment,
        "effect": found.effect,
        "low": found.low,
        "high": found.high,
        "statistic": found.statistic,
        "p_value": found.p_value,
        "p_text": found.p_text,
        "log10_p": found.log10_p,
        "adjusted_p": result.adjusted.p_value if is_main else None,
        "level": found.level,
        "standard_error": found.standard_error,
        "df": found.df,
        "note": str(found.note) if found.note else None,
        "variant": result.treatment,
        "role": str(result.role),
        "main": is_main,
        "says": str(result.judgement.says.get(method, "")) or None,
        "false_positives": rate.estimate if (rate := result.answers.false_alarms.get(method)) else None,
    }
