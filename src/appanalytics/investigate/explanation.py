"""What an explanation says, as frozen values."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum

#: A segment's definition: dimension and value, in the order of the table's dimensions.
Where = tuple[tuple[str, Hashable], ...]


class Verdict(StrEnum):
    """What kind of change it was."""

    SEGMENTS = "segments"  # some segments changed in their own way, besides whatever the whole did
    GENERAL = "general"  # everything changed alike
    NOISE = "noise"  # nothing changed beyond noise


@dataclass(frozen=True, slots=True)
class Part:
    """Some cells together: a segment, all others, or the whole table.

    For counts ``actual`` and ``expected`` are totals; for ratios they are ratios, the expected one being the baseline
    rates at today's mix (None without rows). ``contribution`` is the part's effect on the whole metric: the
    difference of the totals, or the points that it moves the overall ratio by. Contributions of all parts, and the
    mix effect of a ratio, add up to the change; ``share`` is the contribution's share of the change, None if that
    is 0. ``effect`` is actual / expected − 1 with the 95 % interval ``low`` … ``high``, the expectation taken
    as known; None where nothing was expected.
    """

    actual: float | None
    expected: float | None
    contribution: float
    share: float | None
    effect: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that changed in its own way.

    ``cause`` numbers the causes from 0 in the order of their strength; segments of one cause have the same
    dimensions. ``chance`` bounds the probability that a table without any effect shows a cause as strong as this.
    """

    where: Where
    part: Part
    cause: int
    chance: float

    @property
    def name(self) -> str:
        """The definition as one readable text."""
        return describe(self.where)


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another candidate for the strongest cause; ``score`` is its gain less the price of its complexity, in nats.

    ``segments`` is one empty definition where the whole table is the candidate.
    """

    segments: tuple[Where, ...]
    score: float
    gain: float

    @property
    def name(self) -> str:
        """All definitions as one readable text."""
        return " and ".join(describe(where) for where in self.segments)


@dataclass(frozen=True, slots=True)
class Ruling:
    """Whether a dimension that no named segment uses has any part in the change.

    Looked at are the cells outside of all named segments. ``value`` is the dimension's value that differs most from
    the others there; ``share`` is by how much, as a share of the change, and ``bound`` the largest share that any
    value may have (99 % for each). The dimension is ruled out when the bound is at most a tenth.
    """

    dimension: str
    value: Hashable
    share: float
    bound: float
    ruled_out: bool


@dataclass(frozen=True, slots=True)
class Mixing:
    """A dimension's value whose share of the denominator changed, and what that alone did to the ratio.

    ``before`` and ``now`` are shares of the denominator; ``contribution`` is (now − before) · (the value's baseline
    ratio − the overall one), in points of the ratio.
    """

    dimension: str
    value: Hashable
    before: float
    now: float
    contribution: float


@dataclass(frozen=True, slots=True)
class RateAndMix:
    """A ratio's change taken apart (Kitagawa 1955): change = rate + mix, exactly.

    ``rate``: what other ratios inside of cells did, at today's mix. ``mix``: what another composition did, at the
    baseline's ratios. ``moved``: the values with the largest contributions to the mix effect, each dimension on its
    own, so they do not add up.
    """

    rate: float
    mix: float
    moved: tuple[Mixing, ...]


@dataclass(frozen=True, repr=False)
class Explanation:
    """Which segments explain a change, how much each, and what has no part in it.

    ``whole`` compares the whole table (for ratios its expectation is at today's mix; ``baseline`` is the overall
    ratio before, None for counts). ``rest`` is everything outside of the named segments; where the verdict is
    ``SEGMENTS``, ``general`` says whether the rest changed as a whole, too. ``alternatives`` are candidates for the
    strongest cause, the best first, whether or not they are beyond noise.
    """

    verdict: Verdict
    change: float
    whole: Part
    baseline: float | None
    segments: tuple[Segment, ...]
    rest: Part
    general: bool
    ruled_out: tuple[str, ...]
    rulings: tuple[Ruling, ...]
    alternatives: tuple[Alternative, ...]
    rate_and_mix: RateAndMix | None

    def __repr__(self) -> str:
        from appanalytics.investigate.show import as_text

        return as_text(self)


def describe(where: Where) -> str:
    """A definition as text, ``city=Moscow, os=iOS``; the empty one is everything."""
    return ", ".join(f"{dimension}={value}" for dimension, value in where) or "everything"
