"""Past one machine, as far as one machine can show it.

Users are split over two and over three separate servers; what they answer, added up, is what one engine answers that
holds them all. And the DDL of a cluster runs in an engine with a cluster of one shard in its configuration.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from appanalytics.audience import AudienceQuestion
from appanalytics.audience import audience as audience_of
from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine, connect
from appanalytics.query import Coverage, Question, read_coverage
from appanalytics.query.asked import Prefer
from appanalytics.query.cube import Cube
from appanalytics.query.plan import make_plan
from appanalytics.query.statements import Statement
from appanalytics.retention import RetentionQuestion, retention
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Window

from .one_database import one_database
from .one_shard import may_ask
from .served import served
from .split import FIRST, LAST, fill

CATALOG = load_catalog()
UTC = ZoneInfo("UTC")
WINDOW = Window.of(FIRST, LAST, UTC)
NAMES = [each.name for each in CATALOG.quantities()]
APART = [each.name for each in CATALOG.measures.values() if each.unique not in (None, "user")]


@pytest.fixture(scope="module")
def single(engine_folder: Path) -> Iterator[Engine]:
    with one_database(engine_folder, "all_users") as engine:
        fill(engine)
        rollup(engine, CATALOG, UTC)
        yield engine


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, list[Engine]]]:
    """Engines of the two and of the three shards: three servers, each a process with a folder of its own."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("shards")
        servers = [stack.enter_context(served(folder / f"s{n}", {"admin": {"role": "admin"}})) for n in range(3)]
        made: dict[int, list[Engine]] = {}
        for count in (2, 3):
            made[count] = []
            for number in range(count):
                engine = connect(servers[number].url(database=f"of_{count}"), create=True)
                stack.callback(engine.close)
                migrate(engine)
                fill(engine, number, count)
                rollup(engine, CATALOG, UTC)
                made[count].append(engine)
        yield made


def covered(engines: list[Engine], layout: Layout) -> Coverage:
    """What all shards together hold."""
    each = [read_coverage(engine, layout) for engine in engines]
    assert not any(one.reason or one.stale for one in each)
    return Coverage(
        min(one.first for one in each if one.first), max(one.last for one in each if one.last),
        has_mixed=any(one.has_mixed for one in each), has_changing=any(one.has_changing for one in each),
    )  # fmt: skip


def merged(engines: list[Engine], statement: Statement, single: Engine) -> pa.Table:
    """A statement's rows of all shards: sums stay apart, and numbers of different things are merged as states.

    That is what a Distributed table does, too: a user's rows are on one shard, those of a post are on all of them.
    """
    apart = [f"of_{name}" for name in statement.leaves if name in APART]
    if not apart:
        return pa.concat_tables([engine.query(statement.sql, statement.parameters) for engine in engines])
    lines = statement.sql.splitlines()
    for place, line in enumerate(lines):
        if line.rstrip(",").endswith(tuple(f" AS {name}" for name in apart)):
            lines[place] = re.sub(r"uniqExact(If)?\(", r"uniqExactState\1(", line)
    hexed = ", ".join(f"hex(CAST({name} AS String)) AS {name}" for name in apart)
    sent = f"SELECT * REPLACE ({hexed}) FROM ({chr(10).join(lines)})"
    rows = pa.concat_tables([engine.query(sent, statement.parameters) for engine in engines])
    return of_states(rows, apart, single)


def of_states(rows: pa.Table, apart: list[str], single: Engine) -> pa.Table:
    """Merge the states of the columns ``apart`` and add the other measures up."""
    kinds = {name: "Int64" if pa.types.is_integer(rows.field(name).type) else "String" for name in rows.column_names}
    single.execute("DROP TABLE IF EXISTS states SYNC")
    columns = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    single.execute(f"CREATE TABLE states ({columns}) ENGINE = Memory")
    single.insert("states", rows)
    keys = [name for name in kinds if not name.startswith("of_")]
    made = [f"sum({name}) AS {name}" for name in kinds if name.startswith("of_") and name not in apart]
    made += [
        f"uniqExactMerge(CAST(unhex({name}) AS AggregateFunction(uniqExact, UInt64))) AS {name}" for name in apart
    ]
    return single.query(f"SELECT {', '.join([*keys, *made])} FROM states GROUP BY {', '.join(keys)}")


