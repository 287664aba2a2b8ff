"""What Superset calls a dataset: SQL with columns and saved metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SavedMetric:
    """A metric of a dataset; ``expression`` is derived from the catalog. ``format`` is d3's."""

    name: str
    expression: str
    label: str
    format: str = ",d"
    description: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a dataset. With an ``expression`` it is calculated by Superset."""

    name: str
    kind: str = "String"
    label: str = ""
    expression: str | None = None
    is_time: bool = False


@dataclass(frozen=True)
class Dataset:
    """One dataset. ``time`` is the column that the time filter binds to, ``axis`` the one that is drawn.

    They differ on purpose. Superset names the bucketed column as the column itself, and ClickHouse then takes that
    name for the bucket in WHERE, too: the first week would be cut, and no part of the table skipped. ``partial`` are
    columns that hold one value unless another is chosen, so that a filter's choice cannot come from them.
    """

    name: str
    sql: str
    columns: tuple[Column, ...]
    metrics: Mapping[str, SavedMetric] = field(default_factory=dict)
    time: str | None = None
    axis: str | None = None
    partial: frozenset[str] = frozenset()
    cache_seconds: int = 300
    note: str = ""

    @property
    def table_name(self) -> str:
        """Its name in Superset, unique over all databases."""
        return f"appanalytics_{self.name}"

    @property
    def column_names(self) -> set[str]:
        """Names of its columns."""
        return {column.name for column in self.columns}

    def is_short(self, name: str) -> bool:
        """Whether a column of text is drawn with each of its values named."""
        return any(column.name == name and column.kind == "String" for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of a name that is there."""
        return next(column for column in self.columns if column.name == name)
