"""The collector against a real server: what is stored, what is refused, what a retry and a crash change."""

from __future__ import annotations

import gzip
import json
import signal
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from appanalytics.engine.endpoint import server_folder
from appanalytics.errors import AccessDenied, UserError, WarehouseUnavailable
from appanalytics.sender import Sender

from .crashes import crash_rounds
from .served import Served, served

USERS: dict[str, dict[str, object]] = {"admin": {"role": "admin"}, "reader": {"role": "reader"}}
NOW = datetime.now(UTC)


def moment(shift: timedelta = timedelta()) -> str:
    return (NOW + shift).isoformat(timespec="milliseconds")


def view(user: int = 1, **more: Any) -> dict[str, Any]:
    return {"service": "feed", "time": moment(), "user_id": user, "post_id": 5, "action": "view", **more}


def message(user: int = 1, **more: Any) -> dict[str, Any]:
    return {"service": "messages", "time": moment(), "user_id": user, "receiver_id": 9, **more}


def post(server: Served, body: Any, batch: str = "", key: str = "admin.secret", **headers: str) -> tuple[int, Any]:
    given = {"Authorization": f"Bearer {key}", **({"Idempotency-Key": batch} if batch else {}), **headers}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    http = urllib3.PoolManager(retries=False, timeout=60)
    url = f"http://127.0.0.1:{server.port}/v1/events"
    answer = http.request("POST", url, body=data, headers=given)
    return answer.status, answer.json()


def count(server: Served, table: str, where: str = "1") -> int:
    server.settle()
    return int(server.text(f"SELECT count() FROM {table} WHERE {where}"))


@pytest.fixture(scope="module")
def collecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("collector") / "warehouse", USERS) as running:
        yield running


def test_events_of_both_services_arrive_with_their_defaults(collecting: Served) -> None:
    status, told = post(collecting, [view(101, country="Россия", age=30), message(101, country=None)])
    assert (status, told["accepted"], told["rejected"]) == (200, 2, 0)
    collecting.settle()
    row = collecting.text("SELECT country, age, gender, city FROM feed_actions WHERE user_id = 101 FORMAT TSV")
    assert row == "Россия\t30\t-1\tunknown\n"
    assert collecting.text("SELECT country FROM message_actions WHERE user_id = 101") == "unknown\n"
    stored = collecting.text("SELECT toUnixTimestamp64Milli(time) FROM feed_actions WHERE user_id = 101")
    assert int(stored) == int(NOW.timestamp() * 1000)


def test_ndjson_gzip_and_one_object_over_lines(collecting: Served) -> None:
    lines = "\n".join(json.dumps(view(102)) for _ in range(3)).encode()
    assert post(collecting, lines)[1]["accepted"] == 3
    packed = gzip.compress(lines)
    assert post(collecting, packed, **{"Content-Encoding": "gzip"})[1]["accepted"] == 3
    assert post(collecting, json.dumps(view(102), indent=1).encode())[1]["accepted"] == 1
    assert count(collecting, "feed_actions", "user_id = 102") == 7


def test_a_batch_is_stored_once(collecting: Served) -> None:
    batch = uuid.uuid4().hex
    answers = [post(collecting, [view(103)] * 4, batch) for _ in range(3)]
    assert [told["known"] for _, told in answers] == [False, True, True]
    assert {told["accepted"] for _, told in answers} == {4}
    assert count(collecting, "feed_actions", "user_id = 103") == 4


BAD: list[tuple[Any, str]] = [
    (view(user="x"), "Expected `int`"),
    (view(user=-1), ">= 0"),
    (view(user=2**64), "int"),
    (view(age=121), "<= 120"),
    (view(age=1.5), "int"),
    (view(x="red"), "unknown field `x`; known: action, age,"),
    (view(contry="Serbia"), "unknown field `contry`; did you mean country?"),
    (view(action="share"), "Invalid enum value 'share' - at `$.action`; one of `view`, `like`"),
    (view(action=5), "got `int` - at `$.action`; one of `view`, `like`"),
    (view(country=""), "length >= 1"),
    (view(country="x" * 2000), "length <= 1024"),
    (view(time="2026-11-28T10:00:00"), "timezone"),
    (view(time="yesterday"), "RFC3339 encoded datetime - at `$.time`; such as 2026-"),
    (view(time=1764324000), "Expected `datetime`"),
    (view(time=moment(timedelta(days=400))), "in the future"),
    (view(time=moment(timedelta(hours=2))), "in the future"),
    (view(time=moment(-timedelta(days=31))), "the earliest that is taken"),
    ({"service": "feed"}, "missing required field"),
    ({**view(), "service": "shop"}, "Invalid value 'shop' - at `$.service`; one of `feed`, `messages`"),
    ({"time": moment()}, "missing required field `service`; one of `feed`, `messages`"),
    (7, "Expected `object`"),
    (None, "Expected `object`"),
]


@pytest.mark.parametrize(("event", "reason"), BAD, ids=[f"{at}: {reason}" for at, (_, reason) in enumerate(BAD)])
def test_a_bad_event_is_told_by_index_and_kept(collecting: Served, event: Any, reason: str) -> None:
    batch = uuid.uuid4().hex
    status, told = post(collecting, [view(104), event, view(104)], batch)
    assert (status, told["accepted"], told["rejected"]) == (207, 2, 1)
    assert told["errors"][0]["index"] == 1
    assert reason in told["errors"][0]["reason"]
    collecting.settle()
    kept = collecting.text(f"SELECT line, reason FROM rejects WHERE load = 'admin/{batch}' FORMAT TSVRaw")
    assert kept == f"1\t{told['errors'][0]['reason']}\n"


