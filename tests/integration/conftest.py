"""One server for all tests that speak HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .served import Served, served

USERS = {
    "admin": {"role": "admin"},
    "writer": {"role": "writer"},
    "reader": {
        "role": "reader",
        "max_seconds": 2,
        "max_memory": 200_000_000,
        "max_rows": 50_000_000,
        "max_result_rows": 1_000_000,
        "max_queries": 2,
    },
    "german": {"role": "reader", "rows": {"visits": "country = 'DE'"}},
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on a folder of its own, with an admin, a writer and two readers."""
    with served(tmp_path_factory.mktemp("served") / "warehouse", USERS) as running:
        running.text("CREATE TABLE visits (user UInt32, country String) ENGINE = MergeTree ORDER BY user")
        running.text("INSERT INTO visits VALUES (1, 'DE'), (2, 'FR'), (3, 'DE')")
        yield running
