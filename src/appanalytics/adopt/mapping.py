"""Which table and columns are a source's events: what was guessed, asked or given, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from appanalytics.adopt.sketch import Column, Sketch

#: The columns of the event tables by source: those that must be there first, then the user's attributes.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "feed": ("time", "user_id", "post_id", "action"),
    "messages": ("time", "user_id", "receiver_id"),
}
ATTRIBUTES = ("gender", "age", "country", "city", "os", "source", "exp_group")
TABLES: Mapping[str, str] = {"feed": "feed_actions", "messages": "message_actions"}


@dataclass(frozen=True)
class Pick:
    """A column chosen for a role, how sure that is (0 to 1; 1 for what a person said) and why.

    ``profile`` is true where the column is one of the table of users, not of the events.
    """

    column: Column
    confidence: float
    reason: str
    profile: bool = False


@dataclass(frozen=True)
class Profile:
    """A table with one row for each user, and the column that names him."""

    sketch: Sketch
    user: Column


@dataclass(frozen=True)
class Branch:
    """One table's part of a source. ``actions`` maps what ours are called to the values of the table's column.

    Without a column of actions every row is the one action named in ``constant``.
    """

    sketch: Sketch
    picks: Mapping[str, Pick]
    actions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constant: str = ""
    profile: Profile | None = None
    confidence: float = 1.0
    reason: str = ""


@dataclass(frozen=True)
class SourceMap:
    """A source's events: the rows of one table, or of several together.

    ``as_text`` says that ids of people are read as text, because one of the tables has them so.
    """

    source: str
    branches: tuple[Branch, ...]
    as_text: bool = False

    @property
    def table(self) -> str:
        """The event table that the source becomes."""
        return TABLES[self.source]

    @property
    def own_actions(self) -> list[str]:
        """Actions beyond those that the shipped catalog counts."""
        found = dict.fromkeys(name for branch in self.branches for name in branch.actions)
        return [name for name in found if name not in ("view", "like", "message")]
