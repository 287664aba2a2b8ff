"""An incident's picture: two weeks with their band, today, and the segment that moved most beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from appanalytics.anomalies.words import DAY_MINUTES, Speaker
from appanalytics.engine import Engine
from appanalytics.pictures import BAD, FAMILY, INK, MUTED, PALETTE, clean, drawable, new_figure, png

_WIDTH, _HEIGHT = 1200, 760
#: Standard deviations of the band.
_BAND = 3.0
_BEFORE, _CLOSE = timedelta(days=14), timedelta(hours=24)
#: The same of series of days.
_DAYS_BEFORE, _DAYS_CLOSE = timedelta(days=56), timedelta(days=14)

Points = dict[str, np.ndarray[Any, Any]]


def read_points(engine: Engine, metric: str, part: str, since: datetime, until: datetime) -> Points:
    """A watched series: ``time``, ``value``, ``expected``, ``spread``, ``alarm``, ``minutes``.

    Empty where it is not watched. ``minutes`` are lengths of bins: a series that grew was judged by the hour before.
    """
    dimension, _, value = part.partition("=")
    rows = engine.rows(
        "SELECT time, value, expected, spread, alarm, minutes FROM anomaly_points FINAL"
        " WHERE metric = {metric:String} AND dimension = {dimension:String} AND slice = {slice:String}"
        " AND time >= {since:DateTime('UTC')} AND time < {until:DateTime('UTC')} ORDER BY time",
        {"metric": metric, "dimension": dimension, "slice": value, "since": since, "until": until},
    )
    times = [row["time"] if row["time"].tzinfo else row["time"].replace(tzinfo=UTC) for row in rows]
    numbers = {
        name: np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=float)
        for name in ("value", "expected", "spread", "alarm", "minutes")
    }
    return {"time": np.array(times, dtype=object), **numbers}


def bin_minutes(engine: Engine, metric: str, part: str, until: datetime) -> int:
    """Length of the newest bin of a series before an instant; 0 where it is not watched."""
    dimension, _, value = part.partition("=")
    found = engine.scalar(
        "SELECT argMax(minutes, time) FROM anomaly_points WHERE metric = {metric:String}"
        " AND dimension = {dimension:String} AND slice = {slice:String} AND time < {until:DateTime('UTC')}",
        {"metric": metric, "dimension": dimension, "slice": value, "until": until},
    )
    return int(found)


def incident_picture(
    engine: Engine, speaker: Speaker, row: Mapping[str, Any], members: Sequence[Mapping[str, Any]]
) -> bytes:
    """The picture as a PNG; needs the extra ``pictures``. Empty bytes where nothing is stored of the series."""
    until = row["end"] + timedelta(hours=1)
    daily = bin_minutes(engine, row["metric"], row["slice"], row["end"]) >= DAY_MINUTES
    before, span = (_DAYS_BEFORE, _DAYS_CLOSE) if daily else (_BEFORE, _CLOSE)
    lead = read_points(engine, row["metric"], row["slice"], row["start"] - before, until)
    if not len(lead["time"]):
        return b""
    guilty = next((each for each in members if each["slice"] and each["slice"] != row["slice"]), None)
    figure = new_figure(_WIDTH, _HEIGHT)
    grid = figure.add_gridspec(
        2, 2, height_ratios=(1, 1), hspace=0.42, wspace=0.18, left=0.075, right=0.98, top=0.9, bottom=0.08
    )
    name = speaker.series(row["metric"], row["slice"])
    wide = figure.add_subplot(grid[0, :])
    _series(wide, speaker, lead, row, name)
    close = until - max(span, (until - row["start"]) * 1.5)
    close = close if daily else max(row["start"] - timedelta(hours=6), close)
    near = figure.add_subplot(grid[1, 0] if guilty else grid[1, :])
    _series(near, speaker, _after(lead, min(close, row["start"])), row, name)
    if guilty is not None:
        beside = read_points(engine, guilty["metric"], guilty["slice"], min(close, row["start"]), until)
        axes = figure.add_subplot(grid[1, 1])
        _series(axes, speaker, beside, row, speaker.series(guilty["metric"], guilty["slice"]))
    figure.text(
        0.075, 0.955, drawable(speaker.title(row, "open")), fontsize=17, fontweight="bold", color=INK, family=FAMILY
    )
    return png(figure)


def _per_bin(points: Points, is_ratio: bool) -> Points:
    """Counts of longer bins as those of the newest one's length, so that they compare."""
    if is_ratio or not len(points["time"]):
        return points
    share = points["minutes"][-1] / points["minutes"]
    return points | {name: points[name] * share for name in ("value", "expected", "spread")}


def _after(points: Points, since: datetime) -> Points:
    kept = np.array([at >= since for at in points["time"]], dtype=bool)
    return {name: each[kept] for name, each in points.items()}


def _series(axes: Any, speaker: Speaker, points: Points, row: Mapping[str, Any], title: str) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import FuncFormatter

    points = _per_bin(points, speaker.is_ratio(row["metric"]))
    clean(axes, size=11)
    axes.grid(axis="y", color="#e4e8ec")
    axes.set_title(drawable(title), loc="left", fontsize=12, color=MUTED, family=FAMILY)
    if not len(points["time"]):
        return
    times = [at.astimezone(speaker.zone) for at in points["time"]]
    low = np.maximum(points["expected"] - _BAND * points["spread"], 0)
    axes.axvspan(row["start"], row["end"], color=BAD, alpha=0.08, linewidth=0)
    axes.fill_between(
        times, low, points["expected"] + _BAND * points["spread"], color=PALETTE[0], alpha=0.18, linewidth=0
    )
    axes.plot(times, points["expected"], color=PALETTE[0], linewidth=1, alpha=0.6)
    axes.plot(times, points["value"], color=INK, linewidth=1.2)
    marked = (points["alarm"] > 0) & np.array([row["start"] <= at < row["end"] for at in points["time"]], dtype=bool)
    axes.scatter(np.array(times, dtype=object)[marked], points["value"][marked], s=14, color=BAD, zorder=3)
    daily = bool(points["minutes"][-1] >= DAY_MINUTES)
    axes.set_xlim(times[0], times[-1] + timedelta(hours=6 if daily else 0))
    axes.set_ylim(bottom=0)
    # Multiples begin anew with each month: the 31st and the 1st would be written into each other.
    locator = AutoDateLocator(tz=speaker.zone, maxticks=8 if daily else 9, interval_multiples=not daily)
    axes.xaxis.set_major_locator(locator)
    day = speaker.day_format
    formats = ["%Y", day, day, "%H:%M", "%H:%M", "%S.%f"]
    axes.xaxis.set_major_formatter(
        ConciseDateFormatter(
            locator, tz=speaker.zone, formats=formats, zero_formats=["", "%Y", day, day, "%H:%M", "%H:%M"],
            show_offset=False,
        )
    )  # fmt: skip
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: speaker.short(value, row["metric"])))
