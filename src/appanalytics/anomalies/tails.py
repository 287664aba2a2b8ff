"""How unusual an error is, read from the tail of the series' own errors; several streams of errors side by side.

Beyond a tracked quantile the tail is learnt twice: an exponential one of the peaks of clusters, and a generalised
Pareto tail by moments (Hosking & Wallis 1987). The first says whether, the second how much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.anomalies.detector import Bools, Floats


@dataclass(frozen=True, slots=True)
class TailSettings:
    """``share`` of the errors is tail; scores are decimal logarithms of tail probabilities.

    ``gain`` is what one excess teaches, ``ceiling`` how large one may count, in means of excesses and one. Of the
    exponential tail's score, ``floor`` is enough for a whole one.
    """

    share: float = 0.03
    gain: float = 0.05
    floor: float = 4.5
    ceiling: float = 4.0


class Tails:
    """Streaming tails; ``edges`` are the first guesses of the quantile of each stream, ``least`` its least values."""

    def __init__(
        self, series: int, edges: tuple[float, ...], least: tuple[float, ...], settings: TailSettings | None = None
    ) -> None:
        self.settings = settings or TailSettings()
        shape = (len(edges), series)
        self._least = np.array(least)[:, None]
        self.edge = np.broadcast_to(np.array(edges)[:, None], shape).copy()
        self.peak_mean, self.peak = np.full(shape, 0.8), np.zeros(shape)
        self.excess_mean, self.excess_square = np.full(shape, 0.8), np.full(shape, 1.6)

    _STATE = ("edge", "peak_mean", "peak", "excess_mean", "excess_square")

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The whole state by name."""
        return {name: getattr(self, name) for name in self._STATE}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take a state from `arrays`."""
        for name in self._STATE:
            setattr(self, name, np.array(arrays[name], dtype=np.float64))

    def score(self, errors: Floats) -> Floats:
        """How rare errors are (streams × series), 0 below the tail."""
        given = self.settings
        beyond = errors - self.edge
        start = -np.log10(given.share)
        one = start + beyond / (self.peak_mean * np.log(10))
        mean, square = self.excess_mean, np.maximum(self.excess_square - self.excess_mean**2, 1e-9)
        shape = np.clip(0.5 * (1 - mean * mean / square), 0.001, 0.3)
        size = mean * (1 - shape)
        two = start + np.log10(1 + shape * np.maximum(beyond, 0) / size) / shape
        return np.where(beyond > 0, two * np.clip(one / given.floor, 0.0, 1.0), 0.0)

    def learn(self, errors: Floats, speed: Floats, known: Bools, age: Floats) -> None:
        """Take errors in, at a ``speed`` of 0 to 1."""
        given = self.settings
        above = errors > self.edge
        step = np.maximum(0.01, 1 / (20 + age)) * speed
        self.edge = np.maximum(self.edge + step * self.edge * (above - given.share) * 2, self._least)
        beyond = np.maximum(errors - self.edge, 0.0)
        learns = above & known
        pace = given.gain * np.where(learns, np.maximum(speed, 0.3), 0.0)
        # One excess teaches little, however large; many of a kind raise what one may teach.
        near = np.minimum(beyond, given.ceiling * (1 + self.excess_mean))
        self.excess_mean += pace * (near - self.excess_mean)
        self.excess_square += pace * (near * near - self.excess_square)
        ended = ~above & (self.peak > 0)
        top = np.minimum(self.peak, given.ceiling * (1 + self.peak_mean))
        self.peak_mean += given.gain * 2 * ended * (top - self.peak_mean)
        self.peak = np.where(above, np.maximum(self.peak, beyond), 0.0)
