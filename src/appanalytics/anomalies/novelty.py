"""How new the state of a series is: the distance to the nearest of what has been seen, kept as prototypes.

A state is four numbers: the value, the mean of an hour, the distance from the mean of four hours (all in spreads of
the series) and the logarithm of its roughness. One that lies farther than a radius from every prototype becomes a
prototype itself, as in adaptive resonance theory (Carpenter & Grossberg 1987): what repeats is new once only. News
count for less the more of them there were lately.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.anomalies.detector import Bools, Floats

#: Length of a state: value, mean of an hour, distance from the mean of four hours, roughness.
_FEATURES = 4


@dataclass(frozen=True, slots=True)
class NoveltySettings:
    """``radius`` is in spreads (1.25 mean deviations); ``gain`` is what a day of rows teaches of place and spread.

    ``forget`` is the days in which a piece of news stops to weaken the next ones, by ``budget`` each. A prototype
    moves by ``learn`` towards what resembles it. With all in use, the one that was like nothing for longest goes.
    """

    radius: float = 2.0
    roughness: float = 0.5
    gain: float = 0.05
    learn: float = 0.1
    budget: float = 0.5
    forget: float = 2.0
    prototypes: int = 128
    clip: float = 3.0


class Novelty:
    """Streaming state for many series; ``hour`` and ``four`` are the rows of one and of four hours."""

    def __init__(
        self, day: NDArray[np.int64], hour: NDArray[np.int64], four: NDArray[np.int64],
        settings: NoveltySettings | None = None,
    ) -> None:  # fmt: skip
        given = self.settings = settings or NoveltySettings()
        self.day, self.hour, self.four = day, hour, four
        n = len(day)
        self.rows = np.zeros(n)
        self.values = np.zeros((int(four.max()) + 1, n))
        self.place, self.spread, self.rough = np.zeros(n), np.ones(n), np.ones(n)
        self.prototypes = np.full((given.prototypes, _FEATURES, n), np.inf)
        self.touched = np.zeros((given.prototypes, n))
        self.kept, self.lately = np.zeros(n), np.zeros(n)
        self._series = np.arange(n)

    _STATE = ("rows", "values", "place", "spread", "rough", "prototypes", "touched", "kept", "lately")

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The whole state by name."""
        return {f"novelty_{name}": getattr(self, name) for name in self._STATE}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take a state from `arrays`."""
        for name in self._STATE:
            setattr(self, name, np.array(arrays[f"novelty_{name}"], dtype=np.float64))

    def begin(self, first: Floats, which: Bools) -> None:
        """Take place and spread of series from their first rows (rows × those series; NaN where there is none)."""
        place = np.nanmean(first, axis=0)
        spread = 1.25 * np.nanmean(np.abs(first - place), axis=0)
        flat = spread <= 1e-9 * np.abs(place) + 1e-12
        spread = np.where(flat, np.abs(place) * 0.01 + 1e-6, spread)
        steps = np.nanmean(np.abs(np.diff(first, axis=0)), axis=0)
        self.place[which], self.spread[which] = place, spread
        self.rough[which] = np.maximum(steps, 1e-3 * spread)

    def see(self, values: Floats, there: Bools, known: Bools) -> tuple[Floats, Floats]:
        """Distance of each state from what was seen, in radii, and how much it is news; both 0 where not ``known``.

        News are 0 for what resembles a prototype and 1 for what lies one radius from all of them, were there no
        other news lately; they grow with the logarithm of the distance. Missing values repeat the last one.
        """
        given = self.settings
        step = self._take(values, there)
        state = self._state()
        distance, nearest = self._nearest(state)
        seen = self.kept > 0
        self.lately *= np.exp(-1 / (given.forget * self.day))
        fresh = known & ((distance > 1) | ~seen)
        news = np.where(fresh & seen, np.log2(1 + np.where(seen, distance, 0.0)), 0.0) / (
            1 + given.budget * self.lately
        )
        self._keep(state, fresh, known & ~fresh, nearest)
        self.lately += fresh & seen
        self._scale(values, step, known)
        return np.where(known & seen, distance, 0.0), news

    def _take(self, values: Floats, there: Bools) -> Floats:
        last = np.where(self.rows > 0, self.values[-1], values)
        self.values[:-1] = self.values[1:]
        self.values[-1] = np.where(there, values, np.where(self.rows > 0, last, 0.0))
        self.rows += there | (self.rows > 0)
        return np.where(there, np.abs(values - last), 0.0)

    def _state(self) -> Floats:
        now, each = self.values[-1], self._series
        sums = np.concatenate([np.zeros((1, len(now))), self.values.cumsum(axis=0)])
        steps = np.concatenate([np.zeros((1, len(now))), np.abs(np.diff(self.values, axis=0)).cumsum(axis=0)])
        hour, four = np.minimum(self.hour, self.rows), np.minimum(self.four, self.rows)
        hour, four = np.maximum(hour, 1).astype(int), np.maximum(four, 1).astype(int)
        moves = np.maximum(np.minimum(hour, self.rows - 1), 1).astype(int)
        mean, slow = (sums[-1] - sums[-1 - hour, each]) / hour, (sums[-1] - sums[-1 - four, each]) / four
        rough = (steps[-1] - steps[-1 - moves, each]) / moves
        return np.stack([
            (now - self.place) / self.spread,
            (mean - self.place) / self.spread,
            (now - slow) / self.spread,
            self.settings.roughness * np.log((np.maximum(rough, 0) + 0.1 * self.rough) / (1.1 * self.rough)),
        ])  # fmt: skip

    def _nearest(self, state: Floats) -> tuple[Floats, NDArray[np.int64]]:
        most = max(1, int(self.kept.max()))
        away = np.abs(self.prototypes[:most, 0] - state[0])
        for place in range(1, _FEATURES):
            np.maximum(away, np.abs(self.prototypes[:most, place] - state[place]), out=away)
        nearest = away.argmin(axis=0)
        return away[nearest, self._series] / self.settings.radius, nearest

    def _keep(self, state: Floats, fresh: Bools, like: Bools, nearest: NDArray[np.int64]) -> None:
        given = self.settings
        room = self.kept < given.prototypes
        oldest = self.touched.argmin(axis=0) if not room.all() else nearest
        place = np.where(room, self.kept.astype(int), oldest)
        new = np.flatnonzero(fresh)
        self.prototypes[place[new], :, new] = state[:, new].T
        self.touched[place[new], new] = self.rows[new]
        self.kept[new] += room[new]
        old = np.flatnonzero(like)
        was = self.prototypes[nearest[old], :, old]
        self.prototypes[nearest[old], :, old] = was + given.learn * (state[:, old].T - was)
        self.touched[nearest[old], old] = self.rows[old]

    def _scale(self, values: Floats, step: Floats, known: Bools) -> None:
        given = self.settings
        gain = np.where(known, given.gain / self.day, 0.0)
        reach = given.clip * self.spread
        miss = np.where(known, np.clip(values - self.place, -reach, reach), 0.0)
        self.spread += gain * (1.25 * np.abs(miss) - self.spread)
        self.place += gain * miss
        self.spread = np.maximum(self.spread, np.maximum(1e-3 * np.abs(self.place), 1e-12))
        self.rough += gain * (np.minimum(step, given.clip * self.rough) - self.rough)
        self.rough = np.maximum(self.rough, 1e-3 * self.spread)
