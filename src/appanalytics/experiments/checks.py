"""Can the numbers be trusted? Checks of the split, the exposure, the time and the definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from appanalytics import stats
from appanalytics.experiments.definition import Experiment, Period, Stopping
from appanalytics.experiments.read import Counts
from appanalytics.experiments.sizes import Overlap
from appanalytics.stats import ALARM, RatioCells

#: More users of two variants than this share, and the arms are no longer two samples.
MOST_CONFLICTING = 0.01


class Status(StrEnum):
    """OK; something to know; or the result cannot be trusted."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Kind(StrEnum):
    """What is checked."""

    SAMPLE_RATIO = "sample_ratio"
    SEGMENT_RATIO = "segment_ratio"
    TWO_VARIANTS = "two_variants"
    WITHOUT_ACTIVITY = "without_activity"
    UNEXPOSED = "unexposed"
    PLANNED_END = "planned_end"
    PLANNED_SIZE = "planned_size"
    DEFINITION = "definition"
    DUPLICATES = "duplicates"
    OTHER_EXPERIMENTS = "other_experiments"


@dataclass(frozen=True, slots=True)
class Check:
    """One check, with the numbers behind it as text or figures."""

    kind: Kind
    status: Status
    numbers: dict[str, float | int | str | None] = field(default_factory=dict)


def check_sample_ratio(users: Mapping[str, int], weights: Mapping[str, int]) -> Check:
    """Users of each variant against the planned weights: Pearson's chi-square, alarm at p < 0.001."""
    names = list(weights)
    found = stats.sample_ratio([users.get(name, 0) for name in names], [weights[name] for name in names])
    shown = " : ".join(f"{count:,}" for count in found.observed)
    planned = " : ".join(f"{count:,.0f}" for count in found.expected)
    status = Status.FAILED if found.is_mismatched else Status.OK
    return Check(
        Kind.SAMPLE_RATIO, status,
        {"observed": shown, "expected": planned, "p": found.test.p_text, "p_value": found.test.p_value},
    )  # fmt: skip


def check_segment_ratios(by_value: Mapping[str, Mapping[str, int]], weights: Mapping[str, int]) -> Check | None:
    """The same for each value of each dimension (``source=ads`` → users by variant), by Holm over all of them."""
    observed = {name: [users.get(arm, 0) for arm in weights] for name, users in by_value.items()}
    if not observed:
        return None
    found = stats.sample_ratio_by_segment(observed, list(weights.values()))
    worst = min(found, key=lambda name: _or_one(found[name].adjusted_p))
    broken = [name for name, each in found.items() if each.is_mismatched]
    smallest = found[worst].adjusted_p
    return Check(
        Kind.SEGMENT_RATIO, Status.FAILED if broken else Status.OK,
        {"segments": len(found), "broken": ", ".join(broken), "worst": worst, "p_value": smallest,
         "p": "n/a" if smallest is None else f"{smallest:.3g}"},
    )  # fmt: skip


def check_two_variants(counted: Counts) -> Check:
    """Users who were seen with two variants; they are left out of every number."""
    everybody = sum(counted.users.values()) + counted.conflicting
    share = counted.conflicting / everybody if everybody else 0.0
    status = Status.FAILED if share > MOST_CONFLICTING else Status.WARNING if counted.conflicting else Status.OK
    return Check(Kind.TWO_VARIANTS, status, {"users": counted.conflicting, "share": share})


def check_activity(control: RatioCells, treatment: RatioCells) -> Check:
    """Exposed users without any denominator of the primary metric; a different share in the arms is a defect."""
    silent = [arm.undefined for arm in (control, treatment)]
    test = stats.balance(
        [[quiet, arm.users - quiet] for quiet, arm in zip(silent, (control, treatment), strict=True)]
    )
    broken = test.p_value is not None and test.p_value < ALARM
    return Check(
        Kind.WITHOUT_ACTIVITY, Status.FAILED if broken else Status.OK,
        {"control": silent[0], "treatment": silent[1], "p": test.p_text, "p_value": test.p_value},
    )  # fmt: skip


def check_unexposed(counted: Counts) -> Check:
    """Users of a variant who were active and never met what the experiment changes. They are not analysed."""
    return Check(Kind.UNEXPOSED, Status.OK, {"users": counted.unexposed})


def check_end(experiment: Experiment, period: Period, last_day: date) -> Check:
    """Is the planned end reached? ``last_day`` is the last whole day of data."""
    seen = max(0, min((last_day - period.since).days + 1, period.days))
    early = seen < period.days
    status = Status.WARNING if early else Status.OK
    return Check(
        Kind.PLANNED_END, status,
        {"day": seen, "days": period.days, "until": period.until.isoformat(),
         "sequential": int(experiment.stopping is Stopping.ALWAYS_VALID)},
    )  # fmt: skip


def check_size(experiment: Experiment, users: int) -> Check | None:
    """Users of both arms against the plan's."""
    planned = experiment.plan.users
    if planned is None:
        return None
    return Check(
        Kind.PLANNED_SIZE, Status.OK if users >= planned else Status.WARNING, {"users": users, "planned": planned}
    )  # fmt: skip


def check_definition(registered: date) -> Check:
    """The definition is the registered one; another one is refused before anything is read."""
    return Check(Kind.DEFINITION, Status.OK, {"registered": registered.isoformat()})


def check_other_experiments(overlaps: Sequence[Overlap]) -> Check | None:
    """Users of other experiments at the same time; None without any.

    A note where the splits are not independent: then the other experiment's effect is mixed into this one.
    """
    if not overlaps:
        return None
    mixed = [each for each in overlaps if each.test.p_value is not None and each.test.p_value < ALARM]
    text = "; ".join(f"{each.experiment}: {each.shared:,} (p = {each.test.p_text})" for each in overlaps)
    status = Status.WARNING if mixed else Status.OK
    smallest = min((each.test.p_value for each in overlaps if each.test.p_value is not None), default=None)
    return Check(Kind.OTHER_EXPERIMENTS, status, {"text": text, "p_value": smallest})


def _or_one(p_value: float | None) -> float:
    return 1.0 if p_value is None else p_value
