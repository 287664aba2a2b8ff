"""Pictures of an investigation."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from appanalytics import pictures as look
from appanalytics.investigate.behind import cohort_name
from appanalytics.investigate.summary import is_ratio, speaker, title
from appanalytics.investigate.words import Speaker

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from appanalytics.investigate.findings import Findings

WIDTH, HEIGHT = 1000, 420
#: Periods that are drawn.
DRAWN = 42
#: Segments that are drawn.
MOST_BARS = 10


def series_picture(found: Findings, locale: str) -> bytes:
    """The series with the band of its expectation; the asked period is a dot, known events are shaded."""
    say = speaker(found, locale)
    figure = look.new_figure(WIDTH, HEIGHT)
    axes = figure.add_axes((0.07, 0.12, 0.91, 0.72))
    look.clean(axes, size=9)
    axes.grid(axis="y", color=look.GRID, linewidth=0.8)
    fc = found.forecast
    zone = found.target.window.zone
    days = [_number(each.start, zone) for each in found.periods][-DRAWN:]
    actual, expected, low, high = (each[-DRAWN:] for each in (fc.actual, fc.expected, fc.low, fc.high))
    top = float(np.nanmax(np.concatenate([actual, expected]))) * 1.25
    band = look.drawable(say("p_expected"))
    axes.fill_between(days, low, np.minimum(high, top), color=look.PALETTE[0], alpha=0.13, linewidth=0, label=band)
    axes.plot(days, expected, color=look.PALETTE[0], linewidth=1.2, linestyle="--")
    axes.plot(days, actual, color=look.INK, linewidth=1.6, label=look.drawable(say("p_actual")))
    axes.plot(days[-1:], actual[-1:], "o", color=_colour(found), markersize=8, zorder=5)
    for event in found.calendar:
        start, end = max(_number(event.start, zone), days[0]), min(_number(event.end, zone), days[-1])
        if start <= end:
            name = look.drawable(event.label(say.locale.code))
            axes.axvspan(start, end, color=look.FAINT, alpha=0.35, linewidth=0)
            axes.text(start, top * 0.97, name, fontsize=8, color=look.MUTED, family=look.FAMILY, va="top")
    axes.set_ylim(0 if not is_ratio(found) else None, top if not is_ratio(found) else None)
    share = is_ratio(found) and say.unit == "share"
    axes.yaxis.set_major_formatter(
        lambda value, _: say.locale.short_share(value) if share else say.locale.short(value)
    )
    axes.xaxis.set_major_formatter(lambda value, _: _day(value, say.locale.code))
    axes.legend(loc="upper left", frameon=False, fontsize=9, ncols=2, prop={"family": look.FAMILY, "size": 9})
    look.head(figure, title(found, say), y=0.945, size=13)
    return look.png(figure)


def segments_picture(found: Findings, locale: str) -> bytes:
    """What each segment, and everything else, contributed to the change: horizontal bars, the largest on top."""
    say, ratio = speaker(found, locale), is_ratio(found)
    assert found.explanation is not None  # noqa: S101 (drawn only where segments were found)
    bars = [(say.segment(each.where), each.part.contribution) for each in found.segments[:MOST_BARS]]
    bars.append((say("rest"), found.explanation.rest.contribution))
    height = 70 + 34 * len(bars)
    figure = look.new_figure(WIDTH, height)
    axes = figure.add_axes((0.3, 0.02, 0.6, 0.98 - 52 / height))
    look.clean(axes, size=9)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    places = np.arange(len(bars))[::-1]
    colours = [look.PALETTE[0] if value >= 0 else look.PALETTE[1] for _, value in bars]
    colours[-1] = look.FAINT
    axes.barh(places, [value for _, value in bars], color=colours, height=0.62)
    axes.axvline(0, color=look.MUTED, linewidth=0.8)
    axes.set_yticks(places, [look.drawable(name) for name, _ in bars])
    axes.margins(x=0.15)
    for place, (_, value) in zip(places, bars, strict=True):
        side = "left" if value >= 0 else "right"
        text = f" {say.signed(value, ratio=ratio)} "
        axes.text(value, place, text, va="center", ha=side, fontsize=9, color=look.INK, family=look.FAMILY)
    _head(figure, say("alt_segments"), found, say)
    return look.png(figure)


def return_picture(found: Findings, locale: str) -> bytes:
    """Shares of newcomers that were back the next day, and within a week, each with its interval."""
    say, came = speaker(found, locale), found.people.newcomers
    assert came is not None  # noqa: S101 (drawn only where there are newcomers)
    cohorts = [each for each in came.cohorts if each.next_day is not None]
    figure = look.new_figure(WIDTH, 110 + 34 * len(cohorts))
    axes = figure.add_axes((0.42, 0.18, 0.55, 0.62))
    look.clean(axes, size=9)
    axes.grid(axis="x", color=look.GRID, linewidth=0.8)
    places = np.arange(len(cohorts))[::-1]
    for name, shift, colour in (("next_day", 0.14, look.PALETTE[0]), ("week", -0.14, look.PALETTE[2])):
        for place, cohort in zip(places, cohorts, strict=True):
            share = getattr(cohort, name)
            if share is not None and share.estimate is not None:
                axes.plot([share.low, share.high], [place + shift] * 2, color=colour, linewidth=3, alpha=0.5)
                axes.plot([share.estimate], [place + shift], "o", color=colour, markersize=6)
        axes.plot([], [], "o-", color=colour, label=look.drawable(say("p_next" if name == "next_day" else "p_week")))
    axes.set_yticks(places, [look.drawable(cohort_name(each, came, say)) for each in cohorts])
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, len(cohorts) - 0.4)
    axes.xaxis.set_major_formatter(lambda value, _: say.locale.short_share(value))
    axes.legend(
        loc="lower right", frameon=False, bbox_to_anchor=(1, 1), ncols=2, prop={"family": look.FAMILY, "size": 9}
    )
    _head(figure, say("alt_return"), found, say)
    return look.png(figure)


def _head(figure: Figure, text: str, found: Findings, say: Speaker) -> None:
    height = figure.get_figheight() * look.DPI
    named = f"{title(found, say)}: {text}"
    look.head(figure, named, y=1 - 22 / height, size=11)


def _colour(found: Findings) -> str:
    good = found.catalog.quantity(found.metric).good
    if not found.is_unusual or good == "none" or found.change is None:
        return look.PALETTE[1]
    return look.GOOD if (found.change > 0) == (good == "up") else look.BAD


def _number(moment: datetime, zone: ZoneInfo) -> float:
    from matplotlib.dates import date2num

    return float(date2num(moment.astimezone(zone).replace(tzinfo=None)))


def _day(value: float, code: str) -> str:
    from matplotlib.dates import num2date

    day = num2date(value)
    return f"{day.day:02}.{day.month:02}" if code == "ru" else f"{day.day} {day:%b}"
