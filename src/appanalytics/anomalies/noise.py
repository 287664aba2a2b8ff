"""What the errors of a series are like: how much of one the next remembers, and how heavy their tails are.

Counts of many independent people forget at once and have light tails; other series do not. Memory is the
autocorrelation of lag 1; heaviness is Hill's estimate (1975), the mean logarithm of how far errors lie beyond the
quantile at which the tail begins: about .15 for a normal distribution, a third for Student's t with 3 degrees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.anomalies.detector import Bools, Floats


@dataclass(frozen=True, slots=True)
class NoiseSettings:
    """Heaviness up to ``light`` changes nothing; ``reach`` says how fast the limit of single bins rises beyond it.

    Memory is taken out as far as tails are heavy, from ``memory_from`` on, and up to ``memory_most``: a change that
    lasts would be taken for memory otherwise. ``tail`` is the share of errors that are tail, ``prior`` how many of
    them the first guess is worth.
    """

    after_days: float = 4.0
    memory_gain: float = 0.002
    memory_most: float = 0.6
    memory_from: float = 0.18
    memory_breadth: float = 0.05
    clip: float = 3.0
    tail: float = 0.03
    gain: float = 0.01
    prior: float = 12.0
    farthest: float = 1.2
    usual: tuple[float, float] = (2.15, 0.16)
    light: float = 0.185
    breadth: float = 0.12
    reach: float = 8.0


class Noise:
    """Streaming state of the errors of many series, in standard deviations of their model."""

    def __init__(self, series: int, bins_a_day: int, settings: NoiseSettings | None = None) -> None:
        self.settings = settings or NoiseSettings()
        self.young = self.settings.after_days * bins_a_day
        self.last = np.zeros(series)
        self.products = np.stack([np.zeros(series), np.ones(series)])
        edge, heaviness = self.settings.usual
        self.edge, self.heaviness = np.full(series, edge), np.full(series, heaviness)

    _STATE = ("last", "products", "edge", "heaviness")

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The whole state by name."""
        return {f"noise_{name}": getattr(self, name) for name in self._STATE}

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take a state from `arrays`."""
        for name in self._STATE:
            setattr(self, name, np.array(arrays[f"noise_{name}"], dtype=np.float64))

    @property
    def heavier(self) -> Floats:
        """How many times as far as usual the limit of a single bin must be; 1 for light tails."""
        given = self.settings
        return np.asarray(np.exp(given.reach * np.clip(self.heaviness - given.light, 0.0, given.breadth)))

    def fresh(self, errors: Floats, known: Bools, learns: Bools, age: Floats) -> Floats:
        """What an error does not owe to the last one, as wide as errors are; 0 where nothing is known."""
        given = self.settings
        share = np.clip((self.heaviness - given.memory_from) / given.memory_breadth, 0.0, 1.0)
        memory = np.clip(self.products[0] / self.products[1], 0.0, given.memory_most) * share
        fresh = np.where(known, (errors - memory * self.last) / np.sqrt(1 - memory * memory), 0.0)
        now, before = np.clip(errors, -given.clip, given.clip), np.clip(self.last, -given.clip, given.clip)
        gain = np.where(learns & (age >= self.young), np.maximum(given.memory_gain, 1 / (100 + age)), 0.0)
        self.products += gain * (np.stack([now * before, before * before]) - self.products)
        self.last = errors
        return fresh

    def learn_tail(self, sizes: Floats, learns: Bools, age: Floats) -> None:
        """Take the sizes of errors; one of them moves the estimate by little, however large it is."""
        given = self.settings
        seen = given.tail * np.maximum(age - self.young, 0)
        pace = np.where(learns & (age >= self.young), np.maximum(given.gain, 1 / (given.prior + seen)), 0.0)
        above = sizes > self.edge
        beyond = np.minimum(np.log(np.maximum(sizes, self.edge) / self.edge), given.farthest)
        self.heaviness += pace * above * (beyond - self.heaviness)
        self.edge = np.maximum(self.edge * (1 + pace * (above - given.tail)), 0.2)
