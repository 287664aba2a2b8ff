"""Metrics of whole days: what is found, what is not told, and that a state goes on as it was."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from appanalytics.anomalies.daily import Daily
from appanalytics.anomalies.days import DayValues, Past
from appanalytics.anomalies.incidents import Alarm, Incident, State
from appanalytics.anomalies.watch import Key, Watch
from appanalytics.anomalies.watching import Watching
from appanalytics.catalog import load_catalog

WATCH = Watch(load_catalog(), ZoneInfo("UTC"), ("new_users", "wau", "views"), ("source",))
NEW, WAU = Key("new_users"), Key("wau")
FIRST = date(2026, 3, 2)


def world(days: int = 120, apps: int = 200, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """New users of each day (weekends differ, growth), and users of 7 days."""
    rng = np.random.default_rng(seed)
    at = np.arange(days)[:, None]
    usual = 800 * np.exp(0.003 * at) * np.where(at % 7 >= 5, 1.25, 1.0) * rng.normal(1, 0.02, (days, apps))
    new = rng.poisson(usual)
    window = 8000 * np.exp(0.003 * at) + np.cumsum(rng.normal(0, 60, (days, apps)), axis=0)
    return new.astype(float), np.round(window)


def scores(values: np.ndarray, window: int) -> np.ndarray:
    detector = Daily(np.full(values.shape[1], float(window)), np.ones(values.shape[1], dtype=bool))
    return np.array([detector.step(row).score for row in values])


def test_quiet_days_are_quiet_and_four_weeks_are_only_learnt() -> None:
    for values, window in zip(world(), (1, 7), strict=True):
        found = scores(values, window)
        assert not found[:28].any()
        assert (np.abs(found[28:]) >= 1).mean() < 3e-4


def test_a_fall_of_new_users_is_found_on_its_day_and_its_end_is_no_rise() -> None:
    new, _ = world(apps=50)
    new[80:84] *= 0.6
    found = scores(new, 1)
    assert (found[80] < -1).all()
    assert (found[80:84] < -1).mean() > 0.95
    assert (np.abs(found[84:90]) >= 1).mean() < 0.01
    new[80] = 0
    assert (scores(new, 1)[80] < -1).all(), "none at all"


def test_what_a_day_brought_into_a_window_leaves_with_it_untold() -> None:
    _, window = world(apps=50)
    stays = window.copy()
    window[80:87] += 3000
    stays[80:] += 3000
    for values in (window, stays):
        found = scores(values, 7)
        assert (found[80] > 1).all()
        assert (np.abs(found[81:]) >= 1).mean() < 1e-3, "gone or stayed, it was told once"


def test_a_new_level_is_accepted_after_ten_days() -> None:
    new, _ = world(apps=50)
    new[60:] *= 2
    found = scores(new, 1)
    assert (found[60:69] > 1).mean() > 0.95
    assert (np.abs(found[80:]) >= 1).mean() < 0.01


def days(count: int, fall: int) -> list[tuple[date, DayValues]]:
    """Days on two of which there are half as many new users; `wau` of ads is too small to be watched."""
    rng = np.random.default_rng(2)
    found = []
    for at in range(count):
        new, wau = float(rng.poisson(900)), float(rng.normal(9000, 30))
        if fall <= at < fall + 2:
            new /= 2
        values = {NEW: (new, new), WAU: (wau, wau), Key("wau", "source", "ads"): (9.0, 9.0)}
        found.append((FIRST + timedelta(days=at), values))
    return found


def run(watching: Watching, taken: list[tuple[date, DayValues]]) -> dict[str, Incident]:
    found: dict[str, Incident] = {}
    for day, values in taken:
        found |= watching.run_day(day, values).changed
    return found


def test_a_day_is_an_incident_of_its_own_which_ends_after_two_calm_days() -> None:
    watching = Watching(WATCH)
    (found,) = run(watching, days(50, 40)).values()
    assert (found.lead, found.direction, found.state) == (NEW, "down", State.RESOLVED)
    assert found.members[NEW].ticks == 2
    assert Key("wau", "source", "ads") not in watching.days.keys, "too small"


def test_what_bins_told_of_that_day_is_not_told_again() -> None:
    watching, taken = Watching(WATCH), days(45, 40)
    run(watching, taken[:40])
    first = (FIRST - date(1970, 1, 1)).days * 96 + 40 * 96
    watching.past = [Past(first + 4, first + 120, "down", ["feed"])]
    assert run(watching, taken[40:]) == {}
    other, up = Watching(WATCH), Past(first + 4, first + 120, "up", ["feed"])
    run(other, taken[:40])
    other.past = [up]
    assert len(run(other, taken[40:])) == 1, "another direction explains nothing"
    assert not up.explains(WATCH, Alarm(NEW, first, -2.0, 1.0, 2.0))


def test_a_state_goes_on_as_it_was() -> None:
    taken = days(45, 41)
    whole, half = Watching(WATCH), Watching(WATCH)
    run(whole, taken)
    run(half, taken[:41])
    other = Watching(WATCH)
    other.load(0, 1, half.dump())
    run(other, taken[41:])
    assert [each.to_json() for each in other.open] == [each.to_json() for each in whole.open]
    for name, array in whole.days.arrays().items():
        assert np.array_equal(other.days.arrays()[name], array, equal_nan=True)
