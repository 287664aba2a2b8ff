"""Ask a question of a warehouse."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from appanalytics.catalog import Active, Catalog
from appanalytics.catalog.sql import UNKNOWN, known_labels
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError, nearest
from appanalytics.query.answer import Answer, Record
from appanalytics.query.asked import Prefer
from appanalytics.query.coverage import Coverage, read_coverage
from appanalytics.query.cube import Cube, Values
from appanalytics.query.plan import make_plan
from appanalytics.query.question import Question
from appanalytics.query.scope import Scope
from appanalytics.query.statements import Statement
from appanalytics.query.timeline import Timeline
from appanalytics.sqltext import identifier
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window, bucket_day, day_start


def ask(
    engine: Engine,
    layout: Layout,
    question: Question,
    *,
    as_of: datetime | None = None,
    prefer: str | Prefer = Prefer.AUTO,
    coverage: Coverage | None = None,
) -> Answer:
    """Answer a question.

    ``as_of`` is the instant up to which data can be there (usually now); later buckets are marked incomplete.
    Raises `QuestionError` for filter values that the data never had.
    """
    held = coverage or read_coverage(engine, layout)
    check_values(engine, layout, held, question)
    plan = make_plan(layout, held, question, Prefer.parse(prefer))

    def run(statement: Statement) -> pa.Table:
        return engine.query(statement.sql, statement.parameters)

    cube = Cube(plan, run, layout.catalog)
    explained, before = plan.explain(), None
    if question.compare:
        earlier = make_plan(layout, held, question.before(), Prefer.parse(prefer))
        before = Cube(earlier, run, layout.catalog)
        cube.widen(before.combinations)  # a slice that fell to nothing belongs to the answer
        explained += "\n\n-- the period before\n\n" + earlier.explain()
    complete = _complete(layout.catalog, question, plan.timeline, held, as_of)
    records = _records(question, cube, before, complete, held)
    units = {name: layout.catalog.quantity(name).unit for name in question.metrics}
    return Answer(question, tuple(records), units, explained)


def default_window(coverage: Coverage, layout: Layout) -> Window | None:
    """All whole days with events, or None when there are none."""
    if coverage.first is None or coverage.last is None:
        return None
    first = coverage.first.astimezone(layout.zone).date()
    last = coverage.last.astimezone(layout.zone).date()
    return Window(day_start(first, layout.zone), Window.of_day(last, layout.zone).end, layout.zone)


# --- records ---


def _records(
    question: Question, cube: Cube, before: Cube | None, complete: list[bool], coverage: Coverage
) -> list[Record]:
    values = {name: cube.value(name) for name in question.metrics}
    earlier = {name: _aligned(cube, before, name) for name in question.metrics} if before else {}
    labels = cube.plan.timeline.labels
    order = _order(question, cube, before, values, earlier)
    unknown = _before_all_events(before, coverage)
    records = []
    for bucket, label in enumerate(labels):
        for combination, place in order:
            record: Record = {"time": label, **dict(zip(question.by, combination, strict=True))}
            for name, array in values.items():
                record[name] = _plain(array[bucket, place])
                if before is not None:
                    then = None if bucket in unknown else _plain(earlier[name][bucket, place])
                    record[f"{name}_before"] = then
                    record[f"{name}_change"] = _change(record[name], then)
            record["complete"] = complete[bucket]
            records.append(record)
    return records


def _before_all_events(before: Cube | None, coverage: Coverage) -> set[int]:
    """Buckets of the period before that end before the first event's day: nothing is known of them."""
    if before is None or coverage.first is None:
        return set()
    timeline = before.plan.timeline
    start = day_start(coverage.first.astimezone(timeline.window.zone).date(), timeline.window.zone)
    return {place for place, bucket in enumerate(timeline.buckets) if bucket.end <= start}


def _order(
    question: Question, cube: Cube, before: Cube | None, values: dict[str, Values], earlier: dict[str, Values]
) -> list[tuple[tuple[Any, ...], int]]:
    """Combinations that have a value, now or before: by the larger one for a total or a limit, else by name."""
    first = question.metrics[0]
    size = np.nan_to_num(values[first].astype(float)).sum(axis=0)
    if before is not None:
        size = np.maximum(size, np.nan_to_num(earlier[first].astype(float)).sum(axis=0))
    alive = {key for each in (cube, before) if each is not None for key in each.alive()}
    found = [(key, place) for key, place in cube.combinations.items() if key in alive or not question.by]
    found.sort(key=lambda each: tuple((value is None, _sortable(value)) for value in each[0]))
    if question.grain is Grain.TOTAL or question.limit:
        found.sort(key=lambda each: -size[each[1]])
    kept = found[: question.limit]
    if question.limit and question.grain is not Grain.TOTAL:
        kept.sort(key=lambda each: tuple((value is None, _sortable(value)) for value in each[0]))
    return kept


