"""The catalog's frozen models: a closed algebra.

A *measure* is a count, a sum or a number of different values over events. A *metric* is a ratio of two of
them, or the users active in a window that ends with each bucket. Because nothing else can be written, one
entry is enough to compile its total, its series, its rollup and its meaning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from appanalytics.errors import QuestionError, nearest

NAME = r"^[a-z][a-z0-9_]{0,62}$"
COLUMN = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
#: Words that answers use for themselves, so no metric or dimension may take them.
RESERVED = frozenset({"time", "complete", "day", "user_id", "first_day", "prev_day", "lead"})

Name = Annotated[str, Field(pattern=NAME)]
Column = Annotated[str, Field(pattern=COLUMN)]
Scalar = str | int
Direction = Literal["up", "down", "none"]


def _known_locales(labels: dict[str, str]) -> dict[str, str]:
    if unknown := set(labels) - {"en", "ru"}:
        raise ValueError(f"labels are in 'en' and 'ru', not {min(unknown)!r}")
    return labels


Labels = Annotated[dict[str, str], AfterValidator(_known_locales)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    name: Name = ""
    labels: Labels = {}
    description: str = ""

    def label(self, locale: str = "en") -> str:
        """Name for people in a locale; falls back to English, then to the identifier."""
        return self.labels.get(locale) or self.labels.get("en") or self.name


class Source(_Entry):
    """One table of events. ``columns`` maps logical names (``receiver``) to the table's own."""

    table: Column
    time: Column = "time"
    user: Column = "user_id"
    columns: dict[Name, Column] = {}

    def column(self, logical: str) -> str:
        """The table's column for a logical name; ``user`` and ``time`` are logical names too."""
        return {"user": self.user, "time": self.time}.get(logical) or self.columns.get(logical, logical)


class Dimension(_Entry):
    """Something to slice by. It is a column as it is, a column with named values, or bands of a number."""

    column: Column
    kind: Literal["text", "number"] = "text"
    values: dict[int, str] = {}
    bands: list[int] = []
    unknown: int | None = None
    parent: str | None = None
    only: str | None = None
    compact: bool = False

    @model_validator(mode="after")
    def _one_shape(self) -> Dimension:
        if self.values and self.bands:
            raise ValueError("give `values` or `bands`, not both")
        if self.bands != sorted(set(self.bands)):
            raise ValueError("`bands` must rise")
        return self

    @property
    def band_labels(self) -> list[str]:
        """Names of the bands, lowest first: ``0-17``, ``18-24``, …, ``55+``."""
        edges = [0, *self.bands]
        inner = [f"{low}-{high - 1}" for low, high in pairwise(edges)]
        return [*inner, f"{edges[-1]}+"]


class _Quantity(_Entry):
    unit: str = ""
    good: Direction = "none"
    owner: str = ""


class Measure(_Quantity):
    """A count, a sum or a number of different values.

    ``count`` and ``where`` hold the row condition (logical column: value or list of values). ``unique`` names
    the logical column whose different values are counted. Without a ``source`` a user of any source counts.
    """

    source: str | None = None
    count: dict[Name, Scalar | list[Scalar]] | None = None
    sum: Name | None = None
    where: dict[Name, Scalar | list[Scalar]] = {}
    unique: Name | None = None
    active_in: list[str] = []
    inactive_in: list[str] = []
    within: Literal["day", "period"] = "period"
    first: bool = False

    @model_validator(mode="after")
    def _closed(self) -> Measure:
        kinds = [self.unique is not None, self.sum is not None]
        if sum(kinds) > 1 or (not any(kinds) and self.count is None):
            raise ValueError("a measure is one of `count`, `sum`, `unique`")
        if self.source is None and self.unique != "user":
            raise ValueError("only `unique: user` may leave out the source")
        if self.source is not None and (self.active_in or self.inactive_in or self.first):
            raise ValueError("`active_in`, `inactive_in` and `first` go without a `source`")
        if self.first and (self.active_in or self.inactive_in):
            raise ValueError("`first` goes without `active_in` and `inactive_in`")
        if self.inactive_in and not self.active_in:
            raise ValueError("`inactive_in` needs `active_in`")
        return self

    @property
    def condition(self) -> dict[str, list[Scalar]]:
        """Row condition: every logical column must have one of the values."""
        given = {**(self.count or {}), **self.where}
        return {column: value if isinstance(value, list) else [value] for column, value in given.items()}

    @property
    def is_additive(self) -> bool:
        """True when totals are sums of parts: counts and sums, not numbers of different values."""
        return self.unique is None


