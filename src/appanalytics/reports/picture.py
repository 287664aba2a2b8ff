"""The picture of a daily report: small multiples for a phone, seven days with the week before behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite
from typing import Any

from appanalytics import pictures as look
from appanalytics.locales import Locale
from appanalytics.reports.figures import Range, Value, Verdict, change, verdict
from appanalytics.reports.words import WORDS

WIDTH, HEIGHT, MARGIN = 1200, 1000, 27
WEEK = 7
BAND = "#d6e6f3"
_COLOURS = {Verdict.GOOD: look.GOOD, Verdict.BAD: look.BAD, Verdict.NONE: look.MUTED}


@dataclass(frozen=True, slots=True)
class Panel:
    """One metric's fourteen days, oldest first, and their usual ranges; null is not drawn."""

    title: str
    unit: str
    good: str
    values: tuple[Value, ...]
    usual: tuple[Range | None, ...] = (None,) * 14


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that is drawn. ``warning`` stands beside the title when the last day is not complete."""

    title: str
    last: date
    panels: tuple[Panel, ...]
    locale: Locale
    warning: str = ""

    def png(self) -> bytes:
        """Draw it: 1200 × 1000 pixels."""
        figure = look.new_figure(WIDTH, HEIGHT)
        _draw_head(figure, self)
        grid = _grid(figure, len(self.panels))
        for axes, panel in zip(grid, self.panels, strict=False):
            _draw_panel(axes, panel, self)
        _place(figure, grid, self.panels)
        return look.png(figure)


def _points(pixels: float) -> float:
    return pixels * 72 / look.DPI


def _grid(figure: Any, count: int) -> list[Any]:
    rows, columns = {0: (1, 1), 1: (1, 1), 2: (2, 1)}.get(count, (2, 2))
    found = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in found[count:]:
        axes.set_visible(False)
    return list(found[:count])


def _place(figure: Any, grid: Sequence[Any], panels: Sequence[Panel]) -> None:
    """Leave as much room at the left of each panel as its widest number needs; titles begin at that edge."""
    labels = [label for axes in grid for label in axes.get_yticklabels()]
    room = max((label.get_window_extent().width for label in labels), default=0) + 12
    left, gap, right = MARGIN + room, 40 + room, WIDTH - 36
    columns = 2 if len(grid) > 2 else 1
    panel_width = (right - left - gap * (columns - 1)) / columns
    figure.subplots_adjust(
        left=left / WIDTH, right=right / WIDTH, top=0.81, bottom=0.085, wspace=gap / panel_width, hspace=0.52
    )
    for axes, panel in zip(grid, panels, strict=True):
        at = -room / panel_width
        axes.text(at, 1.06, look.drawable(panel.title), transform=axes.transAxes, size=_points(33), weight="bold",
                  color=look.INK, family=look.FAMILY)  # fmt: skip


def _draw_head(figure: Any, picture: Picture) -> None:
    words = WORDS[picture.locale.code]
    font = {"family": look.FAMILY, "va": "center", "size": _points(27)}
    start = MARGIN / WIDTH
    look.head(figure, picture.title, x=start, y=0.955, size=_points(42))
    if picture.warning:
        figure.text(start, 0.902, look.drawable(picture.warning), color=look.BAD, **font)
        return
    span = picture.locale.span(picture.last - timedelta(days=WEEK - 1), picture.last)
    end = _key(figure, start, span, look.PALETTE[0], look.PALETTE[0], 5)
    end = _key(figure, end + 0.03, words.week_before, look.FAINT, look.MUTED, 4)
    if any(each for panel in picture.panels for each in panel.usual[WEEK:]):
        _key(figure, end + 0.03, words.usual, BAND, look.MUTED, 16)
    against = words.versus.format(day=picture.locale.short_day(picture.last - timedelta(days=WEEK)))
    figure.text(1 - MARGIN / WIDTH, 0.955, f"% {against}", color=look.MUTED, ha="right", **font)


def _key(figure: Any, start: float, text: str, line: str, ink: str, width: float) -> float:
    """A line's sample and what it stands for; returns where it ends."""
    from matplotlib.lines import Line2D

    style: dict[str, Any] = {"color": line, "linewidth": width, "solid_capstyle": "butt"}
    figure.add_artist(Line2D([start, start + 0.03], [0.9, 0.9], **style))
    label = figure.text(start + 0.04, 0.902, text, color=ink, family=look.FAMILY, va="center", size=_points(27))
    return float(label.get_window_extent().x1 / WIDTH)


def _draw_panel(axes: Any, panel: Panel, picture: Picture) -> None:
    look.clean(axes, size=_points(25))
    axes.grid(axis="y", color=look.GRID, linewidth=1.5)
    before, now = (_floats(part) for part in (panel.values[:WEEK], panel.values[WEEK:]))
    _draw_usual(axes, panel)
    axes.plot(range(WEEK), before, color=look.FAINT, linewidth=3, solid_capstyle="round", **_dots(before, 6))
    axes.plot(range(WEEK), now, color=look.PALETTE[0], linewidth=5, solid_capstyle="round", **_dots(now, 9))
    _scale(axes, panel)
    _label_days(axes, picture)
    _label_values(axes, panel, picture.locale)
    _label_last(axes, panel, picture)


