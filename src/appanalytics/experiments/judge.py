"""The judge of methods: where they disagree, why, and which answers the question that was asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from appanalytics import stats
from appanalytics.experiments.methods import OWN_PRIOR, Answers, Arm
from appanalytics.experiments.metrics import UserMetric
from appanalytics.experiments.polarised import Finding
from appanalytics.stats import Cells, Comparison, RatioCells

#: Tests without a direction, one that is meant to be more careful, one that is not calibrated: none of them can
#: disagree about an effect.
_OTHER_QUESTIONS = frozenset({"kolmogorov_smirnov", "brown_forsythe", "always_valid", OWN_PRIOR})


class Direction(StrEnum):
    """What a method says of the effect at the experiment's level."""

    UP = "up"
    DOWN = "down"
    NONE = "none"  # no difference shown, which is not the same as shown to be none
    CHANGED = "changed"  # the distribution differs, without a direction
    UNKNOWN = "unknown"
    UNCALIBRATED = "uncalibrated"  # its p-value does not keep its promise on these users: no answer


class Why(StrEnum):
    """Why methods disagree."""

    AGREE = "agree"
    POLARISED = "polarised"
    SHAPE = "shape"
    RATIO_OR_MEAN = "ratio_or_mean"
    HEAVY_USERS = "heavy_users"
    VARIANCES = "variances"
    SMOOTHING = "smoothing"
    REFERENCE = "reference"
    BUCKETS = "buckets"
    HISTORY = "history"
    BORDER = "border"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, with the numbers that show it (fractions, effects in the metric's unit, p-values as text)."""

    why: Why
    numbers: dict[str, float | str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What each method says, why they differ, and ``answers``: the method that answers the experiment's question."""

    says: dict[str, Direction]
    reasons: tuple[Reason, ...]
    answers: str

    @property
    def agree(self) -> bool:
        """Every method says the same."""
        return self.reasons[0].why is Why.AGREE


def judge(metric: UserMetric, control: Arm, treatment: Arm, found: Answers, finding: Finding, main: str) -> Judgement:
    """Compare the methods' answers to one metric and explain what differs."""
    says = {name: direction(name, each) for name, each in found.comparisons.items() if "relative" not in name}
    court = _Court(metric, control, treatment, found, finding, main, says)
    reasons = tuple(reason for reason in court.reasons() if reason is not None)
    if not reasons:
        asked = {each for name, each in says.items() if name not in _OTHER_QUESTIONS} - {Direction.UNKNOWN}
        reasons = (Reason(Why.AGREE),) if len(asked) <= 1 else (court.border(),)
    return Judgement(says, reasons, main)


def direction(method: str, found: Comparison) -> Direction:
    """What a comparison says. Tests of shape see change, Mann–Whitney has a direction of its own."""
    if found.p_value is None:
        return Direction.UNKNOWN
    if method == OWN_PRIOR:
        return Direction.UNCALIBRATED
    if not found.is_significant():
        return Direction.NONE
    if method in ("kolmogorov_smirnov", "brown_forsythe"):
        return Direction.CHANGED
    return Direction.UP if (found.effect or 0.0) > 0 else Direction.DOWN


@dataclass(frozen=True)
class _Court:
    metric: UserMetric
    control: Arm
    treatment: Arm
    found: Answers
    finding: Finding
    main: str
    says: dict[str, Direction]

    def reasons(self) -> list[Reason | None]:
        """All reasons that apply, the weightiest first."""
        return [
            self._shape(),
            self._ratio_or_mean(),
            self._heavy(),
            self._variances(),
            self._smoothing(),
            self._differs("linearised", "delta", Why.REFERENCE),
            self._history(),
            self._buckets(),
        ]

    def border(self) -> Reason:
        """Nothing but p-values on both sides of the limit."""
        asked = set(self.says) - _OTHER_QUESTIONS
        known = [each for name, each in self.found.comparisons.items() if name in asked]
        values = sorted((each.log10_p, each.p_text) for each in known if each.log10_p is not None)
        return Reason(Why.BORDER, {"smallest": values[0][1], "largest": values[-1][1]})

    def _shape(self) -> Reason | None:
        whole = self.finding.whole
        if not whole.is_shape_changed:
            return None
        numbers: dict[str, float | str | None] = {
            "gained": whole.gained, "lost": whole.lost, "index": whole.index, "mean_p": whole.mean.p_text,
            "ranks_p": whole.ranks.p_text, "shape_p": whole.distance.p_text, "spread_p": whole.spread.p_text,
        }  # fmt: skip
        return Reason(Why.POLARISED if whole.is_polarised else Why.SHAPE, numbers)

    def _ratio_or_mean(self) -> Reason | None:
        """Likes per view of the app, against the average user's likes per view."""
        sums, users = self.says.get("delta"), self.says["welch"]
        if sums is None or sums is users or Direction.UNKNOWN in (sums, users):
            return None
        light, heavy, border = halves(self.control.cells, self.treatment.cells)
        delta, welch = self.found.comparisons["delta"], self.found.comparisons["welch"]
        return Reason(
            Why.RATIO_OR_MEAN,
            {
                "sums": delta.effect, "sums_p": delta.p_text, "users": welch.effect, "users_p": welch.p_text,
                "border": border, "light": light.effect, "light_p": light.p_text, "heavy": heavy.effect,
                "heavy_p": heavy.p_text,
            },
        )  # fmt: skip

    def _heavy(self) -> Reason | None:
        """Does the answer hang on the few users with the most?"""
        plain, capped = self.says.get("delta") or self.says["welch"], self.says["winsorised"]
        if plain is capped or Direction.UNKNOWN in (plain, capped):
            return None
        both = self.control.cells + self.treatment.cells
        share = stats.top_share(Cells.counted(both.numerators, both.counts), 0.01)
        effects = self.found.comparisons
        return Reason(
            Why.HEAVY_USERS,
            {
                "top_share": share, "plain": effects["delta" if self.metric.is_ratio else "welch"].effect,
                "capped": effects["winsorised"].effect, "capped_p": effects["winsorised"].p_text,
            },
        )  # fmt: skip

    def _variances(self) -> Reason | None:
        """Mann–Whitney assumes that the shapes are equal; Brunner and Munzel's test does not."""
        ranks = self.says["mann_whitney"]
        moments = [arm.users.moments.variance for arm in (self.control, self.treatment)]
        if ranks in (Direction.UNKNOWN, self.says["welch"]) or not moments[0] or not moments[1]:
            return None
        ratio = moments[1] / moments[0]
        if 2 / 3 < ratio < 3 / 2:
            return None
        robust = stats.brunner_munzel(self.control.users, self.treatment.users, level=self.finding.whole.level)
        return Reason(
            Why.VARIANCES,
            {"ratio": ratio, "ranks_p": self.found.comparisons["mann_whitney"].p_text, "robust_p": robust.p_text,
             "robust": str(direction("brunner_munzel", robust))},
        )  # fmt: skip

    def _smoothing(self) -> Reason | None:
        """Each arm pulled towards its own ratio is pulled apart from the other."""
        found, rates = self.found.comparisons, self.found.false_alarms
        if OWN_PRIOR not in rates or found[OWN_PRIOR].is_significant() is found["smoothed"].is_significant():
            return None
        return Reason(
            Why.SMOOTHING,
            {"own_p": found[OWN_PRIOR].p_text, "common_p": found["smoothed"].p_text,
             "alarms": rates[OWN_PRIOR].estimate},
        )  # fmt: skip

    def _differs(self, one: str, other: str, why: Why) -> Reason | None:
        if one not in self.says or other not in self.says or self.says[one] is self.says[other]:
            return None
        effects = self.found.comparisons
        return Reason(why, {"one_p": effects[one].p_text, "other_p": effects[other].p_text})

    def _history(self) -> Reason | None:
        plain = "delta" if self.metric.is_ratio else "welch"
        reason = self._differs("cuped", plain, Why.HISTORY)
        if reason is None or self.found.cuped is None:
            return None
        return Reason(Why.HISTORY, {**reason.numbers, "reduction": self.found.cuped.reduction})

    def _buckets(self) -> Reason | None:
        plain = "delta" if self.metric.is_ratio else "welch"
        of_buckets = self.found.comparisons.get("buckets_welch")
        if of_buckets is None or self.control.buckets is None:
            return None
        reason = self._differs("buckets_welch", plain, Why.BUCKETS)
        number = self.control.buckets.users
        return None if reason is None else Reason(Why.BUCKETS, {**reason.numbers, "buckets": float(number)})


def halves(control: RatioCells, treatment: RatioCells) -> tuple[Comparison, Comparison, float]:
    """The ratio's difference among users with few and with many denominators, and the border (their median)."""
    both = control + treatment
    border = Cells.counted(both.denominators, both.counts).median or 0.0
    parts = []
    for is_light in (True, False):
        arms = [_part(arm, border, is_light) for arm in (control, treatment)]
        parts.append(stats.ratio_difference(arms[0], arms[1]))
    return parts[0], parts[1], border


def _part(arm: RatioCells, border: float, is_light: bool) -> RatioCells:
    some = arm.denominators <= border if is_light else arm.denominators > border
    return RatioCells(arm.numerators[some], arm.denominators[some], arm.counts[some])


def by_activity(control: RatioCells, treatment: RatioCells, parts: int = 4) -> dict[str, tuple[Cells, Cells]]:
    """Users by quarters of their denominator (all users of both arms), as a segment of their ratios.

    The denominator is measured *during* the experiment; what it splits is a description, not an effect.
    """
    both = control + treatment
    whole = Cells.counted(both.denominators, both.counts)
    edges = sorted({whole.quantile(place / parts) or 0.0 for place in range(1, parts)})
    found = {}
    for place in range(len(edges) + 1):
        low = edges[place - 1] if place else -np.inf
        high = edges[place] if place < len(edges) else np.inf
        arms = []
        for arm in (control, treatment):
            some = (arm.denominators > low) & (arm.denominators <= high)
            arms.append(RatioCells(arm.numerators[some], arm.denominators[some], arm.counts[some]).ratios())
        name = f"≤ {high:g}" if not place else f"> {low:g}" if np.isinf(high) else f"{low:g} … {high:g}"
        found[name] = (arms[0], arms[1])
    return found
