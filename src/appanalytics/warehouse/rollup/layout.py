"""Which columns the rollups have. All follow from the catalog and from the types of the event tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from appanalytics.catalog import Active, Catalog, Dimension, Measure, Source
from appanalytics.catalog import sql as expressions
from appanalytics.engine import Engine
from appanalytics.errors import CatalogError, WarehouseMissing, nearest
from appanalytics.sqltext import identifier

#: The service of `active_link` and `active_delta` that stands for any source.
ANY_SERVICE = "any"
TABLES = (
    "user_day",
    "user_month",
    "slice_day",
    "active_link",
    "active_delta",
    "retention_day",
    "post_day",
    "post_total",
    "post_link",
    "mixed_users",
)
#: Raised when the tables or what is in them change shape, so that stored rollups are made afresh.
VERSION = 4


@dataclass(frozen=True)
class Layout:
    """Columns and expressions of the rollups of one catalog in one reporting time zone.

    ``types`` holds, for each source, the types of its table's columns.
    """

    catalog: Catalog
    zone: ZoneInfo
    types: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, engine: Engine, catalog: Catalog, zone: ZoneInfo) -> Layout:
        """Look at the event tables; a table or column that the catalog names and the database lacks is an error."""
        rows = engine.rows(
            "SELECT table, name, type FROM system.columns"
            " WHERE database = currentDatabase() AND table IN {tables:Array(String)}",
            {"tables": sorted({source.table for source in catalog.sources.values()})},
        )
        found: dict[str, dict[str, str]] = {}
        for row in rows:
            found.setdefault(row["table"], {})[row["name"]] = row["type"]
        for source in catalog.sources.values():
            if source.table not in found:
                raise WarehouseMissing(
                    f"the warehouse {engine.url} has no table {source.table}", hint="appanalytics simulate, or load"
                )
            _check_columns(catalog, source, found[source.table])
        return cls(catalog, zone, {name: found[source.table] for name, source in catalog.sources.items()})

    @cached_property
    def user_columns(self) -> list[str]:
        """Columns of a user's attributes, as they are in the events."""
        return list(self.catalog.user_columns())

    @cached_property
    def compact(self) -> list[Dimension]:
        """Dimensions kept in the compact rollups, as labels."""
        return [each for each in self.catalog.user_dimensions().values() if each.compact]

    @cached_property
    def counters(self) -> dict[str, str]:
        """Columns that count or sum, with their types: ``<source>_events`` and one for each additive measure."""
        columns = {events_column(source): "UInt32" for source in self.catalog.sources}
        for measure in self.stored_measures:
            columns[measure.name] = self._counter_type(measure)
        return columns

    @cached_property
    def stored_measures(self) -> list[Measure]:
        """Additive measures with a column of their own; a plain count is its source's events."""
        return [
            each
            for each in self.catalog.measures.values()
            if each.is_additive and (each.condition or each.sum is not None)
        ]

    @cached_property
    def windows(self) -> list[int]:
        """Lengths in days of all rolling windows of the catalog."""
        lengths = {each.days for each in self.catalog.metrics.values() if isinstance(each, Active)}
        return sorted(length for length in lengths if length)

    @cached_property
    def item_dimensions(self) -> list[Dimension]:
        """Dimensions that only one source has, such as the post; they are sliced in `post_day`."""
        return [each for each in self.catalog.dimensions.values() if each.only == self.item_source]

    @cached_property
    def item_source(self) -> str:
        """The source of `post_day`: the first one with a dimension of its own; empty if there is none."""
        return next((each.only for each in self.catalog.dimensions.values() if each.only), "")

    @cached_property
    def item_counters(self) -> list[str]:
        """Counter columns of `post_day`: those of its source."""
        measures = [each for each in self.catalog.measures.values() if each.is_additive]
        names = [events_column(self.item_source)] if self.item_source else []
        names += [self.column_of(each) for each in measures if each.source == self.item_source]
        return list(dict.fromkeys(names))

    def item_type(self, dimension: Dimension) -> str:
        """Type of an item's column."""
        source = self.catalog.sources[dimension.only or ""]
        return self.types[source.name][source.column(dimension.column)]

    @cached_property
    def link_columns(self) -> list[str]:
        """First and previous active day: in any source, then in each."""
        per_source = [name for source in self.catalog.sources for name in (first_column(source), prev_column(source))]
        return ["first_day", "prev_day", *per_source]

    def column_of(self, measure: Measure) -> str:
        """The counter column of an additive measure."""
        if measure in self.stored_measures:
            return measure.name
        return events_column(measure.source or "")

    def type_of(self, column: str) -> str:
        """Type of a user's attribute, as the first source has it."""
        name, source = next(iter(self.catalog.sources.items()))
        return self.types[name][source.column(column)]

    @property
    def user_type(self) -> str:
        """Type of user ids."""
        return self.type_of("user")

    def _counter_type(self, measure: Measure) -> str:
        if measure.sum is None:
            return "UInt32"
        source = self.catalog.sources[measure.source or ""]
        of = self.types[source.name][source.column(measure.sum)]
        return (
            "Float64" if "Float" in of or "Decimal" in of else "Int64" if "Int" in of and "U" not in of else "UInt64"
        )

    def compact_labels(self) -> list[str]:
        """Each compact dimension as an expression over a user's raw columns."""
        return [expressions.label(each, identifier(each.column)) for each in self.compact]


def first_column(source: str) -> str:
    """Name of the user's first day in a source."""
    return f"{source}_first_day"


def prev_column(source: str) -> str:
    """Name of the user's active day in a source before the row's day."""
    return f"{source}_prev_day"


def events_column(source: str) -> str:
    """Name of the counter of all events of a source."""
    return f"{source}_events"


def _check_columns(catalog: Catalog, source: Source, types: Mapping[str, str]) -> None:
    logical = [*catalog.user_columns(), "user", "time", *source.columns]
    for name in logical:
        column = source.column(name)
        if column not in types:
            raise CatalogError(
                f"sources.{source.name}: table {source.table} has no column {column!r}", hint=nearest(column, types)
            )