class Ratio(_Quantity):
    """``ratio: [numerator, denominator]`` of two measures or metrics; null where the denominator is zero."""

    ratio: tuple[Name, Name]


class Active(_Quantity):
    """Users of a measure active in the ``days`` that end with the bucket, or since its calendar period began."""

    active: Name
    days: Annotated[int, Field(ge=1, le=400)] | None = None
    period: Literal["week", "month"] | None = None

    @model_validator(mode="after")
    def _one_window(self) -> Active:
        if (self.days is None) == (self.period is None):
            raise ValueError("give `days` or `period`, one of them")
        return self


Quantity = Measure | Ratio | Active


class Catalog(BaseModel):
    """Everything that can be asked for. Names are unique over measures and metrics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: Mapping[str, Source]
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Measure]
    metrics: Mapping[str, Ratio | Active]

    def quantity(self, name: str) -> Quantity:
        """The measure or metric of that name, or a `QuestionError` with the nearest one."""
        found = self.measures.get(name) or self.metrics.get(name)
        if found is None:
            hint = nearest(name, [*self.measures, *self.metrics])
            if name in self.dimensions:
                hint = f"{name} is a dimension: --by {name} slices by it"
            raise QuestionError(f"unknown metric {name!r}", hint=hint)
        return found

    def dimension(self, name: str) -> Dimension:
        """The dimension of that name, or a `QuestionError` with the nearest one."""
        if name not in self.dimensions:
            raise QuestionError(f"unknown dimension {name!r}", hint=nearest(name, self.dimensions))
        return self.dimensions[name]

    def quantities(self) -> Iterator[Quantity]:
        """All measures, then all metrics, in the catalog's order."""
        yield from self.measures.values()
        yield from self.metrics.values()

    def leaves(self, name: str) -> list[Measure | Active]:
        """The measures and active-user metrics that a quantity is made of, in order, each once."""
        found = self.quantity(name)
        if not isinstance(found, Ratio):
            return [found]
        parts = [leaf for part in found.ratio for leaf in self.leaves(part)]
        return list({leaf.name: leaf for leaf in parts}.values())

    def user_dimensions(self) -> dict[str, Dimension]:
        """Dimensions that every source has, so that a user's day can be sliced by them."""
        return {name: each for name, each in self.dimensions.items() if each.only is None}

    def user_columns(self) -> dict[str, bool]:
        """Columns behind the user dimensions, in order; True for those kept in the compact rollups."""
        columns: dict[str, bool] = {}
        for each in self.user_dimensions().values():
            columns[each.column] = columns.get(each.column, False) or each.compact
        return columns

    def fingerprint(self) -> str:
        """What the rollups depend on, as text; equal fingerprints mean that stored rollups are valid."""
        shape: dict[str, Any] = {
            "sources": {
                name: each.model_dump(exclude={"labels", "description"}) for name, each in self.sources.items()
            },
            "columns": self.user_columns(),
            "dimensions": {
                name: each.model_dump(mode="json", exclude={"labels", "description"})
                for name, each in self.dimensions.items()
                if each.compact or each.only
            },
            "conditions": sorted(
                json.dumps([each.name, each.source, each.sum, each.condition], sort_keys=True)
                for each in self.measures.values()
                if each.is_additive
            ),
            "windows": sorted(
                {each.days for each in self.metrics.values() if isinstance(each, Active) and each.days}
            ),
        }
        return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:16]
