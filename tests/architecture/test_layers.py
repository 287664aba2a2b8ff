"""The building's rules, read from the source: who may import whom, who reads the clock and the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "appanalytics"

#: Floors of rooms and of single modules. Imports go down, or stay inside of one room.
FLOORS = {
    "errors": 0, "progress": 0, "sqltext": 0,
    "window": 1, "locales": 1, "pictures": 1, "document": 1, "sender": 1,
    "markup": 1, "chats": 1,
    "catalog": 2, "engine": 2, "stats": 2,
    "settings": 3, "warehouse": 3, "known_events": 3,
    "query": 4, "adopt": 4,
    "simulate": 5, "retention": 5, "audience": 5, "investigate": 5, "experiments": 5, "anomalies": 5, "server": 5,
    "reports": 6, "dashboards": 6, "notify": 6, "redash": 6,
    "app": 7, "jobs": 8, "cli": 9, "scheduling": 9, "dags": 10, "": 10,
}  # fmt: skip
#: Modules that may ask what time it is, and the one that may read the environment.
CLOCK = {"app", "cli", "jobs"}
ENVIRONMENT = {"settings"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return "" if first in ("__init__.py", "__main__.py") else first.removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of our own modules that a module imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("appanalytics"):
            if node.module == "appanalytics":
                yield from (alias.name for alias in node.names)
            else:
                yield node.module.removeprefix("appanalytics.")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("appanalytics."):
                    yield alias.name.removeprefix("appanalytics.")


def typing_only(tree: ast.Module) -> set[int]:
    """Lines under ``if TYPE_CHECKING:``; they import nothing when the program runs."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def without_typing(tree: ast.Module) -> ast.Module:
    hidden = typing_only(tree)
    kept = [
        node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) and node.lineno not in hidden
    ]
    return ast.Module(body=list(kept), type_ignores=[])


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    here = room(path)
    assert here in FLOORS, f"{here} has no floor yet: give it one in FLOORS"
    for name in imports(without_typing(ast.parse(path.read_text(encoding="utf-8")))):
        there = name.split(".")[0]
        if there in FLOORS and there != here:
            assert FLOORS[there] < FLOORS[here], (
                f"{here} (floor {FLOORS[here]}) imports {there} (floor {FLOORS[there]})"
            )


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_who_reads_the_clock_and_the_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if (
            node.attr in ("now", "today", "utcnow")
            and isinstance(node.value, ast.Name)
            and node.value.id in ("datetime", "date")
        ):
            assert room(path) in CLOCK, f"line {node.lineno} reads the clock"
        if node.attr in ("environ", "getenv") and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert room(path) in ENVIRONMENT, f"line {node.lineno} reads the environment"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.sql")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_sql_reads_the_clock(path: Path) -> None:
    text = "\n".join(line.partition("--")[0] for line in path.read_text(encoding="utf-8").lower().splitlines())
    for word in ("today()", "yesterday()", "now()"):
        assert word not in text, f"{word}: a window is an argument"


def test_rooms_stay_small() -> None:
    """A module over 400 lines is two ideas."""
    long = {str(path.relative_to(SOURCE)): len(path.read_text().splitlines()) for path in modules()}
    assert not {name: lines for name, lines in long.items() if lines > 400}
