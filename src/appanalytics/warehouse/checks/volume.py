"""Is a day's number of events what the days before let expect?

The expectation is made of the same weekdays before, or of the rhythm that the series really has where another
one is better (a messenger may beat in four days, an app without weekends goes on from yesterday): the counts
``c[d - k·p]`` for k up to 5 within four weeks, carried on by the usual growth over ``p`` days, and the median of
them. A single odd week can therefore not spoil it. Deviations are measured in robust standard deviations
(1.4826 · MAD of the log ratios of the days before; Rousseeuw & Croux 1993), so a series that swings by itself is
judged more gently.

What it cannot see: a slow decline (each day is like the ones before), a half-lost day in a series that varies by
a fifth or more on its own or has fewer than about 500 events a day, and anything but a silent day in the first
four weeks.
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
#: Another rhythm replaces the week's below this share of its typical deviation, and joins it below that one.
_CLEARLY, _HARDLY = 0.5, 0.8
_LEAST_ESTIMATES = 2
_MOST_ESTIMATES = 5  # so that a rhythm of one day means the level of the last days
#: Events come in users' runs of about this length, so the number of n of them varies by about √(run / n).
_RUN = 20
_LEAST_DEVIATIONS = 14  # fewer do not tell how much a series varies
_LEAST_SCALE = 0.05  # log units: no series is steadier than 5 %


@dataclass(frozen=True, slots=True)
class Expected:
    """Events expected, from the lowest to the highest guess, and the robust standard deviation of their log."""

    low: float
    high: float
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
            if guess is None or guess.low < scope.limits.volume_least:
                continue
            count += 1
            if verdict := judge(values[place], guess, scope.limits):
                status, hint = verdict
                expected = round(guess.low if values[place] < guess.low else guess.high)
                found.append(Check("volume", status, _COMPARED, values[place], expected, day, source, hint))
    if not count:
        return skipped("volume", _COMPARED, "too few days or events to expect anything")
    return settle("volume", _COMPARED, found, looked_at=f"{count} days of sources")


def _silence(values: Sequence[int], place: int) -> Expected | None:
    """What a silent day should have had, even after a short history; None where silence may be the rhythm."""
    week_ago = values[place - _WEEK] if place >= _WEEK else 1
    if values[place] or not place or not week_ago:
        return None
    usual = median(values[max(0, place - _WEEK) : place])
    return Expected(usual, usual, _LEAST_SCALE)


def judge(events: int, guess: Expected, limits: Limits) -> tuple[Status, str] | None:
    """Status and hint of a day with that many events; None when it is ordinary."""
    if not events:
        return Status.FAILED, "a silent day: were its events lost, or never sent?"
    ratio = events / guess.low if events < guess.low else max(1.0, events / guess.high)
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
    if best.scale < _CLEARLY * week.scale:
        return best
    if best.scale >= _HARDLY * week.scale:
        return week
    # After a week of another level the rhythms disagree; a day must be odd for both.
    return Expected(min(best.low, week.low), max(best.high, week.high), best.scale)


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
    return Expected(guess, guess, math.hypot(steady, math.sqrt(_RUN / guess)))


def _estimate(before: Sequence[int], rhythm: int, history: int) -> float | None:
    """Median of the counts one, two, … rhythms ago, each carried on by the usual growth; None if too few."""
    recent = [math.log(count) if count else None for count in before[-history:]]
    steps = [
        now - then for then, now in zip(recent, recent[rhythm:], strict=False) if now is not None and then is not None
    ]
    if len(steps) < min(_WEEK, history - rhythm):
        return None
    growth = median(steps)
    lags = range(1, min(_MOST_ESTIMATES, len(recent) // rhythm) + 1)
    guesses = [recent[-lag * rhythm] + lag * growth for lag in lags if recent[-lag * rhythm] is not None]  # type: ignore[operator]
    return math.exp(median(guesses)) if len(guesses) >= _LEAST_ESTIMATES else None
