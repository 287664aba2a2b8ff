"""Two groups of newcomers compared within the same cohorts. Pure functions of counts and moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from appanalytics.stats import Comparison, Note
from appanalytics.stats.results import judged

#: A cohort stands out when its deviation would come by chance in fewer than one of a hundred such comparisons.
ALPHA = 0.01
#: … and when it moves the result by at least this part of its standard error.
LEAST_INFLUENCE = 0.25
#: The median of a squared standard normal variable.
_CHI_SQUARE_MEDIAN = 0.454936


@dataclass(frozen=True, slots=True)
class Arm:
    """Users of one group in a cohort, and sum and sum of squares of the steps in which each returned."""

    users: int
    total: int
    squares: int

    @property
    def mean(self) -> float:
        """Steps with a return of a user."""
        return self.total / self.users

    @property
    def variance(self) -> float:
        """Of the mean, by the spread between users."""
        spread = self.squares * self.users - self.total * self.total  # whole numbers: nothing is lost
        return spread / self.users / (self.users - 1) / self.users


@dataclass(frozen=True, slots=True)
class Stratum:
    """One cohort with both groups, looked at from step 1 to ``steps``."""

    cohort: date
    steps: int
    control: Arm
    treatment: Arm

    @property
    def weight(self) -> float:
        """Mantel and Haenszel's: users of both multiplied and divided by their sum."""
        return self.control.users * self.treatment.users / (self.control.users + self.treatment.users)

    @property
    def difference(self) -> float:
        """Steps with a return of a user, treatment less control."""
        return self.treatment.mean - self.control.mean

    @property
    def variance(self) -> float:
        """Of the difference."""
        return self.control.variance + self.treatment.variance


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far a cohort's difference is from what the other cohorts would have it be.

    ``deviation`` is per step, in units of the share; ``z`` is in standard errors, widened by what ordinary cohorts
    differ more than chance; ``influence`` is what the cohort adds to the overall difference.
    """

    stratum: Stratum
    deviation: float
    z: float
    p_value: float
    influence: float


def usable(strata: Sequence[Stratum]) -> list[Stratum]:
    """Strata that carry information: both groups have two users or more, and a step was seen."""
    return [each for each in strata if min(each.control.users, each.treatment.users) > 1 and each.steps > 0]


def overall(strata: Sequence[Stratum], level: float = 0.95) -> Comparison:
    """Mean difference of retention over all cells (cohort, step), in units of the share.

    ``effect`` = Σ wₖ Dₖ / Σ wₖ nₖ, with Dₖ the difference of the users' mean number of steps with a return, nₖ the
    steps seen of the cohort and wₖ Mantel and Haenszel's weight: the same number as their estimate with every cell
    as a stratum. The cells of a cohort hang together (the same users), so its variance is not that of independent
    cells, but Σ wₖ² Var(Dₖ) / (Σ wₖ nₖ)² with the variance between users (a stratified difference of means: Cochran
    1977, chapter 5). Cohorts in which a group has fewer than two users are left out, with a note.
    """
    used = usable(strata)
    note = Note.LEFT_OUT if len(used) < len(strata) else None
    base = math.fsum(each.weight * each.steps for each in used)
    if not base:
        return judged("stratified", None, None, None, None, level, note=Note.NO_USERS)
    control, treatment = (
        math.fsum(each.weight * arm.mean for each, arm in zip(used, arms, strict=True)) / base
        for arms in ([each.control for each in used], [each.treatment for each in used])
    )
    variance = math.fsum(each.weight**2 * each.variance for each in used) / base**2
    return judged("stratified", control, treatment, treatment - control, variance, level, note=note)


def driving(strata: Sequence[Stratum], by_step: dict[date, dict[int, tuple[float, float]]]) -> list[Deviation]:
    """Cohorts that drive the difference, the strongest first; usually none.

    ``by_step`` holds for each cohort and step the weight and the difference of its shares. What is expected of
    a cohort is the weighted difference of the *other* cohorts at the same steps, so that young cohorts are not
    taken for unusual ones. One after the other the cohort with the largest deviation is taken out, until none is left
    whose p-value, times the number of cohorts (Bonferroni), is at most 1 %, and at most a quarter of all. Ordinary
    cohorts differ more than chance, too (weekdays, releases): deviations are divided by their robust spread.
    """
    left = usable(strata)
    found: list[Deviation] = []
    most = max(1, len(left) // 4)
    while len(left) >= 4 and len(found) < most:
        candidates = _deviations(left, by_step)
        strongest = max(candidates, key=lambda each: abs(each.z))
        error = overall(left).standard_error or 0.0
        if strongest.p_value * len(left) > ALPHA or abs(strongest.influence) < LEAST_INFLUENCE * error:
            break
        found.append(strongest)
        left = [each for each in left if each.cohort != strongest.stratum.cohort]
    return found


def _deviations(strata: Sequence[Stratum], by_step: dict[date, dict[int, tuple[float, float]]]) -> list[Deviation]:
    sums: dict[int, list[float]] = {}
    for each in strata:
        for step, (weight, difference) in by_step[each.cohort].items():
            held = sums.setdefault(step, [0.0, 0.0])
            held[0] += weight
            held[1] += weight * difference
    base = math.fsum(each.weight * each.steps for each in strata)
    effect = math.fsum(each.weight * each.difference for each in strata) / base
    variance = math.fsum(each.weight**2 * each.variance for each in strata)
    rows = []
    for each in strata:
        expected = seen = 0.0
        for step, (weight, difference) in by_step[each.cohort].items():
            others = sums[step][0] - weight
            if others > 1e-9 * sums[step][0]:
                expected += (sums[step][1] - weight * difference) / others
                seen += difference
        others_base = base - each.weight * each.steps
        rest = (effect * base - each.weight * each.difference) / others_base
        deviation = (seen - expected) / each.steps
        error = each.variance / each.steps**2 + (variance - each.weight**2 * each.variance) / others_base**2
        rows.append((each, deviation, deviation / math.sqrt(error) if error > 0 else 0.0, effect - rest))
    squares = sorted(z * z for _, _, z, _ in rows)
    spread = math.sqrt(max(1.0, squares[len(squares) // 2] / _CHI_SQUARE_MEDIAN))
    return [
        Deviation(each, deviation, z / spread, math.erfc(abs(z) / spread / math.sqrt(2)), influence)
        for each, deviation, z, influence in rows
    ]
