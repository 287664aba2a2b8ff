"""What is watched: metrics of the catalog, in total and by values of dimensions, in bins of some minutes or days."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from appanalytics.catalog import Active, Catalog, Measure, Ratio
from appanalytics.errors import QuestionError, nearest

#: Lengths of a bin in minutes: those that make whole hours.
LENGTHS = (5, 10, 15, 20, 30, 60)
#: Form of stored states; a new one starts afresh.
_FORM = 5
#: The word for every metric of the catalog that can be watched.
ALL = "all"
_CALENDAR = "it starts anew each calendar week or month: watch its window of days, such as wau or mau"


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
            if reason := why_not(self.catalog, name):
                raise QuestionError(f"{name} cannot be watched", hint=reason)
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

        Raises `QuestionError` for metrics that bins do not have.
        """
        found = _parts(self.catalog, metric)
        if found is None:
            raise QuestionError(f"{metric} cannot be watched in bins", hint="it is one of whole days")
        return found

    def is_mean(self, metric: str) -> bool:
        """True for means of users: their sums are not successes of trials."""
        return self.parts(metric)[1] is not None and self.catalog.quantity(metric).unit != "share"

    def is_daily(self, metric: str) -> bool:
        """True for metrics of whole days; the others are judged in bins."""
        return _parts(self.catalog, metric) is None

    @property
    def binned(self) -> tuple[str, ...]:
        """The metrics that are judged in bins."""
        return tuple(name for name in self.metrics if not self.is_daily(name))

    @property
    def daily(self) -> tuple[str, ...]:
        """The metrics that are judged once a day."""
        return tuple(name for name in self.metrics if self.is_daily(name))

    def leaves(self) -> list[Measure]:
        """All measures that are read in bins, each once."""
        found = [leaf for name in self.binned for leaf in self.parts(name) if leaf is not None]
        return list({leaf.name: leaf for leaf in found}.values())

    def sources(self, metric: str) -> set[str]:
        """Names of the sources that a metric counts."""
        found: set[str] = set()
        for leaf in self.catalog.leaves(metric):
            measure = self.catalog.measures[leaf.active] if isinstance(leaf, Active) else leaf
            found |= {measure.source} if measure.source else set(self.catalog.sources)
        return found

    def all_sources(self) -> list[str]:
        """Names of all sources that are read, in the catalog's order."""
        used = set().union(*(self.sources(name) for name in self.metrics))
        return [name for name in self.catalog.sources if name in used]

    def fingerprint(self) -> str:
        """What a stored state depends on; another one starts afresh."""
        shape: Sequence[object] = (
            _FORM, self.zone.key, self.metrics, self.dimensions, self.minutes, self.method, self.min_size,
            [leaf.model_dump(exclude={"labels", "description"}) for leaf in self.leaves()],
            [
                leaf.model_dump(exclude={"labels", "description"})
                for name in self.daily for leaf in self.catalog.leaves(name)
            ],
            [self.catalog.dimension(name).model_dump(exclude={"labels", "description"}) for name in self.dimensions],
        )  # fmt: skip
        return hashlib.sha256(repr(shape).encode()).hexdigest()[:16]


def why_not(catalog: Catalog, metric: str) -> str:
    """Why a metric cannot be watched; empty where it can. Raises `QuestionError` for unknown ones."""
    calendar = (isinstance(leaf, Active) and leaf.period for leaf in catalog.leaves(metric))
    return _CALENDAR if any(calendar) else ""


def watchable(catalog: Catalog) -> tuple[str, ...]:
    """Every metric of the catalog that can be watched, in its order."""
    return tuple(each.name for each in catalog.quantities() if not why_not(catalog, each.name))


def _parts(catalog: Catalog, metric: str) -> tuple[Measure, Measure | None] | None:
    """See `Watch.parts`; None where bins do not have the metric."""
    found = catalog.quantity(metric)
    if isinstance(found, Measure):
        return (found, None) if _countable(found) else None
    if not isinstance(found, Ratio) or not all(name in catalog.measures for name in found.ratio):
        return None
    top, bottom = (catalog.measures[name] for name in found.ratio)
    mean = top.is_additive and bottom.unique == "user" and top.source == bottom.source
    right = _countable(top) and _countable(bottom) and (found.unit == "share" or mean)
    return (top, bottom) if right else None


def _countable(measure: Measure) -> bool:
    plain = not (measure.first or measure.active_in or measure.inactive_in)
    return plain and (measure.is_additive or measure.unique == "user")
