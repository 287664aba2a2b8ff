"""The notebook runs from top to bottom on a small app of its own, and says what that app's story is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "retention.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Texts of all outputs. The kernel is a process of its own, so its warehouse is one, too."""
    folder = tmp_path_factory.mktemp("notebook")
    settings = {
        "APPANALYTICS_WAREHOUSE__URL": f"chdb://{folder}/warehouse",
        "IPYTHONDIR": str(folder),
        "JUPYTER_RUNTIME_DIR": str(folder),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.delenv("APPANALYTICS_CONFIG", raising=False)
        words = ["simulate", "--users", "2000", "--days", "46", "--until", "2026-11-01"]
        made = "import sys; from appanalytics.cli.main import run; sys.exit(run(sys.argv[1:]) or run(['rollup']))"
        command = [sys.executable, "-c", made, *words]
        subprocess.run(command, check=True, cwd=folder, env=dict(os.environ), capture_output=True, timeout=240)
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        NotebookClient(
            notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        ).execute()
    return ["".join(_texts(cell)) for cell in notebook.cells if cell.cell_type == "code"]


def _texts(cell: nbformat.NotebookNode) -> list[str]:
    found = []
    for output in cell.outputs:
        data = output.get("data", {})
        found += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
        found += ["(picture)" for kind in data if kind == "image/png"]
    return found


def test_the_notebook_tells_the_story(outputs: list[str]) -> None:
    everything = "\n".join(outputs)
    assert everything.count("(picture)") == 10
    assert "organic newcomers come back more often than ads ones" in everything
    assert "Новички organic возвращаются чаще" in everything
    assert "2026-10-26:" in everything  # the campaign's day
    assert "feed+messages" in everything


def test_the_notebook_is_committed_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
