"""Where a check draws its line. Every number is here, with its unit and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of the checks.

    A check fails where no ordinary day would come: it is meant to be believed. What is only unusual is a
    warning. A limit that fits few warehouses can be given to `run_checks`.
    """

    #: Minutes since a source's last event: a warning from here (an hourly feed that missed three times) …
    late_minutes: int = 180
    #: … and a failure from here (a daily load that did not come).
    dead_minutes: int = 26 * 60
    #: Minutes that an event may lie ahead of `as_of`: clocks of phones and servers differ.
    ahead_minutes: int = 10

    #: The newest whole days whose number of events is judged.
    volume_days: int = 7
    #: Days before a day that its expectation is made of: four weeks.
    volume_history: int = 28
    #: Fewer expected events than this are not judged; small numbers halve by themselves.
    volume_least: int = 100
    #: Share of the expected events below which a day fails (half-lost, with room for growth that slows down).
    volume_failed: float = 0.6
    #: Share below which a day is a warning, and above which one (a spike may be a campaign, or a double load).
    volume_low: float = 0.7
    volume_high: float = 1.8
    #: Both only count where the deviation is this many robust standard deviations of the days before.
    volume_scales: float = 3.0

    #: Ages that people have, in years.
    oldest: int = 120
    #: Share of a day's events with an impossible value that makes a failure; fewer are a warning.
    impossible_share: float = 0.001
    #: Share of likes without a view of the post by the user on that day. Apps let people like from a profile or
    #: a link, and a view before midnight belongs to the day before: only a large share is a warning.
    blind_likes: float = 0.3

    #: Exact copies, as a share of a day's events above what the other days have: a file loaded twice in part.
    copied_share: float = 0.02
    #: A share that fails even where all days have it: everything loaded twice is 0.5.
    copied_always: float = 0.45
    #: Fewer copies than this on a day are chance, whatever their share.
    copied_least: int = 20
    #: Copies are also looked for on days with this many times the events of the days around.
    copied_ratio: float = 1.5

    #: Days whose events are read in full by the default run: the newest …
    newest: int = 3
    #: … and older ones, chosen by chance; the choice changes with the newest day.
    older: int = 4


DEFAULT = Limits()
