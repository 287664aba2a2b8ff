"""What is watched: metrics of the catalog, in total and by values of dimensions, in bins of some minutes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog, Measure, Ratio
from appanalytics.errors import QuestionError, nearest

#: Lengths of a bin in minutes: those that make whole hours.
LENGTHS = (5, 10, 15, 20, 30, 60)
#: Form of stored states; a new one starts afresh.
_FORM = 4
#: Methods whose state has another form than it had under their name.
_RENEWED = {"experts": "experts 2"}
_WATCHED = "counts, users, shares and means of users can"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One series: a metric in total (``dimension`` empty), or of one value of a dimension."""

    metric: str
    dimension: str = ""
    value: str = ""

    @property
    def slice(self) -> str:
        """``os=iOS``; empty for the total."""
        return f"{self.dimension}={self.value}" if self.dimension else ""

    def __str__(self) -> str:
        return f"{self.metric} {self.slice}".strip()


@dataclass(frozen=True)
class Watch:
    """A configuration of alerts.

    ``min_size`` is the least expected number of independent events of a bin that is judged (a share needs six times
    as many trials, a mean twice as many users), and ``min_change`` the least relative difference that is told. A bin
    is read ``delay`` minutes after its end, and a source without events is waited for ``hold`` minutes before its bin
    counts as missing.
    """

    catalog: Catalog
    zone: ZoneInfo
    metrics: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    minutes: int = 15
    method: str = "seasonal"
    min_size: float = 5.0
    min_change: float = 0.1
    delay: int = 5
    hold: int = 30

    def __post_init__(self) -> None:
        if self.minutes not in LENGTHS:
            raise QuestionError(f"bins of {self.minutes} minutes", hint=f"use {', '.join(map(str, LENGTHS))}")
        if not self.metrics:
            raise QuestionError("no metric is watched", hint=nearest("", self.catalog.measures))
        for name in self.metrics:
            self.parts(name)
        for name in self.dimensions:
            if self.catalog.dimension(name).only is not None:
                raise QuestionError(f"{name} cannot be watched", hint="watch dimensions that every source has")

    @property
    def step(self) -> int:
        """Length of a bin in seconds."""
        return 60 * self.minutes

    @property
    def bins_a_day(self) -> int:
        """Bins of 24 hours."""
        return 1440 // self.minutes

    @property
    def bins_an_hour(self) -> int:
        """Bins of an hour."""
        return 60 // self.minutes

    def parts(self, metric: str) -> tuple[Measure, Measure | None]:
        """The count of a metric, or numerator and denominator of a share or of a mean of users.

        Raises `QuestionError` for metrics that bins cannot have: of windows of days, of first days, means of others.
        """
        found = self.catalog.quantity(metric)
        if isinstance(found, Measure):
            return self._countable(found, metric), None
        if isinstance(found, Ratio) and all(name in self.catalog.measures for name in found.ratio):
            top, bottom = (self._countable(self.catalog.measures[name], metric) for name in found.ratio)
            mean = top.is_additive and bottom.unique == "user" and top.source == bottom.source
            if found.unit == "share" or mean:
                return top, bottom
        raise QuestionError(f"{metric} cannot be watched in bins", hint=_WATCHED)

    def is_mean(self, metric: str) -> bool:
        """True for means of users: their sums are not successes of trials."""
        return self.parts(metric)[1] is not None and self.catalog.quantity(metric).unit != "share"

    def _countable(self, measure: Measure, metric: str) -> Measure:
        plain = not (measure.first or measure.active_in or measure.inactive_in)
        if plain and (measure.is_additive or measure.unique == "user"):
            return measure
        raise QuestionError(f"{metric} cannot be watched in bins", hint=_WATCHED)

    def leaves(self) -> list[Measure]:
        """All measures that are read, each once."""
        found = [leaf for name in self.metrics for leaf in self.parts(name) if leaf is not None]
        return list({leaf.name: leaf for leaf in found}.values())

    def sources(self, metric: str) -> set[str]:
        """Names of the sources that a metric counts."""
        found: set[str] = set()
        for leaf in self.parts(metric):
            if leaf is not None:
                found |= {leaf.source} if leaf.source else set(self.catalog.sources)
        return found

    def all_sources(self) -> list[str]:
        """Names of all sources that are read, in the catalog's order."""
        used = set().union(*(self.sources(name) for name in self.metrics))
        return [name for name in self.catalog.sources if name in used]

    def fingerprint(self) -> str:
        """What a stored state depends on; another one starts afresh."""
        shape: Sequence[object] = (
            _FORM, self.zone.key, self.metrics, self.dimensions, self.minutes,
            _RENEWED.get(self.method, self.method), self.min_size,
            [leaf.model_dump(exclude={"labels", "description"}) for leaf in self.leaves()],
            [self.catalog.dimension(name).model_dump(exclude={"labels", "description"}) for name in self.dimensions],
        )  # fmt: skip
        return hashlib.sha256(repr(shape).encode()).hexdigest()[:16]
