"""What tables are taken for, by the names of their columns and a sample of their rows."""

from __future__ import annotations

import pytest

from appanalytics.adopt import guess
from appanalytics.adopt.guess import candidates, feed_branch, message_branch, unix_unit
from appanalytics.adopt.sketch import Column, Sketch

NUMBERS = ("17", "23", "5")
TIME = Column(
    "created_at", "DateTime", 1.0, 90, "2026-03-01 00:00:00", "2026-03-02 00:00:00", ("2026-03-01 00:00:00",)
)
USER = Column("user_id", "UInt64", 1.0, 50, "1", "90", NUMBERS)
POST = Column("post_id", "UInt64", 1.0, 40, "1", "80", NUMBERS)
RECEIVER = Column("receiver_id", "UInt64", 1.0, 50, "1", "90", NUMBERS)


def table(name: str, *columns: Column, rows: int = 1000) -> Sketch:
    return Sketch("shop", name, rows, columns, sampled=min(rows, 1000))


def acted(*values: str) -> Column:
    return Column("action", "LowCardinality(String)", 1.0, len(values), min(values), max(values), values)


def found(column: Column, role: str) -> tuple[str, float] | None:
    """The reason and the confidence of a column for a role; None where it cannot be it."""
    picks = candidates(table("events", column), role)
    return (picks[0].reason, picks[0].confidence) if picks else None


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("DateTime", "DateTime"), ("DateTime('UTC')", "DateTime"), ("Nullable(DateTime64(3, 'UTC'))", "DateTime64"),
        ("Date", "Date"), ("Date32", "Date32"), ("LowCardinality(Nullable(String))", "String"),
        ("FixedString(4)", "FixedString"), ("Enum8('a' = 1)", "Enum8"),
        ("Map(String, String)", "Map(String, String)"),
    ],
)  # fmt: skip
def test_what_a_type_is_at_heart(kind: str, base: str) -> None:
    assert Column("c", kind).base == base


def test_a_table_for_each_action_together_are_the_feed() -> None:
    """Tables called after what their rows are: all of them, each with its one action."""
    made = guess([table("post_views", TIME, USER, POST), table("post_likes", TIME, USER, POST, rows=50)])
    assert {(each.sketch.table, each.constant) for each in made.feed} == {
        ("post_views", "view"),
        ("post_likes", "like"),
    }
    assert "its name says view" in {each.reason for each in made.feed}
    assert made.others == ()


def test_a_table_of_all_actions_is_not_joined_with_one_of_a_single_action() -> None:
    """Both would count the likes twice."""
    events = table("log", TIME, Column("actor", "UInt64", 1.0, 50, "1", "90", NUMBERS), acted("view", "like"))
    likes = table("post_likes", TIME, USER, POST)
    made = guess([events, likes])
    assert [each.constant for each in made.feed] in ([""], ["like"])
    assert len(made.feed) == 1


def test_messages_among_other_actions_are_picked_by_their_value() -> None:
    branch = message_branch(table("things", TIME, USER, RECEIVER, acted("message", "view")))
    assert branch is not None
    assert branch.actions == {"message": ("message",)}
    assert branch.constant == ""


def test_views_and_likes_of_one_by_another_are_no_messages() -> None:
    assert message_branch(table("things", TIME, USER, RECEIVER, acted("view", "like"))) is None
    assert message_branch(table("messages", TIME, USER, RECEIVER, acted("view", "like"))) is not None


def test_a_table_without_users_is_no_event() -> None:
    assert feed_branch(table("prices", TIME, POST)) is None


