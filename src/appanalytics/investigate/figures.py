"""Pictures of an investigation."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from appanalytics.investigate.summary import is_ratio, speaker, title
from appanalytics.pictures import (
    BAD,
    FAINT,
    FAMILY,
    GOOD,
    GRID,
    INK,
    MUTED,
    PALETTE,
    clean,
    drawable,
    new_figure,
    png,
)

if TYPE_CHECKING:
    from appanalytics.investigate.findings import Findings

WIDTH, HEIGHT = 1000, 420
#: Periods that are drawn.
DRAWN = 42


def series_picture(found: Findings, locale: str) -> bytes:
    """The series with the band of its expectation; the asked period is a dot, known events are shaded."""
    say = speaker(found, locale)
    figure = new_figure(WIDTH, HEIGHT)
    axes = figure.add_axes((0.07, 0.12, 0.91, 0.72))
    clean(axes, size=9)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    fc = found.forecast
    zone = found.target.window.zone
    days = [_number(each.start, zone) for each in found.periods][-DRAWN:]
    actual, expected, low, high = (each[-DRAWN:] for each in (fc.actual, fc.expected, fc.low, fc.high))
    top = float(np.nanmax(np.concatenate([actual, expected]))) * 1.25
    band = drawable(say("p_expected"))
    axes.fill_between(days, low, np.minimum(high, top), color=PALETTE[0], alpha=0.13, linewidth=0, label=band)
    axes.plot(days, expected, color=PALETTE[0], linewidth=1.2, linestyle="--")
    axes.plot(days, actual, color=INK, linewidth=1.6, label=drawable(say("p_actual")))
    axes.plot(days[-1:], actual[-1:], "o", color=_colour(found), markersize=8, zorder=5)
    for event in found.calendar:
        start, end = max(_number(event.start, zone), days[0]), min(_number(event.end, zone), days[-1])
        if start <= end:
            name = drawable(event.label(say.locale.code))
            axes.axvspan(start, end, color=FAINT, alpha=0.35, linewidth=0)
            axes.text(start, top * 0.97, name, fontsize=8, color=MUTED, family=FAMILY, va="top")
    axes.set_ylim(0 if not is_ratio(found) else None, top if not is_ratio(found) else None)
    share = is_ratio(found) and say.unit == "share"
    axes.yaxis.set_major_formatter(
        lambda value, _: say.locale.short_share(value) if share else say.locale.short(value)
    )
    axes.xaxis.set_major_formatter(lambda value, _: _day(value, say.locale.code))
    axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=2, prop={"family": FAMILY, "size": 9})
    figure.text(0.02, 0.93, drawable(title(found, say)), fontsize=13, color=INK, family=FAMILY, weight="bold")
    return png(figure)


def _colour(found: Findings) -> str:
    good = found.catalog.quantity(found.metric).good
    if not found.is_unusual or good == "none" or found.change is None:
        return PALETTE[1]
    return GOOD if (found.change > 0) == (good == "up") else BAD


def _number(moment: datetime, zone: ZoneInfo) -> float:
    from matplotlib.dates import date2num

    return float(date2num(moment.astimezone(zone).replace(tzinfo=None)))


def _day(value: float, code: str) -> str:
    from matplotlib.dates import num2date

    day = num2date(value)
    return f"{day.day:02}.{day.month:02}" if code == "ru" else f"{day.day} {day:%b}"
