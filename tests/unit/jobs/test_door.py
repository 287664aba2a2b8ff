"""Where a live stream goes: collectors that are away, that moved, and that were never there."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appanalytics.engine import WarehouseUrl
from appanalytics.errors import AccessDenied, UserError, WarehouseUnavailable
from appanalytics.jobs import live
from appanalytics.jobs.live import Door
from appanalytics.jobs.parts.server import _answers, new_users
from appanalytics.sender import Sender, Sent
from appanalytics.settings import load_settings
from appanalytics.simulate.live import Slice

AT = datetime(2026, 3, 1, tzinfo=UTC)
PART = Slice(AT, AT, [{"user_id": 1}])
HERE, THERE = ("http://127.0.0.1:1", "key"), ("http://127.0.0.1:2", "key")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LONGEST_SLEEP", 0.0)
    monkeypatch.setattr(live, "_ATTEMPT_SECONDS", 0.0)


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_PATIENCE_SECONDS", -1.0)


def test_a_server_that_is_gone_for_good_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    with pytest.raises(WarehouseUnavailable, match="the server is gone") as told:
        Door(lambda: None).send(PART, "b")
    assert "appanalytics serve" in (told.value.hint or "")


def test_one_that_does_not_listen_is_told_when_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    with pytest.raises(WarehouseUnavailable):
        Door(lambda: HERE).send(PART, "b")


def test_a_server_that_moved_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Away at first, then at the old place with another password, then at a new one."""
    places = iter([None, HERE, THERE, THERE])
    asked = []

    def send(self: Sender, events: object, batch: str) -> Sent:
        asked.append(batch)
        if len(asked) == 1:
            raise AccessDenied("another password")
        return Sent(1, 0)

    monkeypatch.setattr(Sender, "send", send)
    assert Door(lambda: next(places)).send(PART, "b").accepted == 1
    assert asked == ["b", "b"]


def test_a_password_that_is_refused_at_the_same_place_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def send(self: Sender, events: object, batch: str) -> Sent:
        raise AccessDenied("no such key")

    monkeypatch.setattr(Sender, "send", send)
    began = time.monotonic()
    with pytest.raises(AccessDenied):
        Door(lambda: HERE).send(PART, "b")
    assert time.monotonic() - began < 5


def test_the_collector_that_was_named_and_that_of_a_server() -> None:
    url = WarehouseUrl.parse("chdb:///nowhere")
    assert Door.of(url, "https://in.example.com", "key")._find() == ("https://in.example.com", "key")
    with pytest.raises(UserError, match="a collector needs a key"):
        Door.of(url, "https://in.example.com", None)
    served = WarehouseUrl.parse("http://writer:secret@10.0.0.1:8123/app")
    assert Door.of(served, None, None)._find() == ("http://10.0.0.1:8123", "writer.secret")


def test_users_of_a_server_are_made_once(tmp_path: Path) -> None:
    loaded = load_settings(environ={"APPANALYTICS_WAREHOUSE__URL": f"chdb://{tmp_path}/warehouse"}, folder=tmp_path)
    assert set(new_users(loaded)) == {"admin", "writer", "reader"}
    assert new_users(loaded) == {}
    elsewhere = load_settings(environ={"APPANALYTICS_WAREHOUSE__URL": "http://10.0.0.1:8123"}, folder=tmp_path)
    with pytest.raises(WarehouseUnavailable, match="only a warehouse in a folder has a server of ours"):
        new_users(elsewhere)
    assert not _answers(None)
