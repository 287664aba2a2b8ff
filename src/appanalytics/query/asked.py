"""What every compiler of statements knows: the question, what the warehouse holds, and how to read activity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from appanalytics.errors import QuestionError, nearest
from appanalytics.query import activity, statements
from appanalytics.query.coverage import Coverage
from appanalytics.query.question import Question
from appanalytics.query.scope import Scope
from appanalytics.query.statements import Kind, Statement
from appanalytics.query.timeline import Timeline
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain

START = "{start:DateTime64(3, 'UTC')}"
END = "{end:DateTime64(3, 'UTC')}"
#: Users whose compact dimensions changed, so that rollups which add up over dimensions count them several times.
MIXED = "SELECT user_id FROM mixed_users WHERE compact"


class Prefer(StrEnum):
    """Where numbers may come from: the best relation, the events, or rollups and nothing else."""

    AUTO = "auto"
    EVENTS = "events"
    ROLLUPS = "rollups"

    @classmethod
    def parse(cls, text: str | Prefer) -> Prefer:
        """Read a name; a wrong one is a `QuestionError`."""
        try:
            return cls(text)
        except ValueError:
            raise QuestionError(f"unknown relation {str(text)!r}", hint=nearest(str(text), list(cls))) from None


class Asked:
    """One question over one warehouse."""

    def __init__(self, layout: Layout, coverage: Coverage, question: Question, prefer: Prefer) -> None:
        self.layout = layout
        self.catalog = layout.catalog
        self.coverage = coverage
        self.question = question
        self.prefer = prefer
        self.timeline = Timeline.of(question)
        self.compact = {each.name for each in layout.compact}

    def why_events(self, lookback: int = 0) -> str:
        """Why rollups cannot answer for the window and the days before it; empty when they can."""
        window = self.question.window
        reason = ""
        if self.prefer is Prefer.EVENTS:
            return "asked for events"
        if self.question.grain.is_below_day:
            reason = f"the grain {self.question.grain} is below a day"
        elif not window.is_whole_days:
            reason = "the window does not begin and end at midnight"
        else:
            reason = self.coverage.why_not_rollups(window.first_day - timedelta(days=lookback), window.last_day)
        if reason and self.prefer is Prefer.ROLLUPS:
            raise QuestionError(f"rollups cannot answer: {reason}", hint="leave out --from rollups")
        return reason

    def labels(self) -> Scope:
        """Dimensions of the compact rollups, which hold labels."""
        return Scope.of_labels(self.catalog, sorted(self.compact))

    def from_days(
        self,
        relation: str,
        scope: Scope,
        values: dict[str, str],
        more: Sequence[str] = (),
        reason: str = "",
        sign: int = 1,
    ) -> Statement:
        """Aggregates of a rollup's rows of the window's days."""
        conditions, parameters = scope.conditions(self.question)
        days = ["day >= {first:Date}", "day < {until:Date}", *more]
        bucket = self.timeline.bucket_of_day("day")
        sql = statements.grouped(relation, bucket, scope.groups(self.question.by), values, days + conditions)
        return self.statement("grouped", relation, sql, parameters, values, reason, sign=sign)

    def bucket_start(self) -> str:
        """First day of a row's bucket within the window."""
        start = {Grain.DAY: "day", Grain.WEEK: "toMonday(day)", Grain.MONTH: "toStartOfMonth(day)"}
        named = start.get(self.question.grain)
        return f"greatest({named}, {{first:Date}})" if named else "{first:Date}"

    def activity(self, lookback: int = 0) -> tuple[str, str, str]:
        """Activity of the window and ``lookback`` days before it: relation, its name, why not a rollup."""
        why = self.why_events(lookback)
        if not why:
            since = f"{{first:Date}} - {lookback}" if lookback else "{first:Date}"
            return activity.from_rollup(self.catalog, since, "{until:Date}"), "user_day", ""
        return self.activity_of_events(lookback), "events of all sources", why

    def activity_of_events(self, lookback: int = 0) -> str:
        """Activity from the events; two hours more than the days looked back on, for changes of clocks."""
        start = f"{START} - toIntervalSecond({lookback * 86_400 + 7_200})" if lookback else START
        return activity.from_events(self.catalog, self.timeline, start, END)

    def statement(
        self,
        kind: Kind,
        relation: str,
        sql: str,
        parameters: dict[str, Any],
        leaves: Iterable[str],
        reason: str = "",
        **more: Any,
    ) -> Statement:
        """A statement with just the parameters that it uses."""
        bound = self.timeline.parameters() | parameters
        used = {name: value for name, value in bound.items() if f"{{{name}:" in sql}
        names = tuple(leaves) or tuple(name for names in more.get("windows", {}).values() for name in names)
        return Statement(kind, relation, reason, sql, used, names, **more)
