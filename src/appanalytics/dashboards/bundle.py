"""The bundle: all specs as the files that Superset imports. The same specs give the same bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from appanalytics.dashboards.charts import form_data, query_context
from appanalytics.dashboards.choose import check_filters, dataset_of
from appanalytics.dashboards.dataset import Dataset
from appanalytics.dashboards.datasets import Datasets
from appanalytics.dashboards.names import DATABASE, OWNER, mark, uuid_of
from appanalytics.dashboards.page import filters, metadata, position, text_of
from appanalytics.dashboards.queries import QuerySpec, query_specs, query_sql
from appanalytics.dashboards.spec import ChartSpec, Written

_ROOT = "appanalytics"
_VERSION = "1.0.0"
_STAMP = (2020, 1, 1, 0, 0, 0)
_HIDDEN = "XXXXXXXXXX"

Json = dict[str, Any]


@dataclass(frozen=True)
class Connection:
    """Where Superset finds the warehouse. The password never stands in the bundle."""

    host: str = "127.0.0.1"
    port: int = 8123
    database: str = "appanalytics"
    user: str = "superset"
    password: str = field(default="", repr=False)
    secure: bool = False

    @property
    def uri(self) -> str:
        """SQLAlchemy's URI with the password as X."""
        scheme = "clickhousedb"
        query = "?secure=true" if self.secure else ""
        return f"{scheme}://{self.user}:{_HIDDEN}@{self.host}:{self.port}/{self.database}{query}"


def kind_of(folder: str) -> str:
    """Kind of the objects of a bundle's folder."""
    return {"queries": "query"}.get(folder, folder.removesuffix("s"))


@dataclass(frozen=True)
class Bundle:
    """Everything that Superset shall hold, as ``{path: object}``. Paths have no root folder."""

    files: Mapping[str, Json]

    @cached_property
    def objects(self) -> dict[tuple[str, str], Json]:
        """Objects by kind (``chart``, ``dashboard``, …) and UUID."""
        return {
            (kind_of(path.split("/")[0]), content["uuid"]): content
            for path, content in self.files.items()
            if "uuid" in content
        }

    def texts(self) -> dict[str, str]:
        """The files as YAML."""
        return {
            path: yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
            for path, content in sorted(self.files.items())
        }

    def zipped(self) -> bytes:
        """The files in one archive, with fixed times, so that equal specs give equal bytes."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, text in self.texts().items():
                info = zipfile.ZipInfo(f"{_ROOT}/{path}", _STAMP)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, text)
        return buffer.getvalue()


def render(specs: list[Written], datasets: Datasets, connection: Connection) -> Bundle:
    """All specs as a bundle; raises `DashboardError` with file and line for what the data do not have."""
    files: dict[str, Json] = {
        "metadata.yaml": {"version": _VERSION, "type": "assets", "timestamp": "2020-01-01T00:00:00+00:00"},
        f"databases/{DATABASE}.yaml": _database(connection),
    }
    for dataset in datasets.all.values():
        files[f"datasets/{DATABASE}/{dataset.table_name}.yaml"] = _dataset(dataset)
    for name, query in query_specs().items():
        if query.data in datasets.all and set(query.metrics) <= set(datasets.all[query.data].metrics):
            path = f"queries/{DATABASE}/{connection.database}/{name}.yaml"
            files[path] = _query(name, query, datasets, connection)
    for written in specs:
        files |= _dashboard(written, datasets)
    return Bundle(files)


def _database(connection: Connection) -> Json:
    return {
        "database_name": DATABASE,
        "sqlalchemy_uri": connection.uri,
        "cache_timeout": 300,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"allows_virtual_table_explore": True, "engine_params": {}, "metadata_params": {}},
        "uuid": uuid_of("database", DATABASE),
        "version": _VERSION,
    }


def _dataset(dataset: Dataset) -> Json:
    return {
        "table_name": dataset.table_name,
        "main_dttm_col": dataset.time,
        "description": mark(dataset.name),
        "default_endpoint": None,
        "offset": 0,
        "cache_timeout": dataset.cache_seconds,
        "schema": None,
        "catalog": None,
        "sql": dataset.sql,
        "params": None,
        "template_params": None,
        "filter_select_enabled": True,
        "fetch_values_predicate": None,
        "extra": None,
        "normalize_columns": False,
        "always_filter_main_dttm": False,
        "uuid": uuid_of("dataset", dataset.name),
        "metrics": [
            {
                "metric_name": each.name,
                "verbose_name": each.label,
                "metric_type": None,
                "expression": each.expression,
                "description": each.description or None,
                "d3format": each.format,
                "extra": {},
                "warning_text": None,
            }
            for each in dataset.metrics.values()
        ],
        "columns": [
            {
                "column_name": each.name,
                "verbose_name": each.label or None,
                "is_dttm": each.is_time,
                "is_active": True,
                "type": each.kind,
                "advanced_data_type": None,
                "groupby": True,
                "filterable": True,
                "expression": each.expression,
                "description": None,
                "python_date_format": None,
                "extra": {},
            }
            for each in dataset.columns
        ],
        "version": _VERSION,
        "database_uuid": uuid_of("database", DATABASE),
    }


def _query(name: str, query: QuerySpec, datasets: Datasets, connection: Connection) -> Json:
    return {
        "schema": connection.database,
        "label": text_of(query.title, datasets.locale),
        "description": mark(name),
        "sql": query_sql(query, datasets.all[query.data], datasets.locale),
        "uuid": uuid_of("query", name),
        "version": _VERSION,
        "database_uuid": uuid_of("database", DATABASE),
    }


def _dashboard(written: Written, datasets: Datasets) -> dict[str, Json]:
    spec, locale = written.spec, datasets.locale
    check_filters(written, datasets.all)
    used = {chart.name: dataset_of(chart, written, datasets.all) for chart in spec.charts}
    files = {}
    for chart in spec.charts:
        key = f"{spec.name}/{chart.name}"
        files[f"charts/{spec.name}_{chart.name}.yaml"] = _chart(chart, key, used[chart.name], spec.refresh, locale)
    titles = {chart.name: text_of(chart.title, locale) for chart in spec.charts}
    native = filters(spec, used, datasets.all, datasets.catalog, locale)
    files[f"dashboards/{spec.name}.yaml"] = {
        "dashboard_title": text_of(spec.title, locale),
        "description": None,
        "css": "",
        "slug": spec.name,
        "certified_by": OWNER,
        "certification_details": mark(spec.name),
        "published": True,
        "uuid": uuid_of("dashboard", spec.name),
        "position": position(spec, titles, locale),
        "metadata": metadata(spec, native),
        "version": _VERSION,
    }
    return files


def _chart(chart: ChartSpec, key: str, dataset: Dataset, refresh: int, locale: str) -> Json:
    form = form_data(chart, dataset, locale)
    context = query_context(chart, dataset, form)
    return {
        "slice_name": text_of(chart.title, locale),
        "description": text_of(chart.note, locale) or None,
        "certified_by": OWNER,
        "certification_details": mark(key),
        "viz_type": form["viz_type"],
        "params": form,
        "query_context": json.dumps(context, ensure_ascii=False, sort_keys=True),
        "cache_timeout": max(5, refresh - 5) if refresh else None,
        "uuid": uuid_of("chart", key),
        "version": _VERSION,
        "dataset_uuid": uuid_of("dataset", dataset.name),
    }
