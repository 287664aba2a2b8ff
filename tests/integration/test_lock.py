"""Locks of a warehouse: one holder at a time, none for ever."""

from __future__ import annotations

import threading
import time

import pytest

from appanalytics.engine import Engine, connect
from appanalytics.errors import IntegrityError
from appanalytics.warehouse import lock as locks
from appanalytics.warehouse.lock import exclusive

MADE = "CREATE TABLE lock_x (holder String, at DateTime64(3, 'UTC') DEFAULT now64(3)) ENGINE = MergeTree ORDER BY at"


def leftover(engine: Engine, holder: str, age: int = 0) -> None:
    """A lock whose holder died ``age`` seconds ago, as versions made it that had no comment."""
    engine.execute(MADE)
    engine.execute(f"INSERT INTO lock_x SELECT '{holder}', now64(3) - {age}")


def test_two_holders_do_not_overlap(engine: Engine) -> None:
    inside: list[str] = []

    def work(name: str) -> None:
        own = connect(engine.url)
        with exclusive(own, "x") as held:
            inside.append(f"{name} in")
            time.sleep(0.1)
            held.check()
            inside.append(f"{name} out")
        own.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.split()[1] for entry in inside] == ["in", "out"] * 3
    assert [inside[place].split()[0] for place in (0, 2, 4)] == [inside[place].split()[0] for place in (1, 3, 5)]
    assert (
        engine.rows("SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'lock%'") == []
    )


def test_the_lock_is_given_back_after_an_error(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(engine, "x"):
        _ = 1 / 0
    with exclusive(engine, "x"):
        pass


def test_the_lock_of_an_earlier_owner_of_the_folder_is_void(engine: Engine) -> None:
    for leave in (
        lambda: leftover(engine, "owner-1-dead/1"),
        lambda: engine.execute(f"{MADE} COMMENT 'owner-1-dead/1'"),  # killed before a sign of life
    ):
        leave()
        started = time.monotonic()
        with exclusive(engine, "x"):
            assert time.monotonic() - started < 5


def test_a_living_holder_is_waited_for_and_a_silent_one_is_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_is_void", lambda holder, lock: False)  # as between clients of a server
    leftover(engine, "client")
    waits: list[float] = []
    with exclusive(engine, "x", lease=2, progress=lambda step, done, total, unit="": waits.append(done)):
        assert waits  # metadata's age has whole seconds, so the lease is not cut short by more than one
        assert waits[-1] > 0.9


def test_a_holder_gives_signs_of_life_while_he_works(engine: Engine) -> None:
    with exclusive(engine, "x", lease=0.8):
        end = time.monotonic() + 20
        while not engine.scalar("SELECT count() FROM lock_x"):
            assert time.monotonic() < end
            time.sleep(0.1)


def test_who_lost_the_lock_is_told(engine: Engine) -> None:
    with exclusive(engine, "x") as held:
        held.check()
        engine.execute("DROP TABLE lock_x SYNC")
        leftover(engine, "another")
        with pytest.raises(IntegrityError, match="another process took over"):
            held.check()
    assert engine.scalar("SELECT holder FROM lock_x") == "another"
