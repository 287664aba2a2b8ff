"""Airflow's metadata in a Postgres of this machine, by one setting."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.e2e.airflow_stand import stand
from tests.e2e.postgres import fresh_postgres

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture
def postgres() -> Iterator[str]:
    """Address of an empty database of a Postgres that lives as long as the test."""
    with fresh_postgres("airflow") as port:
        yield f"postgresql://airflow:secret-of-the-test@127.0.0.1:{port}/postgres"


def test_metadata_in_postgres(tmp_path: Path, postgres: str) -> None:
    with stand(tmp_path, f'database = "{postgres}"', users=300, days=10) as running:
        day = running.until - timedelta(days=2)
        running.succeeds("daily_tables", running.trigger("daily_tables", day=f"{day}"))
        assert [row for row in running.rows() if row["event_date"] == day] == [
            row for row in running.direct if row["event_date"] == day
        ]
        told = running.airflow.run("db", "check")
        assert "secret-of-the-test" not in told
        assert not (running.airflow.home / "airflow.db").exists()
