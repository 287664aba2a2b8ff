"""The real feed in a warehouse, for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.engine.port import PINNED
from appanalytics.warehouse.load import load_files, read_mapping
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import rollup

MAPPING = Path(__file__).resolve().parents[2] / "examples" / "deskdrop.yaml"


@pytest.fixture(scope="module", autouse=True)
def compiled_expressions() -> Iterator[None]:
    """The engine compiles expressions, as it does for users."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in PINNED if name.startswith("compile_")]:
            patch.delitem(PINNED, name)
        yield


@pytest.fixture(scope="session")
def stored_feed_year(engine_folder: Path, real_data: Path) -> WarehouseUrl:
    """A year of a company's feed, rolled up in UTC; held open by nobody, as other tests open folders of their own."""
    url = WarehouseUrl.parse(f"chdb://{engine_folder}?database=feed_year")
    with closing(connect(url, create=True)) as engine:
        migrate(engine)
        load_files(engine, "feed", [real_data / "feed" / "deskdrop_interactions.csv.gz"], read_mapping(MAPPING))
        rollup(engine, load_catalog(), ZoneInfo("UTC"))
    return url


@pytest.fixture(scope="module")
def feed_year(stored_feed_year: WarehouseUrl) -> Iterator[Engine]:
    """The company's feed, to be read."""
    with closing(connect(stored_feed_year)) as engine:
        yield engine
