"""Definitions of experiments: what may be written, what is refused and how it is told."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.errors import ExperimentError
from appanalytics.experiments import Experiment, parse_experiment, read_experiment, variant_of
from appanalytics.experiments.metrics import user_metric
from appanalytics.experiments.registry import collides, find_experiment, read_registry
from appanalytics.experiments.split import assigned

CATALOG = load_catalog()
HASHED = {"control": {"weight": 1}, "treatment": {"weight": 1}}


def definition(**changes: object) -> Experiment:
    raw: dict[str, object] = {
        "name": "ranking", "since": "2026-03-10", "until": "2026-03-20", "assignment": {"dimension": "exp_group"},
        "variants": {"control": {"value": 1}, "treatment": {"value": 2}}, "primary": "ctr",
    }  # fmt: skip
    return parse_experiment(raw | changes, "here")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"assignment": {"dimension": "exp_group", "layer": "feed"}}, "`layer` goes with `salt`"),
        ({"title": {"en": "Ranking", "de": "Reihenfolge"}}, "texts are in 'en' and 'ru'"),
        ({"assignment": {"salt": "x"}}, "`value` goes with a dimension; a hash takes weights"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ExperimentError) as told:
        definition(**changes)
    assert said in str(told.value)


def test_texts_are_taken_in_their_language() -> None:
    assert definition(title="Ranking").text("title", "ru") == "Ranking"
    assert definition(title={"en": "Ranking", "ru": "Порядок"}).text("title", "ru") == "Порядок"


def test_days_that_cannot_be_are_told() -> None:
    with pytest.raises(ExperimentError, match=r"`until` \(2026-03-09\) is not after `since` \(2026-03-10\)"):
        definition(until="2026-03-09").period(None)
    relative = definition(since="day 2", until="day 9")
    with pytest.raises(ExperimentError, match="counts from the first day of events, and there are none yet"):
        relative.period(None)
    assert relative.period(date(2026, 3, 1)).since == date(2026, 3, 3)


@pytest.mark.parametrize(
    ("changes", "said", "hint"),
    [
        ({"primary": "ctrr"}, "ranking: unknown metric 'ctrr'", "ctr"),
        ({"segments": ["oss"]}, "ranking: no dimension of users 'oss'", "os"),
        ({"segments": ["post"]}, "ranking: no dimension of users 'post'", ""),
    ],
)
def test_names_of_the_catalog_are_checked(changes: dict[str, object], said: str, hint: str) -> None:
    with pytest.raises(ExperimentError) as told:
        definition(**changes).check(CATALOG)
    assert said in told.value.message
    assert hint in (told.value.hint or "")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dau", "dau"),
        ("posts", "has no value per user"),
        ("likes_per_post", "has no value per user"),
    ],
)
def test_metrics_without_a_value_per_user_are_refused(name: str, said: str) -> None:
    with pytest.raises(ExperimentError) as told:
        user_metric(CATALOG, name)
    assert said in str(told.value)


# --- the registry ---


def write(folder: Path, name: str, **changes: object) -> None:
    import yaml

    raw = definition(**changes).model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")


def test_a_file_is_named_by_itself_or_by_its_path(tmp_path: Path) -> None:
    write(tmp_path, "ranking")
    assert find_experiment(tmp_path, "ranking") == find_experiment(Path("/nowhere"), str(tmp_path / "ranking.yaml"))
    with pytest.raises(ExperimentError, match="no experiment 'rankin'") as told:
        find_experiment(tmp_path, "rankin")
    assert "ranking" in (told.value.hint or "")
    with pytest.raises(ExperimentError) as told:
        find_experiment(tmp_path / "none", "ranking")
    assert "docs/experiments.md" in (told.value.hint or "")


@pytest.mark.parametrize(
    ("text", "said"),
    [("- a list", "the top level must be a mapping"), ("a: [", "is not YAML"), ("since: 1", "ranking.yaml")],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "ranking.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ExperimentError) as told:
        read_experiment(tmp_path / "ranking.yaml")
    assert said in str(told.value)
    with pytest.raises(ExperimentError, match="cannot read"):
        read_experiment(tmp_path / "absent.yaml")


def layered(**changes: object) -> dict[str, object]:
    return {"assignment": {"salt": "x", "layer": "feed", "traffic": [0, 50]}, "variants": HASHED, **changes}


def test_experiments_of_one_layer_must_not_meet(tmp_path: Path) -> None:
    write(tmp_path, "one", **layered())
    write(tmp_path, "two", **layered(since="2026-03-19", until="2026-03-25"))
    with pytest.raises(ExperimentError, match="one and two share traffic of the layer 'feed' on common days"):
        read_registry(tmp_path)
    write(tmp_path, "two", **layered(since="2026-03-20", until="2026-03-25"))
    assert set(read_registry(tmp_path)) == {"one", "two"}


def test_days_of_two_kinds_cannot_be_told_apart() -> None:
    """``day 2`` may be any day before the first event, so the two must not share traffic."""
    one, other = definition(**layered()), definition(**layered(since="day 100", until="day 120"))
    assert collides(one, other)


# --- the split ---


def test_a_split_of_nobody_is_refused() -> None:
    for weights in ({}, {"a": 0, "b": 1}):
        with pytest.raises(ExperimentError, match="weights of 1 or more"):
            variant_of(1, "salt", weights)
    with pytest.raises(ExperimentError, match="variants are values of exp_group, not of a hash"):
        assigned(definition(), 1)
