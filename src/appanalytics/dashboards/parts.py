"""What the SQL of several datasets is made of: labels, counters, the dimensions that a chart asks for."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog, Dimension, Measure, Source
from appanalytics.catalog import sql as expressions
from appanalytics.dashboards import formulas
from appanalytics.dashboards.dataset import Column
from appanalytics.sqltext import identifier, literal, render
from appanalytics.warehouse.rollup.layout import Layout, events_column

PACKAGE = "appanalytics.dashboards"


@dataclass(frozen=True)
class Parts:
    """Pieces of SQL for one catalog, time zone and language."""

    catalog: Catalog
    zone: ZoneInfo
    locale: str = "en"

    @cached_property
    def layout(self) -> Layout:
        """Names of the rollups' columns; types are not needed here."""
        return Layout(self.catalog, self.zone, {})

    @cached_property
    def dimensions(self) -> list[Dimension]:
        """Dimensions of users."""
        return list(self.catalog.user_dimensions().values())

    def _labels(self, source: Source | None = None) -> str:
        """All dimensions as columns. Raw columns are qualified, or the alias of one label would enter another's."""
        columns = []
        for each in self.dimensions:
            column = f"events.{identifier(source.column(each.column))}" if source else raw(each)
            columns.append(f"{expressions.label(each, column)} AS {identifier(each.name)}")
        return ", ".join(columns)

    def _asked(self) -> str:
        labels = {each.name: expressions.label(each, raw(each)) for each in self.dimensions}
        return render(PACKAGE, "asked", names=jinja([*labels]), labels=jinja(labels))

    def _dimension_columns(self, names: Iterable[str] | None = None) -> list[Column]:
        wanted = set(names) if names is not None else None
        return [
            Column(each.name, "Int64" if each.kind == "number" and not each.bands else "String",
                   each.label(self.locale))
            for each in self.dimensions
            if wanted is None or each.name in wanted
        ]  # fmt: skip

    @cached_property
    def _counters(self) -> list[str]:
        stored = [each.name for each in self.layout.stored_measures]
        return [*(events_column(name) for name in self.catalog.sources), *stored]

    def _text(self, english: str, russian: str) -> str:
        return russian if self.locale == "ru" else english

    def _numbered(self, names: Iterable[str]) -> str:
        return ", ".join(f"{identifier(name)} AS {formulas.counter(name)}" for name in names)

    @cached_property
    def _compact(self) -> str:
        return jinja([each.name for each in self.layout.compact])

    @cached_property
    def _additive_measures(self) -> list[Measure]:
        return [each for each in self.catalog.measures.values() if each.is_additive]

    @cached_property
    def _additive(self) -> list[str]:
        return [each.name for each in self._additive_measures]

    def _wall(self, instant: str) -> str:
        """Wall-clock time of the reporting zone, which is what axes show."""
        if self.zone.key == "UTC":
            return f"toDateTime({instant}, 'UTC')"
        offset = f"timeZoneOffset(toTimeZone({instant}, {literal(self.zone.key)}))"
        return f"toDateTime({instant} + toIntervalSecond({offset}), 'UTC')"


def raw(dimension: Dimension) -> str:
    """The column of `user_day` behind a dimension, qualified."""
    return f"user_day.{identifier(dimension.column)}"


def jinja(value: object) -> str:
    """A list or dictionary as Jinja reads it; JSON's strings are Jinja's."""
    return json.dumps(value, ensure_ascii=False)