def _sortable(value: Any) -> tuple[bool, Any]:
    return (isinstance(value, str), value) if value is not None else (False, 0)


def _aligned(cube: Cube, before: Cube, name: str) -> Values:
    """The earlier values on the buckets and combinations of the present ones; NaN or 0 where there is none."""
    source, here = before.value(name), cube.value(name)
    missing = np.nan if source.dtype.kind == "f" else 0
    result = np.full(here.shape, missing, dtype=source.dtype)
    buckets = min(here.shape[0], source.shape[0])
    for key, place in cube.combinations.items():
        if key in before.combinations:
            result[:buckets, place] = source[:buckets, before.combinations[key]]
    return result


def _plain(value: Any) -> int | float | None:
    plain = value.item()
    return None if isinstance(plain, float) and not np.isfinite(plain) else plain


def _change(now: float | None, then: float | None) -> float | None:
    return None if now is None or not then else now / then - 1


# --- completeness ---


def _complete(
    catalog: Catalog, question: Question, timeline: Timeline, coverage: Coverage, as_of: datetime | None
) -> list[bool]:
    """For each bucket: is it whole, over, and are the days its metrics look back on inside of the data?"""
    if coverage.first is None:
        return [False] * len(timeline.buckets)
    zone = question.window.zone
    data_start = day_start(coverage.first.astimezone(zone).date(), zone)
    # Nothing is known of the days after the last event's, even when they are over.
    held_until = Window.of_day((coverage.last or coverage.first).astimezone(zone).date(), zone).end
    limit = min(as_of, held_until) if as_of else coverage.last
    whole = list(question.window.buckets(question.grain))
    flags = []
    for cut, bucket, last in zip(timeline.buckets, whole, timeline.last_days(), strict=True):
        start = min([bucket.start, *_needed(catalog, question, zone, last)])
        over = limit is None or bucket.end <= limit
        flags.append(cut == bucket and over and start >= data_start)
    return flags


def _needed(catalog: Catalog, question: Question, zone: Any, last: Any) -> list[datetime]:
    """Where the days begin that rolling and calendar metrics need for a bucket that ends with ``last``."""
    from datetime import timedelta

    starts = []
    for name in question.metrics:
        for leaf in catalog.leaves(name):
            if isinstance(leaf, Active):
                first = (
                    last - timedelta(days=leaf.days - 1)
                    if leaf.days
                    else bucket_day(last, Grain.WEEK if leaf.period == "week" else Grain.MONTH)
                )
                starts.append(day_start(first, zone))
    return starts


# --- values that only the data know ---


def check_values(engine: Engine, layout: Layout, coverage: Coverage, question: Question) -> None:
    """Raise `QuestionError` for a filter's value that the data never had, with the nearest one."""
    for each in question.where:
        dimension = layout.catalog.dimension(each.dimension)
        asked = [value for value in each.values if value.lower() != UNKNOWN]
        if known_labels(dimension) is not None or not asked:
            continue
        sql = _values_sql(layout, each.dimension, rolled=not coverage.reason and not coverage.stale)
        found = {
            row["value"] for row in engine.rows(f"{sql} HAVING value IN {{asked:Array(String)}}", {"asked": asked})
        }
        if missing := [value for value in asked if value not in found]:
            known = [row["value"] for row in engine.rows(f"{sql} LIMIT 10000")]
            raise QuestionError(f"{dimension.name} has no value {missing[0]!r}", hint=nearest(missing[0], known))


def _values_sql(layout: Layout, name: str, *, rolled: bool) -> str:
    dimension = layout.catalog.dimension(name)
    if rolled and dimension.only is None:
        relations = [("user_day", Scope.of_users(layout.catalog))]
    elif rolled and dimension in layout.item_dimensions:
        relations = [("post_total", Scope.of_labels(layout.catalog, [dimension.name]))]
    else:
        sources = [each for each in layout.catalog.sources.values() if dimension.only in (None, each.name)]
        relations = [(identifier(each.table), Scope.of_events(layout.catalog, each)) for each in sources]
    union = " UNION ALL ".join(
        f"SELECT toString({scope.expression(name)}) AS value FROM {relation} GROUP BY value"
        for relation, scope in relations
    )
    return f"SELECT value FROM ({union}) GROUP BY value"
