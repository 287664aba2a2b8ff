"""The detector for our own metrics: counts and shares with a day and a week.

Each series is a level times a profile of the day, a profile of the week and a cycle of days; its variance is that of
counts (or of shares) with overdispersion, all learnt bin by bin. While a series is anomalous it learns at a tenth.
Where a series' errors remember each other and have heavy tails (`Noise`), what is judged is what a bin does not owe
to the last one, against wider limits. Sums over one and four hours see what single bins do not; each has a scale of
its own, because neighbours correlate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.anomalies.cycles import HELD, LONGEST, find_cycles
from appanalytics.anomalies.detector import Bools, Floats, Tick, Verdict
from appanalytics.anomalies.noise import Noise


@dataclass(frozen=True, slots=True)
class SeasonalSettings:
    """Gains are shares of a bin's news that are learnt; limits are standard deviations; lengths days or bins.

    ``pair_heavy`` and ``sum_heavy`` are powers of how much heavier than usual tails are: pairs have wider limits, and
    a single bin counts for less in a sum.
    """

    warmup_days: float = 14.0
    level_gain: float = 0.005
    day_gain: float = 0.05
    week_gain: float = 0.08
    weekday_gain: float = 0.004
    day_breadth: float = 20.0
    week_breadth: float = 60.0
    widest: int = 8
    variance_gain: float = 0.0015
    clip: float = 3.0
    single: float = 6.4
    pair: float = 3.2
    sums: tuple[tuple[int, float], ...] = ((4, 4.2), (16, 4.2))
    side: float = 0.5
    largest: float = 6.0
    pair_heavy: float = 0.2
    sum_heavy: float = 0.5
    frozen: float = 0.1
    longest: float = 1.5
    calm: int = 4
    faded: float = 0.5


def deviance(y: Floats, mu: Floats, extra: Floats) -> Floats:
    """Signed roots of the deviance of counts with variance ``mu + extra mu²``: nearly normal however small ``mu`` is.

    None where 35 are expected is 5.9 standard deviations, but as rare as 8.4 of a normal distribution are. The
    negative binomial distribution's (McCullagh & Nelder 1989, Table 2.1 and § 11).
    """
    y = np.maximum(y, 0.0)
    gain = y * np.log(np.maximum(y, 1e-9) / mu)
    found = 2 * (gain - (y + 1 / extra) * (np.log1p(extra * y) - np.log1p(extra * mu)))
    return np.asarray(np.sign(y - mu) * np.sqrt(np.maximum(found, 0.0)), dtype=np.float64)


class Seasonal:
    """Streaming state of the seasonal model."""

    def __init__(self, series: int, bins_a_day: int = 96, settings: SeasonalSettings | None = None) -> None:
        self.settings = settings or SeasonalSettings()
        self.day = bins_a_day
        self.longest = max(length for length, _ in self.settings.sums)
        self.age, self.level = np.zeros(series), np.zeros(series)
        self.days = np.zeros((bins_a_day, series))
        self.weeks = np.ones((7 * bins_a_day, series))
        self.extra = np.full(series, 0.002)
        self.scales = np.ones((1 + len(self.settings.sums), series))
        self.recent = np.zeros((self.longest, series))
        self.noise = Noise(series, bins_a_day)
        self.open, self.quiet, self.relevel = np.zeros(series), np.zeros(series), np.zeros(series)
        self.weekdays = np.ones((7, series))
        self.today, self.seen = np.zeros(series), np.zeros(series)
        self.totals = np.full((HELD, series), np.nan)
        self.period, self.cycle = np.zeros(series), np.ones((LONGEST, series))
        self._near = np.arange(-self.settings.widest, self.settings.widest + 1)

    _STATE = (
        "age", "level", "days", "weekdays", "weeks", "extra", "scales", "recent", "open", "quiet",
        "relevel", "today", "seen", "totals", "period", "cycle",
    )  # fmt: skip

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The whole state by name."""
        return {name: getattr(self, name) for name in self._STATE} | self.noise.arrays()

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take a state from `arrays`."""
        for name in self._STATE:
            setattr(self, name, np.array(arrays[name], dtype=np.float64))
        self.noise.restore(arrays)

    def step(self, tick: Tick, values: Floats, trials: Floats | None = None) -> Verdict:
        """Judge one bin and learn from it. Where ``trials`` is NaN a series is counts."""
        week = tick.number % (7 * self.day)
        slot = week % self.day
        share = np.zeros(len(values), dtype=bool) if trials is None else ~np.isnan(trials)
        size = np.where(share, trials, 1.0) if trials is not None else np.ones(len(values))
        there = ~np.isnan(values) & (size > 0)
        y = np.where(there, values / np.where(there, size, 1.0), 0.0)
        shape = self.days[slot] * self.weekdays[week // self.day] * self.weeks[week]
        place = (tick.number // self.day % np.maximum(self.period, 1)).astype(np.int64)
        shape = shape * self.cycle[place, np.arange(len(values))]
        mu = np.maximum(self.level * shape, 1e-9)
        base = np.where(share, np.clip(mu * (1 - mu), 1e-9, None) / np.where(there, size, 1.0), mu)
        spread = np.sqrt(base + self.extra * mu * mu)
        known = there & (self.age >= self.day)
        z = np.where(known, (y - mu) / spread, 0.0)
        calm = known & (self.open <= 0)
        even = np.where(share, z, np.where(known, deviance(y, mu, self.extra), 0.0))
        fresh = self.noise.fresh(even, known, calm, self.age)
        score = self._score(fresh, calm)
        score[(self.age < self.settings.warmup_days * self.day) | ~there] = 0.0
        alarm = np.abs(score) >= 1
        self._forget()
        self._follow(alarm, there)
        self._learn(slot, week, y, z, fresh, mu, spread, base, known, there)
        self._rhythm(tick, slot, y, there)
        return Verdict(mu, spread * self.scales[0], score, alarm)

    def _rhythm(self, tick: Tick, slot: int, y: Floats, there: Bools) -> None:
        """Keep the day's mean; at its end look for a cycle of days. A new one starts the profile of the week anew."""
        self.today += y
        self.seen += there
        if slot != self.day - 1:
            return
        full = (self.seen > 0.9 * self.day) & (self.today > 0)
        mean = np.where(full, np.log(np.maximum(self.today, 1e-9) / np.maximum(self.seen, 1)), np.nan)
        self.totals[:-1] = self.totals[1:]
        self.totals[-1] = mean
        self.today[:], self.seen[:] = 0.0, 0.0
        period, cycle = find_cycles(self.totals, tick.number // self.day)
        new = (period > 0) & (period != self.period)
        if new.any():
            self.weeks[:, new], self.weekdays[:, new] = 1.0, 1.0
            recent = self.totals[-period.max() :, new]
            known = ~np.isnan(recent)
            mean = np.exp(np.where(known, recent, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
            self.level[new] = np.where(known.any(axis=0), mean, self.level[new])
            self.extra[new] = np.minimum(self.extra[new], 0.01)
            self.scales[:, new] = 1.0
        keep = (period == 0) & (self.period > 0)
        self.period = np.where(keep, self.period, period).astype(float)
        self.cycle = np.where(keep, self.cycle, cycle)

    def _score(self, z: Floats, calm: Bools) -> Floats:
        given = self.settings
        self.recent[:-1] = self.recent[1:]
        self.recent[-1] = z
        unit = z / self.scales[0]
        last = self.recent[-2] / self.scales[0]
        pair = np.where(np.sign(unit) == np.sign(last), np.sign(unit) * np.minimum(np.abs(unit), np.abs(last)), 0.0)
        heavier = self.noise.heavier
        self.noise.learn_tail(np.abs(unit), calm, self.age)
        best = unit / given.single / heavier
        for candidate in [pair / given.pair / heavier**given.pair_heavy, *self._sums(unit, heavier)]:
            best = np.where(np.abs(candidate) > np.abs(best), candidate, best)
        return np.asarray(best, dtype=np.float64)

    def _sums(self, unit: Floats, heavier: Floats) -> list[Floats]:
        """Sums against their limits. The newest bin must be on their side, so that they end with the anomaly."""
        largest = self.settings.largest / heavier**self.settings.sum_heavy
        clipped = np.clip(self.recent, -largest, largest)
        found = []
        for place, (length, limit) in enumerate(self.settings.sums, start=1):
            total = clipped[-length:].sum(axis=0) / np.sqrt(length) / self.scales[place] / limit
            found.append(np.where(unit * np.sign(total) > self.settings.side, total, 0.0))
        return found

    def _forget(self) -> None:
        """What a series' newest bins together do not show any more is over: a long sum must not tell of it for hours.

        A lasting change shows in them, whatever one of them is like.
        """
        new = self.settings.sums[0][0]
        newest = self.recent[-new:].sum(axis=0) / np.sqrt(new) / self.scales[1]
        over = (self.open > new) & (newest * np.sign(self.recent[:-new].sum(axis=0)) < self.settings.faded)
        self.recent[:-new, over] = 0.0

    def _follow(self, alarm: Bools, there: Bools) -> None:
        """Open a series on alarm; close it after some calm bins, or after so long that the new level is accepted."""
        self.quiet = np.where(alarm, 0.0, self.quiet + there)
        running = (self.open > 0) & (self.quiet < self.settings.calm)
        closed = (self.open > 0) & ~alarm & ~running
        self.open = np.where(alarm | running, self.open + 1, 0.0)
        late = self.open > self.settings.longest * self.day
        self.relevel = np.where(late, self.day / 4, np.maximum(self.relevel - 1, 0.0))
        self.open[late] = 0.0
        self.recent[:, late | closed] = 0.0  # what is over is not counted again

    def _learn(
        self, slot: int, week: int, y: Floats, z: Floats, fresh: Floats, mu: Floats, spread: Floats, base: Floats,
        known: Bools, there: Bools,
    ) -> None:  # fmt: skip
        given = self.settings
        young = there & ~known
        if young.any():
            self._begin(slot, y, young)
        speed = np.where(known, np.where(self.open > 0, given.frozen, 1.0), 0.0)
        fast = self.relevel > 0
        taken = np.clip(z, -given.clip, given.clip) * spread
        taken = np.where(fast, y - mu, taken)
        news = taken / mu
        gain = np.where(fast, 0.1, np.maximum(given.level_gain, 1 / (1 + self.age / 4))) * speed
        self.level *= 1 + gain * np.clip(news, -0.9, 3.0)
        self._profiles(slot, week, news, np.sqrt(base) / mu, np.where(fast, 0.0, speed))
        self._scatter(fresh, taken, mu, base, np.where(fast, 0.0, speed))
        self.age += there
        ready = there & (self.age == self.day)
        if ready.any():
            self._first_day(ready)

    def _profiles(self, slot: int, week: int, news: Floats, noise: Floats, speed: Floats) -> None:
        """Neighbouring bins learn from each other, the more of them the noisier one bin is."""
        given = self.settings
        age = self.age / self.day
        day_gain = np.maximum(given.day_gain, 0.5 / (1 + np.maximum(age - 1, 0)))
        self._spread_news(self.days, slot, news * day_gain * speed, noise * given.day_breadth)
        weekday = np.where(age >= 14, given.weekday_gain, 0.01) * speed
        self.weekdays[week // self.day] *= 1 + np.clip(news * weekday, -0.5, 1.0)
        weekly = np.where(age >= 7, given.week_gain, 0.3) * speed
        self._spread_news(self.weeks, week, news * weekly, noise * given.week_breadth)

    def _spread_news(self, profile: Floats, at: int, news: Floats, width: Floats) -> None:
        rows = (at + self._near) % len(profile)
        reach = 1 + np.minimum(width, self.settings.widest)
        kernel = np.maximum(1 - np.abs(self._near)[:, None] / reach, 0.0)
        profile[rows] *= 1 + kernel * np.clip(news, -0.5, 1.0)

    def _scatter(self, z: Floats, taken: Floats, mu: Floats, base: Floats, speed: Floats) -> None:
        """Overdispersion from clipped residuals, and how much wider than independent ones the sums are."""
        given = self.settings
        gain = speed * np.maximum(given.variance_gain, np.minimum(1 / (1 + self.age / 8), 0.02))
        beyond = np.clip((taken * taken * 1.03 - base) / (mu * mu), -0.05, 0.5)
        self.extra = np.clip(self.extra + gain * (beyond - self.extra), 1e-5, 1.0)
        squares = [np.clip(z, -given.clip, given.clip) ** 2]
        clipped = np.clip(self.recent, -given.clip, given.clip)
        squares += [clipped[-length:].sum(axis=0) ** 2 / length for length, _ in given.sums]
        for place, square in enumerate(squares):
            was = self.scales[place] ** 2
            near = np.minimum(square, 9 * was)
            self.scales[place] = np.sqrt(np.maximum(was + gain * (near * 1.03 - was), 1.0 if place else 0.8))

    def _begin(self, slot: int, y: Floats, young: Bools) -> None:
        """The first day: the profile is the day itself, smoothed when it is over."""
        self.days[slot] = np.where(young, y, self.days[slot])
        level = np.where(young, (self.level * self.age + y) / (self.age + 1), self.level)
        self.level = level

    def _first_day(self, ready: Bools) -> None:
        day = self.days[:, ready]
        level = np.maximum(self.level[ready], 1e-9)
        day = np.where(day > 0, day, level)
        smooth = sum(np.roll(day, shift, axis=0) for shift in range(-4, 5)) / 9
        self.days[:, ready] = np.maximum(smooth / level, 0.02)
