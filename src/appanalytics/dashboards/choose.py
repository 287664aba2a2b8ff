"""Which dataset draws a chart, and whether it has everything that the chart names."""

from __future__ import annotations

from collections.abc import Mapping

from appanalytics.dashboards.dataset import Dataset
from appanalytics.dashboards.spec import ChartSpec, DashboardSpec, Written
from appanalytics.errors import DashboardError, nearest

#: New users add up over days, other different users do not.
_ADDITIVE_PEOPLE = {"new_users"}
_BELOW_DAYS = ("15m", "hour")


def dataset_of(chart: ChartSpec, written: Written, datasets: Mapping[str, Dataset]) -> Dataset:
    """The first dataset that knows the chart's metrics and columns; raises `DashboardError` with file and line."""
    path = written.chart_path(chart.name)
    if chart.data is not None:
        if chart.data not in datasets:
            where = written.where(*path, "data")
            raise DashboardError(f"{where}: unknown data {chart.data!r}", hint=nearest(chart.data, datasets))
        chosen = datasets[chart.data]
        _check(chart, chosen, written)
        return chosen
    known = {name for each in datasets.values() for name in each.metrics}
    for number, name in enumerate(chart.metrics):
        if name not in known:
            where = written.where(*path, "metrics", number)
            raise DashboardError(f"{where}: unknown metric {name!r}", hint=nearest(name, known))
    for each in datasets.values():
        if each.name == "events" and chart.grain not in _BELOW_DAYS:
            continue
        if chart.grain in _BELOW_DAYS and each.name != "events":
            continue
        if each.name == "people" and chart.is_timed and set(chart.metrics) - _ADDITIVE_PEOPLE:
            continue
        if set(chart.metrics) <= set(each.metrics) and _columns(chart) <= each.column_names:
            return each
    best = next((each for each in datasets.values() if set(chart.metrics) <= set(each.metrics)), None)
    if best is None:
        where = written.where(*path, "metrics")
        raise DashboardError(
            f"{where}: no data have {', '.join(chart.metrics)} together", hint="draw them as charts of their own"
        )
    _check(chart, best, written)
    return best


def _columns(chart: ChartSpec) -> set[str]:
    own = {*chart.by, *chart.where} | ({"bound"} if chart.chart == "interval" else set())
    return own if chart.x == "time" else {*own, chart.x}


def _check(chart: ChartSpec, dataset: Dataset, written: Written) -> None:
    path = written.chart_path(chart.name)
    for number, name in enumerate(chart.metrics):
        if name not in dataset.metrics:
            where = written.where(*path, "metrics", number)
            hint = nearest(name, dataset.metrics)
            raise DashboardError(f"{where}: unknown metric {name!r} of the data {dataset.name!r}", hint=hint)
    for key, names in (("by", chart.by), ("where", [*chart.where]), ("x", [chart.x] if chart.x != "time" else [])):
        for number, name in enumerate(names):
            if name not in dataset.column_names:
                step: tuple[str | int, ...] = (key,) if key == "x" else (key, number if key == "by" else name)
                where = written.where(*path, *step)
                hint = nearest(name, dataset.column_names)
                raise DashboardError(f"{where}: unknown dimension {name!r} of the data {dataset.name!r}", hint=hint)
    if chart.chart == "interval" and "bound" not in dataset.column_names:
        where = written.where(*path, "chart")
        raise DashboardError(
            f"{where}: the data {dataset.name!r} have no intervals", hint="data: experiment_intervals"
        )
    if chart.last is not None and "days_ago" not in dataset.column_names:
        raise DashboardError(
            f"{written.where(*path, 'last')}: the data {dataset.name!r} do not count days back", hint="use `range`"
        )
    if chart.order is not None and chart.order not in {*dataset.metrics, *chart.by}:
        where = written.where(*path, "order")
        raise DashboardError(
            f"{where}: {chart.order!r} is neither a dimension of the chart nor a metric",
            hint=nearest(chart.order, [*chart.by, *dataset.metrics]),
        )


def check_filters(written: Written, datasets: Mapping[str, Dataset]) -> None:
    """Filters are `time`, `grain` and columns that some dataset has; raises `DashboardError`."""
    spec: DashboardSpec = written.spec
    known = {"time", "grain"} | {name for each in datasets.values() for name in each.column_names}
    for number, name in enumerate(spec.filters):
        if name not in known:
            where = written.where("filters", number)
            raise DashboardError(f"{where}: unknown filter {name!r}", hint=nearest(name, known))
