"""Guesses take one thread, are remembered, and are refused when too many wait."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from appanalytics.server import passwords
from appanalytics.server.passwords import Checker, hashed
from appanalytics.server.problems import Problem


def test_what_was_found_is_not_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def counted(password: str, stored: str) -> bool:
        tried.append(password)
        return matches(password, stored)

    matches = passwords.matches
    monkeypatch.setattr(passwords, "matches", counted)
    checker, stored = Checker(), hashed("right")
    for _ in range(3):
        assert checker.is_right("ann", "right", stored)
        assert not checker.is_right("ann", "wrong", stored)
        assert not checker.is_right("bob", "right", "")
    assert tried == ["right", "wrong", "right"]
    assert checker.is_right("ann", "wrong", hashed("wrong"))  # another hash is asked for anew


def test_guesses_do_not_drive_out_what_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_MOST_KNOWN", 3)
    monkeypatch.setattr(passwords, "matches", lambda password, stored: password == stored)
    checker = Checker()
    assert checker.is_right("ann", "right", "right")
    for guess in range(20):
        assert not checker.is_right("ann", str(guess), "right")
    monkeypatch.setattr(passwords, "matches", lambda *_: pytest.fail("it is hashed again"))
    assert checker.is_right("ann", "right", "right")
    assert len(checker._known) == 3


def test_not_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    go, done = threading.Event(), []

    def slow(password: str, stored: str) -> bool:
        go.wait(20)
        done.append(password)
        return False

    monkeypatch.setattr(passwords, "matches", slow)
    checker = Checker()
    with ThreadPoolExecutor(40) as pool:
        asked = []
        for number in range(passwords._MOST_WAITING):
            asked.append(pool.submit(checker.is_right, "ann", f"{number:02}", "x"))
            deadline = time.monotonic() + 10
            while checker._places._value != passwords._MOST_WAITING - number - 1:
                assert time.monotonic() < deadline
                time.sleep(0.001)
        with pytest.raises(Problem) as refused:
            checker.is_right("ann", "one more", "x")
        go.set()
        assert not any(each.result(20) for each in asked)
    assert refused.value.status == 429
    assert sorted(done) == [f"{number:02}" for number in range(passwords._MOST_WAITING)]
