"""The SQL of typical questions, kept as files that a reader of SQL can review.

Each file of ``fixtures/`` begins with the question; the rest is what `Plan.explain` must say. After a change
that is meant, write them again with ``UPDATE_FIXTURES=1 make test`` and read the difference.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from appanalytics.catalog import load_catalog
from appanalytics.errors import QuestionError
from appanalytics.query import Coverage, Prefer, Question, make_plan
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Window

FIXTURES = Path(__file__).parent / "fixtures"
CATALOG = load_catalog()
COMMON = {"time": "DateTime64(3, 'UTC')", "user_id": "UInt64", "gender": "Int8", "age": "UInt8", "exp_group": "Int8"}
COMMON |= dict.fromkeys(["country", "city", "os", "source"], "LowCardinality(String)")
TYPES = {
    "feed": COMMON | {"post_id": "UInt64", "action": "LowCardinality(String)"},
    "messages": COMMON | {"receiver_id": "UInt64"},
}
FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC)


def planned(asked: dict) -> str:
    zone = ZoneInfo(asked.pop("zone", "UTC"))
    window = Window.of(*asked.pop("window"), zone)
    coverage = Coverage(
        FIRST,
        LAST,
        stale=tuple(asked.pop("stale", ())),
        has_mixed=asked.pop("mixed", False),
        has_changing=asked.pop("changing", False),
    )
    prefer = Prefer.parse(asked.pop("prefer", "auto"))
    question = Question.of(CATALOG, asked.pop("metrics"), window, **asked)
    return make_plan(Layout(CATALOG, zone, TYPES), coverage, question, prefer).explain()


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.sql")), ids=lambda path: path.stem)
def test_plan(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header = "".join(line.removeprefix("--? ") for line in text.splitlines(keepends=True) if line.startswith("--? "))
    found = planned(yaml.safe_load(header))
    if os.environ.get("UPDATE_FIXTURES"):
        shown = "".join(f"--? {line}\n" for line in header.splitlines())
        path.write_text(f"{shown}\n{found}\n", encoding="utf-8")
    assert found + "\n" == path.read_text(encoding="utf-8").partition("\n\n")[2]


def test_there_are_fixtures() -> None:
    assert len(list(FIXTURES.glob("*.sql"))) >= 10


def ask(metrics: str = "views", since: str = "2026-01-01", until: str = "2026-01-08", **more: object) -> str:
    return planned({"metrics": metrics, "window": (since, until), **more})


@pytest.mark.parametrize(
    ("asked", "relation"),
    [
        ({"metrics": "views"}, "slice_day"),
        ({"metrics": "users", "by": ["source", "os"], "grain": "week"}, "active_link"),
        ({"metrics": "views", "by": "city"}, "user_day"),
        ({"metrics": "views", "by": "post"}, "post_total"),
        ({"metrics": "views", "by": ["post", "os"]}, "post_day"),
        ({"metrics": "views", "by": ["post", "city"]}, "events feed"),
        ({"metrics": "posts"}, "post_total"),
        ({"metrics": "posts", "by": "os"}, "post_day"),
        ({"metrics": "posts", "by": "city"}, "events feed"),
        ({"metrics": "feed_users", "by": ["post", "os"]}, "post_link"),
        ({"metrics": "feed_users", "by": ["post", "city"]}, "events feed"),
        ({"metrics": "receivers"}, "events messages"),
        ({"metrics": "mau", "by": "country"}, "active_delta"),
        ({"metrics": "mau", "by": "city"}, "user_day"),
        ({"metrics": "new_users", "by": "source"}, "active_link"),
        ({"metrics": "new_users", "by": "city"}, "user_day"),
        ({"metrics": "new_users", "by": "source", "mixed": True}, "user_day"),
        ({"metrics": "views", "grain": "15m"}, "events feed"),
        ({"metrics": "mau", "grain": "hour"}, "events of all sources"),
        ({"metrics": "users", "since": "2026-01-01T06:00"}, "events of all sources"),
        ({"metrics": "views", "stale": [date(2026, 1, 3)]}, "events feed"),
        ({"metrics": "views", "stale": [date(2026, 2, 3)]}, "slice_day"),
        # A rolling window looks back, so a day before the question matters, too.
        ({"metrics": "mau", "stale": [date(2025, 12, 20)]}, "events of all sources"),
        ({"metrics": "views", "prefer": "events"}, "events feed"),
    ],
)
def test_the_smallest_relation_that_is_exact(asked: dict, relation: str) -> None:
    first_line = ask(**asked).splitlines()[0]
    assert first_line.partition(" from ")[2].partition(":")[0] == relation


def test_rollups_or_an_error() -> None:
    with pytest.raises(QuestionError, match="2026-01-03 changed after the last roll-up"):
        ask(stale=[date(2026, 1, 3)], prefer="rollups")


def test_values_of_users_never_become_sql() -> None:
    text = ask(where={"country": "x') OR 1=1 --"}, by="country")
    assert "OR 1=1" not in text.partition("SELECT")[2]
    assert r"SET param_where_0 = '[\'x\') OR 1=1 --\']';" in text or "x\\') OR 1=1" in text


def test_measures_of_one_relation_share_a_statement() -> None:
    assert ask(metrics="views,likes,ctr,feed_users,messages", by="city").count("SELECT") == 1
