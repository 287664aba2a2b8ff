"""A chart as Superset stores it: the form of its editor, and the query that its API runs."""

from __future__ import annotations

from typing import Any

from appanalytics.dashboards.dataset import Dataset
from appanalytics.dashboards.spec import GRAINS, ChartSpec

VIZ = {
    "number": "big_number_total",
    "trend": "big_number",
    "line": "echarts_timeseries_line",
    "bar": "echarts_timeseries_bar",
    "area": "echarts_area",
    "pie": "pie",
    "table": "table",
    "heatmap": "heatmap_v2",
    "sankey": "sankey_v2",
    "interval": "box_plot",
}
TODAY = 'DATETRUNC(DATETIME("now"), day) : DATEADD(DATETRUNC(DATETIME("now"), day), 1, day)'
#: A day that ends with the present, which the data `freshness` is judged against.
NOW = 'DATEADD(DATETIME("now"), -1, day) : DATETIME("now")'
_NO_FILTER = "No filter"
_WHISKERS = "Min/max (no outliers)"

Json = dict[str, Any]


def axis_of(chart: ChartSpec, dataset: Dataset) -> str:
    """The column on the x-axis."""
    return (dataset.axis or "") if chart.x == "time" else chart.x


def range_of(chart: ChartSpec) -> str:
    """The chart's own time range; a dashboard's time filter lies over it."""
    return {"today": TODAY, "now": NOW}.get(chart.range or "", chart.range or _NO_FILTER)


def form_data(chart: ChartSpec, dataset: Dataset, locale: str) -> Json:
    """The parameters of the chart's editor."""
    form: Json = {
        "viz_type": VIZ[chart.chart],
        "adhoc_filters": _adhoc_filters(chart, dataset),
        "row_limit": chart.limit,
        "color_scheme": "supersetColors",
        "extra_form_data": {},
    }
    if chart.chart in ("line", "bar", "area"):
        form |= _series(chart, dataset, locale)
    elif chart.chart == "number":
        form |= {"metric": chart.metrics[0], "header_font_size": 0.4, "subheader_font_size": 0.15}
        form |= {"y_axis_format": _format(chart, dataset), "time_format": "smart_date"}
    elif chart.chart == "trend":
        form |= {
            "metric": chart.metrics[0],
            "x_axis": axis_of(chart, dataset),
            "time_grain_sqla": GRAINS[chart.grain],
            "show_trend_line": True,
            "start_y_axis_at_zero": True,
            "y_axis_format": _format(chart, dataset),
            "header_font_size": 0.4,
            "subheader_font_size": 0.15,
            "rolling_type": "None",
        }
    elif chart.chart == "pie":
        form |= {"metric": chart.metrics[0], "groupby": chart.by or [chart.x], "donut": True, "innerRadius": 40}
        form |= {"outerRadius": 60, "label_type": "percent", "show_labels": True, "show_legend": True}
        form |= {"number_format": _format(chart, dataset), "sort_by_metric": True}
    elif chart.chart == "table":
        form |= _table(chart, dataset)
    elif chart.chart == "heatmap":
        form |= _heatmap(chart, dataset)
    elif chart.chart == "sankey":
        form |= {"source": chart.by[0], "target": chart.by[1], "metric": chart.metrics[0], "sort_by_metric": True}
    elif chart.chart == "interval":
        form |= {"columns": ["bound"], "groupby": list(chart.by), "metrics": list(chart.metrics)}
        form |= {"whiskerOptions": _WHISKERS, "number_format": _format(chart, dataset), "x_ticks_layout": "45°"}
        form["show_legend"] = False
    return form


def _format(chart: ChartSpec, dataset: Dataset) -> str:
    return dataset.metrics[chart.metrics[0]].format


def _series(chart: ChartSpec, dataset: Dataset, locale: str) -> Json:
    form: Json = {
        "x_axis": axis_of(chart, dataset),
        "x_axis_sort_asc": True,
        "x_axis_sort_series_type": "name",
        "metrics": list(chart.metrics),
        "groupby": list(chart.by),
        "order_desc": True,
        "y_axis_format": _format(chart, dataset),
        "show_legend": True,
        "legendOrientation": "top",
        "legendType": "scroll",
        "rich_tooltip": True,
        "tooltipTimeFormat": "%d.%m.%Y %H:%M" if chart.grain in ("15m", "hour") else "%d.%m.%Y",
        "x_axis_time_format": "smart_date",
        "truncate_metric": True,
        "rolling_type": "cumsum" if chart.cumulative else None,
        "comparison_type": "values",
        "annotation_layers": [],
        "zoomable": False,
    }
    if chart.is_timed:
        form["time_grain_sqla"] = GRAINS[chart.grain]
    else:
        form |= {"xAxisForceCategorical": True, "xAxisLabelInterval": "0" if dataset.is_short(chart.x) else "auto"}
        if chart.order:
            form |= {"x_axis_sort": chart.order, "x_axis_sort_asc": False}
    if chart.stack:
        form["stack"] = "Stack"
    if chart.contribution:
        form["contributionMode"] = "column"
        form["y_axis_format"] = ".1%"
    if chart.compare:
        form |= {"time_compare": list(chart.compare), "time_shift_color": True}
    if chart.chart == "area":
        form |= {"opacity": 0.3, "markerEnabled": False}
    return form


