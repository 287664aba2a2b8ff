"""Rollups of what only one source has, such as a feed's posts: their counters, and who had met a post before.

An item's users on a day are kept by the day before on which they met the same item. Different users of an item in
a window are then a sum: those rows of the window whose day before lies outside of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from typing import Any

from appanalytics.catalog import Dimension
from appanalytics.catalog import sql as expressions
from appanalytics.engine import Engine
from appanalytics.sqltext import identifier, render
from appanalytics.warehouse.rollup import tables
from appanalytics.warehouse.rollup.layout import Layout, events_column
from appanalytics.warehouse.rollup.partitions import MONTH, put_days, work_table
from appanalytics.warehouse.rollup.shapes import day_of
from appanalytics.window import day_start

_PACKAGE = "appanalytics.warehouse.rollup"
#: Days that the bits of a number can stand for.
_MASK_DAYS = 64


class ItemRollups:
    """Builds `post_day`, `post_total` and `post_link`; does nothing where no source has items."""

    def __init__(self, engine: Engine, layout: Layout) -> None:
        self.engine = engine
        self.layout = layout
        self.any = bool(layout.item_source)

    def later_days(self, touched: Sequence[date]) -> set[date]:
        """Days after the touched ones whose links may change. Call it before the touched days are replaced."""
        parameters = {"first": touched[0], "days": touched}
        later = "SELECT count() FROM post_total WHERE day > {first:Date} AND day NOT IN {days:Array(Date)}"
        if not self.any or not self.engine.scalar(later, parameters):
            return set()
        rows = self.engine.rows(self._render("post_later_days"), self._span(touched) | parameters)
        return {row["day"] for row in rows}

    def put_counters(self, touched: Sequence[date]) -> None:
        """Count the events of some days again."""
        if not self.any:
            return
        with self._work(tables.post_day) as target:
            self.engine.execute(self._render("post_day", target=target), self._span(touched))
            put_days(self.engine, "post_day", target, touched, MONTH)
        with self._work(tables.post_total) as target:
            self.engine.execute(self._render("post_total", target=target), {"days": touched})
            put_days(self.engine, "post_total", target, touched, MONTH)

    def put_links(self, touched: Sequence[date], stale: Sequence[date]) -> None:
        """Link the users of some days' items; their counters and `user_day` must be in place.

        ``stale`` are days that `post_total` may not know yet.
        """
        if not self.any:
            return
        with self._work(tables.post_link) as target:
            for days in _spans(touched):
                since = min([self._first_day(days), *stale])
                bound = {"since": day_start(since, self.layout.zone), "base": days[0]}
                self.engine.execute(self._render("post_link", target=target), self._span(days) | bound)
            put_days(self.engine, "post_link", target, touched, MONTH)

    def _first_day(self, days: Sequence[date]) -> date:
        """First day with an event of an item that the days have."""
        items = ", ".join(identifier(each.name) for each in self.layout.item_dimensions)
        sql = (
            f"SELECT minOrNull(day) FROM post_total"
            f" WHERE ({items}) IN (SELECT {items} FROM post_total WHERE day IN {{days:Array(Date)}})"
        )
        found: date | None = self.engine.scalar(sql, {"days": days})
        return found or days[0]

    def _work(self, make: Callable[[str, Layout], str]) -> AbstractContextManager[str]:
        return work_table(self.engine, lambda name: make(name, self.layout))

    def _span(self, days: Sequence[date]) -> dict[str, Any]:
        zone = self.layout.zone
        return {
            "days": list(days),
            "start": day_start(days[0], zone),
            "end": day_start(days[-1] + timedelta(days=1), zone),
        }

    def _render(self, file: str, **names: str) -> str:
        layout = self.layout
        source = layout.catalog.sources[layout.item_source]
        counters = [identifier(name) for name in layout.item_counters]
        item_columns = {each.name: identifier(source.column(each.column)) for each in layout.item_dimensions}
        over_users = [expressions.label(each, identifier(each.column)) for each in layout.compact]
        own = {
            "items": ", ".join(map(identifier, item_columns)),
            "columns": ", ".join(item_columns.values()),
            "item_columns": ", ".join(f"{column} AS {identifier(name)}" for name, column in item_columns.items()),
            "names": ", ".join(identifier(each.name) for each in layout.compact),
            "counters": ", ".join(counters),
            "sums": ", ".join(f"sum({name})" for name in counters),
            "aggregates": ", ".join(self._aggregates()),
            "labels": self._labels(over_users, "label_"),
            "label_names": ", ".join(f"label_{each.name}" for each in layout.compact),
            "event_labels": self._labels([self._label_of_event(each) for each in layout.compact]),
            "slice": f"cityHash64({', '.join(over_users)})" if over_users else "toUInt64(0)",
            "table": identifier(source.table),
            "time": identifier(source.time),
            "user": identifier(source.user),
            "day": day_of(layout, source),
        }
        return render(_PACKAGE, file, **(own | names))

    def _labels(self, labels: Sequence[str], prefix: str = "") -> str:
        pairs = zip(labels, self.layout.compact, strict=True)
        return ", ".join(f"{label} AS {identifier(prefix + each.name)}" for label, each in pairs)

    def _label_of_event(self, dimension: Dimension) -> str:
        source = self.layout.catalog.sources[self.layout.item_source]
        return expressions.label(dimension, expressions.dimension_column(self.layout.catalog, dimension, source))

    def _aggregates(self) -> Iterator[str]:
        source = self.layout.catalog.sources[self.layout.item_source]
        yield f"count() AS {identifier(events_column(source.name))}"
        for measure in self.layout.stored_measures:
            if measure.source == source.name:
                yield f"{expressions.aggregate(source, measure)} AS {identifier(measure.name)}"


def _spans(days: Sequence[date]) -> Iterator[list[date]]:
    """The days in runs of less than `_MASK_DAYS` from first to last."""
    span: list[date] = []
    for day in days:
        if span and (day - span[0]).days >= _MASK_DAYS:
            yield span
            span = []
        span.append(day)
    if span:
        yield span
