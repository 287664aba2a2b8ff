"""The report table's statement: the written shapes of ``sql/`` with the catalog's columns put in."""

from __future__ import annotations

from collections.abc import Sequence

from appanalytics.catalog import Dimension, Measure, Source
from appanalytics.catalog import sql as expressions
from appanalytics.errors import CatalogError, QuestionError, nearest
from appanalytics.sqltext import identifier, literal, render
from appanalytics.warehouse.rollup import Layout
from appanalytics.warehouse.rollup.shapes import day_of

#: The dimensions of the report table unless others are asked for.
DIMENSIONS = ("gender", "age", "os")
_PACKAGE = "appanalytics.warehouse.report_table"


class Shape:
    """The statement that makes one day, for one catalog and one list of dimensions.

    Attributes of users travel through it as raw columns named ``raw_<column>``, so that no output hides a
    column of a source; they become labels at the end, when few rows are left.
    """

    def __init__(self, layout: Layout, dimensions: Sequence[str]) -> None:
        self.layout = layout
        self.catalog = layout.catalog
        self.dimensions = [_user_dimension(layout, name) for name in dict.fromkeys(dimensions)]
        if not self.dimensions:
            raise QuestionError("the report table needs at least one dimension", hint=nearest("", self._usable()))
        self.columns = list(dict.fromkeys(each.column for each in self.dimensions))
        self.raw = ", ".join(_raw(column) for column in self.columns)
        self.views, self.likes, self.messages = (self._measure(name) for name in ("views", "likes", "messages"))

    def statement(self, target: str, *, rolled: bool) -> str:
        """Fill ``target`` with {day}; earlier days come from `user_day` when it is up to date, else from events."""
        messages = self._source(self.messages)
        if "receiver" not in messages.columns:
            raise CatalogError(
                f"sources.{messages.name} does not say which column is the receiver",
                hint=f"add to the catalog: sources.{messages.name}.columns: {{receiver: receiver_id}}",
            )
        return self._render(
            "report_day",
            target=target,
            slices=self._slices(),
            nobody=self._nobody(),
            sender=identifier(messages.user),
            receiver=identifier(messages.column("receiver")),
            message_columns=self._keys(messages),
            message_time=identifier(messages.time),
            message_table=identifier(messages.table),
            message_condition=expressions.condition(messages, self.messages.condition),
            unpacked=", ".join(f"attributes.{place} AS {_raw(name)}" for place, name in enumerate(self.columns, 1)),
            acted=self._union([self._acted(each) for each in self._acting()], 8),
            own=self._union([self._per_source("own", each) for each in self.catalog.sources.values()], 20),
            history=self._render("history_rollup", columns=self._from_rollup()) if rolled else self._earlier(),
        )

    def _acting(self) -> list[Source]:
        return list({each.source: self._source(each) for each in (self.views, self.likes, self.messages)}.values())

    def _acted(self, source: Source) -> str:
        counted = {
            f"{name}": expressions.aggregate(source, measure) if measure.source == source.name else "toUInt64(0)"
            for name, measure in (("views", self.views), ("likes", self.likes), ("messages", self.messages))
        }
        return self._per_source("acted", source, **counted)

    def _earlier(self) -> str:
        parts = [
            self._per_source("earlier", each, day=day_of(self.layout, each)) for each in self.catalog.sources.values()
        ]
        return self._render("history_events", events=self._union(parts, 24))

    def _per_source(self, file: str, source: Source, **more: str) -> str:
        columns = ", ".join(f"{identifier(source.column(name))} AS {_raw(name)}" for name in self.columns)
        return self._render(
            file,
            columns=columns,
            keys=self._keys(source),
            table=identifier(source.table),
            time=identifier(source.time),
            user=identifier(source.user),
            **more,
        )

    def _from_rollup(self) -> str:
        return ", ".join(f"{identifier(name)} AS {_raw(name)}" for name in self.columns)

    def _keys(self, source: Source) -> str:
        return ", ".join(identifier(source.column(name)) for name in self.columns)

    def _slices(self) -> str:
        return _array([(each.name, _text(each, _raw(each.column))) for each in self.dimensions])

    def _nobody(self) -> str:
        return _array([(each.name, literal(expressions.UNKNOWN)) for each in self.dimensions])

    def _measure(self, name: str) -> Measure:
        found = self.catalog.measures.get(name)
        if found is None or not found.is_additive:
            raise CatalogError(f"the report table needs a measure {name!r} that is a count or a sum")
        return found

    def _source(self, measure: Measure) -> Source:
        return self.catalog.sources[measure.source or ""]

    def _usable(self) -> list[str]:
        return list(self.catalog.user_dimensions())

    def _render(self, file: str, **names: str) -> str:
        return render(_PACKAGE, file, **({"raw": self.raw} | names)).rstrip()

    @staticmethod
    def _union(parts: list[str], indent: int) -> str:
        space = "\n" + " " * indent
        return f"{space}UNION ALL{space}".join(parts)


def _user_dimension(layout: Layout, name: str) -> Dimension:
    dimension = layout.catalog.dimension(name)
    if dimension.only is not None:
        raise QuestionError(
            f"the report table cannot be sliced by {name}, which only the source {dimension.only} has",
            hint=f"use {', '.join(layout.catalog.user_dimensions())}",
        )
    return dimension


def _raw(column: str) -> str:
    return identifier(f"raw_{column}")


def _text(dimension: Dimension, column: str) -> str:
    return f"ifNull(toString({expressions.label(dimension, column)}), {literal(expressions.UNKNOWN)})"


def _array(pairs: list[tuple[str, str]]) -> str:
    return "[" + ", ".join(f"({literal(name)}, {value})" for name, value in pairs) + "]"
