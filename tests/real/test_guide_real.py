"""The guide docs/your-own-app.md on two real apps: its commands are run as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from appanalytics.cli.main import run

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "your-own-app.md").read_text(encoding="utf-8")
COMMANDS = re.search(r"## Your events are in files\n.*?```\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()  # type: ignore[index]
#: What the commands print, by their first words; counted from the files by hand and by pandas elsewhere.
SAID = {
    "load feed": "72,312 rows, 66,831 loaded, 5,481 skipped",
    "load messages": "59,835 rows, 59,835 loaded",
    "rollup": "126,666 events",
    "query views": "61,086",
    "query messages": "59,835",
    "query mau": "2017-02-01",
    "retention": "2016-03-01",
}


def test_the_guide(
    real_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    warehouse_url: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APPANALYTICS_WAREHOUSE__URL", warehouse_url)
    files = {path.name: path for path in (*real_data.glob("*/*.gz"), *(ROOT / "examples").glob("*.yaml"))}
    left = dict(SAID)
    for line in COMMANDS:
        _, *words = shlex.split(line)
        code = run([str(files.get(Path(word).name, word)) for word in words])
        told = capsys.readouterr()
        assert code == 0, (line, told.err)
        key = next(key for key in left if line.startswith(f"appanalytics {key}"))
        assert left.pop(key) in told.out, (line, told.out)
    assert not left
