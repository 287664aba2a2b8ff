"""A load that is broken off at any point and run again ends where an undisturbed one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from appanalytics.engine import Engine, connect
from appanalytics.errors import EngineError
from appanalytics.warehouse.days import day_states
from appanalytics.warehouse.load import ChunkSize, LoadReport, load_files, parse_mapping
from appanalytics.warehouse.migrate import migrate

from .one_database import emptied, one_database

MAPPING = parse_mapping("columns: {time: t, user_id: u, post_id: u, action: {constant: view}}")
TABLES = ("feed_actions", "rejects", "loads", "load_chunks", "day_log")
SIZE = ChunkSize(text_bytes=600)


class Undisturbed(NamedTuple):
    """A load that nothing broke off: its report, how many lasting changes it made, and what it left."""

    report: LoadReport
    changes: int
    state: list[Any]


class Broken(Exception):
    """Stands for a killed process: nothing after it is run."""


class Fragile:
    """An engine that breaks for good before the ``at``-th statement that changes something lasting.

    Reading and staging in between change nothing, so these are all the states that a crash can leave.
    """

    def __init__(self, engine: Engine, at: int = 10**9) -> None:
        self.changes = 0
        self._engine, self._at = engine, at

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if name not in ("query", "rows", "scalar", "execute", "insert"):
            return found

        def call(sql: str, *arguments: Any, **more: Any) -> Any:
            lasting = name in ("execute", "insert") and "load_stage_" not in sql.split("SELECT", maxsplit=1)[0]
            self.changes += lasting
            if self.changes >= self._at:
                raise Broken
            return found(sql, *arguments, **more)

        return call


class Partial(Fragile):
    """An engine that stores only one month of the first insert of events, and then breaks for good."""

    def execute(self, sql: str, parameters: Any = None, settings: Any = None) -> None:
        if self._at == 0:
            raise Broken
        if sql.startswith("INSERT INTO feed_actions"):
            self._engine.execute(f"{sql} AND toMonth(v0) = 2", parameters, settings)
            self._at = 0
            raise Broken
        self._engine.execute(sql, parameters, settings)


@pytest.fixture(scope="module")
def database(engine_folder: Path) -> Iterator[Engine]:
    with one_database(engine_folder, "load_interrupted") as made:
        yield made


@pytest.fixture
def engine(database: Engine) -> Engine:
    return emptied(database)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two chunks over three months, with bad rows in each."""
    rows = [f"2024-0{1 + place % 3}-10 10:00:00,{place if place % 7 else 'x'}" for place in range(45)]
    made = tmp_path_factory.mktemp("interrupted") / "a.csv"
    made.write_text("t,u\n" + "\n".join(rows))
    return made


@pytest.fixture(scope="module")
def undisturbed(database: Engine, path: Path) -> Undisturbed:
    whole = Fragile(emptied(database))
    report = run(whole, path)
    return Undisturbed(report, whole.changes, state(database))


def clear(engine: Engine) -> None:
    for table in TABLES:
        engine.execute(f"TRUNCATE TABLE {table}")


def state(engine: Engine) -> list[Any]:
    return [
        engine.rows("SELECT time, user_id, count() AS n FROM feed_actions GROUP BY ALL ORDER BY ALL"),
        engine.rows("SELECT file, line, reason, raw, count() AS n FROM rejects GROUP BY ALL ORDER BY ALL"),
        engine.rows("SELECT chunk, rows, loaded, skipped, reasons FROM load_chunks FINAL ORDER BY chunk"),
        [day.day for day in day_states(engine)],
    ]


def run(engine: Any, path: Path, size: ChunkSize = SIZE) -> LoadReport:
    return load_files(engine, "feed", [path], MAPPING, zone=ZoneInfo("UTC"), chunk_size=size)


def test_broken_off_before_any_change(undisturbed: Undisturbed, engine: Engine, path: Path) -> None:
    report, changes, expected = undisturbed
    assert (report.rows, report.loaded, len(expected[2])) == (45, 38, 2)
    assert changes == 12  # two entries of the load; marks, rejects, events, marks and an entry for each chunk
    # In the midst of the first chunk, and after each change of the last one.
    for at in (4, *range(8, changes + 1)):
        clear(engine)
        with pytest.raises(Broken):
            run(Fragile(engine, at), path)
        # A changed default must not move the edges of chunks of a load that began.
        began = engine.scalar("SELECT count() FROM loads") > 0
        resumed = run(engine, path, ChunkSize(text_bytes=100) if began else SIZE)
        assert state(engine) == expected, f"broken off before change {at}"
        assert (resumed.rows, resumed.loaded + resumed.already, resumed.rejected) == (45, 38, 7)


