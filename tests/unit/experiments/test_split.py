"""The split: vectors of the documentation, weights and layers, the same in SQL and in Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from appanalytics.engine import Engine
from appanalytics.errors import ExperimentError
from appanalytics.experiments import assigned, parse_experiment, part_of, variant_of
from appanalytics.experiments.registry import collides
from appanalytics.experiments.split import hashed_sql, part_sql

PAGE = Path(__file__).resolve().parents[3] / "docs" / "experiments.md"
ROW = re.compile(r"^\| (\d+) \| `(.+?)` \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
VECTORS = ROW.findall(PAGE.read_text(encoding="utf-8"))


def experiment(**changes: object) -> object:
    raw = {"name": "test", "since": "2026-03-01", "until": "2026-03-08", "assignment": {"salt": "s"},
           "variants": {"a": {}, "b": {}}, "primary": "ctr"}  # fmt: skip
    return parse_experiment(raw | changes, "test")


def test_documented_vectors(engine: Engine) -> None:
    assert len(VECTORS) == 6
    for user, salt, hashed, half, hundredth in VECTORS:
        assert xxhash.xxh64((user + salt).encode()).intdigest() == int(hashed)
        assert (part_of(int(user), salt, 2), part_of(user, salt, 100)) == (int(half), int(hundredth))
        text = "SELECT xxHash64(concat(toString({user:UInt64}), {salt:String}))"
        assert engine.scalar(text, {"user": int(user), "salt": salt}) == int(hashed)


def test_sql_and_python_agree_for_every_user(engine: Engine) -> None:
    weights = {"control": 5, "it's": 3, "rest": 2}
    rows = engine.rows(
        f"SELECT number, {hashed_sql('s', weights, 'number')} AS variant,"
        f""" {part_sql("it's", 7, "number")} AS part FROM numbers(2000)"""
    )
    assert [row["variant"] for row in rows] == [variant_of(row["number"], "s", weights) for row in rows]
    assert [row["part"] for row in rows] == [part_of(row["number"], "it's", 7) for row in rows]


@given(
    st.integers(0, 2**64 - 1), st.text(min_size=1, max_size=20), st.lists(st.integers(1, 50), min_size=1, max_size=5)
)
def test_a_variant_is_one_of_them_and_never_changes(user: int, salt: str, weights: list[int]) -> None:
    named = {str(place): weight for place, weight in enumerate(weights)}
    found = variant_of(user, salt, named)
    part = part_of(user, salt, sum(weights))
    before = sum(weights[: int(found)])
    assert before <= part < before + weights[int(found)]


def test_parts_are_as_large_as_their_weights() -> None:
    weights = {"control": 1, "treatment": 3}
    share = sum(variant_of(user, "size", weights) == "treatment" for user in range(40_000)) / 40_000
    assert share == pytest.approx(0.75, abs=0.01)


def test_layers_keep_experiments_apart_and_independent() -> None:
    low = experiment(assignment={"salt": "one", "layer": "feed", "traffic": [0, 50]})
    high = experiment(name="other", assignment={"salt": "two", "layer": "feed", "traffic": [50, 100]})
    users = range(4_000)
    mine, theirs = ({user: assigned(each, user) for user in users} for each in (low, high))
    assert all((mine[user] is None) is (theirs[user] is not None) for user in users)
    assert not collides(low, high)
    assert collides(low, experiment(name="third", assignment={"salt": "x", "layer": "feed", "traffic": [49, 51]}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"assignment": {}}, "`dimension` or `salt`"),
        ({"assignment": {"salt": "s", "traffic": [0, 50]}}, "needs a `layer`"),
        ({"assignment": {"salt": "s", "layer": "x", "traffic": [50, 20]}}, "part of 0 … 100"),
        ({"assignment": {"dimension": "exp_group"}}, "own `value`"),
        ({"variants": {"a": {}}}, "two or more"),
        ({"since": "soon"}, "is no day"),
        ({"primery": "ctr"}, "unknown key"),
        ({"method": "cuped", "history_days": 0}, "CUPED needs"),
        ({"variants": {"a": {"weight": 0}, "b": {}}}, "greater than or equal to 1"),
    ],
)
def test_definitions_that_cannot_be_say_why(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ExperimentError, match=re.escape(said)):
        experiment(**changes)
