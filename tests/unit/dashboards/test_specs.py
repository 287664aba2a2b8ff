"""Specs: what may be written, and what a mistake is told as."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.dashboards import Connection, Datasets, load_specs, parse_spec, render
from appanalytics.errors import DashboardError

DATASETS = Datasets(load_catalog(), ZoneInfo("UTC"))
GOOD = """\
name: mine
title: {en: Mine}
filters: [time, country]
rows:
  - charts:
      - name: dau
        title: {en: DAU}
        chart: line
        metrics: [dau]
        by: [source]
"""


def failure(text: str) -> DashboardError:
    with pytest.raises(DashboardError) as caught:
        render([parse_spec(text, "mine.yaml")], DATASETS, Connection())
    return caught.value


def test_a_good_spec_is_taken() -> None:
    bundle = render([parse_spec(GOOD, "mine.yaml")], DATASETS, Connection())
    assert bundle.files["charts/mine_dau.yaml"]["params"]["metrics"] == ["dau"]


@pytest.mark.parametrize(
    ("was", "now", "message", "hint"),
    [
        ("[dau]", "[dua]", "mine.yaml:9: unknown metric 'dua'", "dau"),
        ("[source]", "[sorce]", "mine.yaml:10: unknown dimension 'sorce' of the data 'active'", "source"),
        ("chart: line", "chart: lien", "mine.yaml:8: unknown chart 'lien'", "line"),
        ("[time, country]", "[time, contry]", "mine.yaml:3: unknown filter 'contry'", "country"),
        ("        by: [source]", "        bye: [source]", "mine.yaml:10: unknown key 'bye'", "by"),
        ("title: {en: Mine}", "titel: {en: Mine}", "mine.yaml:1: title: Field required", None),
        ("chart: line", "chart: sankey", "mine.yaml:6: a sankey needs `by` with two dimensions: from, to", None),
        ("[dau]", "[dau, views]", "mine.yaml:9: no data have dau, views together", "draw them"),
        ("rows:", "rows: [", "mine.yaml:5: not YAML", None),
        ("        by: [source]", "        data: user", "mine.yaml:10: unknown data 'user'", "users"),
        (
            "chart: line\n        metrics: [dau]",
            "chart: number\n        metrics: [dau, wau]",
            "mine.yaml:6: a number shows one metric",
            None,
        ),
        (
            "chart: line\n        metrics: [dau]\n        by: [source]",
            "chart: interval\n        metrics: [dau]",
            "mine.yaml:6: an interval needs one dimension in `by`",
            None,
        ),
        (
            "chart: line\n        metrics: [dau]\n        by: [source]",
            "chart: heatmap\n        metrics: [dau]",
            "mine.yaml:6: a heatmap needs `x` and one dimension in `by`",
            None,
        ),
        (
            "        by: [source]",
            "        x: country\n        compare: [7 days]",
            "mine.yaml:6: `compare` needs time on the x-axis",
            None,
        ),
        (
            "  - charts:",
            "  - heading: {en: Mine}\n    charts:",
            "mine.yaml:5: a row is one of `heading`, `text`, `charts`",
            None,
        ),
        (
            "        by: [source]",
            "      - {name: two, title: {en: Two}, chart: line, metrics: [dau]}",
            "mine.yaml:5: the charts of a row are wider than 12 together",
            None,
        ),
        ("        by: [source]", "        data: active\n        order: likes", "mine.yaml:11: ", "dau"),
    ],
)
def test_mistakes_name_file_line_and_what_was_meant(was: str, now: str, message: str, hint: str | None) -> None:
    error = failure(GOOD.replace(was, now, 1))
    assert error.message.startswith(message)
    if hint:
        assert hint in (error.hint or "")


@pytest.mark.parametrize("text", ["", "- a list", "a word"])
def test_a_file_that_is_no_mapping_says_what_a_dashboard_is(text: str) -> None:
    with pytest.raises(DashboardError, match=r"mine\.yaml:1: a dashboard is a mapping with name, title and rows"):
        parse_spec(text, "mine.yaml")


def test_two_charts_of_one_name() -> None:
    narrow = GOOD + "        width: 6\n"
    twice = narrow + narrow[narrow.index("      - name: dau") :]
    assert failure(twice).message == "mine.yaml:12: two charts are named 'dau'"


def test_a_users_folder_lies_over_the_shipped_specs(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(GOOD.replace("name: mine", "name: main"))
    (tmp_path / "mine.yaml").write_text(GOOD)
    specs = {each.spec.name: each for each in load_specs(tmp_path)}
    assert specs["main"].spec.title == {"en": "Mine"}
    assert {"today", "mine"} <= set(specs)
    with pytest.raises(DashboardError, match="no folder"):
        load_specs(tmp_path / "absent")