def _table(chart: ChartSpec, dataset: Dataset) -> Json:
    columns = {name: {"d3NumberFormat": dataset.metrics[name].format} for name in chart.metrics}
    return {
        "query_mode": "aggregate",
        "groupby": list(chart.by),
        "metrics": list(chart.metrics),
        "timeseries_limit_metric": chart.order or chart.metrics[0],
        "order_desc": chart.falls,
        "show_cell_bars": True,
        "server_page_length": 10,
        "page_length": 10,
        "include_search": False,
        "table_timestamp_format": "smart_date",
        "column_config": columns,
    }


def _heatmap(chart: ChartSpec, dataset: Dataset) -> Json:
    return {
        "x_axis": axis_of(chart, dataset),
        "groupby": chart.by[0],
        "metric": chart.metrics[0],
        "normalize_across": "heatmap",
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_asc",
        "legend_type": "continuous",
        "linear_color_scheme": "superset_seq_1",
        "show_values": True,
        "show_legend": True,
        "show_percentage": False,
        "left_margin": "auto",
        "bottom_margin": "auto",
        "value_bounds": [None, None],
        "y_axis_format": _format(chart, dataset).replace(".1%", ".0%"),  # a cell is narrow
        "xscale_interval": -1,
        "yscale_interval": -1,
    }


def _adhoc_filters(chart: ChartSpec, dataset: Dataset) -> list[Json]:
    filters = []
    if dataset.time:
        filters.append(_simple(dataset.time, "TEMPORAL_RANGE", range_of(chart)))
    if chart.last:
        filters.append(_simple("days_ago", "<", chart.last))
    for name, value in chart.where.items():
        filters.append(_simple(name, "IN", value if isinstance(value, list) else [value]))
    return filters


def _simple(column: str, operator: str, comparator: Any) -> Json:
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": operator,
        "comparator": comparator,
    }


def query_context(chart: ChartSpec, dataset: Dataset, form: Json) -> Json:
    """What the chart's API asks; Superset puts in the dataset's number when it imports the chart."""
    filters = [
        {"col": each["subject"], "op": each["operator"], "val": each["comparator"]} for each in form["adhoc_filters"]
    ]
    query: Json = {
        "filters": filters,
        "extras": {"having": "", "where": ""},
        "applied_time_extras": {},
        "columns": _query_columns(chart, dataset),
        "metrics": list(chart.metrics),
        "orderby": [[chart.order or chart.metrics[0], not chart.falls]],
        "annotation_layers": [],
        "row_limit": chart.limit,
        "series_limit": 0,
        "order_desc": True,
        "url_params": {},
        "custom_params": {},
        "custom_form_data": {},
        "time_offsets": list(chart.compare),
        "post_processing": _after(chart, dataset),
    }
    if chart.is_timed or chart.chart == "trend":
        query["extras"]["time_grain_sqla"] = GRAINS[chart.grain]
    return {
        "datasource": {"id": 0, "type": "table"},
        "force": False,
        "queries": [query],
        "form_data": form,
        "result_format": "json",
        "result_type": "full",
    }


def _query_columns(chart: ChartSpec, dataset: Dataset) -> list[Any]:
    if chart.chart == "number":
        return []
    if chart.chart == "table":
        return list(chart.by)
    if chart.chart == "sankey":
        return list(chart.by)
    if chart.chart == "interval":
        return ["bound", *chart.by]
    if chart.chart == "pie":
        return list(chart.by or [chart.x])
    axis: Json = {
        "columnType": "BASE_AXIS",
        "sqlExpression": axis_of(chart, dataset),
        "label": axis_of(chart, dataset),
        "expressionType": "SQL",
        "isColumnReference": True,
    }
    if chart.x == "time":
        axis["timeGrain"] = GRAINS[chart.grain]
    return [axis, *chart.by]


def _after(chart: ChartSpec, dataset: Dataset) -> list[Json]:
    if chart.chart == "interval":
        box = {"whisker_type": "min/max", "percentiles": None, "groupby": list(chart.by), "metrics": chart.metrics}
        return [{"operation": "boxplot", "options": box}]
    if not chart.cumulative:
        return []
    axis = axis_of(chart, dataset)
    pivot = {
        "index": [axis],
        "columns": list(chart.by),
        "aggregates": {name: {"operator": "mean"} for name in chart.metrics},
        "drop_missing_columns": False,
    }
    sums = {"operator": "sum", "columns": {name: name for name in chart.metrics}}
    return [
        {"operation": "pivot", "options": pivot},
        {"operation": "cum", "options": sums},
        {"operation": "flatten"},
    ]
