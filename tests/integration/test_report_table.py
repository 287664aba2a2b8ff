"""The report table against an oracle in pandas that knows nothing of its SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from appanalytics.catalog import Catalog, load_catalog
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError
from appanalytics.query import Question, ask
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.report_table import (
    COLUMNS,
    MEASURES,
    build_report_table,
    read_report_day,
    read_report_days,
)
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Window

FIRST = date(2026, 3, 28)
MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 3, 28, 9, tzinfo=UTC)
ATTRIBUTES = ["gender", "age", "os"]
TABLES = ("feed_actions", "message_actions")

# Few users, values and seconds, so that ties, changes of attributes and silent receivers are common.
moments = st.integers(0, 3 * 24 * 12 - 1).map(
    lambda step: datetime(2026, 3, 27, 21, tzinfo=UTC) + step * timedelta(minutes=5)
)
attributes = st.tuples(
    st.sampled_from([-1, 0, 1]), st.sampled_from([0, 20, 41]), st.sampled_from(["iOS", "Android", ""])
)
views = st.tuples(
    moments, st.integers(1, 5), st.integers(1, 3), st.sampled_from(["view", "view", "like", "share"]), attributes
)
messages = st.tuples(moments, st.integers(1, 5), st.integers(1, 7), attributes)
worlds = st.tuples(st.lists(views, max_size=40), st.lists(messages, max_size=40))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def feed_frame(events: list[Any]) -> pd.DataFrame:
    rows = [(time, user, post, action, *attrs) for time, user, post, action, attrs in events]
    return pd.DataFrame(rows, columns=["time", "user_id", "post_id", "action", *ATTRIBUTES])


def message_frame(events: list[Any]) -> pd.DataFrame:
    rows = [(time, user, receiver, *attrs) for time, user, receiver, attrs in events]
    return pd.DataFrame(rows, columns=["time", "user_id", "receiver_id", *ATTRIBUTES])


def fill(engine: Engine, feed: pd.DataFrame, sent: pd.DataFrame) -> None:
    """Put events in place of all that are there, and mark the days of both, as every writer does."""
    before = " UNION DISTINCT ".join(f"SELECT toDate(time, 'Europe/Moscow') AS day FROM {table}" for table in TABLES)
    mark_changed(engine, [row["day"] for row in engine.rows(before)])
    for table, frame in zip(TABLES, (feed, sent), strict=True):
        engine.execute(f"TRUNCATE TABLE {table}")
        if len(frame):
            engine.insert(table, pa.Table.from_pandas(frame, preserve_index=False))
    local = [time.astimezone(MOSCOW).date() for frame in (feed, sent) for time in frame["time"]]
    mark_changed(engine, local)


def labels(row: Any) -> dict[str, str]:
    gender = {0: "male", 1: "female"}.get(row["gender"], "unknown")
    return {"gender": gender, "age": str(row["age"]) if row["age"] else "unknown", "os": row["os"]}


def expected(feed: pd.DataFrame, sent: pd.DataFrame, day: date, zone: ZoneInfo) -> dict[tuple[str, str], list[int]]:
    """The report table's rows of a day, by counting in plain Python."""
    feed, sent = (each.assign(day=[time.astimezone(zone).date() for time in each["time"]]) for each in (feed, sent))
    cells: dict[tuple[str, str], list[int]] = {}

    def add(of: dict[str, str], measure: str, count: int) -> None:
        for dimension, value in of.items():
            cells.setdefault((dimension, value), [0] * 6)[MEASURES.index(measure)] += count

    for _, row in feed[feed["day"] == day].iterrows():
        add(
            labels(row),
            {"view": "views", "like": "likes"}.get(row["action"], "views"),
            row["action"] in ("view", "like"),
        )
    today = sent[sent["day"] == day]
    for _, row in today.iterrows():
        add(labels(row), "messages_sent", 1)
    order = ["time", *ATTRIBUTES]
    for _, pair in today.groupby(["user_id", "receiver_id"]):
        add(labels(pair.sort_values(order).iloc[-1]), "users_sent", 1)
    for receiver, got in today.groupby("receiver_id"):
        who = last_known(pd.concat([feed, sent]), receiver, day)
        add(who, "messages_received", len(got))
        add(who, "users_received", got["user_id"].nunique())
    return cells


