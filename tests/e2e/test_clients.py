"""Real clients of ClickHouse in environments of their own: SQLAlchemy's dialect on 1.4 and 2, @clickhouse/client."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.served import DATABASE, Served, served

pytestmark = pytest.mark.e2e
_HERE = Path(__file__).parent
_LOCKS = _HERE.parents[1] / "requirements"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("clients") / "warehouse", {"admin": {"role": "admin"}}) as running:
        yield running


def _run(words: list[str], folder: Path, seconds: int) -> str:
    ended = subprocess.run(words, cwd=folder, timeout=seconds, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


def _environment(lock: str) -> Path:
    """The Python of an environment with what a lock names; it is kept beside the tests' own."""
    folder = Path(sys.prefix) / "e2e" / lock
    python, done, wanted = folder / "bin" / "python", folder / "lock", (_LOCKS / f"{lock}.txt").read_text()
    if not done.exists() or done.read_text() != wanted:
        uv = str(Path(sys.prefix) / "bin" / "uv")
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], _HERE, 120)
        install = [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes"]
        _run([*install, "-r", str(_LOCKS / f"{lock}.txt")], _HERE, 600)
        done.write_text(wanted)
    return python


@pytest.mark.parametrize(("lock", "version"), [("sqlalchemy14", "1"), ("sqlalchemy2", "2")])
def test_sqlalchemy(server: Served, lock: str, version: str) -> None:
    url = server.url().replace("http://", "clickhousedb://")
    seen = json.loads(_run([str(_environment(lock)), str(_HERE / "sqlalchemy_client.py"), url], _HERE, 60))
    assert seen == {
        "version": version,
        "tables": True,
        "columns": ["user", "country", "at"],
        "reflected": ["UInt32", "String", "DateTime64(3)"],
        "by_country": [["DE", 6], ["FR", 4]],
        "bound": [0, 3],
        "error": True,
    }


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no Node here")
def test_node(server: Served, tmp_path: Path) -> None:
    folder = shutil.copytree(_HERE / "node", tmp_path / "node")
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder, 300)
    url = f"http://127.0.0.1:{server.port}/{DATABASE}"
    seen: dict[str, Any] = json.loads(_run(["node", "client.mjs", url, "admin", "secret"], folder, 60))
    assert seen == {
        "ping": True,
        "rows": [{"id": 0, "name": "ünï 0"}, {"id": 1, "name": "ünï 1"}],
        "streamed": 200_000,
        "session": [{"a": 7}],
        "error": ["47", "UNKNOWN_IDENTIFIER"],
        "aborted": True,
        "progress": "string",
        "slept": [{"n": 8}],
    }