def _draw_usual(axes: Any, panel: Panel) -> None:
    """The usual range of this week's days, as a band behind everything; a day alone is a short bar."""
    ranges = panel.usual[WEEK:]
    low = _floats([each.low if each else None for each in ranges])
    high = _floats([each.high if each else None for each in ranges])
    axes.fill_between(range(WEEK), low, high, color=BAND, linewidth=0)
    for at, each in enumerate(ranges):
        if each and not any(ranges[max(at - 1, 0) : at]) and not any(ranges[at + 1 : at + 2]):
            axes.plot([at, at], [each.low, each.high], color=BAND, linewidth=14, solid_capstyle="butt")


def _floats(values: Sequence[Value]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]


def _dots(values: Sequence[float], size: float) -> dict[str, Any]:
    """Marks on points without a neighbour, which a line alone would not show."""
    known = [isfinite(value) for value in values]
    alone = [
        at
        for at in range(len(known))
        if known[at] and not any(known[max(at - 1, 0) : at]) and not any(known[at + 1 : at + 2])
    ]
    return {"marker": "o", "markersize": size, "markevery": alone} if alone else {}


def _scale(axes: Any, panel: Panel) -> None:
    """Counts begin at zero; shares fill the height. Above the last days a third stays free for their label."""
    known = [value for value in panel.values if value is not None]
    reach = max((abs(value) for value in known), default=1.0)
    for each in panel.usual[WEEK:]:  # a very wide range must not flatten the lines
        known += [min(each.high, 2.5 * reach), max(each.low, -2.5 * reach)] if each else []
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if panel.unit == "share":
        room = max(high - low, abs(high) * 0.02, 0.001)
        low, high = low - room * 0.3, high + room * 0.1
    else:
        low, high = min(0, low) * 1.08, max(0, high) * 1.08 or 1
    axes.set_ylim(low, max(high, low + (max(_last_days(panel), default=low) - low) / 0.68))
    axes.set_xlim(-0.35, WEEK - 0.65)


def _last_days(panel: Panel) -> list[float]:
    """Values that lie under the label, of both weeks."""
    return [value for value in (*panel.values[3:WEEK], *panel.values[WEEK + 3 :]) if value is not None]


def _label_days(axes: Any, picture: Picture) -> None:
    """Weekday over number. Tick labels of two lines would stand unevenly, by the height of their letters."""
    axes.set_xticks([])
    font = {"family": look.FAMILY, "size": _points(25), "ha": "center", "textcoords": "offset points"}
    for at in range(WEEK):
        day = picture.last - timedelta(days=WEEK - 1 - at)
        style = {"color": look.INK, "weight": "bold"} if day == picture.last else {"color": look.MUTED}
        for text, drop in ((picture.locale.weekday(day), 33), (str(day.day), 64)):
            place = {"xy": (at, 0), "xycoords": ("data", "axes fraction"), "xytext": (0, -_points(drop))}
            axes.annotate(text, **place, **font, **style)


def _label_values(axes: Any, panel: Panel, locale: Locale) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def shown(value: float, _: int) -> str:
        return locale.short_share(value) if panel.unit == "share" else locale.short(value)

    whole = all(isinstance(value, int) for value in panel.values if value is not None)
    low, high = axes.get_ylim()
    ticks = MaxNLocator(4, integer=whole, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    axes.set_yticks([tick for tick in ticks if low <= tick <= low + 0.95 * (high - low)])  # the title stands above
    axes.yaxis.set_major_formatter(FuncFormatter(shown))


def _label_last(axes: Any, panel: Panel, picture: Picture) -> None:
    """The last day's value and its change against the week before, above everything that is drawn near."""
    from matplotlib.patheffects import withStroke

    font: dict[str, Any] = {
        "ha": "right",
        "family": look.FAMILY,
        "path_effects": [withStroke(linewidth=6, foreground="white")],
    }
    value = panel.values[-1]
    if value is None:
        words = WORDS[picture.locale.code]
        axes.text(0.99, 0.9, words.no_data, transform=axes.transAxes, size=_points(27), color=look.MUTED, **font)
        return
    dot = {"markersize": 13, "markeredgecolor": "white", "markeredgewidth": 2.5, "clip_on": False, "zorder": 5}
    is_unusual = panel.usual[-1] is not None and panel.usual[-1].side(value)
    axes.plot([WEEK - 1], [value], "o", color=look.PALETTE[1] if is_unusual else look.PALETTE[0], **dot)
    moved = change(value, panel.values[-8], panel.unit)
    texts = [(picture.locale.number(value, panel.unit), 36, look.PALETTE[0])]
    if moved is not None:
        texts.insert(0, (picture.locale.change(moved, panel.unit), 28, _COLOURS[verdict(moved, panel.good)]))
    lift, top = 12.0, (WEEK - 0.7, max(_last_days(panel)))
    for text, size, colour in texts:
        place = {"xytext": (0, lift), "textcoords": "offset points", "annotation_clip": False}
        axes.annotate(text, top, **place, size=_points(size), weight="bold", color=colour, **font)
        lift += _points(size) + 6
