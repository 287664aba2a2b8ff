"""The audience as pictures: bars above and below zero, services, the histogram of a user's day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from appanalytics.audience.decompose import Audience, Slice
from appanalytics.audience.words import Words, words_of
from appanalytics.locales import Locale, locale_of
from appanalytics.pictures import BAD, FAMILY, GOOD, GRID, INK, MUTED, PALETTE, clean, drawable, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from appanalytics.audience.migration import Migration
    from appanalytics.audience.people import Histogram

_COLOURS = {"retained": PALETTE[0], "returning": PALETTE[5], "new": GOOD, "gone": BAD}
_HISTOGRAM_BARS = 120


def bars(
    audience: Audience, values: Slice = (), *, locale: str | Locale = "en", notes: Mapping[date, str] | None = None
) -> Figure:
    """Bars of one slice: retained, returning and new above zero, gone below; what is not complete is pale.

    ``notes`` are short texts above periods, such as a campaign's name.

    Raises `SettingsError` without the extra ``pictures``.
    """
    words = words_of(language := locale_of(locale))
    splits = audience.of_slice(values)
    grain = words(str(audience.question.periods.grain))
    figure, axes = _axes(words("title", grain=grain), slice_text(values, words), language.short)
    lower = [0] * len(splits)
    for kind in ("retained", "returning", "new", "gone"):
        heights = [getattr(each, kind) * (-1 if kind == "gone" else 1) for each in splits]
        below = [0] * len(splits) if kind == "gone" else lower
        drawn = axes.bar(
            range(len(splits)), heights, bottom=below, width=0.82, color=_COLOURS[kind], label=words(kind)
        )
        for patch, each in zip(drawn, splits, strict=True):
            patch.set_alpha(1.0 if each.complete else 0.35)
        lower = lower if kind == "gone" else [a + b for a, b in zip(lower, heights, strict=True)]
    axes.axhline(0, color=INK, linewidth=0.8)
    for place, each in enumerate(splits):
        if note := (notes or {}).get(each.start):
            font: dict[str, Any] = {"size": 9.5, "family": FAMILY, "color": PALETTE[1], "weight": "bold"}
            axes.text(place, each.active, drawable(note[:26]) + "\n▾", ha="center", va="bottom", **font)
    _times(axes, [each.start.isoformat() for each in splits])
    _legend(figure, axes)
    return figure


def services(migration: Migration, *, locale: str | Locale = "en") -> Figure:
    """Users of each period by the services that they used, stacked."""
    words = words_of(language := locale_of(locale))
    found = migration.overlap()
    times = list(dict.fromkeys(record["time"] for record in found))
    figure, axes = _axes(words("overlap", grain=words(str(migration.periods.grain))), "", language.short)
    lower = dict.fromkeys(times, 0)
    for colour, state in zip(PALETTE, sorted({record["services"] for record in found}), strict=False):
        own = {record["time"]: record for record in found if record["services"] == state}
        heights = [own[time]["users"] if time in own else 0 for time in times]
        drawn = axes.bar(
            range(len(times)), heights, bottom=list(lower.values()), width=0.82, color=colour, label=state
        )
        for patch, time in zip(drawn, times, strict=True):
            patch.set_alpha(1.0 if time not in own or own[time]["complete"] else 0.35)
        lower = {time: lower[time] + height for time, height in zip(times, heights, strict=True)}
    _times(axes, times)
    _legend(figure, axes)
    return figure


def histogram(found: Histogram, *, locale: str | Locale = "en") -> Figure:
    """Density of the values up to the 99.5th percentile, in bars of equal width."""
    words = words_of(language := locale_of(locale))
    below = words(
        "histogram_below", mean=language.number(found.mean), mode=language.number(found.mode),
        half=language.number(found.quantile(0.5)), most=language.number(found.quantile(0.99)),
    )  # fmt: skip
    title = words("days") if found.name == "days" else words("histogram", label=found.label(language.code))
    figure, axes = _axes(title, below if found.name != "days" else "", language.short_share)
    last = found.quantile(0.995) or 1
    width = max(1, -(-last // _HISTOGRAM_BARS))
    heights: dict[int, float] = {}
    for value, users in zip(found.values, found.users, strict=True):
        if value <= last:
            at = (value - 1) // width
            heights[at] = heights.get(at, 0.0) + users / found.total / width
    places = [at * width + (width + 1) / 2 for at in heights]
    axes.bar(places, list(heights.values()), width=width * 0.9, color=PALETTE[0])
    axes.set_xlim(0, last + width)
    return figure


def slice_text(values: Slice, words: Words) -> str:
    """A slice for people."""
    return " · ".join(words("unknown") if value is None else str(value) for value in values) or words("everyone")


def _axes(title: str, below: str, write: Any) -> tuple[Figure, Any]:
    from matplotlib.ticker import FuncFormatter

    height = 420
    figure = new_figure(1000, height)
    axes = figure.add_axes((0.07, 0.1, 0.9, 0.7))
    font: dict[str, Any] = {"family": FAMILY, "va": "center"}
    figure.text(0.02, 1 - 26 / height, drawable(title), size=14, weight="bold", color=INK, **font)
    figure.text(0.02, 1 - 50 / height, drawable(below), size=10.5, color=MUTED, **font)
    clean(axes, size=10)
    axes.grid(axis="y", color=GRID)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: write(value)))
    return figure, axes


def _times(axes: Any, times: list[str]) -> None:
    step = max(1, -(-len(times) // 8))
    axes.set_xticks(list(range(0, len(times), step)), times[::step])
    axes.margins(x=0.01)


def _legend(figure: Any, axes: Any) -> None:
    from matplotlib.patches import Patch

    # The first bar may be pale; its colour in the legend must not be.
    handles, labels = axes.get_legend_handles_labels()
    handles = [Patch(color=each.patches[0].get_facecolor()[:3]) for each in handles]
    figure.legend(
        handles, labels, loc="upper right", bbox_to_anchor=(0.98, 0.95), ncols=len(labels), frameon=False,
        prop={"family": FAMILY, "size": 10.5}, labelcolor=INK, handlelength=1, columnspacing=1.4,
    )  # fmt: skip
