"""Bars of a total: one for each slice, largest first, with its value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from appanalytics.locales import ENGLISH
from appanalytics.pictures import FAINT, FAMILY, INK, MUTED, PALETTE, clean, drawable
from appanalytics.query.answer import Answer, Record
from appanalytics.query.heading import HEAD, headed, shortened, slice_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BAR_HEIGHT = 30
#: More bars than these cannot be read; a line below says how many there are.
MOST_BARS = 25


def bars(answer: Answer) -> Figure:
    """Draw a total; several metrics stand side by side. A comparison is an empty frame around its bar."""
    records = answer.records[:MOST_BARS]
    more = len(answer.records) - len(records)
    height = HEAD + (50 if more else 20) + max(BAR_HEIGHT * len(records), 60)
    figure = headed(answer, height)
    panels = figure.subplots(1, len(answer.question.metrics), sharey=True, squeeze=False).ravel()
    names = [drawable(shortened(slice_name(answer, record) or "total")) for record in records]
    left = 0.04 + 0.0085 * max((len(name) for name in names), default=0)
    figure.subplots_adjust(
        left=left, right=0.97, top=1 - HEAD / height, bottom=(50 if more else 20) / height, wspace=0.12
    )
    for at, (axes, metric) in enumerate(zip(panels, answer.question.metrics, strict=True)):
        _draw_bars(axes, answer, records, metric, PALETTE[at % len(PALETTE)])
    panels[0].set_yticks(range(len(records)), names)
    panels[0].invert_yaxis()
    if more:
        figure.text(0.02, 18 / height, f"and {more:,} more", size=10, color=MUTED, family=FAMILY)
    return figure


def _draw_bars(axes: Any, answer: Answer, records: Sequence[Record], metric: str, colour: str) -> None:
    clean(axes, size=10.5)
    axes.spines["bottom"].set_visible(False)
    unit = answer.units.get(metric, "")
    axes.set_title(
        drawable(shortened(metric if unit in ("", metric, "share") else f"{metric}, {unit}", 40)),
        loc="left",
        size=10.5,
        color=MUTED,
    )
    values = [record[metric] or 0 for record in records]
    pale = [1.0 if record["complete"] else 0.55 for record in records]
    drawn = axes.barh(range(len(records)), values, color=colour, height=0.66)
    for bar, alpha in zip(drawn, pale, strict=True):
        bar.set_alpha(alpha)
    if answer.question.compare:
        before = [record[f"{metric}_before"] or 0 for record in records]
        axes.barh(
            range(len(records)), before, height=0.86, facecolor="none", edgecolor=FAINT, linewidth=1.2, zorder=0.5
        )
        values = [max(pair) for pair in zip(values, before, strict=True)]
    axes.set_xlim(min([0, *values]), (max(values, default=0) or 1) * 1.3)
    axes.set_xticks([])
    for at, record in enumerate(records):
        text = f" {ENGLISH.number(record[metric], unit)}"
        axes.text(values[at], at, text, size=10.5, va="center", color=INK, family=FAMILY)
