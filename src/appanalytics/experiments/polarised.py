"""Polarisation: a distribution that changed while its mean did not, and which segment of users splits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appanalytics import stats
from appanalytics.stats import Cells, Comparison, Polarisation, Test

#: A value of a dimension is looked at when each arm has so many users of it.
FEWEST = 50

#: By value of a dimension: control's and treatment's users.
ByValue = Mapping[str, tuple[Cells, Cells]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A dimension, asked whether it tells winners from losers.

    ``effects``: Welch's difference for each value (adjusted by Holm over them). ``interaction``: do effects differ
    between values? ``adjusted_p``: its p-value by Holm over dimensions. ``index``: the share of the movement that
    still cancels itself *within* the values: near 0 where knowing the value tells which way a user moved, near the
    whole's index where it tells nothing. ``derived``: it was measured during the experiment, so it describes and
    does not prove.
    """

    dimension: str
    effects: tuple[tuple[str, Comparison], ...]
    interaction: Test
    adjusted_p: float | None
    index: float | None
    derived: bool = False

    @property
    def winners(self) -> tuple[str, ...]:
        """Values whose mean surely rose."""
        return tuple(value for value, each in self.effects if each.is_significant() and (each.effect or 0) > 0)

    @property
    def losers(self) -> tuple[str, ...]:
        """Values whose mean surely fell."""
        return tuple(value for value, each in self.effects if each.is_significant() and (each.effect or 0) < 0)

    def differs(self, level: float) -> bool:
        """Effects surely differ between the values."""
        return self.adjusted_p is not None and self.adjusted_p <= 1 - level

    def splits(self, level: float) -> bool:
        """Some values won, others lost, and within the values most of the movement has one direction."""
        return self.differs(level) and bool(self.winners and self.losers) and (self.index or 0.0) < 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of the distribution of one metric.

    ``whole``: the tests and areas of all users. ``quantiles``: differences of the deciles. ``low``, ``high``: shares
    of control's and of treatment's users below control's first decile and above its ninth. ``candidates``: the
    dimensions that were asked; ``split``: the one that tells winners from losers best, or None: none does.
    """

    whole: Polarisation
    quantiles: tuple[Comparison, ...]
    low: tuple[float, float] | None
    high: tuple[float, float] | None
    candidates: tuple[Candidate, ...]
    split: Candidate | None

    @property
    def partial(self) -> tuple[Candidate, ...]:
        """Dimensions whose values differ without telling winners from losers."""
        level = self.whole.level
        return tuple(each for each in self.candidates if each.differs(level) and each is not self.split)


def find_polarisation(
    control: Cells, treatment: Cells, segments: Mapping[str, ByValue], *, level: float = 0.95,
    derived: frozenset[str] = frozenset(),
) -> Finding:  # fmt: skip
    """Look at the shape of a metric's distribution, and for the dimension behind a change of it."""
    whole = stats.polarisation(control, treatment, level=level)
    asked = [_candidate(name, values, level, name in derived) for name, values in segments.items()]
    asked = [each for each in asked if len(each.effects) > 1]
    adjusted = stats.holm([each.interaction.p_value for each in asked])
    candidates = tuple(
        Candidate(each.dimension, each.effects, each.interaction, p, each.index, each.derived)
        for each, p in zip(asked, adjusted, strict=True)
    )
    splitting = [each for each in candidates if each.splits(level)]
    best = min(splitting, key=lambda each: (each.derived, each.index or 0.0), default=None)
    low, high = _tails(control, treatment)
    quantiles = tuple(stats.quantile_differences(control, treatment, level=level)) if control.users else ()
    return Finding(whole, quantiles, low, high, candidates, best)


def _candidate(name: str, values: ByValue, level: float, derived: bool) -> Candidate:
    used = {value: arms for value, arms in values.items() if min(arms[0].users, arms[1].users) >= FEWEST}
    plain = [stats.welch(*arms, level=level) for arms in used.values()]
    effects = tuple(zip(used, stats.corrected(plain), strict=True))
    parts = [(sum(arm.users for arm in arms), stats.polarisation(*arms, level=level)) for arms in used.values()]
    moved = sum(users * ((each.gained or 0.0) + (each.lost or 0.0)) for users, each in parts)
    net = sum(users * abs((each.gained or 0.0) - (each.lost or 0.0)) for users, each in parts)
    return Candidate(name, effects, stats.interaction(plain), None, 1 - net / moved if moved else None, derived)


def _tails(control: Cells, treatment: Cells) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    low, high = control.quantile(0.1), control.quantile(0.9)
    if low is None or high is None or not treatment.users:
        return None, None
    below = [float(arm.counts[arm.values < low].sum()) / arm.users for arm in (control, treatment)]
    above = [float(arm.counts[arm.values > high].sum()) / arm.users for arm in (control, treatment)]
    return (below[0], below[1]), (above[0], above[1])
