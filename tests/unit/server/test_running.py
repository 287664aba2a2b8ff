"""Statements under way: places that run out, names that are taken, and the end of a server."""

from __future__ import annotations

import pytest

from appanalytics.server.problems import Problem
from appanalytics.server.running import Lane, Running
from appanalytics.server.users import User


def test_who_finds_no_place_is_told_at_once_or_after_waiting() -> None:
    lane = Lane(places=1, waiting=1, seconds=0.01)
    with lane.place():
        with pytest.raises(Problem) as waited, lane.place():
            pass
        assert waited.value.code == 202
        full = Lane(places=1, waiting=0, seconds=60)
        with full.place(), pytest.raises(Problem, match="Too many simultaneous"), full.place():
            pass
    with lane.place():
        pass  # free again


def test_names_and_numbers_of_a_user_are_limited_and_all_are_stopped_in_the_end() -> None:
    running, user = Running(4), User(role="reader", max_queries=2)
    with running.enter("ann", user, "a b") as run, running.enter("ann", user, ""):
        assert run.tag == "/*ann:a%20b*/ "
        with pytest.raises(Problem) as taken, running.enter("bob", user, "a b"):
            pass
        assert taken.value.code == 216
        with pytest.raises(Problem) as many, running.enter("ann", user, ""):
            pass
        assert many.value.code == 202
        killed = []
        running.stop_all(killed.append)
        assert len(killed) == len(running) == 2
        assert run.stopped.is_set()
    assert len(running) == 0
    running.stop_all(killed.append)
    assert len(killed) == 2
