"""The bundle: the same bytes every time, identities that do not move, everything referred to is there."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.dashboards import Bundle, Connection, Datasets, load_specs, render
from appanalytics.dashboards.names import is_ours, mark, uuid_of

SNAPSHOT = Path(__file__).with_name("bundle.json")
NAMES = [
    *("main", "today", "feed-messenger", "retention", "audience", "adhoc-campaign", "adhoc-outage"),
    *("experiment", "alerts"),
]


def bundle(locale: str = "en") -> Bundle:
    return render(load_specs(), Datasets(load_catalog(), ZoneInfo("UTC"), locale), Connection(password="secret"))


def test_the_same_specs_give_the_same_bytes() -> None:
    assert bundle().zipped() == bundle().zipped()


def test_the_bundle_is_the_reviewed_one() -> None:
    """A change must be meant; write the snapshot again: ``python -m tests.unit.dashboards.snapshot``."""
    found = {path: hashlib.sha256(text.encode()).hexdigest()[:16] for path, text in bundle().texts().items()}
    assert found == json.loads(SNAPSHOT.read_text())


def test_no_password_is_in_it() -> None:
    assert "secret" not in "".join(bundle().texts().values())


@pytest.mark.parametrize("locale", ["en", "ru"])
def test_every_reference_leads_somewhere(locale: str) -> None:
    made = bundle(locale)
    charts = {uuid for kind, uuid in made.objects if kind == "chart"}
    shown = set()
    for name in NAMES:
        page = made.files[f"dashboards/{name}.yaml"]
        numbers = set()
        for node in page["position"].values():
            if isinstance(node, dict):
                assert set(node.get("children", [])) <= set(page["position"])
                if node["type"] == "CHART":
                    shown.add(node["meta"]["uuid"])
                    numbers.add(node["meta"]["chartId"])
        for each in page["metadata"]["native_filter_configuration"]:
            assert set(each["scope"]["excluded"]) <= numbers
            for target in each["targets"]:
                if target:
                    dataset = made.objects["dataset", target["datasetUuid"]]
                    columns = {column["column_name"] for column in dataset["columns"]}
                    assert target.get("column", {}).get("name", "day") in columns | {"day"}
    assert shown == charts
    for (kind, _), content in made.objects.items():
        if kind == "chart":
            dataset = made.objects["dataset", content["dataset_uuid"]]
            metrics = {metric["metric_name"] for metric in dataset["metrics"]}
            query = json.loads(content["query_context"])["queries"][0]
            assert set(query["metrics"]) <= metrics


def test_titles_are_in_the_language_asked_for_and_identities_stay() -> None:
    english, russian = bundle("en"), bundle("ru")
    assert set(english.objects) == set(russian.objects)
    assert russian.files["dashboards/audience.yaml"]["dashboard_title"] == "Аудитория по неделям"


#: Names of metrics that Russian analysts use as they are.
_SAME = {"CTR", "DAU", "WAU", "MAU", "Quick ratio", "p"}


def test_what_is_read_in_russian_is_russian() -> None:
    """Titles of dashboards, charts and filters, labels of columns and metrics, headings and texts."""
    keys = {"dashboard_title", "slice_name", "verbose_name", "label", "code", "text"}
    found: set[str] = set()

    def walk(value: object, key: str = "") -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, str(name))
        elif isinstance(value, list):
            for inner in value:
                walk(inner, key)
        elif isinstance(value, str) and key in keys and value:
            found.add(value)

    walk(bundle("ru").files)
    assert len(found) > 150
    plain = {text for text in found if not re.search("[а-яё]", text, re.IGNORECASE)}
    assert plain - _SAME == set()


def test_columns_are_not_named_as_metrics() -> None:
    """ClickHouse would take an alias of a metric for the column inside of another metric."""
    for dataset in Datasets(load_catalog(), ZoneInfo("UTC")).all.values():
        assert not dataset.column_names & set(dataset.metrics), dataset.name


def test_ours_is_what_is_marked_and_has_the_identity() -> None:
    uuid = uuid_of("chart", "main/views")
    assert is_ours("chart", uuid, mark("main/views"))
    assert not is_ours("chart", uuid, mark("main/likes"))
    assert not is_ours("chart", uuid, None)
    assert not is_ours("chart", "00000000-0000-0000-0000-000000000000", mark("main/views"))
