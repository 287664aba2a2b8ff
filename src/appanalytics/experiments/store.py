"""Results in tables, for dashboards: analysing again replaces the rows of the same definition, and no others."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.experiments.analysis import Analysis, Result
from appanalytics.experiments.definition import Experiment
from appanalytics.experiments.numbers import Writer
from appanalytics.experiments.page_details import check_text
from appanalytics.experiments.pictures import bin_edges, binned
from appanalytics.locales import ENGLISH
from appanalytics.sqltext import identifier, literal
from appanalytics.stats import Comparison

Row = dict[str, Any]


def version_of(experiment: Experiment, catalog_hash: str) -> str:
    """Names definition and catalog: eight digits of each one's hash."""
    return f"{experiment.fingerprint()[:8]}{catalog_hash[:8]}"


def store_results(engine: Engine, analysis: Analysis, *, at: datetime) -> int:
    """Put an analysis into `experiment_results`, `…_distributions` and `…_checks`; returns the number of rows."""
    rows = {
        "experiment_results": [row | {"analysed": at} for row in _results(analysis)],
        "experiment_distributions": [row for each in analysis.results for row in _distribution(each, analysis)],
        "experiment_checks": _checks(analysis),
    }
    key = {"experiment": analysis.experiment.name, "version": version_of(analysis.experiment, analysis.catalog_hash)}
    for table, found in rows.items():
        replace_rows(engine, table, key, [key | row for row in found])
    return sum(map(len, rows.values()))


def replace_rows(engine: Engine, table: str, key: dict[str, str], rows: Sequence[Row]) -> None:
    """Put the partition of ``key`` in place at once, so that readers see the old rows or the new ones."""
    types = engine.rows(
        "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}",
        {"table": table},
    )
    columns = {
        each["name"]: pa.array([row.get(each["name"]) for row in rows], _arrow(each["type"])) for each in types
    }
    stage = f"{table}_stage_{secrets.token_hex(6)}"
    engine.execute(f"CREATE TABLE {stage} AS {table}")
    try:
        engine.insert(stage, pa.table(columns))
        partition = ", ".join(literal(value) for value in key.values())
        engine.execute(f"ALTER TABLE {identifier(table)} REPLACE PARTITION ({partition}) FROM {stage}")
    finally:
        engine.execute(f"DROP TABLE IF EXISTS {stage} SYNC")


def _results(analysis: Analysis) -> list[Row]:
    last = analysis.last_day or date(1970, 1, 1)
    end = last if analysis.period is None else min(last, analysis.period.until)
    rows = []
    for each in analysis.results:
        for method, found in each.answers.comparisons.items():
            row = _row(each, method, found, end) | {"part": "total"}
            row["verdict"] = row["verdict"] or str(each.judgement.says.get(method, ""))
            rows.append(row)
        for segment in each.segments:
            for value, found in segment.effects:
                place = {"dimension": segment.dimension, "value": value, "adjusted_p": segment.adjusted_p}
                rows.append(_row(each, found.method, found, end) | {"part": "segment", **place})
        for day in each.days:
            rows.append(_row(each, day.plain.method, day.plain, day.day) | {"part": "day"})
            rows.append(_row(each, "always_valid", day.always_valid, day.day) | {"part": "day"})
    return rows


def _row(result: Result, method: str, found: Comparison, day: date) -> Row:
    names = ("control", "treatment", "effect", "low", "high", "statistic", "p_value", "log10_p")
    is_main = method == result.judgement.answers
    guardrail = result.guardrail if is_main else None
    return {
        "metric": result.metric.name, "role": str(result.role), "unit": result.metric.unit, "method": method,
        "main": int(is_main), "variant": result.treatment, "dimension": "", "value": "", "day": day,
        "users_control": result.control_arm.cells.users, "users_treatment": result.treatment_arm.cells.users,
        **{name: getattr(found, name) for name in names},
        "adjusted_p": result.adjusted.p_value if is_main else None,
        "margin": guardrail.margin if guardrail else None, "verdict": str(guardrail.verdict) if guardrail else "",
    }  # fmt: skip


def _distribution(result: Result, analysis: Analysis) -> list[Row]:
    arms = {analysis.experiment.control: result.control_arm.users, result.treatment: result.treatment_arm.users}
    edges = np.asarray(bin_edges(*arms.values()), dtype=np.float64)
    if result.treatment != analysis.experiment.treatments[0]:
        del arms[analysis.experiment.control]
    return [
        {"metric": result.metric.name, "variant": name, "low": float(low), "high": float(high),
         "users": round(float(share) * cells.users), "share": float(share)}
        for name, cells in arms.items()
        for low, high, share in zip(edges[:-1], edges[1:], binned(cells, edges), strict=True)
    ]  # fmt: skip


def _checks(analysis: Analysis) -> list[Row]:
    writer = Writer(ENGLISH)
    total, weights = sum(analysis.counts.users.values()), analysis.experiment.weights
    rows: list[Row] = [
        {"part": "check", "check": str(each.kind), "status": str(each.status), "found": check_text(each, writer),
         "p_value": each.numbers.get("p_value"), "users": 0, "expected": None}
        for each in analysis.checks
    ]  # fmt: skip
    rows += [
        {"part": "arm", "check": name, "status": "", "found": "", "p_value": None, "users": users,
         "expected": total * weights[name] / sum(weights.values())}
        for name, users in analysis.counts.users.items()
    ]  # fmt: skip
    return rows


def _arrow(kind: str) -> pa.DataType:
    if "Float64" in kind:
        return pa.float64()
    if "Date" in kind:
        return pa.timestamp("us", "UTC") if "DateTime64" in kind else pa.date32()
    return pa.uint64() if kind == "UInt64" else pa.uint8() if kind == "UInt8" else pa.string()
