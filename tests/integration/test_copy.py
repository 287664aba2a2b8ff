"""`warehouse copy` from a folder to a real server and back, killed in the middle, repeated."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine, connect
from appanalytics.errors import IntegrityError, UserError
from appanalytics.warehouse import copy as copying
from appanalytics.warehouse.copy import copy_warehouse, day_prints, ledgers
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import rollup

from .served import Served, served

CATALOG = load_catalog()
FEED = CATALOG.sources["feed"]
FIRST, DAYS, ROWS = date(2026, 1, 29), 6, 6_000
FILL = """
INSERT INTO feed_actions (time, user_id, post_id, action, country)
SELECT toDateTime64({first:String}, 3, 'UTC') + number * {step:Float64}, cityHash64(number) % 700, number % 50,
       if(number % 5 = 0, 'like', 'view'), ['RU', 'DE'][number % 2 + 1]
FROM numbers({rows:UInt64})
"""
_PROGRAM = "import sys; from appanalytics.cli import main; main(sys.argv[1:])"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("copies") / "warehouse", {"admin": {"role": "admin"}}) as running:
        yield running


@pytest.fixture
def source(server: Served) -> Iterator[Engine]:
    """Events and a ledger in a database of the server."""
    engine = connect(server.url(database="copied_from"), create=True)
    migrate(engine)
    step = DAYS * 86_400 / ROWS
    engine.execute(FILL, {"first": f"{FIRST} 00:00:00", "step": step, "rows": ROWS})
    engine.execute("INSERT INTO message_actions (time, user_id, receiver_id) SELECT time, user_id, post_id"
                   " FROM feed_actions WHERE post_id < 5")  # fmt: skip
    engine.execute("INSERT INTO outbox SELECT toString(number), 'chat', number, 'send', '', 'a', '', '', now64(3)"
                   " FROM numbers(100)")  # fmt: skip
    yield engine
    engine.execute("DROP DATABASE copied_from SYNC")
    engine.close()


@pytest.fixture
def target(server: Served) -> Iterator[Engine]:
    engine = connect(server.url(database="copied_to"), create=True)
    migrate(engine)
    yield engine
    engine.execute("DROP DATABASE copied_to SYNC")
    engine.close()


def prints(engine: Engine) -> list[dict[date, tuple[int, int]]]:
    return [day_prints(engine, each) for each in CATALOG.sources.values()]


def test_a_copy_is_equal_and_a_second_one_does_nothing(source: Engine, target: Engine) -> None:
    report = copy_warehouse(source, target, CATALOG)
    assert (report.days, report.events, report.ledgers) == (2 * DAYS, ROWS + ROWS // 10, 1)
    assert prints(target) == prints(source)
    assert target.scalar("SELECT count(), sum(number) FROM outbox") == 100
    assert rollup(target, CATALOG, ZoneInfo("UTC")).events == ROWS + ROWS // 10
    again = copy_warehouse(source, target, CATALOG)
    assert (again.days, again.already, again.ledgers) == (0, 2 * DAYS, 0)
    assert rollup(target, CATALOG, ZoneInfo("UTC")).days == 0
    assert not target.rows("SELECT name FROM system.tables WHERE name LIKE 'copy_%'")


def test_new_days_follow_and_changed_ones_are_refused(source: Engine, target: Engine) -> None:
    copy_warehouse(source, target, CATALOG, until=FIRST + timedelta(days=2))
    assert sorted(prints(target)[0]) == [FIRST + timedelta(days=day) for day in range(2)]
    target.execute("ALTER TABLE feed_actions DELETE WHERE user_id % 100 = 7", settings={"mutations_sync": 2})
    held = prints(target)
    with pytest.raises(UserError, match="other events in feed_actions on 2 days"):
        copy_warehouse(source, target, CATALOG)
    assert prints(target) == held
    copy_warehouse(source, target, CATALOG, over=True)
    assert prints(target) == prints(source)


def test_what_arrives_otherwise_is_not_put_in_place(
    source: Engine, target: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = target.insert

    def lossy(table: str, rows: pa.Table, settings: dict[str, object] | None = None) -> None:
        whole(table, rows.slice(1) if table.startswith(copying.STAGE) else rows, settings)

    monkeypatch.setattr(target, "insert", lossy)
    with pytest.raises(IntegrityError, match="are not the same"):
        copy_warehouse(source, target, CATALOG)
    assert prints(target) == [{}, {}]


def test_every_ledger_is_known() -> None:
    assert {"outbox", "experiments", "loads", "incidents", "report_daily"} <= set(ledgers(CATALOG))
    assert not {"feed_actions", "day_log", "user_day", "warehouse_meta"} & set(ledgers(CATALOG))


def start(*arguments: str, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_copy_to_a_folder_goes_on_after_it_was_ended(
    source: Engine, server: Served, tmp_path: Path, end: signal.Signals
) -> None:
    url = f"chdb://{tmp_path / 'back'}"
    line = ["warehouse", "copy", server.url(database="copied_from"), url, "--no-rollup"]
    process = start(*line, folder=tmp_path)
    store = tmp_path / "back" / "store"
    for _ in range(600):  # until some days are in place
        if process.poll() is not None or len(list(store.glob("*/*/2026*"))) > 2:
            break
        time.sleep(0.05)
    os.kill(process.pid, end)
    _, told = process.communicate(timeout=60)
    assert process.returncode in (-end, 130, 0), told
    second = start(*line, "--format", "json", folder=tmp_path)
    _, told = second.communicate(timeout=120)
    assert second.returncode == 0, told
    hashed = "sum(cityHash64(time, user_id, post_id, action, country))"
    there = f"SELECT toDate(time) AS d, count(), {hashed} FROM feed_actions"
    check = (
        "import sys; from appanalytics.engine import connect; e = connect(sys.argv[1]);"
        f'print(e.query("{there} GROUP BY d ORDER BY d").to_pylist())'
    )
    found = subprocess.run([sys.executable, "-c", check, url], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == str(source.query(f"{there} GROUP BY d ORDER BY d").to_pylist())
