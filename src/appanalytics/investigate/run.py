"""Investigate one metric at one period: expectation, segments, what is ruled out, what else is known of the day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError
from appanalytics.investigate.beside import groups, items
from appanalytics.investigate.expectation import Weights, parts_of, table_of, weights, why_not_additive
from appanalytics.investigate.explain import explain
from appanalytics.investigate.explanation import Explanation
from appanalytics.investigate.findings import Findings
from appanalytics.investigate.forecast import Forecast, forecast
from appanalytics.investigate.moved import moved
from appanalytics.investigate.people import People, people, running
from appanalytics.investigate.reader import Reader
from appanalytics.investigate.target import Target
from appanalytics.known_events import Kind, KnownEvents
from appanalytics.query import Coverage, Question, read_coverage
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain

Flags = NDArray[np.bool_]


def investigate(
    engine: Engine,
    layout: Layout,
    metric: str,
    at: str | date | datetime,
    *,
    grain: str | Grain | None = None,
    where: Mapping[str, object] | Iterable[str] = (),
    events: KnownEvents | None = None,
    as_of: datetime | None = None,
    coverage: Coverage | None = None,
    segments_only: bool = False,
) -> Findings:
    """What an analyst does by hand: was the value unusual, who explains it, what has no part in it.

    ``at`` is a day, or a time for its hour (with minutes: its quarter hour), see `Target`. ``where`` investigates a
    slice. ``events`` is the calendar; ``as_of`` the instant up to which data can be there. ``segments_only`` leaves
    out what a sentence about the cause does not say: groups, items, users, other metrics, experiments. Raises
    `QuestionError` for unknown names, for a period without data or without at least three earlier ones.
    """
    catalog, calendar = layout.catalog, events or KnownEvents()
    target = Target.of(at, layout.zone, grain)
    asked = Question.of(catalog, metric, target.window, where=where)
    reader = Reader(engine, layout, coverage or read_coverage(engine, layout), target, asked.where)
    if len(reader.periods) < 4:
        raise QuestionError(
            f"{target.label()} has only {len(reader.periods) - 1} earlier days of data", hint="at least 3 are needed"
        )
    forecasts = _forecasts(reader, metric, calendar)
    explanation, why = _segments(reader, metric, forecasts)
    usable = undisturbed(reader, metric, calendar)
    more: dict[str, Any] = {"groups": {}, "people": People(), "items": (), "moved": (), "experiments": ()}
    if not segments_only:
        more = {
            "groups": {} if why else groups(reader, metric, _weights(reader, metric, forecasts)),
            "people": people(reader, metric, usable, forecasts[metric], explanation),
            "items": items(reader, metric),
            "moved": moved(reader, metric, usable),
            "experiments": running(reader),
        }
    return Findings(
        metric=metric,
        target=target,
        where=asked.where,
        forecast=forecasts[metric],
        periods=tuple(reader.periods),
        complete=reader.is_complete and (as_of is None or target.window.end <= as_of),
        explanation=explanation,
        not_additive=why,
        events=tuple(calendar.during(target.window, metrics=[metric])),
        calendar=calendar,
        steps=tuple(reader.steps),
        catalog=catalog,
        **more,
    )


def _forecasts(reader: Reader, metric: str, calendar: KnownEvents) -> dict[str, Forecast]:
    """Of the metric and of its parts."""
    catalog = reader.layout.catalog
    parts = parts_of(catalog, metric)
    names = list(dict.fromkeys([metric, *((parts,) if isinstance(parts, str) else parts)]))
    usable = undisturbed(reader, metric, calendar)
    return {
        name: forecast(values, usable=usable, counts=_counts(catalog, name))
        for name, values in reader.history(names).items()
    }


def undisturbed(reader: Reader, metric: str, calendar: KnownEvents) -> Flags:
    """Earlier periods in which no known event of at most two weeks moved the metric."""
    kinds = {Kind.CAMPAIGN, Kind.HOLIDAY, Kind.INCIDENT}
    known = [
        each
        for each in calendar
        if each.kind in kinds and each.concerns(metric) and (each.end - each.start).days <= 14
    ]
    flags = [not any(each.touches(period) for each in known) for period in reader.periods]
    if sum(flags[:-1]) < 3:
        return np.ones(len(flags), dtype=bool)
    return np.array(flags)


def _counts(catalog: Catalog, name: str) -> bool:
    return isinstance(parts_of(catalog, name), str)


def cell_dimensions(catalog: Catalog) -> list[str]:
    """Dimensions of the cells: every user's attribute with a manageable number of values."""
    return [
        name for name, each in catalog.user_dimensions().items() if each.kind == "text" or each.values or each.bands
    ]


def _segments(reader: Reader, metric: str, forecasts: Mapping[str, Forecast]) -> tuple[Explanation | None, str]:
    """Which segments explain the change; or why that cannot be asked."""
    catalog = reader.layout.catalog
    if why := why_not_additive(catalog, metric):
        return None, why
    fixed = {each.dimension for each in reader.where if not each.negated and len(each.values) == 1}
    by = [name for name in cell_dimensions(catalog) if name not in fixed]
    if not by:
        return None, ""
    used = _weights(reader, metric, forecasts)
    pulled = reader.cells(metric, by, used.of, used.squares)
    table = table_of(catalog, metric, pulled, used)
    return (explain(table) if table is not None else None), ""


def _weights(reader: Reader, metric: str, forecasts: Mapping[str, Forecast]) -> Weights:
    catalog = reader.layout.catalog
    return weights(catalog, forecasts, metric, parts_of(catalog, metric))
