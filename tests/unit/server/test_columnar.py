"""Large requests in columns: whatever is taken that way is what reading event by event takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine
from appanalytics.server.collector import decode as decoding
from appanalytics.server.collector.columnar import read_columns
from appanalytics.server.collector.events import Limits, Services, read_services
from appanalytics.server.collector.pieces import Malformed

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LIMITS = Limits(NOW - timedelta(days=30), NOW + timedelta(hours=1))
VIEW = {"service": "feed", "time": "2026-11-28T10:00:00.123Z", "user_id": 1, "post_id": 5, "action": "view"}
MESSAGE = {"service": "messages", "time": "2026-11-28T10:00:00Z", "user_id": 1, "receiver_id": 9}


@pytest.fixture
def services(engine: Engine) -> Services:
    return read_services(engine, load_catalog())


def one_by_one(body: bytes, services: Services, limits: Limits = LIMITS) -> decoding.Parsed:
    """As small requests are read."""
    assert len(body) < decoding.LARGE_BODY
    return decoding.decode(body, services, limits)


def rows(parsed: decoding.Parsed, services: Services) -> dict[str, pa.Table]:
    made = {each.name: each.to_arrow(parsed.events[each.name]) for each in services.all if each.name in parsed.events}
    return parsed.tables | made


def same(body: bytes, services: Services, limits: Limits = LIMITS) -> bool:
    """Whether the body was taken in columns; if so, then as it is event by event, and nothing of it is refused."""
    found = read_columns(body, services, limits, decoding.MOST_EVENTS)
    if found is None:
        return False
    try:
        parsed = one_by_one(body, services, limits)
    except Malformed:
        raise AssertionError(body) from None
    assert parsed.rejects == [], body
    expected = rows(parsed, services)
    assert found.keys() == expected.keys()
    for name, table in found.items():
        assert table.combine_chunks().equals(expected[name].combine_chunks()), body
    return True


def test_good_events_are_taken(services: Services) -> None:
    full = VIEW | {"age": 30, "gender": None, "country": "Россия", "city": "a\\u0000b"}
    full["time"] = "2026-11-28T10:00:00.999999+03:00"
    events = [VIEW, full, MESSAGE, VIEW | {"action": "like"}, MESSAGE | {"user_id": 2**64 - 1}]
    assert same(json.dumps(events).encode(), services)
    assert same(json.dumps(events, indent=2).encode(), services)
    assert same("\n".join(json.dumps(each) for each in events).encode(), services)
    assert same(("\n".join(json.dumps(each, ensure_ascii=False) for each in events) + "\n").encode(), services)


def test_a_time_is_cut_to_milliseconds_both_ways(services: Services) -> None:
    body = json.dumps([VIEW | {"time": "2026-11-28T10:00:00.999999Z"}]).encode()
    found = read_columns(body, services, LIMITS, 10)
    assert found is not None
    at = datetime(2026, 11, 28, 10, 0, 0, 999_000, tzinfo=UTC)
    assert found["feed"].column("time").to_pylist() == [at]
    assert rows(one_by_one(body, services), services)["feed"].column("time").to_pylist() == [at]


BAD: list[Any] = [
    VIEW | {"user_id": -1},
    VIEW | {"user_id": 2**64},
    VIEW | {"user_id": "1"},
    VIEW | {"user_id": 1.5},
    VIEW | {"user_id": True},
    VIEW | {"user_id": None},
    VIEW | {"age": 121},
    VIEW | {"age": -1},
    VIEW | {"age": 300},
    VIEW | {"gender": 200},
    VIEW | {"action": "share"},
    VIEW | {"action": ""},
    VIEW | {"country": ""},
    VIEW | {"country": "x" * 1025},
    VIEW | {"country": 7},
    VIEW | {"colour": "red"},
    VIEW | {"receiver_id": 9},
    VIEW | {"receiver_id": None},
    MESSAGE | {"post_id": None},
    VIEW | {"service": "shop"},
    VIEW | {"service": None},
    VIEW | {"time": "2026-11-28T10:00:00"},
    VIEW | {"time": "2026-11-28"},
    VIEW | {"time": "2026-02-30T10:00:00Z"},
    VIEW | {"time": "2026-11-28T13:00:01Z"},
    VIEW | {"time": "2026-10-28T10:00:00Z"},
    VIEW | {"time": 1764324000},
    {"service": "feed"},
    None,
    7,
    [],
    {},
]


def test_one_bad_event_is_enough_to_read_them_one_by_one(services: Services) -> None:
    for bad in BAD:
        body = json.dumps([VIEW, bad, MESSAGE]).encode()
        assert read_columns(body, services, LIMITS, 10) is None, bad
        assert [each.index for each in one_by_one(body, services).rejects] == [1], bad


def test_bodies_that_are_not_just_events(services: Services) -> None:
    whole = json.dumps([VIEW]).encode()
    event = json.dumps(VIEW).encode()
    bodies = [b"", b"[", b"[]", whole + b"x", whole[:-1], whole + whole, whole[:-1] + b',{"a":NaN}]', event + event]
    bodies += [whole + b'} {"":' + whole, event[:-1] + b', "age": 1, "age": 2}', whole.replace(b"view", b"\xff")]
    bodies += [event.replace(b'"feed"', b'"fe\xffed"'), event.replace(b"}", b"\n}\n") + event, b"[null]", b"{}"]
    for body in bodies:
        assert not same(body, services), body
    assert read_columns(json.dumps([VIEW] * 11).encode(), services, LIMITS, 10) is None
    only = Limits(LIMITS.earliest, LIMITS.latest, frozenset(["messages"]))
    assert read_columns(whole, services, only, 10) is None


_FIELDS = [*VIEW, *MESSAGE, "age", "gender", "country", "os", "x"]
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.sampled_from([0, 120, 127, 128, 255, 256, "view", "like", "feed", "messages", "2026-11-28T10:00:00.5Z"]),
    st.timedeltas(timedelta(days=-40), timedelta(hours=2)).map(lambda shift: (NOW + shift).isoformat()),
)
_CHANGES = st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=2)
_EVENT = st.builds(lambda base, change: base | change, st.sampled_from([VIEW, MESSAGE]), _CHANGES)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_EVENT, max_size=4), st.booleans(), st.integers(0, 10**6), st.binary(max_size=2))
def test_no_request_is_taken_another_way(
    services: Services, events: list[Any], is_array: bool, place: int, broken: bytes
) -> None:
    """Changed values and, for half of the bodies, changed bytes."""
    body = json.dumps(events).encode() if is_array else "\n".join(map(json.dumps, events)).encode()
    same(body, services)
    if broken and body:
        at = place % len(body)
        same(body[:at] + broken + body[at + 1 :], services)