def test_attributes_are_taken_only_from_a_table_that_joins() -> None:
    """Users named by text cannot be those of a feed that has numbers."""
    text = Column("user_id", "String", 1.0, 1000, "a", "z", ("a", "b"))
    country = Column("country", "String", 1.0, 5, "DE", "US", ("DE", "US"))
    feed = table("events", TIME, USER, POST, acted("view", "like"))
    (branch,) = guess([feed, table("users", text, country)]).feed
    assert branch.profile is None
    number = Column("user_id", "UInt64", 1.0, 1000, "1", "1000", NUMBERS)
    (branch,) = guess([feed, table("users", number, country)]).feed
    assert branch.profile is not None
    assert branch.picks["country"].profile


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (Column("at", "DateTime64(3)", 1.0, 9, "2026-03-01 00:00:00", "2026-03-02", ("x",)), "2026-03-01 00:00:00"),
        (Column("day", "Date", 1.0, 9, "2026-03-01", "2026-03-02", ("2026-03-01",)), "days without times"),
        (Column("ts", "Int64", 1.0, 9, "1772323200", "1772409600", ("1772323200",)), "s since 1970"),
        (Column("ts", "Int64", 1.0, 9, "1772323200000", "1772409600000", ("1772323200000",)), "ms since 1970"),
        (Column("ts", "Int64", 1.0, 9, "1772323200000000", "1772409600000000", ("17",)), "us since 1970"),
        (
            Column("time", "String", 1.0, 9, "2026-03-01T10:00", "2026-03-02", ("2026-03-01T10:00",)),
            "2026-03-01T10:00",
        ),
    ],
)
def test_kinds_of_time(column: Column, reason: str) -> None:
    told = found(column, "time")
    assert told is not None
    assert reason in told[0]


@pytest.mark.parametrize(
    "column",
    [
        Column("time", "String", 1.0, 9, "morning", "noon", ("morning", "noon")),
        Column("time", "Int64", 1.0, 9, "1", "24", ("1",)),
        Column("time", "DateTime"),  # no row of the sample has one
    ],
)
def test_what_is_called_time_and_is_none(column: Column) -> None:
    assert found(column, "time") is None


def test_numbers_outside_of_all_units_are_no_time() -> None:
    assert unix_unit(Column("n", "UInt64", low="1", high="1772409600000000")) == ""


def test_a_time_in_seconds_is_nobodys_id() -> None:
    seconds = Column("created", "UInt64", 1.0, 9, "1772323200", "1772409600", ("1772323200",))
    assert found(seconds, "user_id") is None
    assert found(Column("user_id", "UInt64", 1.0, 1, "7", "7", ("7",)), "user_id") is not None


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (Column("sex", "String", 1.0, 3, "", "М", ("Ж", "М")), "values Ж, М"),
        (Column("gender", "UInt8", 1.0, 2, "0", "1", ("0", "1")), "0 is taken for male, 1 for female"),
        (Column("gender", "Bool", 1.0, 2, "false", "true", ("false", "true")), "0 is taken for male, 1 for female"),
    ],
)
def test_kinds_of_gender(column: Column, reason: str) -> None:
    told = found(column, "gender")
    assert told is not None
    assert reason in told[0]


def test_a_number_with_many_values_is_no_gender() -> None:
    assert found(Column("gender", "Int32", 1.0, 9, "0", "9", ("0", "9")), "gender") is None


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (Column("age", "UInt8", 1.0, 60, "14", "90", ("20",)), "14…90"),
        (Column("birth_year", "UInt16", 1.0, 60, "0", "2010", ("1990",)), "years of birth"),
        (Column("birthday", "Date", 1.0, 60, "1950-01-01", "2010-01-01", ("1990-01-01",)), "days of birth"),
    ],
)
def test_kinds_of_age(column: Column, reason: str) -> None:
    told = found(column, "age")
    assert told is not None
    assert reason in told[0]
    assert found(Column("registered", "Date", 1.0, 60, "1950-01-01", "2010-01-01", ("x",)), "age") is None


def test_a_small_number_is_no_age_by_itself() -> None:
    assert found(Column("quantity", "UInt8", 1.0, 20, "1", "20", ("1", "2")), "age") is None
