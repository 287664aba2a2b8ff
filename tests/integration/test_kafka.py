"""Events from Kafka: the DDL by the engine's own parser, and what its views make of messages in a table."""

from __future__ import annotations

import json

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine
from appanalytics.errors import SettingsError
from appanalytics.warehouse.kafka import Queue, actions, kafka_ddl

CATALOG = load_catalog()
GOOD = {
    "time": "2026-03-01T10:00:00.123Z",
    "user_id": 2**64 - 1,
    "post_id": 7,
    "action": "like",
    "os": "iOS",
    "age": 30,
}
BAD = {
    "is not JSON": "{",
    "time is not readable": json.dumps(GOOD | {"time": "yesterday"}),
    "time is before 1990 or after 2100": json.dumps(GOOD | {"time": "1970-01-01T00:00:00Z"}),
    "user_id is no UInt64": json.dumps(GOOD | {"user_id": "anna"}),
    "post_id is no UInt64": json.dumps({key: value for key, value in GOOD.items() if key != "post_id"}),
    "action is none of view, like": json.dumps(GOOD | {"action": "share"}),
}


@pytest.mark.parametrize("keeper", [False, True])
def test_the_parser_takes_it(engine: Engine, keeper: bool) -> None:
    made = kafka_ddl(CATALOG, Queue("one:9092,two:9092", keeper=keeper, consumers=4))
    assert len(made) == 6
    for sql in made:
        assert engine.scalar("SELECT formatQuery({sql:String})", {"sql": sql}).startswith("CREATE")
    assert ("kafka_keeper_path" in made[0]) is keeper


def test_messages_become_events_or_rejects(engine: Engine) -> None:
    queue, events, rejects, *_ = kafka_ddl(CATALOG, Queue("one:9092", database=engine.database))
    assert "kafka_feed_queue" in queue
    engine.execute("CREATE TABLE kafka_feed_queue (raw String, _topic String, _partition UInt64, _offset UInt64)"
                   " ENGINE = Null")  # fmt: skip
    engine.execute(events)
    engine.execute(rejects)
    messages = [json.dumps(GOOD), json.dumps({key: GOOD[key] for key in ("time", "user_id", "post_id", "action")})]
    for place, raw in enumerate([*messages, *BAD.values()]):
        engine.execute(
            "INSERT INTO kafka_feed_queue SELECT {raw:String}, 'events_feed', 3, {place:UInt64}",
            {"raw": raw, "place": place},
        )
    rows = engine.rows("SELECT toString(time) AS time, user_id, post_id, action, os, age, gender, country"
                       " FROM feed_actions ORDER BY age DESC")  # fmt: skip
    same = {"time": "2026-03-01 10:00:00.123", "user_id": 2**64 - 1, "post_id": 7, "action": "like", "gender": -1}
    assert rows == [
        same | {"os": "iOS", "age": 30, "country": "unknown"},
        same | {"os": "unknown", "age": 0, "country": "unknown"},
    ]
    found = engine.rows("SELECT reason, raw, file, line, load, source FROM rejects ORDER BY line")
    assert [(row["reason"], row["raw"]) for row in found] == list(BAD.items())
    assert {(row["file"], row["load"], row["source"]) for row in found} == {("events_feed 3", "kafka", "feed")}
    assert [row["line"] for row in found] == [2, 3, 4, 5, 6, 7]


def test_what_an_action_may_be_follows_from_the_catalog() -> None:
    assert actions(CATALOG, CATALOG.sources["feed"]) == {"action": ["view", "like"]}
    assert actions(CATALOG, CATALOG.sources["messages"]) == {}


@pytest.mark.parametrize("wrong", [{"brokers": "a'b"}, {"brokers": "one", "prefix": "e; DROP"}])
def test_names_that_cannot_be(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="cannot"):
        Queue(**wrong)
