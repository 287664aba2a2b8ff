"""What every detector is: a state of arrays, one element for each series, moved by one bin at a time.

A detector is a plugin: register a function that makes one under a name (or name it in a package's entry points,
group ``appanalytics.detectors``), and every command takes the name. The clock is data: a `Tick` says which bin it
is. Missing values are NaN and teach nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from appanalytics.errors import QuestionError, nearest

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Group of entry points by which installed packages bring detectors.
PLUGINS = "appanalytics.detectors"


@dataclass(frozen=True, slots=True)
class Tick:
    """One bin: its number (bins since 1970-01-01, local time), counted by all series alike."""

    number: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a detector says of one bin, an array of one element for each series.

    ``expected`` and ``spread`` (one standard deviation of a bin) are in units of the values, a share for ratios.
    ``score`` is 1 at the threshold, signed by direction; 0 while a series is learnt or has no value. ``alarm`` says
    that the bin belongs to an anomaly.
    """

    expected: Floats
    spread: Floats
    score: Floats
    alarm: Bools


class Detector(Protocol):
    """One streaming state for many series."""

    open: Floats  #: bins for which a series has been anomalous; 0 when it is not

    def step(self, tick: Tick, values: Floats, trials: Floats | None = None) -> Verdict:
        """Judge one bin and learn from it. Where ``trials`` is a number, ``values`` are successes of so many."""

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The whole state by name, the last axis being the series."""

    def restore(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take a state from `arrays`."""


Maker = Callable[[int, int], Detector]
_MAKERS: dict[str, Maker] = {}


def register(name: str, maker: Maker) -> None:
    """Make a detector known by name. ``maker`` takes the numbers of series and of bins a day."""
    _MAKERS[name] = maker


def methods() -> tuple[str, ...]:
    """Names of all detectors, those of installed packages last."""
    return (*_MAKERS, *(each.name for each in entry_points(group=PLUGINS) if each.name not in _MAKERS))


def make_detector(name: str, series: int, bins_a_day: int = 96) -> Detector:
    """A fresh detector of that name; an unknown one is a `QuestionError` with the nearest."""
    if name not in _MAKERS:
        found = [each for each in entry_points(group=PLUGINS) if each.name == name]
        if not found:
            raise QuestionError(f"unknown detector {name!r}", hint=nearest(name, methods()))
        register(name, found[0].load())
    return _MAKERS[name](series, bins_a_day)
