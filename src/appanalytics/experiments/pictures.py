"""Pictures of an experiment: effect by method, distributions, effect by day and by segment, A/A histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from appanalytics import pictures as look
from appanalytics.experiments.analysis import Result
from appanalytics.experiments.methods import OWN_PRIOR, Asks, asks
from appanalytics.experiments.metrics import UserMetric
from appanalytics.experiments.numbers import Writer
from appanalytics.stats import Cells, Comparison, Rehearsal

WIDTH = 1000
_SIZE = 15.0
BINS = 40

Row = tuple[str, Comparison]


def effect_picture(result: Result, writer: Writer) -> bytes:
    """Effect with interval of each method whose effect has the metric's unit."""
    rows = [
        (writer.words("sequence") if name == "always_valid" else writer.method(result.metric, name), found)
        for name, found in result.answers.comparisons.items()
        if asks(result.metric, name) is not Asks.SHAPE and found.low is not None
        and name not in ("linearised", "buckets_mann_whitney", OWN_PRIOR) and "relative" not in name
    ]  # fmt: skip
    title = f"{result.metric.label(writer.locale.code)}: {writer.words('difference')}, {writer.words('interval')}"
    return _forest(title, rows, result.metric, writer)


def segment_picture(result: Result, writer: Writer, names: dict[str, str]) -> bytes:
    """Effect with interval in each value of each dimension, and in all."""
    rows: list[Row] = [("Σ", result.main)]
    rows += [
        (f"{names.get(segment.dimension, segment.dimension)}: {value}", found)
        for segment in result.segments
        for value, found in segment.effects
    ]
    title = f"{result.metric.label(writer.locale.code)}: {writer.words('segments').lower()}"
    return _forest(title, rows, result.metric, writer)


