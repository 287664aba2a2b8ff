"""An answer as a picture: lines over time, one panel for each unit; bars for a total.

Periods that are not complete are dashed and pale. A comparison is drawn thin and grey behind its metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from appanalytics.locales import ENGLISH
from appanalytics.pictures import FAINT, FAMILY, GRID, MUTED, PALETTE, clean, drawable
from appanalytics.query.answer import Answer, Record
from appanalytics.query.bars import bars
from appanalytics.query.heading import HEAD, headed, shortened, slice_name
from appanalytics.window import Grain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOOT, PANEL_HEIGHT = 50, 320
_OTHERS = "#ccd2d8"


def plot(answer: Answer) -> Figure:
    """Draw an answer: a line for each metric and slice over time, or bars for a total.

    Of many slices the largest are coloured and named, the others grey. Raises `SettingsError` when the extra
    ``pictures`` is not installed.
    """
    return bars(answer) if answer.question.grain is Grain.TOTAL else _lines(answer)


@dataclass(frozen=True)
class _Line:
    """One metric of one slice; null values are NaN, times are of the reporting time zone."""

    name: str
    times: list[datetime]
    values: list[float]
    before: list[float]
    complete: list[bool]

    @property
    def size(self) -> float:
        """What decides which of many lines are named."""
        return sum(value for value in self.values if isfinite(value))

    @property
    def end(self) -> float | None:
        """The last value there is."""
        return next((value for value in reversed(self.values) if isfinite(value)), None)


def _lines(answer: Answer) -> Figure:
    units = list(dict.fromkeys(answer.units.get(metric, "") for metric in answer.question.metrics))
    lines = {metric: _lines_of(answer, metric) for metric in answer.question.metrics}
    height = HEAD + FOOT + PANEL_HEIGHT * len(units)
    figure = headed(answer, height)
    panels = figure.subplots(len(units), 1, sharex=True, squeeze=False).ravel()
    longest = max((len(shortened(line.name)) for each in lines.values() for line in each), default=0)
    right = 0.97 - 0.0092 * longest
    figure.subplots_adjust(left=0.07, right=right, top=1 - HEAD / height, bottom=FOOT / height, hspace=0.25)
    for axes, unit in zip(panels, units, strict=True):
        metrics = [metric for metric in answer.question.metrics if answer.units.get(metric, "") == unit]
        _draw_panel(axes, [line for metric in metrics for line in lines[metric]], unit)
    _scale_times(panels[-1], answer)
    return figure


def _lines_of(answer: Answer, metric: str) -> list[_Line]:
    slices: dict[str, list[Record]] = {}
    for record in answer.records:
        slices.setdefault(slice_name(answer, record), []).append(record)
    several = len(answer.question.metrics) > 1
    return [
        _Line(
            f"{metric} {name}".strip() if several or not name else name,
            [_moment(answer, record) for record in records],
            [_float(record[metric]) for record in records],
            [_float(record[f"{metric}_before"]) for record in records] if answer.question.compare else [],
            [record["complete"] for record in records],
        )
        for name, records in slices.items()
    ]


def _draw_panel(axes: Any, lines: Sequence[_Line], unit: str) -> None:
    clean(axes, size=10)
    axes.grid(axis="y", color=GRID)
    axes.set_title(drawable(unit), loc="left", size=10, color=MUTED, family=FAMILY)
    largest = sorted(range(len(lines)), key=lambda at: -lines[at].size)[: len(PALETTE)]
    for at, line in enumerate(lines):
        if at not in largest:
            _draw_line(axes, line, _OTHERS, 1.0)
    named = [(lines[at], PALETTE[place]) for place, at in enumerate(sorted(largest))]
    for line, colour in named:
        _draw_line(axes, line, colour, 2.0)
    _scale_values(axes, lines, unit)
    _name_lines(axes, named, len(lines) - len(named))


def _draw_line(axes: Any, line: _Line, colour: str, width: float) -> None:
    if line.before:
        axes.plot(line.times, line.before, color=FAINT, linewidth=1.2, zorder=1.5)
    for first, last, is_complete in _stretches(line.complete):
        style = {"linewidth": width} if is_complete else {"linewidth": width, "linestyle": (0, (2, 2)), "alpha": 0.55}
        axes.plot(line.times[first : last + 1], line.values[first : last + 1], color=colour, **style)
    known = [False, *(isfinite(value) for value in line.values), False]
    alone = [at for at in range(len(line.values)) if known[at + 1] and not known[at] and not known[at + 2]]
    axes.plot([line.times[at] for at in alone], [line.values[at] for at in alone], "o", color=colour, markersize=4)
    if line.complete and not line.complete[-1]:
        axes.plot(
            line.times[-1:], line.values[-1:], "o", color=colour, markersize=5, markerfacecolor="white", alpha=0.55
        )


def _stretches(complete: Sequence[bool]) -> list[tuple[int, int, bool]]:
    """Runs of one kind, as first and last point; between two points the line is complete when both are."""
    kinds = [complete[at] and complete[at + 1] for at in range(len(complete) - 1)]
    found, start = [], 0
    for kind, group in groupby(kinds):
        length = len(list(group))
        found.append((start, start + length, kind))
        start += length
    return found


def _name_lines(axes: Any, lines: Sequence[tuple[_Line, str]], more: int) -> None:
    """Names at the lines' ends, pushed apart where they would cover each other."""
    low, high = axes.get_ylim()
    ends = sorted(((line.end, line.name, colour) for line, colour in lines if line.end is not None), reverse=True)
    places = _apart([(end - low) / (high - low) for end, _, _ in ends], 0.07)
    font = {"size": 10.5, "family": FAMILY, "va": "center", "transform": axes.transAxes}
    for place, (_, name, colour) in zip(places, ends, strict=True):
        axes.text(1.01, place, drawable(shortened(name)), color=colour, weight="bold", **font)
    if more:
        axes.text(1.01, -0.06, f"and {more} more in grey", color=MUTED, **font)


