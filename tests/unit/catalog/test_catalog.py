"""The catalog: what is shipped, what a project may add, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.catalog.describe import definition
from appanalytics.catalog.sql import aggregate, label
from appanalytics.errors import CatalogError, QuestionError

CATALOG = load_catalog()


def own(tmp_path: Path, text: str):
    file = tmp_path / "catalog.yaml"
    file.write_text(text, encoding="utf-8")
    return load_catalog(file)


def test_the_metrics_of_the_original_exist() -> None:
    names = {each.name for each in CATALOG.quantities()}
    assert names >= {
        "views", "likes", "ctr", "users", "dau", "wau", "mau", "mau28", "wau_calendar", "mau_calendar", "posts",
        "likes_per_user", "likes_per_post", "messages", "senders", "receivers", "new_users", "stickiness",
        "feed_users", "messenger_users", "both_users", "feed_only_users", "messenger_only_users",
    }  # fmt: skip
    assert set(CATALOG.dimensions) == {
        "gender", "age", "age_group", "country", "city", "os", "source", "exp_group", "post",
    }  # fmt: skip


@pytest.mark.parametrize("quantity", list(CATALOG.quantities()), ids=lambda each: each.name)
def test_every_entry_is_labelled_and_explained(quantity) -> None:
    assert set(quantity.labels) == {"en", "ru"}
    assert quantity.description
    assert quantity.unit
    assert quantity.owner
    assert definition(CATALOG, quantity.name)


def test_a_project_adds_overrides_and_removes(tmp_path: Path) -> None:
    catalog = own(
        tmp_path,
        """
        measures:
          reposts: {source: feed, count: {action: repost}}
          likes: {source: feed, count: {action: [like, love]}, unit: events}
        metrics:
          repost_rate: {ratio: [reposts, views]}
          messenger_share: null
        """,
    )
    assert aggregate(catalog.sources["feed"], catalog.measures["likes"]) == "countIf(action IN ('like', 'love'))"
    assert [leaf.name for leaf in catalog.leaves("repost_rate")] == ["reposts", "views"]
    assert "messenger_share" not in catalog.metrics
    assert catalog.fingerprint() != CATALOG.fingerprint()
    assert load_catalog().fingerprint() == CATALOG.fingerprint()


def test_another_spelling_of_a_column(tmp_path: Path) -> None:
    catalog = own(
        tmp_path,
        "sources: {messages: {table: message_actions, columns: {receiver: reciever_id}}}",
    )
    assert aggregate(catalog.sources["messages"], catalog.measures["receivers"]) == "uniqExact(reciever_id)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metrics: {a: {ratio: [b, views]}, b: {ratio: [a, views]}}", "goes in a circle: a → b → a"),
        ("metrics: {a: {ratio: [a, views]}}", "goes in a circle: a → a"),
        ("metrics: {a: {ratio: [vews, likes]}}", "did you mean views?"),
        ("measures: {a: {source: feed, unique: receiver}}", "one measure reads one source"),
        ("measures: {a: {source: messages, count: {action: like}}}", "'action' belongs to the source 'feed'"),
        ("measures: {a: {source: fed, count: {}}}", "did you mean feed?"),
        ("measures: {a: {source: feed, cont: {}}}", "did you mean count?"),
        ("measures: {a: {source: [feed, messages], count: {}}}", "measures.a.source"),
        ("measures: {a: {source: feed}}", "a measure is one of"),
        ("measures: {a: {source: feed, unique: user, sum: age}}", "a measure is one of"),
        ("measures: {a: {unique: post}}", "may leave out the source"),
        ("measures: {time: {source: feed, count: {}}}", "the name is reserved"),
        ("measures: {ctr: {source: feed, count: {}}}", "both a measure and a metric"),
        ("metrics: {a: {active: views, days: 7}}", "unique: user"),
        ("metrics: {a: {active: users}}", "give `days` or `period`"),
        ("metrics: {a: {active: users, days: 7, period: week}}", "give `days` or `period`"),
        ("metrics: {a: {active: users, days: 0}}", "greater than or equal to 1"),
        ("dimensions: {a: {column: age, bands: [30, 20]}}", "`bands` must rise"),
        ("dimensions: {a: {column: age, bands: [30], values: {1: x}}}", "give `values` or `bands`, not both"),
        ("measures: {a: {source: feed, unique: user, active_in: [feed]}}", "go without a `source`"),
        ("measures: {a: {unique: user, first: true, active_in: [feed]}}", "`first` goes without `active_in`"),
        ("measures: {a: {unique: user, inactive_in: [feed]}}", "`inactive_in` needs `active_in`"),
        ("dimensions: {a: {column: city, parent: contry}}", "did you mean country?"),
        ("measuers: {}", "did you mean measures?"),
        ("measures: [views]", "must be a mapping"),
        ("- a", "must be a mapping"),
        ("measures: {a: {source: feed, count: {}}, a: {source: feed, count: {}}}", "is there twice"),
        ("measures: {A B: {source: feed, count: {}}}", "measures.A B"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CatalogError) as caught:
        own(tmp_path, text)
    assert said in str(caught.value)
    assert "catalog.yaml" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="cannot read the catalog"):
        load_catalog(tmp_path / "no.yaml")


def test_unknown_names_in_questions() -> None:
    with pytest.raises(QuestionError, match="did you mean"):
        CATALOG.quantity("stickyness")
    with pytest.raises(QuestionError, match="did you mean"):
        CATALOG.dimension("genders")


def test_a_dimension_asked_for_as_a_metric_is_told_what_it_is() -> None:
    with pytest.raises(QuestionError) as caught:
        load_catalog().quantity("country")
    assert "country is a dimension: --by country slices by it" in (caught.value.hint or "")


def test_labels_in_sql() -> None:
    assert label(CATALOG.dimensions["gender"], "g") == "transform(toInt64(g), [0, 1], ['male', 'female'], 'unknown')"
    bands = label(CATALOG.dimensions["age_group"], "age")
    assert bands.startswith("multiIf(age = 0, 'unknown', age < 18, '0-17', age < 25, '18-24'")
    assert bands.endswith("'55+')")
