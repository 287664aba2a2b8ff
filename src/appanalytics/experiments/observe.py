"""Observations: one row for each user of an experiment, in a work table inside the engine.

Python never sees the rows. It asks for *cells* (distinct values with counts), moments and counts.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from appanalytics.catalog.sql import label
from appanalytics.engine import Engine
from appanalytics.errors import WarehouseMissing
from appanalytics.experiments.definition import Experiment, Period
from appanalytics.experiments.metrics import UserMetric, leaf_sql, leaf_type, leaves, row_condition
from appanalytics.experiments.split import variant_sql
from appanalytics.query.coverage import read_coverage
from appanalytics.sqltext import comma, identifier, render
from appanalytics.warehouse.leftovers import drop_leftovers
from appanalytics.warehouse.rollup import Layout

PACKAGE = "appanalytics.experiments"
_PREFIX = "experiment_work_"


@dataclass(frozen=True)
class Observations:
    """The work table and what is in it.

    Columns: ``user_id``, ``variant`` ('' for users of two variants), ``exposed_from``, ``seg_<dimension>``,
    ``m_<measure>`` since the exposure, ``h_<measure>`` before the start (where ``has_history``).
    """

    engine: Engine
    table: str
    metrics: tuple[UserMetric, ...]
    segments: tuple[str, ...]
    variants: tuple[str, ...]
    has_history: bool
    period: Period | None = None
    unexposed: int = 0
    user_type: str = "UInt32"


@contextlib.contextmanager
def work_table(engine: Engine, columns: Sequence[str]) -> Iterator[str]:
    """A table that lives as long as one analysis; those that killed runs left are dropped."""
    name = _PREFIX + secrets.token_hex(6)
    engine.execute(f"CREATE TABLE {name} (\n    {comma(columns)}\n) ENGINE = MergeTree ORDER BY variant")
    try:
        drop_leftovers(engine, _PREFIX, name)
        yield name
    finally:
        engine.execute(f"DROP TABLE IF EXISTS {name} SYNC")


@contextlib.contextmanager
def observed(
    engine: Engine, layout: Layout, experiment: Experiment, metrics: tuple[UserMetric, ...], period: Period
) -> Iterator[Observations]:
    """Observations of an experiment's days from the rollup `user_day`.

    Raises `WarehouseMissing` where days of it, or of the history before it, are not rolled up.
    """
    first = period.since - timedelta(days=experiment.history_days)
    check_rolled(engine, layout, first, period.until)
    variant = variant_sql(experiment, layout.catalog)
    exposure = row_condition(layout, experiment.exposure) if experiment.exposure else "1"
    names, segments = leaves(metrics), experiment.segments
    declared = [
        f"user_id {layout.user_type}",
        "variant LowCardinality(String)",
        "exposed_from Date",
        *(f"{identifier('seg_' + name)} LowCardinality(String)" for name in segments),
        *(f"{identifier(mark + name)} {leaf_type(layout, name)}" for mark in ("m_", "h_") for name in names),
    ]
    selected = [
        "any(exposed_from)",
        *(f"argMinIf({segment_sql(layout, name)}, first_time, day >= exposed_from)" for name in segments),
        *(leaf_sql(layout, name, "day >= exposed_from") for name in names),
        *(leaf_sql(layout, name, "day < {since:Date}") for name in names),
    ]
    days = {"history": first, "since": period.since, "until": period.until}
    with work_table(engine, declared) as work:
        parts = {"work": work, "variant": variant, "exposure": exposure, "columns": comma(selected)}
        engine.execute(render(PACKAGE, "observe", **parts), days)
        unexposed = _unexposed(engine, variant, exposure, days) if experiment.exposure else 0
        yield Observations(
            engine,
            work,
            metrics,
            segments,
            tuple(experiment.variants),
            experiment.history_days > 0,
            period,
            unexposed,
            layout.user_type,
        )


def check_rolled(engine: Engine, layout: Layout, first: date, until: date) -> None:
    """The days ``[first, until)`` are rolled up, as far as there are events; else a `WarehouseMissing`."""
    coverage = read_coverage(engine, layout)
    if coverage.first is None:
        raise WarehouseMissing(
            f"the warehouse {engine.url} holds no events yet", hint="appanalytics simulate, or: appanalytics load"
        )
    if reason := coverage.why_not_rollups(first, until - timedelta(days=1)):
        what, _, command = reason.partition("; run: ")
        raise WarehouseMissing(f"an experiment reads rollups: {what}", hint=command or "appanalytics rollup")


def segment_sql(layout: Layout, name: str) -> str:
    """A user's value of a dimension as text; 'unknown' where there is none."""
    dimension = layout.catalog.dimension(name)
    return f"ifNull(toString({label(dimension, identifier(dimension.column))}), 'unknown')"


def _unexposed(engine: Engine, variant: str, exposure: str, days: dict[str, date]) -> int:
    """Users of a variant who were active in the period and never exposed."""
    sql = (
        f"SELECT count() FROM (SELECT user_id FROM user_day WHERE day >= {{since:Date}} AND day < {{until:Date}}"
        f" AND {variant} != '' GROUP BY user_id HAVING countIf({exposure}) = 0)"
    )
    return int(engine.scalar(sql, days))
