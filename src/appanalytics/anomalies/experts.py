"""The detector for series of which nothing is known: experts for the forecast, extreme-value tails for the alarm.

Six small forecasts run side by side, each with a memory of its last error; the one that errs least speaks. How
unusual an error is, is read from the tail of the series' own errors, learnt twice: an exponential tail of clusters'
peaks, and a generalised Pareto tail by moments. The threshold rises slowly with the bins seen and with recent alarms.
Beside the errors stands how new a series' state is (`Novelty`): its distance from what was seen is one more error
with a tail of its own, and news add to the score, so that less of an error will do, and more where all is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from appanalytics.anomalies.detector import Bools, Floats, Tick, Verdict
from appanalytics.anomalies.novelty import Novelty, NoveltySettings

#: Forecasts: level; level + day; level + week; level × day; level × week; fast level.
_LEVEL, _ADD_DAY, _ADD_WEEK, _MUL_DAY, _MUL_WEEK, _FAST = range(6)
#: Errors with a tail: one step, means of one and of four hours, without memory, distance from what was seen.
_STREAMS = 5


@dataclass(frozen=True, slots=True)
class ExpertSettings:
    """Gains are shares of a bin's news that are learnt; scores are decimal logarithms of tail probabilities."""

    level_gain: float = 0.02
    fast_gain: float = 0.3
    season_gain: float = 0.15
    loss_gain: float = 0.005
    hysteresis: float = 0.97
    memory_gain: float = 0.01
    scale_gain: float = 0.01
    tail: float = 0.03
    tail_gain: float = 0.05
    weights: tuple[float, float, float, float, float] = (1.0, 1.2, 1.3, 1.0, 0.9)
    floor: float = 4.5
    alert: float = 3.0
    ceiling: float = 4.0
    per_decade: float = 0.5
    per_alert: float = 3.0
    forget_alerts: float = 4.0
    clip: float = 3.0
    frozen: float = 0.1
    longest: float = 1.5
    calm: int = 4
    novelty: NoveltySettings = field(default_factory=NoveltySettings)


