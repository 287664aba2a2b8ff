"""From guesses to a decision: what a person said, what is sure, what is asked, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from appanalytics.adopt import guess, settle
from appanalytics.adopt.mapping import SourceMap
from appanalytics.adopt.settle import Wishes
from appanalytics.adopt.sketch import Column, Sketch
from appanalytics.errors import MappingError

from .test_guess import POST, RECEIVER, TIME, USER, acted, table

FEED = table("events", TIME, USER, POST, acted("view", "like", "share"))
MESSAGES = table("messages", TIME, USER, RECEIVER)
PEOPLE = table(
    "users",
    Column("user_id", "UInt64", 1.0, 1000, "1", "1000", ("1", "2")),
    Column("country", "String", 1.0, 5, "DE", "US", ("DE", "US")),
    Column("nation", "String", 1.0, 5, "German", "US", ("German", "US")),
)


def settled(*sketches: Sketch, **wishes: object) -> dict[str, SourceMap]:
    return {each.source: each for each in settle(sketches, guess(sketches), Wishes(**wishes))}  # type: ignore[arg-type]


class Answers:
    """A person who answers in order; the questions are kept."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, tuple[str, ...], str]]()

    def __call__(self, question: str, answers: Sequence[str], likely: str) -> str:
        self.asked.append((question, tuple(answers), likely))
        return self.answers.pop(0)


def test_a_feed_without_posts() -> None:
    (branch,) = settled(FEED, columns={"feed.post_id": "none"}, yes=True)["feed"].branches
    assert "post_id" not in branch.picks


def test_attributes_of_the_table_of_users_can_be_named_or_left_out() -> None:
    (branch,) = settled(FEED, PEOPLE, columns={"feed.city": "nation"}, yes=True)["feed"].branches
    assert branch.picks["city"].column.name == "nation"
    assert branch.picks["city"].profile
    (branch,) = settled(FEED, PEOPLE, tables={"users": ["none"]}, yes=True)["feed"].branches
    assert branch.profile is None
    assert "country" not in branch.picks


def test_messages_without_a_column_of_actions_are_all_messages() -> None:
    (branch,) = settled(MESSAGES, yes=True)["messages"].branches
    assert (branch.constant, branch.actions) == ("message", {})


def test_the_value_that_is_a_message_can_be_named() -> None:
    chats = table("messages", TIME, USER, RECEIVER, acted("message", "typing"))
    (branch,) = settled(chats, actions={"message": ("typing",)}, yes=True)["messages"].branches
    assert branch.actions == {"message": ("typing",)}


def test_what_is_not_sure_is_asked() -> None:
    """Two columns that may be the author: the likelier one is proposed."""
    two = table("events", TIME, Column("author_id", "UInt64", 1.0, 9, "1", "9", ("1",)),
                Column("actor", "UInt64", 1.0, 9, "1", "9", ("1",)), POST, acted("view", "like"))  # fmt: skip
    person = Answers("actor")
    (branch,) = settled(two, ask=person)["feed"].branches
    assert branch.picks["user_id"].column.name == "actor"
    assert "user_id" in person.asked[0][0]
    assert {"author_id", "actor"} <= set(person.asked[0][1])
    with pytest.raises(MappingError, match=r"not sure which column of events is feed\.user_id") as told:
        settled(two)
    assert told.value.hint is not None
    assert "--column feed.user_id=" in told.value.hint


def test_values_that_are_not_understood_are_asked_or_left_out() -> None:
    only_views = table("events", TIME, USER, POST, acted("view", "applause"))
    person = Answers("applause")
    (branch,) = settled(only_views, ask=person)["feed"].branches
    assert branch.actions == {"view": ("view",), "like": ("applause",)}
    assert person.asked == [("Which value of action is a like?", ("view", "applause", "none"), "none")]
    (branch,) = settled(only_views, ask=Answers("none"))["feed"].branches
    assert branch.actions == {"view": ("view",)}
    (branch,) = settled(only_views, yes=True)["feed"].branches
    assert branch.actions == {"view": ("view",)}
    with pytest.raises(MappingError, match=r"no value of events\.action looks like a like: view, applause"):
        settled(only_views)