def _apart(places: Sequence[float], least: float) -> list[float]:
    """Falling places at least ``least`` apart, none below the bottom (0)."""
    found: list[float] = []
    for place in places:
        found.append(min(place, found[-1] - least) if found else place)
    floor = 0.0
    for at in reversed(range(len(found))):
        found[at] = max(found[at], floor)
        floor = found[at] + least
    return found


def _scale_values(axes: Any, lines: Sequence[_Line], unit: str) -> None:
    """Counts begin at zero; shares fill the height."""
    known = [value for line in lines for value in (*line.values, *line.before) if isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if unit == "share":
        room = max((high - low) * 0.1, abs(high) * 0.01, 0.0005)
        axes.set_ylim(low - room, high + room)
    else:
        axes.set_ylim(min(0, low) * 1.06, max(0, high) * 1.06 or 1)
    _write_numbers(axes.yaxis, unit, 5)


def _scale_times(axes: Any, answer: Answer) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    axes.tick_params(axis="x", pad=7)
    if not answer.records:
        axes.set_xticks([])
        return
    first, last = (_moment(answer, answer.records[at]) for at in (0, -1))
    room = max((last - first) * 0.01, timedelta(minutes=5))
    axes.set_xlim(first - room, last + room)
    zone = answer.question.window.zone
    locator = AutoDateLocator(tz=zone, minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    formats = ["%Y", "%b", "%-d %b", "%H:%M", "%H:%M", "%S"]
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(
            locator, tz=zone, formats=formats, zero_formats=["", "%Y", "%b", "%-d %b", "%H:%M", "%H:%M"]
        )
    )
    axes.xaxis.get_offset_text().set_visible(False)


def _write_numbers(axis: Any, unit: str, most: int) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    write = ENGLISH.short_share if unit == "share" else ENGLISH.short
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))


def _moment(answer: Answer, record: Record) -> datetime:
    moment = datetime.fromisoformat(record["time"])
    return moment if moment.tzinfo else moment.replace(tzinfo=answer.question.window.zone)


def _float(value: float | None) -> float:
    return nan if value is None else float(value)
