"""SQL of datasets as Superset makes it: templates filled in with what a chart asks for, Superset imitated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from jinja2.sandbox import SandboxedEnvironment

from appanalytics.dashboards.dataset import Dataset
from appanalytics.engine import Engine
from appanalytics.sqltext import identifier, literal


def rows_of(
    engine: Engine,
    dataset: Dataset,
    metrics: Iterable[str],
    by: Iterable[str] = (),
    where: Mapping[str, str] | None = None,
    since: date | None = None,
    until: date | None = None,
) -> list[dict[str, Any]]:
    """Rows of a chart over a dataset, with filters by value and days ``[since, until)``.

    What the axis of time is called in Superset (``date``) stands for the dataset's own column here.
    """
    metrics, by, where = list(metrics), list(by), dict(where or {})
    environment = SandboxedEnvironment()
    environment.filters["where_in"] = lambda values: f"({', '.join(map(literal, values))})"
    template = environment.from_string(dataset.sql)
    inner = template.render(
        columns=by,
        metrics=metrics,
        filter=[{"col": name, "op": "IN", "val": [value]} for name, value in where.items()],
        from_dttm=f"{since}T00:00:00" if since else None,
        to_dttm=f"{until}T00:00:00" if until else None,
        current_user_roles=lambda: ["Admin"],
    )
    expressions = {column.name: column.expression or column.name for column in dataset.columns}
    shown = [f"{expressions[name]} AS {identifier(name)}" for name in by]
    shown += [f"{dataset.metrics[name].expression} AS {identifier(name)}" for name in metrics]
    kept = [f"{identifier(name)} = {literal(value)}" for name, value in where.items()]
    kept += [f"{dataset.time} >= toDate('{since}')"] if since else []
    kept += [f"{dataset.time} < toDate('{until}')"] if until else []
    grouped = f" GROUP BY {', '.join(map(identifier, by))}" if by else ""
    return engine.rows(
        f"SELECT {', '.join(shown)} FROM ({inner}) AS virtual_table WHERE {' AND '.join(kept or ['1'])}{grouped}"
    )
