"""Cells and segments: every sum that the search uses, against a slow count by hand."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.errors import CellsError
from appanalytics.investigate import Counts, Ratios
from appanalytics.investigate.lattice import ANY, Lattice

ROWS = st.lists(
    st.tuples(st.sampled_from("AB"), st.sampled_from("xyz"), st.sampled_from("mf")), min_size=1, max_size=30
)


@given(ROWS, st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_sums_are_those_of_the_rows(rows: list[tuple[str, str, str]], most: int) -> None:
    names = ("country", "city", "gender")
    weights = np.arange(1.0, len(rows) + 1)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    table = Counts.of(columns, weights, weights, parents={"city": "country"})
    lattice = Lattice.of(table, most)
    sums = lattice.sums(table.actual)

    expected: dict[tuple[tuple[str, str], ...], float] = {(): weights.sum()}
    for choice in (
        c for k in range(1, most + 1) for c in combinations(names, k) if not {"country", "city"} <= set(c)
    ):
        for row, weight in zip(rows, weights, strict=True):
            # A city is known by its country, too.
            where = {name: row[names.index(name)] for name in choice}
            key = tuple(sorted((where | {"country": row[0]} if "city" in where else where).items()))
            expected[choice and (("", str(choice)), *key)] = expected.get((("", str(choice)), *key), 0) + weight

    found = {}
    for segment in range(lattice.size):
        key, line = lattice.keys[segment], lattice.lineage[segment]
        choice = tuple(name for i, name in enumerate(names) if key[i] != ANY)
        where = tuple(sorted((name, table.values[i][line[i]]) for i, name in enumerate(names) if line[i] != ANY))
        found[(("", str(choice)), *where) if choice else ()] = sums[segment]
        assert table.actual[lattice.leaves(segment)].sum() == sums[segment]
    assert found == expected


def test_rows_of_one_cell_add_up() -> None:
    table = Counts.of({"os": ["iOS", "iOS", "Android"]}, [1, 2, 4], [1, 1, 1])
    assert table.size == 2
    assert sorted(table.actual) == [3, 4]
    assert "os 2" in repr(table)


def test_parent_of_cities_is_their_country_or_everything() -> None:
    columns = {"country": ["A", "A", "B", "B"], "city": ["x", "y", "x", "z"]}
    table = Counts.of(columns, [1] * 4, [1] * 4, parents={"city": "country"})
    lattice = Lattice.of(table, 2)
    cities = np.flatnonzero(lattice.keys[:, 1] != ANY)
    assert len(cities) == 4  # x of A is not x of B
    assert not np.any((lattice.keys[:, 0] != ANY) & (lattice.keys[:, 1] != ANY))
    of_a = cities[lattice.lineage[cities, 0] == table.values[0].index("A")]
    parent = lattice.parent(of_a)
    assert parent is not None
    assert lattice.keys[parent].tolist() == [table.values[0].index("A"), ANY]
    assert lattice.parent(cities) == 0


@pytest.mark.parametrize(
    ("columns", "actual", "parents", "said"),
    [
        ({}, [], {}, "at least one dimension"),
        ({"os": []}, [], {}, "empty"),
        ({"os": ["a"], "age": ["b", "c"]}, [1], {}, "differ in length"),
        ({"os": ["a"]}, [1, 2], {}, "shape"),
        ({"os": ["a"]}, [float("nan")], {}, "missing or infinite"),
        ({"os": ["a"]}, [-1], {}, "negative"),
        ({"city": ["a"]}, [1], {"city": "country"}, "country in the hierarchy is not a dimension"),
        ({"a": ["x"], "b": ["y"]}, [1], {"a": "b", "b": "a"}, "leads from a back to a"),
    ],
)
def test_torn_tables_are_refused(columns: dict, actual: list[float], parents: dict, said: str) -> None:
    with pytest.raises(CellsError, match=said):
        Counts.of(columns, actual, [1.0] * len(actual), parents=parents)


def test_ratios_without_rows_are_refused() -> None:
    with pytest.raises(CellsError, match="numerator is above 0 where denominator is 0"):
        Ratios.of({"os": ["a"]}, [1], [0], baseline_numerator=[1], baseline_denominator=[2])
    with pytest.raises(CellsError, match="the denominator is 0 in all cells"):
        Ratios.of({"os": ["a"]}, [0], [0], baseline_numerator=[1], baseline_denominator=[2])
    with pytest.raises(CellsError, match="the baseline is empty"):
        Ratios.of({"os": ["a"]}, [1], [2], baseline_numerator=[0], baseline_denominator=[0])