def values(cube: Cube, name: str) -> dict[Any, list[float]]:
    array = np.asarray(cube.value(name), dtype=float)
    found = {key: array[:, place].tolist() for key, place in cube.combinations.items()}
    return {key: numbers for key, numbers in found.items() if any(number for number in numbers if number == number)}


@pytest.mark.parametrize(("count", "prefer"), [(3, Prefer.EVENTS), (2, Prefer.AUTO), (3, Prefer.AUTO)])
def test_every_quantity_of_shards_adds_up(
    single: Engine, shards: dict[int, list[Engine]], count: int, prefer: Prefer
) -> None:
    layout = Layout.read(single, CATALOG, UTC)
    together, alone = covered(shards[count], layout), read_coverage(single, layout)
    assert (together.first, together.last, together.has_mixed) == (alone.first, alone.last, True)
    asked = set()
    for by, grain in (((), "day"), (("os",), "week"), (("city",), "month"), (("post",), "total")):
        names = [name for name in NAMES if may_ask(CATALOG, name, by)]
        question = Question.of(CATALOG, names, WINDOW, by=by, grain=grain)
        plan = make_plan(layout, together, question, prefer)
        ours = Cube(plan, lambda each: merged(shards[count], each, single), CATALOG)
        plan = make_plan(layout, alone, question, prefer)
        theirs = Cube(plan, lambda each: single.query(each.sql, each.parameters), CATALOG)
        for name in names:
            found = values(theirs, name)
            np.testing.assert_equal(values(ours, name), found, err_msg=f"{name} by {by} {grain}")
            asked |= {name} if found else set()
    assert asked == set(NAMES)


@pytest.mark.parametrize("count", [2, 3])
def test_retention_and_audience_of_shards_add_up(single: Engine, shards: dict[int, list[Engine]], count: int) -> None:
    layout = Layout.read(single, CATALOG, UTC)

    def triangle(engine: Engine, by: str) -> dict[Any, tuple[int, int]]:
        question = RetentionQuestion.of(layout.catalog, WINDOW, by=by or ())
        found = retention(engine, layout, read_coverage(engine, layout), question, today=LAST)
        return {(row["cohort"], row["offset"], row.get(by)): (row["size"], row["users"]) for row in found.records}

    def audience(engine: Engine, by: str) -> dict[Any, tuple[int, ...]]:
        question = AudienceQuestion.of(layout.catalog, WINDOW, by=by or (), grain="week")
        found = audience_of(engine, layout, read_coverage(engine, layout), question, today=LAST)
        parts = ("active", "new", "retained", "returning", "gone")
        return {(row["time"], row.get(by)): tuple(row[part] or 0 for part in parts) for row in found.records}

    for read in (triangle, audience):
        for by in ("", "os", "city"):
            total: dict[Any, np.ndarray[Any, Any]] = {}
            for engine in shards[count]:
                for key, numbers in read(engine, by).items():
                    total[key] = total.get(key, 0) + np.asarray(numbers)
            alone = {key: numbers for key, numbers in read(single, by).items() if any(numbers)}
            assert {key: tuple(map(int, numbers)) for key, numbers in total.items() if numbers.any()} == alone
            assert alone


def test_the_ddl_runs_with_a_cluster_of_one_shard() -> None:
    command = [sys.executable, "-m", "tests.integration.one_shard"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.stdout, done.stderr[-3000:]  # it ends itself by a signal
    told = json.loads(done.stdout)
    tables = told["accepted"]["tables"]
    assert tables["big.Distributed"] == 14
    assert tables["big_shard.ReplicatedMergeTree"] >= 11
    assert not any("." in name and name.split(".")[1] in ("MergeTree", "ReplacingMergeTree") for name in tables)
    asked = told["questions"]
    assert asked["migrated"] == [[], []]
    assert "each shard rolls up its own users" in asked["refused"]
    assert "there are no rollups" in asked["before"]
    assert (asked["events"], asked["reason"], asked["mixed"]) == (7_500, "", True)
    assert asked["same"] == {"auto": True, "events": True}
    assert asked["asked"] == sum(may_ask(CATALOG, name, by) for name in NAMES for by in ((), ("city",)))
    assert "are rolled up" in asked["late"]


def test_measures_that_are_no_sums_are_known() -> None:
    """Only of these the shards' answers are no numbers to add, but states to merge."""
    assert APART == ["receivers", "posts"]