def test_bodies_that_are_no_events(collecting: Served) -> None:
    before = count(collecting, "feed_actions")
    assert post(collecting, b"[{")[0] == 400
    assert post(collecting, b"")[0] == 400
    assert post(collecting, b"\xff\xfe\x00")[0] == 422
    assert post(collecting, b"[" * 100_000)[0] == 400
    assert post(collecting, json.dumps(view()).encode().replace(b'"view"', b'"\xff"'))[0] == 422
    assert post(collecting, b"no gzip", **{"Content-Encoding": "gzip"})[0] == 400
    assert post(collecting, [view()], **{"Content-Encoding": "rot13"})[0] == 415
    assert post(collecting, [view()], batch="two words")[0] == 400
    assert post(collecting, [])[0] == 200
    assert count(collecting, "feed_actions") == before


def test_a_piece_that_is_no_json_does_not_take_the_others_with_it(collecting: Served) -> None:
    good = json.dumps(view(108))
    bad = {"NaN": "NaN and Infinity are no JSON", "-Infinity": "NaN and", '"\\ud800"': "half of a surrogate pair"}
    for value, reason in bad.items():
        wrong = good.replace("108", value)
        status, told = post(collecting, f" [ {good} ,{wrong}, {good}]\n".encode())
        assert (status, told["accepted"], told["errors"][0]["index"]) == (207, 2, 1), value
        assert reason in told["errors"][0]["reason"]
        assert post(collecting, f"{good}\n{wrong}\n".encode())[1]["errors"][0]["index"] == 1
    for broken in (f"[{good}, NaN", f"[NaN,, {good}]", f"[NaN {good}]", f"[NaN] {good}", f"[NaN,{good},]", "[,NaN]"):
        status, told = post(collecting, broken.encode())
        assert (status, told["title"]) == (400, "the body is not JSON"), broken
    assert post(collecting, b"\xef\xbb\xbf" + f"[{good}]".encode())[0] == 200
    assert "send UTF-8" in post(collecting, good.encode("utf-16"))[1]["errors"][0]["reason"]
    assert count(collecting, "feed_actions", "user_id = 108") == 3 * 3 + 1


def test_long_bodies_and_bombs_are_refused_and_the_server_lives(collecting: Served) -> None:
    bomb = gzip.compress(b" " * (100 << 20), 9)
    assert len(bomb) < 200_000
    assert post(collecting, bomb, **{"Content-Encoding": "gzip"})[0] == 413
    try:
        status = post(collecting, b" " * (100 << 20))[0]
    except urllib3.exceptions.HTTPError:  # the server answers and closes while the client still writes
        status = 413
    assert status == 413
    assert post(collecting, [view(105)] * 100_001)[0] == 413
    assert post(collecting, [view(105)])[0] == 200


def test_who_may_send(collecting: Served) -> None:
    before = count(collecting, "feed_actions")
    for key in ("", "wrong", "admin.wrong", "reader.secret", "nobody.secret"):
        assert post(collecting, [view()], key=key)[0] == 401
    assert count(collecting, "feed_actions") == before


def test_days_of_new_events_become_stale_and_a_stop_is_graceful(tmp_path: Path) -> None:
    folder = tmp_path / "warehouse"
    with served(folder, USERS) as first:
        assert post(first, [view(1)])[0] == 200
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(timeout=30) == 0
    assert list((server_folder(folder) / "journal").glob("*.journal")) == []


def test_the_sender_sends_once_and_tells_what_is_refused(collecting: Served) -> None:
    at = datetime.now(UTC)
    events = [{**view(106), "time": at}, {**view(106), "time": at, "age": 300}]
    with Sender(f"http://127.0.0.1:{collecting.port}", "admin.secret") as sender:
        sent = [sender.send(events, "sender-1") for _ in range(2)]
        assert (sent[0].accepted, sent[0].rejected, sent[0].errors[0].index) == (1, 1, 1)
        assert (sent[1].accepted, sent[1].rejected) == (1, 1)
        many = sender.send([view(107)] * 10_001)
    assert many.accepted == 10_001
    assert count(collecting, "feed_actions", "user_id = 106") == 1
    assert count(collecting, "feed_actions", "user_id = 107") == 10_001


def test_the_sender_tells_a_wrong_key_from_a_server_that_is_away(collecting: Served) -> None:
    with pytest.raises(AccessDenied), Sender(f"http://127.0.0.1:{collecting.port}", "wrong") as sender:
        sender.send([view()])
    with pytest.raises(WarehouseUnavailable, match="takes no events"):
        Sender("http://127.0.0.1:9", "any", patience=0.3).send([view()])
    with pytest.raises(UserError, match="cannot hold"):
        Sender("http://127.0.0.1:9", "any").send([{**view(), "time": object()}])


def test_the_description_is_that_of_the_tables(collecting: Served) -> None:
    document = urllib3.request("GET", f"http://127.0.0.1:{collecting.port}/v1/openapi.json").json()
    feed = document["components"]["schemas"]["FeedEvent"]
    assert set(feed["required"]) == {"service", "time", "user_id", "post_id", "action"}
    assert feed["properties"]["age"]["anyOf"][0]["maximum"] == 120


WRITERS = 4


def test_nothing_acknowledged_is_lost_and_nothing_is_stored_twice(tmp_path: Path) -> None:
    """Five rounds of kill -9 under four writers who repeat what was not answered; more: benchmarks/crashes.py."""
    outcome = crash_rounds(tmp_path / "warehouse", rounds=5, writers=WRITERS, seed=7, longest=0.6, compare_every=3)
    assert outcome.acknowledged > 0
    assert outcome.replayed > 0, "no crash left anything in the journal: the kills came too late"
    assert outcome.is_clean, str(outcome)
