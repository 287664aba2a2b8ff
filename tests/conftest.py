"""Fixtures of all tests: a real engine with a fresh database for each test, and the real data of others."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.clean import clean_database, release

from appanalytics.engine import Engine, WarehouseUrl
from appanalytics.engine.port import PINNED

_numbers = itertools.count()

#: Files whose tests take longest, slowest first: what begins last is short, so that all processes end together.
LONG = (
    "test_rollups_exact.py", "test_cluster.py", "test_alerts_killed.py", "test_checks.py", "test_backup.py",
    "test_collector.py", "test_live.py", "test_supervisor.py",
    "test_report_real.py", "test_retention_real.py", "test_checks_real.py", "test_cli.py", "test_docs.py",
    "test_notebook.py", "test_experiment_notebook.py", "test_adopt.py", "test_messages_cli.py", "test_audience.py",
    "test_report_news.py", "test_guide_real.py", "test_alert_messages.py", "test_alerts.py",
)  # fmt: skip


# Compiling an expression to machine code costs more than it saves on the few rows of a test. Processes that tests
# start, and tests on data of others, do compile.
PINNED.update({"compile_expressions": 0, "compile_aggregate_expressions": 0, "compile_sort_description": 0})


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay to the end: no collection of garbage need look at them again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first; `--dist loadfile` gives each to one process."""
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def engine_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one data folder of this test process (the embedded engine allows no second)."""
    return tmp_path_factory.mktemp("warehouse")


@pytest.fixture
def warehouse_url(engine_folder: Path) -> str:
    """URL of a database that no other test uses; nothing is made yet."""
    return f"chdb://{engine_folder}?database=t{next(_numbers)}"


@pytest.fixture
def engine(warehouse_url: str) -> Iterator[Engine]:
    """A migrated, empty database of its own."""
    with clean_database(WarehouseUrl.parse(warehouse_url)) as opened:
        yield opened


def pytest_runtest_setup(item: pytest.Item) -> None:
    """The engine goes on from one test to the next, but not where a test may open another folder."""
    if "warehouse_url" not in getattr(item, "fixturenames", ()):
        release()


@pytest.fixture(scope="session")
def utc() -> ZoneInfo:
    return ZoneInfo("UTC")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real data, or a skip that says where it was looked for."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("APPANALYTICS_REAL_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; set APPANALYTICS_REAL_DATA")
    return folder
