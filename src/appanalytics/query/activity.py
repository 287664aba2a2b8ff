"""Who was active when: one relation with the same columns from rollups or from events.

Columns: ``day``, ``slot`` (see `timeline`), ``user_id``, a user's raw attributes, and ``<source>_events``.
"""

from __future__ import annotations

from appanalytics.catalog import Catalog, Measure, Source
from appanalytics.catalog.sql import condition
from appanalytics.query.timeline import Timeline
from appanalytics.sqltext import identifier
from appanalytics.warehouse.rollup.layout import events_column


def from_rollup(catalog: Catalog, since: str, until: str, more: str = "") -> str:
    """Activity of whole days ``[since, until)`` (SQL expressions) from `user_day`."""
    columns = ", ".join(
        [*map(identifier, catalog.user_columns()), *(events_column(name) for name in catalog.sources), "single"]
    )
    return (
        f"(SELECT day, toInt32(day) AS slot, user_id, {columns} FROM user_day"
        f" WHERE day >= {since} AND day < {until}{more})"
    )


def from_events(catalog: Catalog, timeline: Timeline, since: str, until: str) -> str:
    """Activity of the instants ``[since, until)`` (SQL expressions) from the events of all sources."""
    parts = [_of_source(catalog, timeline, source, since, until) for source in catalog.sources.values()]
    return "(" + "\n    UNION ALL ".join(parts) + ")"


def _of_source(catalog: Catalog, timeline: Timeline, source: Source, since: str, until: str) -> str:
    time = identifier(source.time)
    columns = [f"{identifier(source.column(name))} AS {identifier(name)}" for name in catalog.user_columns()]
    counts = [f"{int(name == source.name)} AS {events_column(name)}" for name in catalog.sources]
    return (
        f"SELECT {timeline.day_of_event(time)} AS day, {timeline.slot_of_event(time)} AS slot,"
        f" {identifier(source.user)} AS user_id, {', '.join([*columns, *counts])} FROM {identifier(source.table)}"
        f" WHERE {' AND '.join(timeline.within(source, since, until))}"
    )


def events_condition(catalog: Catalog, measure: Measure) -> str:
    """Row condition of a measure over its source's table."""
    return condition(catalog.sources[measure.source or ""], measure.condition)
