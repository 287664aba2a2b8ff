"""Datasets of stored results: whole in both languages, values of filters from where they are whole."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest

from appanalytics.anomalies.incidents import State as IncidentState
from appanalytics.catalog import load_catalog
from appanalytics.dashboards import Connection, Datasets, load_specs, parse_spec, render
from appanalytics.dashboards import stored_words as words
from appanalytics.dashboards.names import uuid_of
from appanalytics.errors import DashboardError
from appanalytics.experiments.checks import Kind
from appanalytics.experiments.decide import Outcome, Step
from appanalytics.experiments.words_en import ENGLISH

CATALOG = load_catalog()


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_every_code_has_a_name(locale: str) -> None:
    assert set(words.steps(locale)) == {str(each) for each in Step}
    assert {str(each) for each in Kind} - set(words.checks(locale)) == {"duplicates"}  # of files of users only
    assert set(words.SAME_SCALE) <= set(words.methods(locale))
    assert {f"risk_{kind}" for kind in words.risks(locale)} == {key for key in ENGLISH if key.startswith("risk_")}
    if locale == "ru":
        codes = {str(each) for each in [*Outcome, *IncidentState]} - {"dropped"}
        assert codes <= set(words.states(locale))


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_nothing_is_left_open_in_the_sql(locale: str) -> None:
    for dataset in Datasets(CATALOG, ZoneInfo("Europe/Moscow"), locale).all.values():
        assert not re.search(r"\$[a-z]", dataset.sql), dataset.name


def test_a_filter_offers_the_values_of_data_that_have_all_of_them() -> None:
    bundle = render(load_specs(), Datasets(CATALOG, ZoneInfo("UTC")), Connection())

    def source(page: str, column: str) -> str:
        made = bundle.files[f"dashboards/{page}.yaml"]["metadata"]["native_filter_configuration"]
        (target,) = [
            target for each in made for target in each["targets"] if target.get("column", {}).get("name") == column
        ]
        return str(target["datasetUuid"])

    assert source("adhoc-outage", "outage_day") == uuid_of("dataset", "days")
    assert source("experiment", "experiment") == uuid_of("dataset", "experiment_list")
    assert source("alerts", "watched_slice") == uuid_of("dataset", "watched_list")
    assert source("main", "country") == uuid_of("dataset", "people")


def test_an_interval_needs_data_with_intervals() -> None:
    text = (
        "name: mine\ntitle: {en: Mine}\nrows:\n  - charts:\n      - name: one\n        title: {en: One}\n"
        "        chart: interval\n        metrics: [views]\n        by: [country]\n"
    )
    with pytest.raises(DashboardError, match=r"mine.yaml:7: the data .* have no intervals"):
        render([parse_spec(text, "mine.yaml")], Datasets(CATALOG, ZoneInfo("UTC")), Connection())
