"""Saved queries: each is there, says what may be changed, and defines nothing of its own."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.dashboards import Datasets
from appanalytics.dashboards.queries import query_specs, query_sql

DATASETS = Datasets(load_catalog(), ZoneInfo("UTC")).all


@pytest.mark.parametrize("name", query_specs())
def test_a_query_is_a_dataset_grouped(name: str) -> None:
    spec = query_specs()[name]
    dataset = DATASETS[spec.data]
    sql = query_sql(spec, dataset, "en")
    assert sql.startswith("-- ")
    assert dataset.sql.strip() in sql
    for metric in spec.metrics:
        assert f"{dataset.metrics[metric].expression} AS {metric}" in sql
    assert set(spec.by) <= dataset.column_names
    assert "LIMIT 1 BY" not in sql
