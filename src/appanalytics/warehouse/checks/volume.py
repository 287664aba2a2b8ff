"""Is a day's number of events what the days before let expect?

The expectation is made of the same weekdays before, or of the rhythm that the series really has where another
one is clearly better (a messenger may beat in four days): every count ``c[d - k·p]`` of the last four weeks,
carried on by the usual growth over ``p`` days, and the median of them. A single odd week can therefore not
spoil it. Deviations are measured in robust standard deviations (1.4826 · MAD of the log ratios of the days
before; Rousseeuw & Croux 1993), so a series that swings by itself is judged more gently.

What it cannot see: a slow decline (each day is like the ones before), a loss in a series that varies by more
than half on its own, and anything but a silent day in the first four weeks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from appanalytics.warehouse.checks.limits import Limits
from appanalytics.warehouse.checks.report import Check, Status, settle, skipped
from appanalytics.warehouse.checks.scope import Scope

_COMPARED = "events of a day against the days before"
_WEEK = 7
_RHYTHMS = (7, 1, 2, 3, 4, 5, 6)
#: Another rhythm must leave at most this share of the week's median deviation to be taken.
_CLEARLY = 0.5
_LEAST_ESTIMATES = 2
#: Events come in users' runs of about this length, so the number of n of them varies by about √(run / n).
_RUN = 20
_LEAST_DEVIATIONS = 14  # fewer do not tell how much a series varies
_LEAST_SCALE = 0.05  # log units: no series is steadier than 5 %


@dataclass(frozen=True, slots=True)
class Expected:
    """Expected number of events, and the robust standard deviation of its log."""

    events: float
    scale: float


def volume(scope: Scope) -> list[Check]:
    """Each of the last days (all days with a full check) of each source against what was expected."""
    judged = scope.days if scope.full else scope.days[-scope.limits.volume_days :]
    if not judged:
        return skipped("volume", _COMPARED, "no whole days yet")
    found, count = [], 0
    for source in scope.layout.catalog.sources:
        series = scope.series(source)
        days, values = list(series), list(series.values())
        for day in judged:
            place = days.index(day)
            guess = _silence(values, place) or expect(values[:place], scope.limits)
            if guess is None or guess.events < scope.limits.volume_least:
                continue
            count += 1
            if verdict := _judge(values[place], guess, scope.limits):
                status, hint = verdict
                expected = round(guess.events)
                found.append(Check("volume", status, _COMPARED, values[place], expected, day, source, hint))
    if not count:
        return skipped("volume", _COMPARED, "too few days or events to expect anything")
    return settle("volume", _COMPARED, found, looked_at=f"{count} days of sources")


def _silence(values: Sequence[int], place: int) -> Expected | None:
    """What a silent day should have had, even after a short history; None where silence may be the rhythm."""
    week_ago = values[place - _WEEK] if place >= _WEEK else 1
    if values[place] or not place or not week_ago:
        return None
    return Expected(median(values[max(0, place - _WEEK) : place]), _LEAST_SCALE)


def _judge(events: int, guess: Expected, limits: Limits) -> tuple[Status, str] | None:
    if not events:
        return Status.FAILED, "a silent day: were its events lost, or never sent?"
    ratio = events / guess.events
    if abs(math.log(ratio)) < limits.volume_scales * guess.scale:
        return None
    if ratio < limits.volume_failed:
        return Status.FAILED, f"{1 - ratio:.0%} of the day's events are missing"
    if ratio < limits.volume_low:
        return Status.WARNING, f"{1 - ratio:.0%} fewer events than expected"
    if ratio > limits.volume_high:
        return Status.WARNING, f"{ratio:.1f} times the events expected: a campaign, or a file loaded twice?"
    return None


def expect(before: Sequence[int], limits: Limits) -> Expected | None:
    """The day after ``before`` (events by day, oldest first); None where the history is too short."""
    week = _fit(before, _WEEK, limits.volume_history)
    if week is None:
        return None
    others = [fit for each in _RHYTHMS[1:] if (fit := _fit(before, each, limits.volume_history))]
    best = min(others, key=lambda fit: fit.scale, default=week)
    return best if best.scale < _CLEARLY * week.scale else week


def _fit(before: Sequence[int], rhythm: int, history: int) -> Expected | None:
    guess = _estimate(before, rhythm, history)
    if guess is None:
        return None
    deviations = []
    for place in range(max(0, len(before) - history), len(before)):
        past = _estimate(before[:place], rhythm, history)
        if past and before[place]:
            deviations.append(abs(math.log(before[place] / past)))
    if len(deviations) < _LEAST_DEVIATIONS:
        return None
    steady = max(_LEAST_SCALE, 1.4826 * median(deviations))
    return Expected(guess, math.hypot(steady, math.sqrt(_RUN / guess)))


def _estimate(before: Sequence[int], rhythm: int, history: int) -> float | None:
    """Median of the counts one, two, … rhythms ago, each carried on by the usual growth; None if too few."""
    recent = [math.log(count) if count else None for count in before[-history:]]
    steps = [
        now - then for then, now in zip(recent, recent[rhythm:], strict=False) if now is not None and then is not None
    ]
    if len(steps) < min(_WEEK, history - rhythm):
        return None
    growth = median(steps)
    lags = range(1, len(recent) // rhythm + 1)
    guesses = [recent[-lag * rhythm] + lag * growth for lag in lags if recent[-lag * rhythm] is not None]  # type: ignore[operator]
    return math.exp(median(guesses)) if len(guesses) >= _LEAST_ESTIMATES else None
