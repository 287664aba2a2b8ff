"""The knobs of a search, each with its meaning. The defaults were tuned; docs/investigate.md says how and on what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scan:
    """How a change is searched. Start from :data:`COUNTS` or :data:`RATIOS` and replace what differs.

    Gains are natural logarithms of likelihood ratios (nats).
    """

    #: A segment fixes at most this many dimensions.
    dimensions: int = 3
    #: Standard deviation of the logarithm of a common drift, outside of the segment, that needs no explanation.
    drift: float = 0.06
    #: Counts: relative standard deviation of a leaf beyond its (over)dispersed Poisson noise.
    scatter: float = 0.1
    #: Ratios: lowest and highest correlation of rows within a leaf; the share of excess lies in between.
    correlation: tuple[float, float] = (0.003, 0.1)
    #: Ratios: rows of the pooled rate that are added to each leaf's baseline.
    shrinkage: float = 20.0
    #: Ratios: rounds of raking that let those rows have the rate of the cell's dimension values; 0: the rate of all.
    raking: int = 0
    #: A segment's excess must be this share of the largest excess.
    least_excess: float = 0.1
    #: Segments of each cuboid that may become members of a set.
    kept: int = 8
    #: Members of a set at most.
    members: int = 3
    #: Price of each further dimension: nats, and a share of the best gain.
    per_dimension: tuple[float, float] = (0.5, 0.02)
    #: Price of each further member: nats, and shares of the best gain for one dimension and for several.
    per_member: tuple[float, float, float] = (4.0, 0.1, 0.6)
    #: The smallest effect of a set's members, as a share of the largest.
    least_effect: float = 0.3
    #: A set that holds this share of its parent is the parent.
    covers: float = 0.85
    #: Share of the best gain that is added to the whole table's score, before it competes with the segments.
    whole: float = 0.0
    #: Causes at most, and the least gain of a further one as a share of the first one's.
    causes: int = 6
    least_gain: float = 0.05
    #: Chance at which a day without any effect may name a segment, all segments that are looked at counted.
    chance: float = 0.0003
    #: Gain below which nothing is named, however few segments there are.
    threshold: float = 10.0
    #: Relative change of the whole that is called a general change when it is beyond noise.
    general: float = 0.05


#: For additive metrics: users, views, likes.
COUNTS = Scan(least_excess=0.02, kept=16, members=12, per_member=(9.0, 0.0, 0.1), least_gain=0.02, whole=0.05)
#: For ratios of two counts: click-through, error and stall rates.
RATIOS = Scan(per_dimension=(0.25, 0.02), whole=-0.05)
