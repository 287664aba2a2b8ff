"""The life of incidents, holes in bins, series that grow and die: without a database."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from appanalytics.anomalies.arrivals import Arrivals, longest_hole
from appanalytics.anomalies.bins import Bins
from appanalytics.anomalies.incidents import Alarm, Book, Incident, State
from appanalytics.anomalies.lanes import Lanes
from appanalytics.anomalies.picture import _per_bin
from appanalytics.anomalies.watch import Key, Watch, watchable
from appanalytics.anomalies.words import WORDS
from appanalytics.catalog import load_catalog
from appanalytics.chats import Severity
from appanalytics.errors import QuestionError

WATCH = Watch(load_catalog(), ZoneInfo("UTC"), ("views", "messages"), ("os",), min_size=30)
VIEWS, IOS, MESSAGES = Key("views"), Key("views", "os", "iOS"), Key("messages")


def alarm(key: Key, at: int, score: float = -1.2) -> Alarm:
    return Alarm(key, at, score, 60.0, 100.0)


def state(incident: Incident) -> State:
    return incident.state


def test_from_doubt_to_end() -> None:
    book = Book(WATCH)
    (incident,) = book.tick(100, [alarm(IOS, 100, -2.2)], {})
    assert state(incident) is State.PENDING
    book.tick(101, [alarm(IOS, 101, -2.2)], {})
    assert (state(incident), incident.severity, incident.fired) == (State.FIRING, Severity.WARNING, 101)
    for at in range(102, 105):
        book.tick(at, [], {})
    assert state(incident) is State.FIRING
    book.tick(105, [], {})
    assert state(incident) is State.RECOVERING
    for at in range(106, 110):
        book.tick(at, [], {})
    assert state(incident) is State.RESOLVED
    assert book.open == []


def test_a_doubt_that_does_not_last_is_dropped_and_a_lone_slice_is_only_a_doubt() -> None:
    book = Book(WATCH)
    (incident,) = book.tick(100, [alarm(IOS, 100)], {})
    book.tick(101, [alarm(IOS, 101)], {})
    assert state(incident) is State.PENDING
    for at in range(102, 110):
        book.tick(at, [], {})
    assert state(incident) is State.DROPPED


def test_what_moves_together_is_one_incident_and_missing_data_another() -> None:
    book = Book(WATCH)
    book.tick(100, [alarm(VIEWS, 100, -2), alarm(IOS, 100)], {"messages": 98})
    assert [(each.kind, len(each.members)) for each in book.open] == [("metric", 2), ("data", 1)]
    changed = book.tick(100 + 7 * 4, [alarm(MESSAGES, 128, 2), alarm(VIEWS, 128)], {})
    assert [(each.state, each.start) for each in changed if each.kind == "metric"] == [
        (State.RESOLVED, 100),
        (State.FIRING, 128),
    ], "hours later it is another one"
    copy = [Incident.from_json(each.to_json()) for each in book.open]
    assert copy == book.open


def test_a_known_event_makes_an_incident_information() -> None:
    book = Book(WATCH)
    (incident,) = book.tick(100, [alarm(VIEWS, 100, 3.0)], {}, known="Black Friday")
    assert (incident.severity, incident.note) == (Severity.INFO, "Black Friday")


def test_a_hole_of_minutes_is_missing_data_and_a_quiet_bin_is_not() -> None:
    arrivals = Arrivals(WATCH)
    arrivals.learn("feed", 0, 200.0, missing=False)
    assert longest_hole(0b111, 15) == 12
    assert arrivals.is_missing("feed", 96, 0.0, 0)
    assert arrivals.is_missing("feed", 96, 150.0, 0b1111111)
    assert not arrivals.is_missing("feed", 96, 5.0, 0b1), "few users leave holes"
    assert not arrivals.is_missing("messages", 96, 0.0, 0), "nothing is known of it"


def day(number: int, size: float) -> Bins:
    count = np.full(96, size)
    full = (count, np.full(96, 2**15 - 1, dtype=np.uint64))
    leaves = {("views", "", ""): count, ("views", "os", "iOS"): count / 4} if size else {}
    squares = {name: each * 2 for name, each in leaves.items()}
    return Bins(number * 96, 96, leaves, squares, {"feed": full})


def test_a_mean_of_users_is_watched_by_its_users_and_varies_as_they_do() -> None:
    watch = Watch(load_catalog(), ZoneInfo("UTC"), ("messages", "messages_per_user"), min_size=8)
    mean = Key("messages_per_user")
    users, each = np.full(96, 20.0), 8.0
    leaves = {("messages", "", ""): users * each, ("senders", "", ""): users}
    squares = {("messages", "", ""): users * (each**2 + 140.0)}
    bins = Bins(0, 96, leaves, squares, {"messages": (users, np.full(96, 2**15 - 1, dtype=np.uint64))})
    assert bins.burst(watch, mean) == pytest.approx(140 / each), "the variance of users, as that of so many events"
    lanes = Lanes(watch)
    lanes.enrol(bins)
    quick = lanes.lanes[0]
    assert quick.keys == [mean], "20 users are enough for a mean, 6 independent events are not for a count"
    values, trials = bins.matrix(watch, quick.keys)
    for number in range(97):
        judged = quick.step(number, number, values[0], trials[0])
    assert judged is not None
    found = judged.value[0], judged.expected[0], judged.size[0]
    assert found == pytest.approx((8.0, 8.0, 20.0), rel=0.01)
    assert judged.spread[0] == pytest.approx(np.sqrt(140 / 20), rel=0.3)


def test_series_grow_from_hours_to_bins_and_the_dead_are_let_go() -> None:
    lanes = Lanes(WATCH)
    lanes.enrol(day(0, 40))
    assert [lane.keys for lane in lanes.lanes] == [[], [VIEWS]], "20 independent events a bin, 5 of iOS"
    for number in range(1, 17):
        lanes.promote(day(number, 400))
        lanes.enrol(day(number, 400))
    assert lanes.lanes[0].keys == [VIEWS, IOS]
    assert lanes.lanes[1].keys == []
    lanes.let_go({IOS: 14}, 14)
    assert lanes.keys == [VIEWS]


def test_a_state_is_restored_as_it_was() -> None:
    lanes = Lanes(WATCH)
    lanes.enrol(day(0, 400))
    for number in range(30):
        for lane in lanes.lanes:
            values, trials = day(0, 400).matrix(WATCH, lane.keys)
            lane.step(number, number, values[0], trials[0])
    other = Lanes(WATCH)
    other.restore(lanes.described(), lanes.arrays())
    assert other.keys == lanes.keys
    for name, array in lanes.arrays().items():
        assert np.array_equal(other.arrays()[name], array, equal_nan=True)


def test_metrics_that_cannot_be_watched_are_named_and_all_others_can() -> None:
    catalog = load_catalog()
    for name in ("wau_calendar", "mau_calendar"):
        with pytest.raises(QuestionError, match=f"{name} cannot be watched") as raised:
            Watch(catalog, ZoneInfo("UTC"), (name,))
        assert "wau or mau" in str(raised.value.hint)
    names = {each.name for each in catalog.quantities()}
    assert names - set(watchable(catalog)) == {"wau_calendar", "mau_calendar"}
    watch = Watch(catalog, ZoneInfo("UTC"), watchable(catalog))
    assert set(watch.daily) >= {"new_users", "wau", "mau", "stickiness", "both_users", "posts", "likes_per_post"}
    assert set(watch.binned) >= {"views", "ctr", "messages_per_user", "messenger_share"}
    with pytest.raises(QuestionError, match="cannot be watched in bins"):
        watch.parts("mau")


def test_hours_of_a_series_that_grew_are_drawn_as_quarters() -> None:
    points = {name: np.array([400.0, 90.0]) for name in ("value", "expected", "spread")}
    points |= {"time": np.array([0, 1]), "minutes": np.array([60.0, 15.0])}
    assert _per_bin(points, is_ratio=False)["value"].tolist() == [100, 90]
    assert _per_bin(points, is_ratio=True)["value"].tolist() == [400, 90]


def test_both_languages_have_the_same_phrases() -> None:
    assert WORDS["en"].keys() == WORDS["ru"].keys()