def test_an_insert_of_which_one_month_got_through(undisturbed: Undisturbed, engine: Engine, path: Path) -> None:
    with pytest.raises(Broken):
        run(Partial(engine), path)
    assert 0 < engine.scalar("SELECT count() FROM feed_actions") < 15
    run(engine, path)
    assert state(engine) == undisturbed.state


def test_chunks_that_are_in_but_not_in_the_ledger(engine: Engine, path: Path) -> None:
    """The crash between an insert and its entry: the inserts' tokens are all that is left."""
    run(engine, path)
    expected = state(engine)
    engine.execute("TRUNCATE TABLE load_chunks")
    engine.execute("ALTER TABLE loads DELETE WHERE done", settings={"mutations_sync": 2})
    report = run(engine, path)
    assert report.loaded == 38
    assert state(engine) == expected


def test_an_interrupted_load_leaves_no_stage(engine: Engine, path: Path) -> None:
    class Interrupted(Fragile):
        def insert(self, table: str, rows: Any, settings: Any = None) -> None:
            if table == "rejects":
                raise KeyboardInterrupt
            self._engine.insert(table, rows, settings)

    with pytest.raises(KeyboardInterrupt):
        run(Interrupted(engine), path)
    assert not engine.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'load_s%'"
    )
    assert run(engine, path).rows == 45


def test_an_engine_s_error_leaves_what_is_whole(engine: Engine, path: Path) -> None:
    engine.execute("ALTER TABLE feed_actions ADD CONSTRAINT few CHECK user_id < 40")
    with pytest.raises(EngineError):
        run(engine, path)
    engine.execute("ALTER TABLE feed_actions DROP CONSTRAINT few")
    report = run(engine, path)
    assert report.already > 0
    assert engine.scalar("SELECT count() FROM feed_actions") == 38


KILLED = """
import sys
from pathlib import Path
from appanalytics.engine import connect
from appanalytics.warehouse.load import ChunkSize, load_files, parse_mapping
from appanalytics.warehouse.migrate import migrate

url, path, mapping = sys.argv[1:]
engine = connect(url, create=True)
migrate(engine)


def tell(step, done, total, unit=""):
    if step.startswith("loading"):
        print("chunk", flush=True)


size = ChunkSize(text_bytes=20_000)
report = load_files(engine, "feed", [Path(path)], parse_mapping(mapping), tell, chunk_size=size)
print("done", report.rows, report.loaded + report.already, engine.scalar("SELECT count() FROM feed_actions"),
      engine.scalar("SELECT sum(user_id) FROM feed_actions"), engine.scalar("SELECT count() FROM rejects"))
"""


def test_kill_dash_nine(tmp_path: Path) -> None:
    """A process that is killed while it loads; the next one, over the same folder, goes on."""
    count = 4_000
    rows = "".join(f"2024-0{1 + place % 9}-10 10:00:00,{place if place % 10 else 'x'}\n" for place in range(count))
    (tmp_path / "a.csv").write_text("t,u\n" + rows)
    mapping = "columns: {time: t, user_id: u, post_id: u, action: {constant: view}}"
    command = [sys.executable, "-c", KILLED, f"chdb://{tmp_path}/warehouse", str(tmp_path / "a.csv"), mapping]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)] == ["chunk\n"] * 3
        process.send_signal(signal.SIGKILL)
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    sound = [place for place in range(count) if place % 10]
    expected = f"done {count} {len(sound)} {len(sound)} {sum(sound)} {count - len(sound)}"
    assert finished.stdout.splitlines()[-1:] == [expected], finished.stderr


def test_stages_of_a_killed_process_are_swept_after_a_week(engine: Engine, path: Path, engine_folder: Path) -> None:
    for name in ("young", "old"):
        engine.execute(f"CREATE TABLE load_stage_{name} (row UInt32) ENGINE = Memory")
    (definition,) = engine_folder.glob("store/**/load_stage_old.sql")
    week_ago = time.time() - 8 * 24 * 3600
    os.utime(definition, (week_ago, week_ago))
    run(engine, path)
    assert stages(engine) == ["load_stage_young"]


def stages(engine: Engine) -> list[str]:
    rows = engine.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND startsWith(name, 'load_stage_')"
    )
    return [row["name"] for row in rows]


def test_the_next_connection_knows_what_was_loaded(engine: Engine, path: Path) -> None:
    run(engine, path)
    other = connect(engine.url)
    try:
        assert migrate(other) == []
        assert run(other, path).loaded == 0
    finally:
        other.close()
