"""`up --data`: files are found by their names, loaded with the mapping beside them, and rolled up."""

from __future__ import annotations

from pathlib import Path

import pytest

from appanalytics.app import open_app
from appanalytics.engine import Engine
from appanalytics.errors import FileError
from appanalytics.jobs.own_data import load_own_data, own_files

SOURCES = ["feed", "messages"]
FEED = "when,who,what,kind\n2026-11-01 10:00:00,1,7,VIEW\n2026-11-01 10:00:05,1,7,LIKE\n"
MAPPING = """\
columns:
  time: when
  user_id: who
  post_id: what
  action: {column: kind, values: {VIEW: view, LIKE: like}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "feed-2026.csv").write_text(FEED, encoding="utf-8")
    (tmp_path / "messages.csv").write_text("time,user_id,receiver_id\n2026-11-01 10:00:00,2,1\n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("not events", encoding="utf-8")
    (tmp_path / "feedback.csv").write_text("not events either", encoding="utf-8")
    (tmp_path / "feed.yaml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def test_a_folder_is_loaded_once(folder: Path, engine: Engine, warehouse_url: str) -> None:
    found = own_files(folder, SOURCES)
    assert [(each.source, [file.name for file in each.files], bool(each.mapping)) for each in found] == [
        ("feed", ["feed-2026.csv"], True),
        ("messages", ["messages.csv"], False),
    ]
    with open_app(warehouse_url) as app:
        for _ in range(2):
            list(load_own_data(app, found))
            assert app.query(["views", "likes", "messages", "users"]).records[0].items() >= {
                "views": 1, "likes": 1, "messages": 1, "users": 2,
            }.items()  # fmt: skip


def test_one_file(folder: Path) -> None:
    (found,) = own_files(folder / "feed-2026.csv", SOURCES)
    assert (found.source, found.mapping) == ("feed", folder / "feed.yaml")


def test_nothing_found_says_how_to_name_files(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no"):
        own_files(tmp_path / "nowhere", SOURCES)
    (tmp_path / "events.csv").write_text(FEED, encoding="utf-8")
    with pytest.raises(FileError, match="is named after a service") as caught:
        own_files(tmp_path, SOURCES)
    assert "feed….csv" in str(caught.value.hint)
