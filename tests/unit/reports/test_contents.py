"""The report's contents: the shipped file fits the shipped catalog, mistakes name file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from appanalytics.catalog import Catalog, load_catalog
from appanalytics.errors import FileError, SettingsError
from appanalytics.reports import load_contents

GOOD = "sections: [{metrics: [views]}]\n"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def write(folder: Path, text: str) -> Path:
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_contents_hold_what_the_original_reported(catalog: Catalog) -> None:
    contents = load_contents()
    contents.check(catalog)
    assert {"dau", "views", "likes", "ctr", "likes_per_user", "likes_per_post"} <= set(contents.metrics())
    assert [item.metric for item in contents.picture] == ["views", "likes", "ctr", "dau"]


def test_labels_come_from_the_file_then_from_the_catalog(tmp_path: Path, catalog: Catalog) -> None:
    own = write(tmp_path, "sections: [{metrics: [views, {metric: likes, labels: {en: Hearts}}]}]")
    views, likes = load_contents(own).items()
    assert (views.label(catalog, "ru"), likes.label(catalog, "ru")) == ("Просмотры", "Hearts")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sections: [", "own.yaml is not YAML"),
        ("- views", "own.yaml: the top level must be a mapping"),
        ("title: {en: Report}", "own.yaml: sections: Field required"),
        ("sections: []", "own.yaml: sections: List should have at least 1 item"),
        ("sections: [{metrics: []}]", "own.yaml: sections.0.metrics: List should have at least 1 item"),
        (GOOD + "emojy: x", "own.yaml: emojy: unknown key .did you mean emoji?"),
        ("sections: [{metrics: [views], titel: {en: a}}]", "sections.0.titel: unknown key .did you mean title?"),
        (
            "sections: [{metrics: [{metric: views, label: {en: a}}]}]",
            "metrics.0.label: unknown key .did you mean labels?",
        ),
        ("sections: [{metrics: [{metric: views, labels: {fr: a}}]}]", "labels are in 'en' and 'ru', not 'fr'"),
        (GOOD + "picture: [a, b, c, d, e]", "own.yaml: picture: List should have at most 4 items"),
        (GOOD + "quiet_minutes: soon", "own.yaml: quiet_minutes: Input should be a valid integer"),
    ],
)
def test_a_mistake_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_contents(write(tmp_path, text))


def test_an_unknown_metric_is_found_before_anything_is_asked(tmp_path: Path, catalog: Catalog) -> None:
    contents = load_contents(write(tmp_path, "sections: [{metrics: [views, likess]}]"))
    with pytest.raises(
        SettingsError, match=r"own.yaml: sections.0.metrics.1: unknown metric 'likess' .did you mean likes"
    ):
        contents.check(catalog)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read the report's contents"):
        load_contents(tmp_path / "none.yaml")
