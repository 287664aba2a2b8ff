"""The error tree."""

from __future__ import annotations

import inspect

import pytest

from appanalytics import errors


def test_the_tree_is_the_one_that_is_drawn() -> None:
    drawn = (errors.__doc__ or "").replace("``", "")
    ours = [each for each in inspect.getmembers(errors, inspect.isclass) if each[1].__module__ == errors.__name__]
    for name, found in ours:
        assert issubclass(found, Exception)
        assert f"* {name}" in drawn


def test_exit_codes() -> None:
    assert errors.UserError("x").exit_code == 2
    assert errors.WarehouseLocked("x").exit_code == 2
    assert errors.EngineError("x").exit_code == 1


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("vews", ["views", "likes"], "did you mean views?"),
        ("VIEWS", ["views"], "did you mean views?"),
        ("zzz", ["a", "b"], "known: a, b"),
        ("zzz", [], "there are none yet"),
        ("zzz", map(str, range(20)), "known: 0, 1, 10, 11, 12, 13, 14, 15, …"),
    ],
)
def test_nearest(word: str, known: list[str], said: str) -> None:
    assert errors.nearest(word, known) == said
