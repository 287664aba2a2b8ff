"""Superset with its metadata in Postgres: set up once, a second time nothing; the admin and the roles are there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.postgres import fresh_postgres

from appanalytics.dashboards.superset import SupersetFolder, keep_secrets, set_up

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture
def postgres() -> Iterator[str]:
    """A fresh Postgres of this machine; yields its port."""
    with fresh_postgres("superset") as port:
        yield port


def test_metadata_in_postgres(postgres: str, tmp_path: Path) -> None:
    if not (ROOT / ".venv-superset" / "bin" / "superset").exists():
        pytest.fail("Superset is not installed: make superset-venv")
    uri = f"postgresql+psycopg2://superset@127.0.0.1:{postgres}/postgres"
    place = SupersetFolder(tmp_path / "superset", ROOT / ".venv-superset", metadata=uri)
    secrets = keep_secrets(place.folder)
    assert set_up(place, secrets, os.environ)
    assert not (place.folder / "superset.db").exists()
    asked = "SELECT username FROM ab_user; SELECT count(*) > 3 FROM ab_role; SELECT count(*) FROM dashboards"
    program = [place.program("python"), "-c",
               "import psycopg2, sys\nc = psycopg2.connect(sys.argv[1]).cursor()\n"
               "for q in sys.argv[2].split(';'):\n    c.execute(q); print(c.fetchone()[0])",
               f"host=127.0.0.1 port={postgres} user=superset dbname=postgres", asked]  # fmt: skip
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["admin", "True", "0"]
    assert not set_up(place, secrets, os.environ)
