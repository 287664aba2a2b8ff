"""DAGs are pages: short, of the scheduling room alone, with nothing to compute and their words for the reader."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from appanalytics.settings import ScheduleSettings

DAGS = Path(__file__).resolve().parents[2] / "src" / "appanalytics" / "dags"
FILES = sorted(path for path in DAGS.glob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_dag_is_a_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 40
    assert (ast.get_docstring(tree) or "").startswith("DAG: "), "the docstring is the page in Airflow"
    assert "SELECT" not in text
    # Airflow reads only files that have both words ("safe mode").
    assert "dag" in text.lower()
    assert "airflow" in text.lower()
    ours = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    assert {name for name in ours if name.startswith("appanalytics")} <= {"appanalytics.scheduling"}


def test_every_dag_has_a_schedule() -> None:
    assert {path.stem for path in FILES} <= set(ScheduleSettings.model_fields)


def test_no_file_hides_a_package() -> None:
    """The folder is put on the path of modules, where `airflow.py` would hide Airflow."""
    assert not {path.stem for path in FILES} & {"airflow", "telegram", "appanalytics", "superset"}
