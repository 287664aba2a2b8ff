"""The names that the library promises, and that each is documented."""

from __future__ import annotations

import ast
from pathlib import Path

import appanalytics

SOURCE = Path(appanalytics.__file__).parent


def test_public_names() -> None:
    assert sorted(appanalytics.__all__) == [
        "Answer", "App", "AppAnalyticsError", "Grain", "UserError", "Window", "__version__", "open",
    ]  # fmt: skip
    for name in appanalytics.__all__:
        assert getattr(appanalytics, name) is not None


def test_every_public_function_and_class_has_a_docstring() -> None:
    bare = []
    pages = set((SOURCE / "dags").glob("*.py"))  # there the module's docstring tells
    for path in set(SOURCE.rglob("*.py")) - pages:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                overrides = node.name == "construct_mapping"  # of a base class that documents it
                if not ast.get_docstring(node) and not overrides and not _inner(node, path):
                    bare.append(f"{path.relative_to(SOURCE)}:{node.lineno} {node.name}")
    assert not bare


def _inner(node: ast.FunctionDef | ast.ClassDef, path: Path) -> bool:
    """True for functions inside of functions, which are nobody's interface."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    inside = [child for parent in parents for child in ast.walk(parent) if child is not parent]
    return any(isinstance(child, type(node)) and child.lineno == node.lineno for child in inside)
