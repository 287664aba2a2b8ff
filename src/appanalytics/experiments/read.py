"""What crosses from the engine to Python: cells, moments and counts of the observations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from appanalytics.experiments.metrics import UserMetric, leaf_sql, running
from appanalytics.experiments.observe import PACKAGE, Observations
from appanalytics.sqltext import identifier, render
from appanalytics.stats import Cells, JointMoments, Population, RatioCells, bucket_ratios
from appanalytics.warehouse.rollup import Layout

#: Most values of a dimension that are looked at one by one; those with the most users.
MOST_VALUES = 12

Arms = dict[str, RatioCells]


@dataclass(frozen=True, slots=True)
class Counts:
    """Users of each variant, of two variants, and users who were never exposed."""

    users: dict[str, int]
    conflicting: int
    unexposed: int


@dataclass(frozen=True, slots=True)
class DayMoments:
    """Joint moments (above, below) of the users' totals from the start to the end of a day."""

    day: date
    moments: JointMoments


def counts(seen: Observations) -> Counts:
    """Users by variant."""
    rows = seen.engine.rows(f"SELECT variant, count() AS users FROM {seen.table} GROUP BY variant")
    found = {row["variant"]: row["users"] for row in rows}
    return Counts({name: found.get(name, 0) for name in seen.variants}, found.get("", 0), seen.unexposed)


def cells(seen: Observations, metric: UserMetric) -> Arms:
    """Distinct (above, below) with their users, by variant; below is 1 for a mean."""
    table = seen.engine.query(
        f"SELECT variant, {_pair(metric)}, count() AS users FROM {seen.table}"
        " WHERE variant != '' GROUP BY variant, above, below"
    )
    return _arms(table, seen.variants)


#: An A/A rehearsal draws from about so many users.
MOST_REHEARSED = 200_000