class Experts:
    """Streaming state of the experts. ``bins_a_day`` may differ by series."""

    def __init__(
        self, series: int, bins_a_day: int | NDArray[np.int64] = 96,
        settings: ExpertSettings | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings or ExpertSettings()
        self.day = np.broadcast_to(np.asarray(bins_a_day, dtype=np.int64), (series,)).copy()
        self.start = np.clip(self.day / 8, 8, 30)
        day, n = int(self.day.max()), series
        self.hour = np.maximum(np.round(self.day / 24).astype(int), 2)
        self.four = np.maximum(np.round(self.day / 6).astype(int), 4)
        self.age = np.zeros(n)
        self.first = np.full((30, n), np.nan)
        self.level = np.zeros((6, n))
        self.day_add, self.day_mul = np.zeros((day, n)), np.ones((day, n))
        self.week_add, self.week_mul = np.zeros((7 * day, n)), np.ones((7 * day, n))
        self.errors = np.zeros((6, n))
        self.cross, self.square = np.zeros((6, n)), np.ones((6, n))
        self.loss = np.zeros((6, n))
        self.chosen = np.zeros(n)
        self.scale = np.ones((2, n))
        self.hours = np.ones((2, 24, n))
        self.recent = np.zeros((int(self.four.max()), n))
        self.mean_scale = np.ones((2, n))
        self.edge = np.full((_STREAMS, n), 2.2)
        self.edge[-1] = 0.5
        self.peak_mean, self.peak = np.full((_STREAMS, n), 0.8), np.zeros((_STREAMS, n))
        self.excess_mean, self.excess_square = np.full((_STREAMS, n), 0.8), np.full((_STREAMS, n), 1.6)
        self.alerts = np.zeros(n)
        self.open, self.quiet, self.relevel = np.zeros(n), np.zeros(n), np.zeros(n)
        self.novelty = Novelty(self.day, self.hour, self.four, self.settings.novelty)
        self._series = np.arange(n)

    _STATE = (
        "age", "first", "level", "day_add", "day_mul", "week_add", "week_mul", "errors", "cross", "square", "loss",
        "chosen", "scale", "hours", "recent", "mean_scale", "edge", "peak_mean", "peak", "excess_mean",
        "excess_square", "alerts", "open", "quiet", "relevel",
    )  # fmt: skip

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The whole state by name."""
        return {name: getattr(self, name) for name in self._STATE} | self.novelty.arrays()

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take a state from `arrays`."""
        for name in self._STATE:
            setattr(self, name, np.array(arrays[name], dtype=np.float64))
        self.novelty.restore(arrays)

    def step(self, tick: Tick, values: Floats, trials: Floats | None = None) -> Verdict:
        """Judge one bin and learn from it."""
        size = np.ones(len(values)) if trials is None else np.where(np.isnan(trials), 1.0, trials)
        there = ~np.isnan(values) & (size > 0)
        y = np.where(there, values / np.where(there, size, 1.0), 0.0)
        known = there & (self.age >= self.start)
        slot, week = tick.number % self.day, tick.number % (7 * self.day)
        bases = self._bases(slot, week)
        errors = y - bases
        phi = np.clip(self.cross / self.square, 0.0, 0.98)
        ahead = phi * self.errors
        which = self._choice(errors - ahead, known)
        base, expected = bases[which, self._series], (bases + ahead)[which, self._series]
        clock = slot * 24 // self.day
        sizes = np.maximum(self.scale * self.hours[:, clock, self._series], 1e-12)
        u = np.where(known, (y - expected) / sizes[0], 0.0)
        plain = np.where(known, (y - base) / sizes[1], 0.0)
        distance, news = self.novelty.see(y, there, known)
        streams = self._streams(u, plain, distance)
        score = self._tails(streams) / self._need() + news
        score = np.where(known & (self.age > 2 * self.start), score, 0.0)
        sign = np.where(u >= 0, 1.0, -1.0)
        alarm = score >= 1
        self._follow(alarm, there)
        self._learn(y, there, known, slot, week, errors, errors - ahead, sizes, u, plain, clock, streams, which)
        return Verdict(expected, sizes[0] * 1.25, score * sign, alarm)

    def _bases(self, slot: NDArray[np.int64], week: NDArray[np.int64]) -> Floats:
        level, each = self.level, self._series
        return np.stack([
            level[0],
            level[1] + self.day_add[slot, each],
            level[2] + self.week_add[week, each],
            level[3] * self.day_mul[slot, each],
            level[4] * self.week_mul[week, each],
            level[5],
        ])  # fmt: skip

    def _choice(self, misses: Floats, known: Bools) -> NDArray[np.int64]:
        loss = self.loss.copy()
        loss[[_ADD_DAY, _MUL_DAY]] = np.where(self.age >= 2 * self.day, loss[[_ADD_DAY, _MUL_DAY]], np.inf)
        loss[[_ADD_WEEK, _MUL_WEEK]] = np.where(self.age >= 14 * self.day, loss[[_ADD_WEEK, _MUL_WEEK]], np.inf)
        chosen = self.chosen.astype(np.int64)
        best = loss.argmin(axis=0)
        better = loss[best, self._series] < self.settings.hysteresis * loss[chosen, self._series]
        chosen = np.where(better & known, best, chosen)
        self.chosen = chosen.astype(float)
        return np.asarray(chosen, dtype=np.int64)

    def _streams(self, u: Floats, plain: Floats, distance: Floats) -> Floats:
        self.recent[:-1] = self.recent[1:]
        self.recent[-1] = np.clip(u, -20, 20)
        sums = np.concatenate([np.zeros((1, len(u))), self.recent.cumsum(axis=0)])
        means = [(sums[-1] - sums[-1 - span, self._series]) / np.sqrt(span) for span in (self.hour, self.four)]
        streams = np.stack([u, means[0] / self.mean_scale[0], means[1] / self.mean_scale[1], plain, distance])
        return np.asarray(np.abs(streams), dtype=np.float64)

    def _tails(self, streams: Floats) -> Floats:
        given = self.settings
        beyond = streams - self.edge
        start = -np.log10(given.tail)
        one = start + beyond / (self.peak_mean * np.log(10))
        mean, square = self.excess_mean, np.maximum(self.excess_square - self.excess_mean**2, 1e-9)
        shape = np.clip(0.5 * (1 - mean * mean / square), 0.001, 0.3)
        size = mean * (1 - shape)
        two = start + np.log10(1 + shape * np.maximum(beyond, 0) / size) / shape
        score = np.where(beyond > 0, two * np.clip(one / given.floor, 0.0, 1.0), 0.0)
        return np.asarray((score / np.array(given.weights)[:, None]).max(axis=0), dtype=np.float64)

    def _need(self) -> Floats:
        given = self.settings
        seen = given.per_decade * np.log10(np.maximum(self.age / 2000, 1.0))
        return np.asarray(given.alert + seen + given.per_alert * np.log10(1 + self.alerts), dtype=np.float64)

    def _follow(self, alarm: Bools, there: Bools) -> None:
        given = self.settings
        new = alarm & (self.open == 0)
        self.alerts = self.alerts * (1 - 1 / (given.forget_alerts * self.day)) + new
        self.quiet = np.where(alarm, 0.0, self.quiet + there)
        running = (self.open > 0) & (self.quiet < given.calm)
        closed = (self.open > 0) & ~alarm & ~running
        self.open = np.where(alarm | running, self.open + 1, 0.0)
        self.recent[:, closed] = 0.0  # what is over is not counted again
        late = self.open > np.maximum(given.longest * self.day, 24)
        self.relevel = np.where(late, np.maximum(self.day / 4, 8), np.maximum(self.relevel - 1, 0.0))
        self.open[late] = 0.0

    def _learn(
        self, y: Floats, there: Bools, known: Bools, slot: NDArray[np.int64], week: NDArray[np.int64], errors: Floats,
        misses: Floats, sizes: Floats, u: Floats, plain: Floats, clock: NDArray[np.int64], streams: Floats,
        which: NDArray[np.int64],
    ) -> None:  # fmt: skip
        given, each = self.settings, self._series
        self._begin(y, there)
        fast = (self.relevel > 0) & known
        speed = np.where(known, np.where((self.open > 0) & ~fast, given.frozen, 1.0), 0.0)
        reach = given.clip * sizes[1]
        calm = np.where(fast, errors, np.clip(errors, -2 * reach, 2 * reach))
        gain = np.maximum(given.level_gain, 1 / (1 + self.age)) * speed
        gain = np.where(fast, 0.2, gain)
        level_before = self.level
        self.level = level_before + gain * calm * np.array([1, 1, 1, 1, 1, 0])[:, None]
        self.level[_FAST] += given.fast_gain * speed * calm[_FAST]
        season = np.where(fast, 0.0, speed)
        day_gain = season * np.maximum(given.season_gain, 1 / (1 + self.age // self.day))
        week_gain = season * np.maximum(given.season_gain, 1 / (1 + self.age // (7 * self.day)))
        safe = np.where(np.abs(level_before) > 1e-9, level_before, 1e-9)
        self.day_add[slot, each] += day_gain * calm[_ADD_DAY]
        self.week_add[week, each] += week_gain * calm[_ADD_WEEK]
        self.day_mul[slot, each] += day_gain * np.clip(calm[_MUL_DAY] / safe[_MUL_DAY], -2, 2)
        self.week_mul[week, each] += week_gain * np.clip(calm[_MUL_WEEK] / safe[_MUL_WEEK], -2, 2)
        clipped = np.clip(errors, -reach, reach)
        previous = np.clip(self.errors, -reach, reach)
        memory = np.maximum(given.memory_gain, 1 / (10 + self.age)) * speed
        self.cross += memory * (clipped * previous - self.cross)
        self.square += memory * (previous * previous - self.square)
        self.square = np.maximum(self.square, 1e-18)
        self.errors = np.where(there, errors, self.errors * 0.5)
        loss = np.maximum(given.loss_gain, 1 / (10 + self.age)) * speed
        self.loss += loss * (np.minimum(np.abs(misses), 6 * sizes[1]) - self.loss)
        self._scales(u, plain, clock, speed)
        self._learn_tails(streams, speed, known)
        self.age += there

    def _begin(self, y: Floats, there: Bools) -> None:
        young = there & (self.age < self.start)
        if not young.any():
            return
        at = np.minimum(self.age.astype(int), 29)
        self.first[at[young], self._series[young]] = y[young]
        ready = young & (self.age + 1 >= self.start)
        if not ready.any():
            return
        seen = self.first[:, ready]
        level = np.nanmedian(seen, axis=0)
        steps = np.abs(np.diff(seen, axis=0))
        size = np.maximum(np.nanmean(np.abs(seen - level), axis=0), np.nanmean(steps, axis=0) * 0.8)
        size = np.maximum(size, np.maximum(np.abs(level) * 0.002, 1e-6))
        self.level[:, ready] = level
        self.scale[:, ready] = size
        self.square[:, ready] = size * size * 4
        self.loss[:, ready] = size
        self.novelty.begin(seen, ready)

    def _scales(self, u: Floats, plain: Floats, clock: NDArray[np.int64], speed: Floats) -> None:
        given, each = self.settings, self._series
        gain = np.maximum(given.scale_gain, 1 / (10 + self.age)) * speed
        for place, residual in enumerate((u, plain)):
            size = np.minimum(np.abs(residual), given.clip) * 1.02
            self.scale[place] = np.maximum(self.scale[place] * (1 + gain * (size - 1)), 1e-9)
            lived = speed * (self.age > 2 * self.day) * 0.02
            rows = self.hours[place, clock, each]
            self.hours[place, clock, each] = np.clip(rows * (1 + lived * (size - 1)), 0.2, 5.0)
        for place, span in enumerate((self.hour, self.four)):
            raw = self._mean(span)
            near = np.minimum(np.abs(raw), given.clip * self.mean_scale[place])
            was = self.mean_scale[place]
            self.mean_scale[place] = np.maximum(was + gain * (near * 1.02 - was), 0.3)

    def _mean(self, span: NDArray[np.int64]) -> Floats:
        sums = np.concatenate([np.zeros((1, len(span))), self.recent.cumsum(axis=0)])
        return np.asarray((sums[-1] - sums[-1 - span, self._series]) / np.sqrt(span), dtype=np.float64)

    def _learn_tails(self, streams: Floats, speed: Floats, known: Bools) -> None:
        given = self.settings
        above = streams > self.edge
        step = np.maximum(0.01, 1 / (20 + self.age)) * speed
        least = np.array([0.5, 0.5, 0.5, 0.5, 0.2])[:, None]
        self.edge = np.maximum(self.edge + step * self.edge * (above - given.tail) * 2, least)
        beyond = np.maximum(streams - self.edge, 0.0)
        learns = above & known
        pace = given.tail_gain * np.where(learns, np.maximum(speed, 0.3), 0.0)
        # One excess teaches little, however large; many of a kind raise what one may teach.
        near = np.minimum(beyond, given.ceiling * (1 + self.excess_mean))
        self.excess_mean += pace * (near - self.excess_mean)
        self.excess_square += pace * (near * near - self.excess_square)
        ended = ~above & (self.peak > 0)
        top = np.minimum(self.peak, given.ceiling * (1 + self.peak_mean))
        self.peak_mean += given.tail_gain * 2 * ended * (top - self.peak_mean)
        self.peak = np.where(above, np.maximum(self.peak, beyond), 0.0)
