"""What docs/loading.md shows is run here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from appanalytics.engine import Engine
from appanalytics.warehouse.load import load_files, parse_mapping
from appanalytics.warehouse.load.expression import FUNCTIONS
from appanalytics.warehouse.load.mapping import READINGS, ColumnMapping, Mapping
from appanalytics.warehouse.load.moments import _DIRECTIVES

from .one_database import emptied, one_database

PAGE = Path(__file__).resolve().parents[2] / "docs" / "loading.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"```csv\n(.*?)```(?:(?:(?!```).)*```yaml\n(.*?)```)?(?:(?!```).)*```text\n(.*?)```", TEXT, re.DOTALL
)


@pytest.fixture(scope="module")
def database(engine_folder: Path) -> Iterator[Engine]:
    with one_database(engine_folder, "load_docs") as made:
        yield made


@pytest.fixture
def engine(database: Engine) -> Engine:
    return emptied(database)


def test_the_page_has_its_examples() -> None:
    assert [bool(mapping) for _, mapping, _ in EXAMPLES] == [False, True, True]


@pytest.mark.parametrize(("content", "mapping", "printed"), EXAMPLES)
def test_examples(engine: Engine, tmp_path: Path, content: str, mapping: str, printed: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(content, encoding="utf-8")
    parsed = parse_mapping(mapping) if mapping else None
    source = (parsed.source if parsed else None) or "feed"
    assert str(load_files(engine, source, [path], parsed)) == printed.rstrip("\n")
    if "Дата" in content:
        rows = engine.rows("SELECT gender, age, os, source, post_id, country FROM feed_actions ORDER BY time")
        assert rows == [
            {"gender": 1, "age": 27, "os": "iOS", "source": "ads", "post_id": 2**64 - 17, "country": "Russia"},
            {"gender": 0, "age": 0, "os": "unknown", "source": "organic", "post_id": 2**64 - 17, "country": "Russia"},
        ]


def test_the_reference_is_complete() -> None:
    functions = TEXT.partition("and these functions:")[2].partition("Cells of text files")[0]
    assert re.findall(r"\w+", functions) == sorted(FUNCTIONS, key=str.lower)
    first_cells = set(re.findall(r"^\| `(\w+)`", TEXT, re.MULTILINE)) | {"unix_ms"}
    keys = {info.alias or name for model in (ColumnMapping, Mapping) for name, info in model.model_fields.items()}
    assert keys | set(READINGS) == first_cells
    assert set(re.findall(r"%(\w)", TEXT.partition("`strptime` with")[2].partition(";")[0])) == set(_DIRECTIVES) - {
        "%"
    }
