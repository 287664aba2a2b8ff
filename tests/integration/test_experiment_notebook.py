"""The notebook of an experiment runs from its first to its last cell over a small demo."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUN = """
import sys
from appanalytics.cli.main import run
sys.exit(run(["--config", sys.argv[1], *sys.argv[2:]]) or run(["--config", sys.argv[1], "rollup"]))
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo of its own: a notebook's kernel is a process of its own, and so needs a folder of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    file = folder / "appanalytics.toml"
    file.write_text(
        f"[warehouse]\nurl = 'chdb://{folder / 'warehouse'}'\n[experiments]\nfolder = '{EXAMPLES / 'experiments'}'\n"
    )
    words = ["simulate", "--users", "2500", "--days", "34", "--until", "2026-11-01"]
    subprocess.run([sys.executable, "-c", RUN, str(file), *words], check=True, capture_output=True, timeout=240)
    return file


def test_the_notebook_runs(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPANALYTICS_CONFIG", str(settings))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    book = nbformat.read(EXAMPLES / "experiment.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in book.cells), "commit the notebook without outputs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's own libraries
        asyncio.run(NotebookClient(book, timeout=120, kernel_name="python3").async_execute())
    shown = "".join(
        str(output.get("data", output.get("text", ""))) for cell in book.cells for output in cell.get("outputs", [])
    )
    assert "A/A rehearsal" in shown
    assert "How it was decided" in shown
    assert "image/png" in shown
    assert "polarised" in shown