def population(seen: Observations, metric: UserMetric) -> Population:
    """Distinct (above, below, and the same before) of all arms with their users; of very many users a hash's sample.

    Of a mean, ``below`` is 1 and there is one column before. Without history there is none.
    """
    users = int(seen.engine.scalar(f"SELECT count() FROM {seen.table} WHERE variant != ''"))
    part = -(-users // MOST_REHEARSED) or 1
    before = [f"h_{name}" for name in (metric.above, metric.below) if name] if seen.has_history else []
    columns = ["above", "below", *(f"before_{number}" for number in range(len(before)))]
    named = "".join(f", {identifier(name)} AS before_{number}" for number, name in enumerate(before))
    table = seen.engine.query(
        f"SELECT {_pair(metric)}{named}, count() AS users FROM {seen.table}"
        f" WHERE variant != '' AND xxHash64(concat(toString(user_id), 'rehearsal')) % {part} = 0"
        f" GROUP BY {', '.join(columns)} ORDER BY {', '.join(columns)}"
    )
    return Population.of(*(_numbers(table, name) for name in columns), counts=_numbers(table, "users"))


def segment_cells(seen: Observations, metric: UserMetric, dimension: str) -> dict[str, Arms]:
    """`cells` for each value of a dimension: the values with the most users."""
    table = seen.engine.query(
        f"SELECT {_segment(dimension)} AS value, variant, {_pair(metric)}, count() AS users FROM {seen.table}"
        " WHERE variant != '' AND value IN"
        f" (SELECT {_segment(dimension)} AS value FROM {seen.table} GROUP BY value ORDER BY count() DESC, value"
        f" LIMIT {MOST_VALUES}) GROUP BY value, variant, above, below"
    )
    values = _texts(table, "value")
    return {
        value: _arms(table.filter(pa.array(values == value)), seen.variants) for value in sorted(set(values.tolist()))
    }


def segment_moments(seen: Observations, dimension: str) -> dict[str, dict[str, dict[str, JointMoments]]]:
    """Moments (above, below) by value of a dimension, metric and variant, in one statement."""
    parts = [part for number, metric in enumerate(seen.metrics) for part in _moments(metric, number)]
    rows = seen.engine.rows(
        f"SELECT {_segment(dimension)} AS value, variant, count() AS users, {', '.join(parts)} FROM {seen.table}"
        " WHERE variant != '' AND value IN"
        f" (SELECT {_segment(dimension)} AS value FROM {seen.table} GROUP BY value ORDER BY count() DESC, value"
        f" LIMIT {MOST_VALUES}) GROUP BY value, variant ORDER BY value, variant"
    )
    found: dict[str, dict[str, dict[str, JointMoments]]] = {}
    for row in rows:
        for number, metric in enumerate(seen.metrics):
            means = [row[f"mean_a_{number}"], row[f"mean_b_{number}"]]
            matrix = [
                [row[f"var_a_{number}"], row[f"cov_{number}"]],
                [row[f"cov_{number}"], row[f"var_b_{number}"]],
            ]
            moments = JointMoments.from_covariances(row["users"], means, matrix)
            found.setdefault(row["value"], {}).setdefault(metric.name, {})[row["variant"]] = moments
    return found


def history_moments(seen: Observations, metric: UserMetric) -> dict[str, JointMoments]:
    """Joint moments of the metric and its history, by variant.

    Columns of a ratio: above, below, above before, below before; of a mean: the value, the value before, and whether
    the user had any history.
    """
    now = [f"m_{metric.above}", *([f"m_{metric.below}"] if metric.below else [])]
    before = [f"h_{metric.above}", *([f"h_{metric.below}"] if metric.below else [])]
    names = [f"toFloat64({identifier(name)})" for name in (*now, *before)]
    if not metric.is_ratio:
        names.append(f"toFloat64({identifier(before[0])} > 0)")
    size = len(names)
    parts = [f"avg({name}) AS mean_{i}" for i, name in enumerate(names)]
    parts += [f"covarSampStable({names[i]}, {names[j]}) AS cov_{i}_{j}" for i in range(size) for j in range(i, size)]
    rows = seen.engine.rows(
        f"SELECT variant, count() AS users, {', '.join(parts)} FROM {seen.table} WHERE variant != '' GROUP BY variant"
    )
    return {
        row["variant"]: JointMoments.from_covariances(
            row["users"],
            [row[f"mean_{i}"] for i in range(size)],
            [[row[f"cov_{min(i, j)}_{max(i, j)}"] for j in range(size)] for i in range(size)],
        )
        for row in rows
    }


def buckets(seen: Observations, metric: UserMetric, number: int = 50) -> dict[str, Cells]:
    """Global ratio of each of the users' buckets.

    A bucket is ``xxHash64`` of the user id (as little-endian UInt32, or as text where users are texts) % ``number``.
    """
    hashed = "user_id" if seen.user_type == "String" else "toUInt32(user_id)"
    rows = seen.engine.query(
        f"SELECT variant, xxHash64({hashed}) % {number} AS bucket, sum(above) AS above, sum(below) AS below"
        f" FROM (SELECT variant, user_id, {_pair(metric)} FROM {seen.table} WHERE variant != '')"
        " GROUP BY variant, bucket"
    )
    variant = _texts(rows, "variant")
    found = {}
    for name in seen.variants:
        some = variant == name
        found[name] = bucket_ratios(*(_numbers(rows, column)[some] for column in ("bucket", "above", "below")))
    return found


def by_day(seen: Observations, layout: Layout, metric: UserMetric) -> dict[str, list[DayMoments]]:
    """Running moments of a metric from the start to each day's end, by variant."""
    if seen.period is None:
        return {}
    names = {
        "above": leaf_sql(layout, metric.above, "1"),
        "below": leaf_sql(layout, metric.below, "1") if metric.below else "0",
        "run_above": running(layout, metric.above),
        "run_below": running(layout, metric.below) if metric.below else "max",
    }
    sql = render(PACKAGE, "by_day", work=seen.table, **names)
    rows = seen.engine.rows(sql, {"since": seen.period.since, "until": seen.period.until})
    return {name: _running([row for row in rows if row["variant"] == name], metric) for name in seen.variants}


def _running(rows: list[dict[str, Any]], metric: UserMetric) -> list[DayMoments]:
    """Sums are whole numbers of any size, so running totals are exact."""
    users = above = below = square_above = square_below = cross = 0
    found = []
    for row in rows:
        users += int(row["users"])
        above, below = above + int(row["sum_above"]), below + int(row["sum_below"])
        square_above += int(row["sum_above_above"])
        square_below += int(row["sum_below_below"])
        cross += int(row["sum_above_below"])
        totals, squares = [above, below], [[square_above, cross], [cross, square_below]]
        if not metric.is_ratio:
            totals, squares = [above, users], [[square_above, above], [above, users]]
        found.append(DayMoments(row["of_day"], JointMoments.from_sums(users, totals, squares)))
    return found


# --- statements ---


def _pair(metric: UserMetric) -> str:
    below = f"m_{metric.below}" if metric.below else ""
    return f"{identifier('m_' + metric.above)} AS above, {identifier(below) if below else '1'} AS below"


def _segment(dimension: str) -> str:
    return identifier(f"seg_{dimension}")


def _moments(metric: UserMetric, number: int) -> Iterable[str]:
    above = f"toFloat64({identifier('m_' + metric.above)})"
    below = f"toFloat64({identifier('m_' + metric.below)})" if metric.below else "1."
    yield f"avg({above}) AS mean_a_{number}"
    yield f"avg({below}) AS mean_b_{number}"
    yield f"varSampStable({above}) AS var_a_{number}"
    yield f"varSampStable({below}) AS var_b_{number}"
    yield f"covarSampStable({above}, {below}) AS cov_{number}"


def _arms(table: pa.Table, variants: Iterable[str]) -> Arms:
    variant = _texts(table, "variant")
    above, below, users = (_numbers(table, name) for name in ("above", "below", "users"))
    found: Mapping[str, Any] = {name: variant == name for name in variants}
    return {name: RatioCells.counted(above[some], below[some], users[some]) for name, some in found.items()}


def _texts(table: pa.Table, name: str) -> Any:
    return np.asarray(table.column(name).cast(pa.string()).to_pylist(), dtype=object)


def _numbers(table: pa.Table, name: str) -> Any:
    return table.column(name).to_numpy()
