"""The decision by a written rule: the first step that applies decides.

1. *Trust.* A failed check (sample ratio, users of two variants, exposure) → do not ship; repair and repeat.
2. *Time.* Before the planned end a look is only a look → go on; unless a guardrail is broken by an interval that is
   valid at every look, or the stopping rule is ``always_valid`` and that interval of the primary metric leaves out 0.
3. *Harm.* A guardrail is surely worse than its margin → do not ship.
4. *Polarisation.* The primary metric's distribution was pulled apart: some users won what others lost → do not ship.
5. *Loss.* The primary metric surely became worse → do not ship.
6. *Open guardrail.* A guardrail is not shown to hold → go on, as a new test with its own plan.
7. *Gain.* The primary metric surely became better → ship.
8. *Nothing shown.* The planned size is not reached → go on. Else → do not ship.

"Surely" means: by the interval at the planned level, with the p-value corrected over the treatments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from appanalytics import stats
from appanalytics.experiments.analysis import Analysis, Result, Role
from appanalytics.experiments.checks import Kind, Status
from appanalytics.experiments.definition import Stopping
from appanalytics.stats import Comparison, Verdict


class Outcome(StrEnum):
    """What to do with the treatment."""

    SHIP = "ship"
    DO_NOT_SHIP = "do_not_ship"
    GO_ON = "go_on"


class Step(StrEnum):
    """The steps of the rule, in order; the decision names the one that decided."""

    TRUST = "trust"
    TIME = "time"
    HARM = "harm"
    POLARISATION = "polarisation"
    LOSS = "loss"
    OPEN_GUARDRAIL = "open_guardrail"
    GAIN = "gain"
    NOT_ENOUGH = "not_enough"
    TOO_SMALL = "too_small"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rule says of one treatment, by which step, and what to watch (``risks``)."""

    experiment: str
    treatment: str
    outcome: Outcome
    step: Step
    result: Result = field(repr=False)
    details: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()


def decide(analysis: Analysis, treatment: str | None = None) -> Decision:
    """Apply the rule to a treatment (the first one unless given)."""
    arm = treatment or analysis.experiment.treatments[0]
    outcome, step, details = _rule(analysis, arm)
    main = analysis.result(treatment=arm)
    return Decision(analysis.experiment.name, arm, outcome, step, main, details, tuple(_risks(analysis, arm, step)))


def _rule(analysis: Analysis, arm: str) -> tuple[Outcome, Step, tuple[str, ...]]:
    main = analysis.result(treatment=arm)
    if analysis.failed:
        return Outcome.DO_NOT_SHIP, Step.TRUST, tuple(str(each.kind) for each in analysis.failed)
    if analysis.is_look:
        return _look(analysis, arm, main)
    broken = [each.metric.name for each in analysis.of(arm) if _verdict(each) is Verdict.BROKEN]
    if broken:
        return Outcome.DO_NOT_SHIP, Step.HARM, tuple(broken)
    if main.finding.whole.is_polarised:
        return Outcome.DO_NOT_SHIP, Step.POLARISATION, (main.metric.name,)
    gain = gained(main, main.adjusted)
    if gain is False:
        return Outcome.DO_NOT_SHIP, Step.LOSS, (main.metric.name,)
    unsure = [each.metric.name for each in analysis.of(arm) if _verdict(each) is Verdict.OPEN]
    if unsure:
        return Outcome.GO_ON, Step.OPEN_GUARDRAIL, tuple(unsure)
    if gain:
        return Outcome.SHIP, Step.GAIN, (main.metric.name,)
    return _nothing(analysis, main)


def _look(analysis: Analysis, arm: str, main: Result) -> tuple[Outcome, Step, tuple[str, ...]]:
    """Before the end only intervals that are valid at every look may stop an experiment."""
    broken = []
    for each in analysis.of(arm):
        if each.guardrail is not None:
            good = "down" if each.metric.good == "down" else "up"
            sequential = each.answers.comparisons["always_valid"]
            if stats.non_inferiority(sequential, each.guardrail.margin, good=good).verdict is Verdict.BROKEN:
                broken.append(each.metric.name)
    if broken:
        return Outcome.DO_NOT_SHIP, Step.HARM, tuple(broken)
    if analysis.experiment.stopping is Stopping.ALWAYS_VALID:
        gain = gained(main, main.answers.comparisons["always_valid"])
        if gain is False:
            return Outcome.DO_NOT_SHIP, Step.LOSS, (main.metric.name,)
        if gain and not main.finding.whole.is_polarised and _all_hold(analysis, arm):
            return Outcome.SHIP, Step.GAIN, (main.metric.name,)
    return Outcome.GO_ON, Step.TIME, ()


def _nothing(analysis: Analysis, main: Result) -> tuple[Outcome, Step, tuple[str, ...]]:
    """Neither better nor worse: is that because users are few, because the effect is small, or is it nothing?"""
    size = analysis.check(Kind.PLANNED_SIZE)
    if size is not None and size.status is Status.WARNING:
        return Outcome.GO_ON, Step.NOT_ENOUGH, ()
    wanted = analysis.experiment.plan.effect
    best = main.relative.low if main.metric.good == "down" else main.relative.high
    if wanted is not None and best is not None and abs(best) < wanted:
        return Outcome.DO_NOT_SHIP, Step.TOO_SMALL, (main.metric.name,)
    return Outcome.DO_NOT_SHIP, Step.NOTHING, (main.metric.name,)


def gained(result: Result, found: Comparison) -> bool | None:
    """True for a sure change for the better, False for the worse, None where neither is shown."""
    if not found.is_significant() or not found.effect:
        return None
    return (found.effect > 0) is (result.metric.good != "down")


def _verdict(result: Result) -> Verdict | None:
    return result.guardrail.verdict if result.guardrail else None


def _all_hold(analysis: Analysis, arm: str) -> bool:
    return all(_verdict(each) in (None, Verdict.HOLDS) for each in analysis.of(arm))


def _risks(analysis: Analysis, arm: str, step: Step) -> list[str]:
    """What to know besides the step that decided: ``kind`` or ``kind:name``."""
    main = analysis.result(treatment=arm)
    found = [f"check:{each.kind}" for each in analysis.checks if each.status is Status.WARNING]
    if step is not Step.POLARISATION and main.finding.whole.is_shape_changed:
        found.append("polarised" if main.finding.whole.is_polarised else "shape")
    found += [
        f"guardrail_open:{each.metric.name}"
        for each in analysis.of(arm)
        if _verdict(each) is Verdict.OPEN and step is not Step.OPEN_GUARDRAIL
    ]
    for each in analysis.of(arm):
        if each.role is Role.SECONDARY and gained(each, each.adjusted) is False:
            found.append(f"secondary_worse:{each.metric.name}")
    for segment in main.segments:
        if segment.adjusted_p is not None and segment.adjusted_p <= 1 - main.main.level:
            found.append(f"segment:{segment.dimension}")
    return found
