"""Dashboards as people write them: one YAML file each, checked with file, line and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from appanalytics.catalog.load import SafeLoader, UniqueKeys
from appanalytics.catalog.model import Labels
from appanalytics.errors import DashboardError, nearest

Kind = Literal["number", "trend", "line", "bar", "area", "pie", "table", "heatmap", "sankey", "interval"]
KINDS: tuple[str, ...] = ("number", "trend", "line", "bar", "area", "pie", "table", "heatmap", "sankey", "interval")
TIMED = ("trend", "line", "area")
GRAINS = {"15m": "PT15M", "hour": "PT1H", "day": "P1D", "week": "P1W", "month": "P1M"}

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChartSpec(_Part):
    """One chart. ``x`` is ``time``, or a dimension or column of the data; ``by`` gives the series, or a table's rows.

    ``width`` is in twelfths of the page. ``last`` keeps the last days, counted from the last one with events.
    ``order`` names what rows are sorted by, ``descending`` which way. ``data`` names the dataset where metrics and
    dimensions alone do not decide.
    """

    name: Key
    title: Labels
    note: Labels = {}
    chart: Kind
    metrics: list[str] = Field(min_length=1)
    by: list[str] = []
    x: str = "time"
    data: str | None = None
    grain: Literal["15m", "hour", "day", "week", "month"] = "day"
    where: dict[str, str | int | list[str | int]] = {}
    range: str | None = None
    last: Annotated[int, Field(ge=1, le=400)] | None = None
    compare: list[str] = []
    cumulative: bool = False
    stack: bool = False
    contribution: bool = False
    limit: Annotated[int, Field(ge=1, le=50_000)] = 10_000
    order: str | None = None
    descending: bool | None = None
    width: Annotated[int, Field(ge=1, le=12)] = 12

    @model_validator(mode="after")
    def _fits(self) -> ChartSpec:
        if self.chart in ("number", "trend", "pie", "heatmap", "sankey", "interval") and len(self.metrics) != 1:
            raise ValueError(f"a {self.chart} shows one metric")
        if self.chart == "sankey" and len(self.by) != 2:
            raise ValueError("a sankey needs `by` with two dimensions: from, to")
        if self.chart == "interval" and len(self.by) != 1:
            raise ValueError("an interval needs one dimension in `by`")
        if self.chart == "heatmap" and len(self.by) != 1:
            raise ValueError("a heatmap needs `x` and one dimension in `by`")
        if self.compare and self.x != "time":
            raise ValueError("`compare` needs time on the x-axis")
        return self

    @property
    def falls(self) -> bool:
        """Whether its rows go from the greatest down: by a metric they do, by a dimension not, unless it says so."""
        return self.order not in self.by if self.descending is None else self.descending

    @property
    def is_timed(self) -> bool:
        """Whether time is on its x-axis."""
        return self.x == "time" and self.chart in (*TIMED, "bar")


class RowSpec(_Part):
    """A row of the page: a heading, a text in Markdown, or charts. ``height`` is in units of 8 pixels."""

    heading: Labels | None = None
    text: Labels | None = None
    charts: list[ChartSpec] = []
    height: Annotated[int, Field(ge=5, le=200)] = 50

    @model_validator(mode="after")
    def _one_kind(self) -> RowSpec:
        if sum([self.heading is not None, self.text is not None, bool(self.charts)]) != 1:
            raise ValueError("a row is one of `heading`, `text`, `charts`")
        if sum(chart.width for chart in self.charts) > 12:
            raise ValueError("the charts of a row are wider than 12 together")
        return self


class DashboardSpec(_Part):
    """One dashboard. ``filters`` are ``time``, ``grain`` and dimensions; ``refresh`` is in seconds, 0 is never."""

    name: Key
    order: int = 100
    title: Labels
    about: Labels = {}
    refresh: Annotated[int, Field(ge=0)] = 0
    range: str = "No filter"
    grain: Literal["15m", "hour", "day", "week", "month"] = "day"
    filters: list[str] = []
    rows: list[RowSpec] = Field(min_length=1)

    @property
    def charts(self) -> Iterator[ChartSpec]:
        """All charts, in the order of the page."""
        for row in self.rows:
            yield from row.charts


class Written:
    """A spec with the text that it came from, so that later checks can say file and line."""

    def __init__(
        self, spec: DashboardSpec, origin: str, raw: dict[str, Any], lines: dict[tuple[str | int, ...], int]
    ) -> None:
        self.spec = spec
        self.origin = origin
        self.raw = raw
        self._lines = lines

    def where(self, *path: str | int) -> str:
        """``file:line`` of a part of the spec."""
        return f"{self.origin}:{_line(self._lines, path)}"

    def chart_path(self, name: str) -> tuple[str | int, ...]:
        """The way to a chart inside of the YAML."""
        for row_number, row in enumerate(self.spec.rows):
            for number, chart in enumerate(row.charts):
                if chart.name == name:
                    return ("rows", row_number, "charts", number)
        return ()


def load_specs(own: Path | None = None) -> list[Written]:
    """The shipped specs, with those of a user's folder added or put in place of them by ``name``.

    Raises `DashboardError` with file and line for anything that cannot be understood.
    """
    shipped = files("appanalytics.dashboards").joinpath("specs")
    found = [
        parse_spec(each.read_text(encoding="utf-8"), each.name)
        for each in sorted(shipped.iterdir(), key=lambda each: each.name)
        if each.name.endswith(".yaml")
    ]
    by_name = {each.spec.name: each for each in found}
    if own is not None:
        if not own.is_dir():
            raise DashboardError(f"there is no folder of dashboards {own}", hint="see the setting dashboards.specs")
        for file in sorted(own.glob("*.yaml")):
            written = parse_spec(file.read_text(encoding="utf-8"), str(file))
            by_name[written.spec.name] = written
    return sorted(by_name.values(), key=lambda each: (each.spec.order, each.spec.name))


def parse_spec(text: str, origin: str) -> Written:
    """Read one spec; raises `DashboardError` with file and line."""
    try:
        raw = yaml.load(text, Loader=UniqueKeys)  # noqa: S506 (a subclass of SafeLoader)
        lines = dict(_walk(yaml.compose(text, Loader=SafeLoader), ()))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DashboardError(f"{origin}:{line}: not YAML: {error.problem}") from None
    if not isinstance(raw, dict):
        raise DashboardError(f"{origin}:1: a dashboard is a mapping with name, title and rows")
    try:
        spec = DashboardSpec.model_validate(raw)
    except ValidationError as error:
        raise _readable(error, origin, lines) from None
    written = Written(spec, origin, raw, lines)
    seen: set[str] = set()
    for row_number, row in enumerate(spec.rows):
        for number, chart in enumerate(row.charts):
            if chart.name in seen:
                where = written.where("rows", row_number, "charts", number, "name")
                raise DashboardError(f"{where}: two charts are named {chart.name!r}")
            seen.add(chart.name)
    return written


def _readable(error: ValidationError, origin: str, lines: dict[tuple[str | int, ...], int]) -> DashboardError:
    first = error.errors()[0]
    path = tuple(first["loc"])
    where = f"{origin}:{_line(lines, path)}"
    key = str(path[-1]) if path else ""
    if first["type"] == "extra_forbidden":
        model: type[BaseModel] = ChartSpec if "charts" in path else RowSpec if "rows" in path else DashboardSpec
        return DashboardError(f"{where}: unknown key {key!r}", hint=nearest(key, model.model_fields))
    if first["type"] == "literal_error":
        known = KINDS if key == "chart" else [part.strip(" '") for part in first["ctx"]["expected"].split(",")]
        return DashboardError(f"{where}: unknown {key} {first['input']!r}", hint=nearest(str(first["input"]), known))
    text = first["msg"].removeprefix("Value error, ")
    return DashboardError(f"{where}: {text}" if key.isdigit() or not key else f"{where}: {key}: {text}")


def _walk(node: Any, path: tuple[str | int, ...]) -> Iterable[tuple[tuple[str | int, ...], int]]:
    if node is None:
        return
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            for deeper, line in _walk(value, (*path, key.value)):
                # A value that is a block begins below its key; people look for the key.
                yield deeper, key.start_mark.line + 1 if deeper == (*path, key.value) else line
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*path, number))


def _line(lines: dict[tuple[str | int, ...], int], path: Iterable[str | int]) -> int:
    steps = tuple(path)
    while steps and steps not in lines:
        steps = steps[:-1]
    return lines.get(steps, 1)