def day_picture(result: Result, writer: Writer) -> bytes:
    """Running effect by day, with the interval of each day alone and the one valid at every look."""
    figure, axes = _figure(420)
    days = range(len(result.days))
    for which, colour, width, label in (
        ("always_valid", look.FAINT, 7, "always_interval"),
        ("plain", look.PALETTE[0], 3, "plain_interval"),
    ):
        found = [getattr(day, which) for day in result.days]
        ends = [(each.low or 0.0, each.high or 0.0) for each in found]
        axes.vlines(days, [low for low, _ in ends], [high for _, high in ends], color=colour, linewidth=width,
                    label=writer.words(label))  # fmt: skip
    axes.plot(days, [day.plain.effect for day in result.days], "o-", color=look.PALETTE[0], markersize=7, linewidth=2)
    axes.axhline(0, color=look.INK, linewidth=1)
    axes.set_xticks(list(days)[:: max(1, len(result.days) // 10)])
    axes.set_xticklabels([f"{day.day:%d.%m}" for day in result.days][:: max(1, len(result.days) // 10)])
    axes.yaxis.set_major_formatter(_formatter(result.metric, writer))
    axes.grid(axis="y", color=look.GRID)
    legend = {
        "frameon": False,
        "loc": "upper right",
        "prop": {"family": look.FAMILY, "size": 12},
        "labelcolor": look.MUTED,
    }
    axes.legend(**legend)
    _head(figure, f"{result.metric.label(writer.locale.code)}: {writer.words('by_day').lower()}")
    return _done(figure, axes)


def distribution_picture(result: Result, writer: Writer, arms: tuple[str, str]) -> bytes:
    """Share of users by value in both arms; the last bar holds everybody above."""
    figure, axes = _figure(440)
    control, treatment = result.control_arm.users, result.treatment_arm.users
    edges = bin_edges(control, treatment)
    for cells, name, colour in ((control, arms[0], look.PALETTE[7]), (treatment, arms[1], look.PALETTE[1])):
        axes.stairs(binned(cells, edges), edges, color=colour, linewidth=3, label=look.drawable(name), fill=False)
        axes.stairs(binned(cells, edges), edges, color=colour, alpha=0.15, fill=True)
    axes.xaxis.set_major_formatter(_value_formatter(result.metric, writer))
    axes.yaxis.set_major_formatter(lambda value, _: writer.locale.short_share(value))
    axes.grid(axis="y", color=look.GRID)
    axes.legend(frameon=False, prop={"family": look.FAMILY, "size": 14}, labelcolor=look.INK)
    _head(figure, f"{result.metric.label(writer.locale.code)}: {writer.words('share_of_users')}")
    return _done(figure, axes)


def rehearsal_picture(rehearsals: Sequence[Rehearsal], metric: UserMetric, writer: Writer, level: float) -> bytes:
    """Histogram of each method's A/A p-values; flat is honest. The alarms are dark."""
    columns = 2
    rows = -(-len(rehearsals) // columns)
    figure = look.new_figure(WIDTH, 90 + 210 * rows)
    grid = np.asarray(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axes, each in zip(grid, rehearsals, strict=False):
        known = each.p_values[np.isfinite(each.p_values)]
        shares = np.histogram(known, bins=20, range=(0, 1))[0] / max(1, len(known))
        low = each.false_positives.low
        colour = look.BAD if not each.is_honest(level) else look.GOOD if low is not None else look.MUTED
        axes.bar(np.arange(20) / 20 + 0.025, shares, width=0.045, color=[colour, *[look.FAINT] * 19])
        axes.axhline(0.05, color=look.INK, linewidth=1, linestyle="--")
        look.clean(axes, size=10)
        axes.set_ylim(0, max(0.1, float(shares.max()) * 1.1))
        axes.yaxis.set_major_formatter(lambda value, _: writer.locale.short_share(value))
        rate = writer.share(each.false_positives.estimate)
        axes.set_title(look.drawable(f"{writer.method(metric, each.method)}: {rate}"), loc="left", family=look.FAMILY,
                       size=12, color=look.INK)  # fmt: skip
    for axes in grid[len(rehearsals) :]:
        axes.set_visible(False)
    _head(figure, writer.words("aa_title", metric=metric.label(writer.locale.code)))
    figure.subplots_adjust(
        left=0.06, right=0.98, top=1 - 95 / (90 + 210 * rows), bottom=0.05, hspace=0.45, wspace=0.18
    )
    return look.png(figure)


def bin_edges(control: Cells, treatment: Cells) -> Any:
    """Common bins from zero (or the smallest value) to the 99th percentile of all users."""
    both = control + treatment
    high = both.quantile(0.99) or 1.0
    low = min(0.0, float(both.values[0]) if len(both.values) else 0.0)
    whole = bool(len(both.values)) and bool((both.values == np.floor(both.values)).all())
    if whole and high - low <= BINS:
        return np.arange(low, max(high, low + 1) + 2)
    step = max(1.0, np.ceil((high - low) / BINS)) if whole else (high - low) / BINS or 1.0
    return low + step * np.arange(int(np.ceil((high - low) / step)) + 1)


def binned(cells: Cells, edges: Any) -> Any:
    """Share of the users in each bin; those above the last edge are in the last bin."""
    if not cells.users:
        return np.zeros(len(edges) - 1)
    clipped = np.clip(cells.values, edges[0], np.nextafter(edges[-1], -np.inf))
    return np.histogram(clipped, bins=edges, weights=cells.counts)[0] / cells.users


def _forest(title: str, rows: Sequence[Row], metric: UserMetric, writer: Writer) -> bytes:
    shown = [(name, found) for name, found in rows if found.low is not None and found.high is not None]
    figure, axes = _figure(130 + 36 * max(1, len(shown)))
    for place, (_, found) in enumerate(reversed(shown)):
        sure = found.low > 0 or found.high < 0  # type: ignore[operator]
        better = (found.effect or 0) > 0 if metric.good != "down" else (found.effect or 0) < 0
        colour = (look.GOOD if better else look.BAD) if sure else look.MUTED
        axes.hlines(place, found.low, found.high, color=colour, linewidth=3)
        axes.plot([found.effect], [place], "o", color=colour, markersize=8)
    axes.axvline(0, color=look.INK, linewidth=1)
    axes.set_yticks(range(len(shown)))
    axes.set_yticklabels([look.drawable(name) for name, _ in reversed(shown)])
    axes.set_ylim(-0.7, len(shown) - 0.3)
    axes.xaxis.set_major_formatter(_formatter(metric, writer))
    axes.grid(axis="x", color=look.GRID)
    _head(figure, title)
    return _done(figure, axes)


def _figure(height: int) -> tuple[Any, Any]:
    figure = look.new_figure(WIDTH, height)
    axes = figure.subplots()
    look.clean(axes, size=_SIZE)
    return figure, axes


def _head(figure: Any, title: str) -> None:
    height = figure.get_size_inches()[1] * 100
    look.head(figure, title, y=1 - 28 / height, size=19)


def _done(figure: Any, axes: Any) -> bytes:
    """Room at the left for the widest label."""
    height = figure.get_size_inches()[1] * 100
    figure.canvas.draw()
    widest = max((label.get_window_extent().width for label in axes.get_yticklabels()), default=0)
    figure.subplots_adjust(
        left=min(0.6, (widest + 30) / WIDTH), right=0.97, top=1 - 58 / height, bottom=46 / height
    )  # fmt: skip
    return look.png(figure)


def _formatter(metric: UserMetric, writer: Writer) -> Any:
    scale, unit = (100, writer.locale.percentage_points) if metric.unit == "share" else (1, "")
    return lambda value, _: f"{_short(value * scale, writer)}{unit}" if abs(value) > 1e-12 else "0"


def _value_formatter(metric: UserMetric, writer: Writer) -> Any:
    if metric.unit == "share":
        return lambda value, _: writer.locale.short_share(value)
    return lambda value, _: writer.locale.short(value)


def _short(value: float, writer: Writer) -> str:
    text = f"{value:+.3g}" if abs(value) < 1000 else f"{value:+,.0f}"
    return text.replace("-", "−").replace(".", writer.locale.point)
