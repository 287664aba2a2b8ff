"""What was injected is told once each: incidents that follow each other are not one, and one is not two."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.anomalies.bins import Bins
from appanalytics.anomalies.incidents import Alarm, Book, Incident, State
from appanalytics.anomalies.watch import Key, Watch
from appanalytics.anomalies.watching import Watching
from appanalytics.catalog import load_catalog
from appanalytics.chats import Severity

WATCH = Watch(load_catalog(), ZoneInfo("UTC"), ("views", "messages"), ("os", "source"))
VIEWS, MESSAGES = Key("views"), Key("messages")
ANDROID, ORGANIC = Key("views", "os", "Android"), Key("views", "source", "organic")
KEYS = (VIEWS, MESSAGES, ANDROID, ORGANIC, Key("messages", "os", "Android"))
HOUR, DAY = 4, 96


def alarm(key: Key, at: int, score: float, change: float = -0.4) -> Alarm:
    return Alarm(key, at, score, 100.0 * (1 + change), 100.0)


def test_an_incident_is_over_after_its_quiet_hours_and_what_follows_is_its_own() -> None:
    """The same series fall again hours later, as in a day of the live app."""
    book, told = Book(WATCH), []
    for at in range(2 * DAY):
        alarms = []
        if 34 <= at < 42:  # the outage of Android, seen in the total and by source, too
            alarms = [alarm(VIEWS, at, -2.5), alarm(ANDROID, at, -6.0), alarm(ORGANIC, at, -2.2)]
        if 73 <= at < 81:  # the drop of organic users: both series were members of the outage
            alarms = [alarm(VIEWS, at, -2.0), alarm(ORGANIC, at, -4.0)]
        told += [each for each in book.tick(at, alarms, {}) if each.fired == at]
    assert [(each.start, each.lead) for each in told] == [(34, ANDROID), (73, ORGANIC)]
    assert [each.state for each in told] == [State.RESOLVED, State.RESOLVED]


def test_another_direction_is_another_incident_once_the_first_recovers() -> None:
    book = Book(WATCH)
    for at in range(100, 104):
        book.tick(at, [alarm(VIEWS, at, -2)], {})
    book.tick(104, [alarm(VIEWS, 104, 2, 0.4)], {})
    assert len(book.open) == 1, "what swings back at once is the same"
    for at in range(105, 109):
        book.tick(at, [], {})
    book.tick(109, [alarm(VIEWS, 109, 2, 0.4)], {})
    assert [each.direction for each in book.open] == ["down", "up"]


def test_what_is_new_does_not_join_an_incident_that_recovers() -> None:
    book = Book(WATCH)
    for at in range(100, 104):
        book.tick(at, [alarm(ORGANIC, at, -2.5)], {})
    for at in range(104, 109):
        book.tick(at, [], {})
    assert book.open[0].state is State.RECOVERING
    book.tick(109, [alarm(ANDROID, 109, -2.5), alarm(ORGANIC, 109, -1.1)], {})
    assert [sorted(map(str, each.members)) for each in book.open] == [
        ["views source=organic"],
        ["views os=Android"],
    ]


def test_a_total_that_falls_while_something_small_goes_on_makes_it_more_severe() -> None:
    book = Book(WATCH)
    for at in range(100, 110):
        book.tick(at, [alarm(ORGANIC, at, -2.1, -0.15)], {})
    (small,) = book.open
    assert small.severity is Severity.INFO
    changed = book.tick(110, [alarm(VIEWS, 110, -4.0, -0.6), alarm(ORGANIC, 110, -2.1, -0.15)], {})
    assert [(each.id, each.severity, each.lead) for each in changed] == [(small.id, Severity.CRITICAL, VIEWS)]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, int, tuple[Key, ...], int]]:
    """Incidents (first bin, end, series, direction) at least three hours and a bin apart."""
    found, at = [], 10
    for _ in range(draw(st.integers(1, 6))):
        start = at + draw(st.integers(0, 40))
        end = start + draw(st.integers(2, 120))
        keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=5, unique=True))
        found.append((start, end, tuple(keys), draw(st.sampled_from((-1, 1)))))
        at = end + 3 * HOUR + 1
    return found


@settings(max_examples=50, deadline=None)
@given(histories(), st.data())
def test_every_incident_of_a_history_is_told_once(
    history: list[tuple[int, int, tuple[Key, ...], int]], data: st.DataObject
) -> None:
    """Alarms may miss up to an hour inside an incident, but for its first two bins."""
    book, fired = Book(WATCH), list[Incident]()
    for start, end, keys, sign in history:
        gap = data.draw(st.integers(1, HOUR))
        for at in range(start, end + 3 * HOUR + 1):
            there = at < end and (at < start + 2 or (at - start) % gap == 0)
            alarms = [alarm(key, at, 2.5 * sign, 0.4 * sign) for key in keys] if there else []
            fired += [each for each in book.tick(at, alarms, {}) if each.fired == at and each.changed == at]
    assert [each.start for each in fired] == [start for start, *_ in history]
    assert len({each.id for each in fired}) == len(history)
    assert all(each.state is State.RESOLVED for each in fired)


def test_incidents_of_a_replayed_world_are_told_once_each() -> None:
    """Views of two systems and two sources: two weeks to learn, an outage, hours later a drop, then a spike."""
    rng = np.random.default_rng(3)
    length = 17 * DAY
    at = np.arange(length)
    usual = 400 * (1 + 0.5 * np.sin(2 * np.pi * at / DAY))
    part = {}
    for os in ("Android", "iOS"):
        for source in ("ads", "organic"):
            part[os, source] = rng.poisson(usual / 4).astype(float)
    first = 15 * DAY
    injected = ((first + 34, 8), (first + 73, 8), (first + DAY + 40, 6))
    (outage, lasts), (drop, long), (spike, short) = injected
    for (os, source), values in part.items():
        if os == "Android":
            values[outage : outage + lasts] = 0
        if source == "organic":
            values[drop : drop + long] = np.floor(values[drop : drop + long] / 2)
        values[spike : spike + short] *= 2
    leaves = {("views", "", ""): sum(part.values(), np.zeros(length))}
    for place, name in enumerate(("os", "source")):
        for pair, values in part.items():
            leaf = ("views", name, pair[place])
            leaves[leaf] = leaves.get(leaf, np.zeros(length)) + values
    watch = Watch(load_catalog(), ZoneInfo("UTC"), ("views",), ("os", "source"))
    full = (np.full(length, 100.0), np.full(length, 2**15 - 1, dtype=np.uint64))
    bins = Bins(0, length, leaves, dict(leaves), {"feed": full})
    watching, found = Watching(watch), dict[str, Incident]()
    for start in range(0, length, DAY):
        found |= watching.run(bins.part(start, start + DAY), start + DAY, 10**9, enrol=True).changed
    told = sorted((each for each in found.values() if each.fired), key=lambda each: each.start)
    assert len(told) == 3
    for each, (start, lasts) in zip(told, injected, strict=True):
        assert start - 1 <= each.start < start + 2
        assert start <= each.fired <= start + 3
        assert each.last < start + lasts + 2 * HOUR
        assert each.state is State.RESOLVED