def last_known(events: pd.DataFrame, user: Any, day: date) -> dict[str, str]:
    mine = events[(events["user_id"] == user) & (events["day"] <= day)]
    if mine.empty:
        return dict.fromkeys(ATTRIBUTES, "unknown")
    latest = mine[mine["day"] == mine["day"].max()]
    if latest["day"].iloc[0] < day:  # of an earlier day: the combination that began last
        latest = latest.groupby(ATTRIBUTES, as_index=False)["time"].min()
    return labels(latest.sort_values(["time", *ATTRIBUTES]).iloc[-1])


def built(engine: Engine, day: date) -> dict[tuple[str, str], list[int]]:
    rows = read_report_day(engine, day)
    assert all(tuple(row) == COLUMNS and row["event_date"] == day.isoformat() for row in rows)
    cells = {(row["dimension"], row["dimension_value"]): [row[name] for name in MEASURES] for row in rows}
    assert len(cells) == len(rows)
    return cells


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking on a real engine takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(world=([(NOON, 1, 1, "view", (1, 20, "iOS"))], []), reverse=False, rolled=True)
@example(world=([], [(NOON + timedelta(days=1), 2, 1, (0, 41, "Android"))]), reverse=False, rolled=False)
@given(world=worlds, reverse=st.booleans(), rolled=st.booleans())
def test_it_equals_the_oracle(engine: Engine, catalog: Catalog, world: Any, reverse: bool, rolled: bool) -> None:
    feed, sent = feed_frame(world[0]), message_frame(world[1])
    fill(engine, feed, sent)
    if rolled:
        rollup(engine, catalog, MOSCOW)
    layout = Layout.read(engine, catalog, MOSCOW)
    days = [FIRST + timedelta(days=each) for each in range(3)]
    for day in reversed(days) if reverse else days:
        build_report_table(engine, layout, Window.of_day(day, MOSCOW))
    one_by_one = read_report_days(engine, Window.of(days[0], days[-1] + timedelta(days=1), MOSCOW))
    for day in days:
        assert built(engine, day) == expected(feed, sent, day, MOSCOW)
    build_report_table(engine, layout, Window.of(days[0], days[-1] + timedelta(days=1), MOSCOW))
    again = read_report_days(engine, Window.of(days[0], days[-1] + timedelta(days=1), MOSCOW))
    assert one_by_one.equals(again)


def test_it_equals_the_query_and_adds_up(engine: Engine, catalog: Catalog, utc: ZoneInfo) -> None:
    engine.execute(
        "INSERT INTO feed_actions (time, user_id, post_id, action, gender, age, os)"
        " SELECT toDateTime64('2026-03-01', 3, 'UTC') + number * 500, number % 40, number % 9,"
        "        if(number % 5 = 0, 'like', 'view'), number % 3 - 1, number % 40 % 7 * 10,"
        "        ['iOS', 'Android'][1 + number % 2] FROM numbers(500)"
    )
    engine.execute(
        "INSERT INTO message_actions (time, user_id, receiver_id, gender, age, os)"
        " SELECT toDateTime64('2026-03-01', 3, 'UTC') + number * 700, number % 30, number * 7 % 90,"
        "        number % 3 - 1, number % 40 % 7 * 10, ['iOS', 'Android'][1 + number % 2] FROM numbers(300)"
    )
    rollup(engine, catalog, utc)
    layout = Layout.read(engine, catalog, utc)
    window = Window.of("2026-03-01", "2026-03-04", utc)
    result = build_report_table(engine, layout, window, dimensions=("gender", "age", "os", "age_group"))
    assert str(result).startswith("report_daily: 2026-03-01 … 2026-03-03 (3 days), ")
    for day in window.days():
        rows = read_report_day(engine, day)
        assert {row["dimension"] for row in rows} == {"gender", "age", "os", "age_group"}
        sums = {
            tuple(sum(row[name] for row in rows if row["dimension"] == each) for name in MEASURES)
            for each in layout.catalog.dimensions
            if each in {row["dimension"] for row in rows}
        }
        (totals,) = sums  # one, because all dimensions agree
        asked = ask(engine, layout, Question.of(catalog, ["views", "likes", "messages"], Window.of_day(day, utc)))
        (answer,) = asked.records
        sent = dict(zip(MEASURES, totals, strict=True))
        assert (sent["views"], sent["likes"], sent["messages_sent"]) == (
            answer["views"],
            answer["likes"],
            answer["messages"],
        )
        assert sent["messages_received"] == sent["messages_sent"]
        assert sent["users_received"] == sent["users_sent"]
        for dimension in ("gender", "age", "os", "age_group"):
            question = Question.of(catalog, ["views", "likes", "messages"], Window.of_day(day, utc), by=dimension)
            answered = {
                str(record[dimension] if record[dimension] is not None else "unknown"): (
                    record["views"],
                    record["likes"],
                    record["messages"],
                )
                for record in ask(engine, layout, question).records
            }
            shown = {
                row["dimension_value"]: (row["views"], row["likes"], row["messages_sent"])
                for row in rows
                if row["dimension"] == dimension and row["views"] + row["likes"] + row["messages_sent"]
            }
            assert shown == answered


