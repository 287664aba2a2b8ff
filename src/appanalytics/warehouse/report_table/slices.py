"""The report table in steps that can each be repeated: one slice for each dimension, then all of them at once.

For schedulers that show every step and retry it alone. `build_report_table` makes the same rows in one go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from appanalytics.engine import Engine
from appanalytics.errors import IntegrityError
from appanalytics.warehouse.report_table.build import fill_day, first_stale_day, put_day, work_table
from appanalytics.warehouse.report_table.read import MEASURES
from appanalytics.warehouse.report_table.shape import DIMENSIONS, Shape
from appanalytics.warehouse.rollup import Layout


def build_slice(engine: Engine, layout: Layout, day: date, dimension: str) -> int:
    """Make one dimension of a day in `report_slices`, whole; returns its rows. The report table stays as it is.

    Raises `QuestionError` for an unknown dimension or one that not all sources have.
    """
    shape = Shape(layout, [dimension])
    stale = first_stale_day(engine, layout)
    key = {"day": day, "dimension": dimension}
    with work_table(engine, "report_slices") as work:
        rows = fill_day(engine, layout, shape, work, day, rolled=stale is None or day <= stale)
        # What a slice was before and what it is now have one partition; an empty one cannot replace a full one.
        for partition in _partitions(engine, work if rows else "report_slices", key):
            change = f"REPLACE PARTITION ID '{partition}' FROM {work}" if rows else f"DROP PARTITION ID '{partition}'"
            engine.execute(f"ALTER TABLE report_slices {change}")
    return rows


def load_slices(engine: Engine, day: date, dimensions: Sequence[str] = DIMENSIONS) -> int:
    """Put the slices of a day into the report table, all at once in place of what the day had; returns the rows.

    Raises `IntegrityError` when the slices do not agree on the day's totals (one is missing, or events came
    between two of them); the report table is unchanged then.
    """
    totals = engine.rows(
        f"SELECT dimension, {', '.join(f'sum({name}) AS n_{name}' for name in MEASURES)} FROM report_slices"
        " WHERE event_date = {day:Date} AND dimension IN {dimensions:Array(String)} GROUP BY dimension",
        {"day": day, "dimensions": list(dimensions)},
    )
    found = {row.pop("dimension"): row for row in totals}
    missing = [name for name in dimensions if name not in found] if found else []
    different = [name for name in dimensions if found and not missing and found[name] != found[dimensions[0]]]
    if missing or different:
        told = (
            f"no slice of {', '.join(missing)}" if missing else f"{dimensions[0]} and {', '.join(different)} differ"
        )
        raise IntegrityError(
            f"the slices of {day} do not agree: {told}", hint="make the slices of the day again, then load them"
        )
    with work_table(engine) as work:
        engine.execute(
            f"INSERT INTO {work} SELECT * FROM report_slices"
            " WHERE event_date = {day:Date} AND dimension IN {dimensions:Array(String)}",
            {"day": day, "dimensions": list(dimensions)},
        )
        rows: int = engine.scalar(f"SELECT count() FROM {work}")
        put_day(engine, work, day, rows)
    return rows


def _partitions(engine: Engine, table: str, key: dict[str, object]) -> list[str]:
    """Ids of the partitions (none or one) that hold a slice."""
    rows = engine.rows(
        f"SELECT DISTINCT _partition_id AS id FROM {table}"
        " WHERE event_date = {day:Date} AND dimension = {dimension:String}",
        key,
    )
    return [row["id"] for row in rows]
