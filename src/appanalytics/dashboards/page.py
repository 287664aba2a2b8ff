"""The page of a dashboard: its grid of charts and texts, and its filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appanalytics.catalog import Catalog
from appanalytics.dashboards.charts import TODAY
from appanalytics.dashboards.dataset import Dataset
from appanalytics.dashboards.names import uuid_of
from appanalytics.dashboards.spec import ChartSpec, DashboardSpec, RowSpec

Json = dict[str, Any]
_WORDS = {
    "en": {"time": "Time range", "grain": "Time grain", "cohort": "Day of the campaign",
           "outage_day": "Day of the outage", "service": "Service", "experiment": "Experiment", "metric": "Metric",
           "watched_metric": "Metric", "watched_slice": "Slice"},
    "ru": {"time": "Период", "grain": "Шаг времени", "cohort": "День кампании",
           "outage_day": "День сбоя", "service": "Сервис", "experiment": "Эксперимент", "metric": "Метрика",
           "watched_metric": "Метрика", "watched_slice": "Срез"},
}  # fmt: skip
_NONE = "No filter"
_BARE = "BACKGROUND_TRANSPARENT"
#: Filters of which one value is chosen at a time.
_SINGLE = ("experiment", "metric", "watched_metric", "watched_slice", "outage_day")


def text_of(labels: Mapping[str, str], locale: str) -> str:
    """A text in a language, or in English."""
    return labels.get(locale) or labels.get("en") or next(iter(labels.values()), "")


def position(spec: DashboardSpec, titles: Mapping[str, str], locale: str) -> Json:
    """Where everything stands. Charts have running numbers, which Superset replaces by its own."""
    rows: Json = {}
    numbers = chart_numbers(spec)
    everything = list(spec.rows)
    if about := text_of(spec.about, locale):
        lines = about.count("\n") + sum(len(line) // 150 for line in about.splitlines())
        everything.insert(0, RowSpec(text={locale: about}, height=max(10, 6 + 3 * lines)))
    for number, row in enumerate(everything):
        if row.heading is not None:
            rows[f"HEADER-{number}"] = _node(
                f"HEADER-{number}", "HEADER", [],
                {"text": text_of(row.heading, locale), "headerSize": "MEDIUM_HEADER", "background": _BARE},
                ["ROOT_ID", "GRID_ID"],
            )  # fmt: skip
            continue
        key = f"ROW-{number}"
        parents = ["ROOT_ID", "GRID_ID", key]
        children: Json = {}
        if row.text is not None:
            meta = {"code": text_of(row.text, locale), "width": 12, "height": row.height}
            children[f"MARKDOWN-{number}"] = _node(f"MARKDOWN-{number}", "MARKDOWN", [], meta, parents)
        for chart in row.charts:
            uuid = uuid_of("chart", f"{spec.name}/{chart.name}")
            meta = {
                "chartId": numbers[chart.name],
                "uuid": uuid,
                "sliceName": titles[chart.name],
                "width": chart.width,
                "height": row.height,
            }
            children[f"CHART-{chart.name}"] = _node(f"CHART-{chart.name}", "CHART", [], meta, parents)
        rows[key] = _node(key, "ROW", [*children], {"background": _BARE}, ["ROOT_ID", "GRID_ID"])
        rows |= children
    top = [key for key in rows if key.startswith(("ROW-", "HEADER-"))]
    return {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": top, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": text_of(spec.title, locale)}},
        **rows,
    }


def _node(key: str, kind: str, children: list[str], meta: Json, parents: list[str]) -> Json:
    return {"id": key, "type": kind, "children": children, "meta": meta, "parents": parents}


def chart_numbers(spec: DashboardSpec) -> dict[str, int]:
    """The running number of each chart."""
    return {chart.name: number for number, chart in enumerate(spec.charts, start=1)}


def filters(
    spec: DashboardSpec, used: Mapping[str, Dataset], datasets: Mapping[str, Dataset], catalog: Catalog, locale: str
) -> list[Json]:
    """The native filters. Each leaves out the charts whose data lack its column."""
    numbers = chart_numbers(spec)
    made = []
    for name in spec.filters:
        out = [numbers[chart.name] for chart in spec.charts if not _reaches(name, chart, used[chart.name])]
        made.append(_filter(spec, name, out, datasets, catalog, locale))
    return made


def _reaches(name: str, chart: ChartSpec, dataset: Dataset) -> bool:
    if name == "time":
        return dataset.time is not None and chart.range is None and chart.last is None
    if name == "grain":
        return chart.is_timed and dataset.name != "audience"
    return name in dataset.column_names


def _filter(
    spec: DashboardSpec, name: str, out: list[int], datasets: Mapping[str, Dataset], catalog: Catalog, locale: str
) -> Json:
    kinds = {"time": "filter_time", "grain": "filter_timegrain"}
    words = _WORDS.get(locale, _WORDS["en"])
    label = words.get(name) or (catalog.dimensions[name].label(locale) if name in catalog.dimensions else name)
    live = any(chart.grain in ("15m", "hour") for chart in spec.charts)
    first = "events" if live and name == "grain" else _values_of(name, datasets)
    targets: list[Json] = [{}]
    default: Json = {"extraFormData": {}, "filterState": {}, "ownState": {}}
    control: Json = {}
    if name == "grain":
        targets = [{"datasetUuid": uuid_of("dataset", first)}]
    elif name == "time":
        span = TODAY if spec.range == "today" else spec.range
        if span != _NONE:
            default = {"extraFormData": {"time_range": span}, "filterState": {"value": span}, "ownState": {}}
    else:
        targets = [{"datasetUuid": uuid_of("dataset", first), "column": {"name": name}}]
        control = {
            "multiSelect": name not in _SINGLE,
            "enableEmptyFilter": False,
            "defaultToFirstItem": False,
            "inverseSelection": False,
            "searchAllOptions": name in ("post", "city"),
            "sortAscending": True,
        }
    return {
        "id": f"NATIVE_FILTER-{uuid_of('filter', f'{spec.name}/{name}')}",
        "name": label,
        "filterType": kinds.get(name, "filter_select"),
        "type": "NATIVE_FILTER",
        "targets": targets,
        "defaultDataMask": default,
        "controlValues": control,
        "cascadeParentIds": _parents(spec, name, catalog),
        "scope": {"rootPath": ["ROOT_ID"], "excluded": out},
        "description": "",
    }


def _values_of(name: str, datasets: Mapping[str, Dataset]) -> str:
    """The dataset that a filter's values come from: the first that has the column."""
    whole = (each.name for each in datasets.values() if name in each.column_names and name not in each.partial)
    return next(whole, next(iter(datasets)))


def _parents(spec: DashboardSpec, name: str, catalog: Catalog) -> list[str]:
    """A city's list follows the chosen countries."""
    parent = catalog.dimensions[name].parent if name in catalog.dimensions else None
    return [f"NATIVE_FILTER-{uuid_of('filter', f'{spec.name}/{parent}')}"] if parent in spec.filters else []


def metadata(spec: DashboardSpec, native: list[Json]) -> Json:
    """Everything else that Superset keeps of a dashboard."""
    return {
        "native_filter_configuration": native,
        "refresh_frequency": spec.refresh,
        "timed_refresh_immune_slices": [],
        "color_scheme": "supersetColors",
        "label_colors": {},
        "shared_label_colors": [],
        "color_scheme_domain": [],
        "expanded_slices": {},
        "cross_filters_enabled": True,
        "chart_configuration": {},
        "global_chart_configuration": {"scope": {"rootPath": ["ROOT_ID"], "excluded": []}, "chartsInScope": []},
    }
