"""The watched series and their detectors: large ones bin by bin, small ones by the hour."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from appanalytics.anomalies.bins import Bins
from appanalytics.anomalies.detector import Bools, Detector, Floats, Tick, make_detector
from appanalytics.anomalies.watch import Key, Watch

#: How far beyond the least size a series of hours is judged by bins, and days until it has been learnt by them.
_GROWN, _LEARNT = 1.2, 14
#: A mean is judged as a share of so many trials a user, which makes it rare: its variance is that of counts.
_RARE = 1000.0
#: Events of a count that a user of a mean, or a trial of a share, is worth: counts of a few are judged by their own
#: distribution, means and shares as if they were normal.
_USER, _TRIAL = 1 / 2, 1 / 6
Arrays = dict[str, np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Judged:
    """One bin of a lane's series. ``value`` and ``expected`` are ratios for shares and means; ``size`` their trials
    or users, 1 for counts.

    ``number`` is the first bin of those judged together, ``every`` how many they are. ``weight`` is the expected
    number of independent events, a sixth of the trials of shares, half of the users of means.
    """

    number: int
    every: int
    keys: tuple[Key, ...]
    value: Floats
    expected: Floats
    spread: Floats
    score: Floats
    alarm: Bools
    open: Bools
    size: Floats
    weight: Floats

    def without(self, keys: Collection[Key]) -> Judged:
        """The same for the other series."""
        if not keys:
            return self
        stay = np.array([key not in keys for key in self.keys], dtype=bool)
        names = ("value", "expected", "spread", "score", "alarm", "open", "size", "weight")
        kept = {name: getattr(self, name)[stay] for name in names}
        return Judged(self.number, self.every, tuple(key for key in self.keys if key not in keys), **kept)


class Lane:
    """Series that are judged every so many bins, by one detector.

    Counts are divided by the series' burst before they are judged, so that they vary as independent events do.
    """

    def __init__(self, watch: Watch, every: int) -> None:
        self.watch, self.every = watch, every
        self.keys: list[Key] = []
        self.detector: Detector | None = None
        self.burst: Floats = np.zeros(0)
        self.held: Floats = np.zeros((2, 0))
        self.count = 0

    def add(self, bursts: Mapping[Key, float]) -> None:
        """Watch more series from now on; those known go on."""
        new = [key for key in bursts if key not in set(self.keys)]
        if not new:
            return
        fresh = make_detector(self.watch.method, len(self.keys) + len(new), self.watch.bins_a_day // self.every)
        if self.detector is not None:
            old, empty = self.detector.arrays(), fresh.arrays()
            known = len(self.keys)
            fresh.restore({name: np.concatenate([old[name], empty[name][..., known:]], axis=-1) for name in empty})
        self.keys += new
        self.burst = np.concatenate([self.burst, [bursts[key] for key in new]])
        self.detector = fresh
        self.held = np.concatenate([self.held, np.full((2, len(new)), np.nan if self.count else 0.0)], axis=1)

    def drop(self, gone: set[Key]) -> None:
        """Stop watching some series."""
        stay = [place for place, key in enumerate(self.keys) if key not in gone]
        if self.detector is None or len(stay) == len(self.keys):
            return
        arrays = {name: each[..., stay] for name, each in self.detector.arrays().items()}
        self.keys = [self.keys[place] for place in stay]
        self.detector = make_detector(self.watch.method, len(stay), self.watch.bins_a_day // self.every)
        self.detector.restore(arrays)
        self.held, self.burst = self.held[:, stay], self.burst[stay]

    def step(self, number: int, local: int, values: Floats, trials: Floats) -> Judged | None:
        """Take one bin; the verdict where it completes what is judged together. NaN in a part is NaN in the whole."""
        if self.detector is None:
            return None
        self.held = self.held + np.stack([values, trials]) / self.burst
        self.count += 1
        if (local + 1) % self.every:
            return None
        whole = self.count == self.every
        top, size = self.held if whole else np.full_like(self.held, np.nan)
        self.held, self.count = np.zeros_like(self.held), 0
        share = np.array([self.watch.parts(key.metric)[1] is not None for key in self.keys], dtype=bool)
        mean = share & np.array([self.watch.is_mean(key.metric) for key in self.keys], dtype=bool)
        rare = np.where(mean, _RARE, 1.0)
        size = np.where(share, size * rare, np.nan)
        top = np.where(share & ~(size > 0), np.nan, top)
        verdict = self.detector.step(Tick(local // self.every), top, np.where(share, np.nan_to_num(size), np.nan))
        size = np.nan_to_num(size)
        unit = np.where(share, rare / np.maximum(size, 1e-9), self.burst)
        scale = np.where(share, rare, self.burst)
        trials = np.where(share, size * self.burst / rare, 1.0)
        weight = np.where(mean, _USER * trials, np.where(share, _TRIAL * size, verdict.expected))
        return Judged(
            number - self.every + 1, self.every, tuple(self.keys), top * unit, verdict.expected * scale,
            verdict.spread * scale, verdict.score, verdict.alarm, self.detector.open > 0, trials, weight,
        )  # fmt: skip


class Lanes:
    """All watched series. A series is watched once its mean of a day is large enough for bins, or for hours.

    One that outgrew the hours is learnt by bins for two weeks (``promoted``: its days so far), while the hours still
    judge it.
    """

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.promoted: dict[Key, int] = {}
        self.lanes = [Lane(watch, every) for every in dict.fromkeys((1, watch.bins_an_hour))]

    @property
    def keys(self) -> list[Key]:
        """All series that are watched."""
        return [key for lane in self.lanes for key in lane.keys]

    def enrol(self, bins: Bins) -> None:
        """Watch the series that are large enough on average of these bins; let go those without any event."""
        known = set(self.keys)
        everything = [Key(metric, *place) for metric in self.watch.binned for place in bins.slices()]
        new = [key for key in everything if key not in known]
        bursts = {key: bins.burst(self.watch, key) for key in new}
        mean = self._weights(bins, new, bursts)
        for lane in self.lanes:
            fit = {key: bursts[key] for key, weight in mean.items() if weight * lane.every >= self.watch.min_size}
            lane.add(fit)
            mean = {key: weight for key, weight in mean.items() if key not in fit}

    def promote(self, bins: Bins) -> None:
        """A day is over: take up those that outgrew the hours, and hand over those that have been learnt by bins."""
        if len(self.lanes) < 2:
            return
        quick, slow = self.lanes
        self.promoted = {key: days + 1 for key, days in self.promoted.items() if key in set(slow.keys)}
        ready = {key for key, days in self.promoted.items() if days > _LEARNT}
        slow.drop(ready)
        self.promoted = {key: days for key, days in self.promoted.items() if key not in ready}
        bursts = {key: bins.burst(self.watch, key) for key in slow.keys}
        grown = {
            key: bursts[key]
            for key, weight in self._weights(bins, slow.keys, bursts).items()
            if key not in self.promoted and weight >= _GROWN * self.watch.min_size
        }
        quick.add(grown)
        self.promoted |= dict.fromkeys(grown, 0)

    def _weights(self, bins: Bins, keys: Sequence[Key], bursts: Mapping[Key, float]) -> dict[Key, float]:
        """Mean `Judged.weight` of a day's bins, by series."""
        if not keys:
            return {}
        values, trials = bins.matrix(self.watch, keys)
        whole = np.where(np.isnan(trials), values, trials)[: self.watch.bins_a_day].mean(axis=0)
        found = {}
        for key, size in zip(keys, whole, strict=True):
            share = self.watch.parts(key.metric)[1] is not None
            mean = self.watch.is_mean(key.metric)
            found[key] = float(size) * (_USER if mean else (_TRIAL if share else 1.0) / bursts[key])
        return found

    def let_go(self, days: dict[Key, int], after: int) -> None:
        """Forget the series that have had no event for so many days."""
        gone = {key for key, empty in days.items() if empty >= after}
        for lane in self.lanes:
            lane.drop(gone)

    def arrays(self) -> Arrays:
        """The state of all detectors by lane and name."""
        found: Arrays = {}
        for place, lane in enumerate(self.lanes):
            found[f"{place}/held"] = lane.held
            if lane.detector is not None:
                found.update({f"{place}/state/{name}": each for name, each in lane.detector.arrays().items()})
        return found

    def described(self) -> list[dict[str, Any]]:
        """What is not an array: keys and bins held."""
        return [
            {
                "keys": [[key.metric, key.dimension, key.value] for key in lane.keys],
                "burst": lane.burst.tolist(),
                "count": lane.count,
            }
            for lane in self.lanes
        ]

    def restore(self, described: list[dict[str, Any]], arrays: Arrays) -> None:
        """Go on from a stored state."""
        for place, (lane, body) in enumerate(zip(self.lanes, described, strict=True)):
            lane.add({Key(*each): burst for each, burst in zip(body["keys"], body["burst"], strict=True)})
            lane.count = body["count"]
            lane.held = arrays[f"{place}/held"]
            if lane.detector is not None:
                head = f"{place}/state/"
                lane.detector.restore({n.removeprefix(head): a for n, a in arrays.items() if n.startswith(head)})
