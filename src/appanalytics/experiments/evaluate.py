"""From arms to results: methods, judge, polarisation, guardrails and families of one experiment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from appanalytics import stats
from appanalytics.experiments.analysis import Day, Impact, Result, Role, Segment
from appanalytics.experiments.definition import Experiment
from appanalytics.experiments.judge import by_activity, judge
from appanalytics.experiments.methods import Arm, Options, answer, main_method, relative_effect
from appanalytics.experiments.metrics import UserMetric
from appanalytics.experiments.polarised import ByValue, find_polarisation
from appanalytics.experiments.read import Arms, DayMoments
from appanalytics.stats import Comparison, Guardrail, JointMoments

ACTIVITY = "activity"
#: A segment's value is compared when each arm has so many users of it.
FEWEST = 50

SegmentMoments = Mapping[str, Mapping[str, Mapping[str, JointMoments]]]


@dataclass(frozen=True)
class Seen:
    """Everything that was read of one metric: arms, segments' cells (primary metric), segments' moments, days."""

    metric: UserMetric
    role: Role
    arms: Mapping[str, Arm]
    cells_by: Mapping[str, Mapping[str, Arms]]
    moments_by: Mapping[str, Mapping[str, Mapping[str, JointMoments]]]
    days: Mapping[str, Sequence[DayMoments]]
    #: Denominators (or users, of a mean) of the whole app per day.
    app_below: float | None = None
    per_day: bool = True


def evaluate(
    experiment: Experiment, seen: Sequence[Seen], options: Options, tell: Callable[[int], None] = lambda _: None
) -> tuple[Result, ...]:
    """Results of every metric in every treatment, corrected within their families."""
    found = []
    for number, each in enumerate(seen):
        tell(number)
        found += [_result(experiment, each, name, options) for name in experiment.treatments]
    return _corrected(found, experiment.correction)


def _result(experiment: Experiment, seen: Seen, treatment: str, options: Options) -> Result:
    control, treated = seen.arms[experiment.control], seen.arms[treatment]
    answers = answer(seen.metric, control, treated, options)
    method = main_method(seen.metric, experiment.method, answers)
    main = answers.comparisons[method]
    segments = {name: _by_value(values, experiment.control, treatment) for name, values in seen.cells_by.items()}
    if seen.metric.is_ratio and seen.role is Role.PRIMARY:
        segments[ACTIVITY] = by_activity(control.cells, treated.cells)
    finding = find_polarisation(
        control.users, treated.users, segments, level=options.level, derived=frozenset({ACTIVITY})
    )
    relative = relative_effect(answers)
    return Result(
        metric=seen.metric, role=seen.role, treatment=treatment, control_arm=control, treatment_arm=treated,
        answers=answers, main=main, adjusted=main, relative=relative,
        judgement=judge(seen.metric, control, treated, answers, finding, method), finding=finding,
        guardrail=_guardrail(experiment, seen, main),
        segments=_segments(seen, experiment.control, treatment, options.level),
        days=tuple(_days(seen, experiment.control, treatment, options)),
        impact=_impact(seen, main, method, control),
    )  # fmt: skip


def compare(metric: UserMetric, control: JointMoments, treatment: JointMoments, level: float) -> Comparison:
    """The plain comparison of a metric from joint moments (above, below)."""
    if metric.is_ratio:
        return stats.ratio_difference(control, treatment, level=level)
    return stats.welch(control[0], treatment[0], level=level)


def _by_value(values: Mapping[str, Arms], control: str, treatment: str) -> ByValue:
    return {value: (arms[control].ratios(), arms[treatment].ratios()) for value, arms in values.items()}


def _guardrail(experiment: Experiment, seen: Seen, main: Comparison) -> Guardrail | None:
    """Non-inferiority in the metric's unit: the margin is relative to control's value."""
    margin = experiment.guardrails.get(seen.metric.name)
    if margin is None or not main.control:
        return None
    good = "down" if seen.metric.good == "down" else "up"
    return stats.non_inferiority(main, margin * abs(main.control), good=good)


def _segments(seen: Seen, control: str, treatment: str, level: float) -> tuple[Segment, ...]:
    found = []
    for name, values in seen.moments_by.items():
        used = {
            value: arms
            for value, arms in values.items()
            if all(arm in arms and arms[arm].count >= FEWEST for arm in (control, treatment))
        }
        effects = [compare(seen.metric, arms[control], arms[treatment], level) for arms in used.values()]
        if len(effects) > 1:
            found.append((name, tuple(zip(used, effects, strict=True)), stats.interaction(effects)))
    adjusted = stats.holm([test.p_value for _, _, test in found])
    return tuple(Segment(*each, p) for each, p in zip(found, adjusted, strict=True))


def _days(seen: Seen, control: str, treatment: str, options: Options) -> list[Day]:
    arms = {name: {each.day: each.moments for each in seen.days.get(name, ())} for name in (control, treatment)}
    found = []
    for day in sorted(set(arms[control]) & set(arms[treatment])):
        c, t = arms[control][day], arms[treatment][day]
        plain = compare(seen.metric, c, t, options.level)
        found.append(Day(day, plain, stats.always_valid(plain, c.count + t.count, tuning=options.tuning)))
    return found


def _impact(seen: Seen, main: Comparison, method: str, control: Arm) -> Impact | None:
    """Effect times the whole app's denominators: likes per day more or fewer. Only for the app's own number."""
    below = seen.app_below
    about_sums = method in ("delta", "cuped", "poisson_bootstrap") or not seen.metric.is_ratio
    if below is None or not about_sums or main.effect is None or main.low is None or main.high is None:
        return None
    today = (control.cells.ratio or 0.0) * below
    return Impact(main.effect * below, main.low * below, main.high * below, today, seen.per_day)


def _corrected(found: Sequence[Result], method: str) -> tuple[Result, ...]:
    """Families: the primary metric over its treatments; the secondary metrics. Guardrails must all hold anyway."""
    done = list(found)
    for role in (Role.PRIMARY, Role.SECONDARY):
        places = [place for place, each in enumerate(done) if each.role is role]
        for place, each in zip(places, stats.corrected([done[place].main for place in places], method), strict=True):
            done[place] = replace(done[place], adjusted=each)
    return tuple(done)
