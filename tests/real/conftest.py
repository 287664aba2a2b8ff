"""The real feed in a warehouse, for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.integration.one_database import one_database

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine
from appanalytics.warehouse.load import load_files, read_mapping
from appanalytics.warehouse.rollup import rollup

MAPPING = Path(__file__).resolve().parents[2] / "examples" / "deskdrop.yaml"


@pytest.fixture(scope="session")
def feed_year(engine_folder: Path, real_data: Path) -> Iterator[Engine]:
    """A year of a company's feed, loaded and rolled up in UTC."""
    with one_database(engine_folder, "feed_year") as engine:
        load_files(engine, "feed", [real_data / "feed" / "deskdrop_interactions.csv.gz"], read_mapping(MAPPING))
        rollup(engine, load_catalog(), ZoneInfo("UTC"))
        yield engine
