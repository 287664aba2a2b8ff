"""Retention as pictures: the heatmap of one slice, the curves of all, the difference of two groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from appanalytics.locales import Locale, locale_of
from appanalytics.pictures import FAMILY, GRID, INK, MUTED, PALETTE, clean, drawable, new_figure
from appanalytics.retention.read import Slice
from appanalytics.retention.triangle import Triangle
from appanalytics.retention.words import Words, words_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from appanalytics.retention.compare import RetentionComparison

MOST_COHORTS, MOST_PLACES, MOST_CURVES = 20, 20, 8
_ROW, _HEAD, _FOOT = 27, 92, 24
_NOTE = 26  # letters


def heatmap(
    triangle: Triangle, values: Slice = (), *, locale: str | Locale = "en", notes: Mapping[date, str] | None = None
) -> Figure:
    """The last 20 cohorts of one slice with up to 20 steps; a cell's text is its share in per cent.

    Step 0 has no colour: all are there. Cells that are not complete are pale and in italics. ``notes`` are short
    texts beside cohorts, such as a campaign's name. Raises `SettingsError` without the extra ``pictures``.
    """
    words = words_of(language := locale_of(locale))
    cells = triangle.of_slice(values)
    peopled = {day for day, _ in cells}
    cohorts = [day for day in triangle.question.cohorts() if day in peopled][-MOST_COHORTS:]
    noted = {day: drawable(text[:_NOTE]) for day, text in (notes or {}).items() if day in cohorts}
    most = MOST_PLACES + 1 - (5 if noted else 0)
    places = [place for place in triangle.places if any((day, place) in cells for day in cohorts)][:most]
    height = _HEAD + _ROW * max(1, len(cohorts)) + _FOOT
    figure = new_figure(1000, height)
    width = 0.62 if noted else 0.82
    axes = figure.add_axes((0.16, _FOOT / height, width, 1 - (_HEAD + _FOOT) / height))
    title = words("heatmap_alt", name=slice_text(triangle, values, words))
    _title(figure, height, title, words(f"axis_{triangle.question.step}"))
    top = max((cell.share or 0 for cell in cells.values() if cell.place), default=0) or 1
    colours = _colours()
    for row, day in enumerate(cohorts):
        for column, place in enumerate(places):
            cell = cells.get((day, place))
            if cell is None or cell.share is None:
                continue
            depth = 0.0 if not triangle.question.steps_of(place).first else min(1.0, cell.share / top)
            style = {"alpha": 1.0 if cell.complete else 0.35}
            axes.add_patch(_box(column, row, colours(depth), **style))
            dark = depth > 0.6 and cell.complete
            axes.text(
                column + 0.5, row + 0.5, _percent(cell.share, language), ha="center", va="center", size=8.2,
                family=FAMILY, color="white" if dark else INK, style="normal" if cell.complete else "italic",
            )  # fmt: skip
    axes.set_xlim(0, max(1, len(places)))
    axes.set_ylim(max(1, len(cohorts)), 0)
    clean(axes, size=9)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.tick_top()
    axes.set_xticks([at + 0.5 for at in range(len(places))], [triangle.label(place) for place in places])
    axes.set_yticks([at + 0.5 for at in range(len(cohorts))], [_row(day, cells, places, language) for day in cohorts])
    for row, day in enumerate(cohorts):
        if day in noted:
            seen = sum((day, place) in cells for place in places)
            font: dict[str, Any] = {"size": 9.5, "family": FAMILY, "color": PALETTE[1], "weight": "bold"}
            axes.text(seen + 0.25, row + 0.5, noted[day], va="center", **font)
    return figure


def curves(triangle: Triangle, *, locale: str | Locale = "en") -> Figure:
    """The weighted curve of each slice (the eight largest) with its interval, from step 1 on."""
    words = words_of(language := locale_of(locale))
    figure, axes = _axes(words("curve"), words(f"axis_{triangle.question.step}"), language)
    points = [point for point in triangle.curve() if triangle.question.steps_of(point.place).first]
    sizes: dict[Slice, int] = {}
    for point in points:
        sizes[point.slice] = max(sizes.get(point.slice, 0), point.size)
    shown = sorted(sizes, key=lambda each: -sizes[each])[:MOST_CURVES]
    ends = []
    for colour, values in zip(PALETTE, shown, strict=False):
        line = [point for point in points if point.slice == values]
        places = [point.place for point in line]
        found = [point.interval() for point in line]
        axes.fill_between(
            places, [each.low for each in found], [each.high for each in found], color=colour, alpha=0.18, linewidth=0
        )
        axes.plot(places, [each.estimate for each in found], color=colour, linewidth=2, marker="o", markersize=3)
        ends.append((found[-1].estimate or 0.0, places[-1], slice_text(triangle, values, words), colour))
    top = max((point.share or 0 for point in points), default=0.1)
    axes.set_ylim(0, top * 1.12)
    _names(axes, ends, top)
    _whole_steps(axes, triangle, points)
    return figure


def differences(comparison: RetentionComparison, *, locale: str | Locale = "en") -> Figure:
    """The difference at each step with its interval, and the mean over all, both without driving cohorts."""
    words = words_of(language := locale_of(locale))
    triangle = comparison.triangle
    title = f"{comparison.treatment} − {comparison.control}"
    figure, axes = _axes(title, words(f"axis_{triangle.question.step}"), language)
    rows = [each for each in comparison.steps if each.without.low is not None]
    places = [each.step for each in rows]
    lows, effects, highs = ([getattr(each.without, part) for each in rows] for part in ("low", "effect", "high"))
    axes.fill_between(places, lows, highs, color=PALETTE[0], alpha=0.2, linewidth=0)
    axes.plot(places, effects, color=PALETTE[0], linewidth=2, marker="o", markersize=3)
    axes.axhline(0, color=MUTED, linewidth=1)
    if comparison.without.effect is not None:
        axes.axhline(comparison.without.effect, color=PALETTE[1], linewidth=1.4, linestyle=(0, (4, 3)))
        axes.text(
            1.01, comparison.without.effect, language.points(comparison.without.effect), color=PALETTE[1], size=10.5,
            family=FAMILY, va="center", weight="bold", transform=axes.get_yaxis_transform(),
        )  # fmt: skip
    _whole_steps(axes, triangle, rows)
    return figure


def slice_text(triangle: Triangle, values: Slice, words: Words) -> str:
    """A slice for people."""
    texts = [words("unknown") if value is None else str(value) for value in values]
    return " · ".join(texts) or words("everyone")


def _axes(title: str, below: str, language: Locale) -> tuple[Figure, Any]:
    from matplotlib.ticker import FuncFormatter

    height = 420
    figure = new_figure(1000, height)
    axes = figure.add_axes((0.07, 0.1, 0.76, 0.72))
    _title(figure, height, title, below)
    clean(axes, size=10)
    axes.grid(axis="y", color=GRID)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: language.short_share(value)))
    return figure, axes


def _title(figure: Any, height: int, title: str, below: str) -> None:
    font: dict[str, Any] = {"family": FAMILY, "va": "center"}
    figure.text(0.02, 1 - 26 / height, drawable(title), size=14, weight="bold", color=INK, **font)
    figure.text(0.02, 1 - 50 / height, drawable(below), size=10.5, color=MUTED, **font)


def _names(axes: Any, ends: Sequence[tuple[float, int, str, str]], top: float) -> None:
    """Names beside the lines' ends, pushed apart."""
    place = float("inf")
    for value, _, name, colour in sorted(ends, reverse=True):
        place = min(value, place - top * 0.075)
        text = drawable(name if len(name) <= 18 else name[:17] + "…")
        axes.text(
            1.01, place, text, color=colour, size=10.5, family=FAMILY, va="center", weight="bold",
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip


def _whole_steps(axes: Any, triangle: Triangle, found: Sequence[object]) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    known = set(triangle.places)
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda at, _: triangle.label(round(at)) if round(at) in known else "")
    )
    axes.margins(x=0.02)


def _row(day: date, cells: Mapping[tuple[date, int], Any], places: Sequence[int], language: Locale) -> str:
    size = next(cells[day, place].size for place in places if (day, place) in cells)
    return f"{day.isoformat()}   {language.decimal(size)}"


def _percent(share: float, language: Locale) -> str:
    value = share * 100
    return language.decimal(value, 0 if value >= 99.95 else 1)


def _colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("retention", ["#f4f7fa", "#9cc9e8", PALETTE[0], "#073f68"])


def _box(column: int, row: int, colour: Any, **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column + 0.02, row + 0.03), 0.96, 0.94, facecolor=colour, linewidth=0, **style)
