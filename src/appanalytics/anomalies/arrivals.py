"""Whether a bin's events are all there. What has not arrived is told as such, and never judged as a drop."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from appanalytics.anomalies.bins import Bins
from appanalytics.anomalies.detector import Floats
from appanalytics.anomalies.watch import Watch

#: A bin with fewer usual users is never missing: the night of a small app is no accident.
_USERS = 30.0
#: Expected users of a hole of minutes, given those of the others, beyond which it is no accident (Poisson: e⁻²⁰).
_HOLE = 20.0


@dataclass
class Arrivals:
    """What of each source is usual in a bin: the users of the last week, by bin of the week (NaN: not known)."""

    watch: Watch
    week: dict[str, Floats] = field(default_factory=dict)
    silent_since: dict[str, int] = field(default_factory=dict)

    def usual(self, source: str, local: int) -> float:
        """Users that a bin has usually: those a week ago, else a day ago; 0 while unknown."""
        week, day = self._week(source), self.watch.bins_a_day
        for back in (7 * day, day):
            value = week[(local - back) % len(week)]
            if not np.isnan(value):
                return float(value)
        return 0.0

    def is_missing(self, source: str, local: int, users: float, minutes: int) -> bool:
        """True where a bin that usually has users has none, or a hole of minutes that is no accident."""
        if self.usual(source, local) < _USERS:
            return False
        hole = longest_hole(minutes, self.watch.minutes)
        return users == 0 or (hole >= 3 and users * hole / self.watch.minutes > _HOLE)

    def learn(self, source: str, local: int, users: float, missing: bool) -> None:
        """Keep a bin's users; of a missing one the usual ones stay."""
        if not missing:
            week = self._week(source)
            week[local % len(week)] = users

    def _week(self, source: str) -> Floats:
        return self.week.setdefault(source, np.full(7 * self.watch.bins_a_day, np.nan))


def longest_hole(minutes: int, length: int) -> int:
    """Most minutes in a row without an event; ``minutes`` has a bit for each minute with one."""
    longest = run = 0
    for place in range(length):
        run = 0 if minutes >> place & 1 else run + 1
        longest = max(longest, run)
    return longest


def newest(bins: Bins) -> dict[str, int]:
    """Number of the last bin with events of each source; those without any are left out."""
    found = {}
    for source, (users, _) in bins.arrived.items():
        at = np.flatnonzero(users > 0)
        if len(at):
            found[source] = bins.first + int(at[-1])
    return found