def test_a_day_is_replaced_whole_and_alone(engine: Engine, catalog: Catalog, utc: ZoneInfo) -> None:
    layout = Layout.read(engine, catalog, utc)
    engine.execute(
        "INSERT INTO message_actions (time, user_id, receiver_id, os) VALUES"
        " ('2026-03-01 10:00:00', 1, 2, 'iOS'), ('2026-03-02 10:00:00', 2, 9, 'Android')"
    )
    first, second = (Window.of_day(date(2026, 3, day), utc) for day in (1, 2))
    build_report_table(engine, layout, first)
    build_report_table(engine, layout, second, dimensions=["os"])
    kept = read_report_day(engine, date(2026, 3, 1))
    assert [row["dimension_value"] for row in kept if row["dimension"] == "os"] == ["iOS", "unknown"]
    assert {row["dimension"] for row in read_report_day(engine, date(2026, 3, 2))} == {"os"}
    engine.execute("DELETE FROM message_actions WHERE user_id = 2")
    result = build_report_table(engine, layout, second)
    assert result.empty == (date(2026, 3, 2),)
    assert "no events on 2026-03-02" in str(result)
    assert read_report_day(engine, date(2026, 3, 2)) == []
    assert read_report_day(engine, date(2026, 3, 1)) == kept
    assert (
        engine.scalar(
            "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'report_work%'"
        )
        == 0
    )


def test_columns_of_another_deployment(engine: Engine, catalog: Catalog, utc: ZoneInfo) -> None:
    engine.execute("ALTER TABLE message_actions RENAME COLUMN receiver_id TO reciever_id")
    engine.execute("ALTER TABLE feed_actions RENAME COLUMN os TO platform")
    spelt = catalog.sources["messages"].model_copy(update={"columns": {"receiver": "reciever_id"}})
    feed = catalog.sources["feed"].model_copy(
        update={"columns": {**catalog.sources["feed"].columns, "os": "platform"}}
    )
    other = catalog.model_copy(update={"sources": {"feed": feed, "messages": spelt}})
    layout = Layout.read(engine, other, utc)
    engine.execute(
        "INSERT INTO feed_actions (time, user_id, platform, action) VALUES ('2026-03-01 12:00:00', 5, 'iOS', 'view')"
    )
    engine.execute(
        "INSERT INTO message_actions (time, user_id, reciever_id, os) VALUES ('2026-03-01 10:00:00', 1, 5, 'Android')"
    )
    build_report_table(engine, layout, Window.of_day(date(2026, 3, 1), utc), dimensions=["os"])
    rows = {row["dimension_value"]: row for row in read_report_day(engine, date(2026, 3, 1))}
    assert rows["iOS"]["messages_received"] == 1
    assert rows["Android"]["users_sent"] == 1


@pytest.mark.parametrize("name", ["gendr", "post"])
def test_a_dimension_that_cannot_be(engine: Engine, catalog: Catalog, utc: ZoneInfo, name: str) -> None:
    layout = Layout.read(engine, catalog, utc)
    with pytest.raises(QuestionError, match=name):
        build_report_table(engine, layout, Window.of_day(FIRST, utc), dimensions=[name])
