"""From a question to statements: for each measure the smallest relation that can answer exactly.

The order of preference is `active_delta` and `post_day` (compact), `user_day`, then the events. A rollup
answers only for whole days that did not change since they were rolled up; otherwise the events do, and the
plan says why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from appanalytics.catalog import Active, Measure
from appanalytics.catalog.sql import aggregate
from appanalytics.errors import QuestionError, nearest
from appanalytics.query import activity, statements
from appanalytics.query.coverage import Coverage
from appanalytics.query.question import Question
from appanalytics.query.scope import Scope
from appanalytics.query.statements import Kind, Statement
from appanalytics.query.timeline import Timeline
from appanalytics.sqltext import identifier
from appanalytics.warehouse.rollup import Layout
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, events_column
from appanalytics.window import Grain


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


@dataclass(frozen=True)
class Plan:
    """Statements that answer a question together, each leaf of its metrics in one of them (or more, by sign)."""

    question: Question
    timeline: Timeline
    statements: tuple[Statement, ...]

    def explain(self) -> str:
        """The plan and its SQL, ready to paste: parameters first, as SET statements."""
        return "\n\n".join(_explained(each) for each in self.statements)


def make_plan(layout: Layout, coverage: Coverage, question: Question, prefer: Prefer = Prefer.AUTO) -> Plan:
    """Choose a relation for every leaf and compile the statements."""
    planner = _Planner(layout, coverage, question, prefer)
    leaves = {leaf.name: leaf for name in question.metrics for leaf in layout.catalog.leaves(name)}
    return Plan(question, planner.timeline, tuple(planner.statements(leaves.values())))


class _Planner:
    """Compiles the leaves of one question."""

    def __init__(self, layout: Layout, coverage: Coverage, question: Question, prefer: Prefer) -> None:
        self.layout = layout
        self.catalog = layout.catalog
        self.coverage = coverage
        self.question = question
        self.prefer = prefer
        self.timeline = Timeline.of(question)
        self.compact = {each.name for each in layout.compact}

    def statements(self, leaves: Iterable[Measure | Active]) -> list[Statement]:
        """All statements; measures that read the same relation share one."""
        shared: dict[str, list[Measure]] = {}
        made: list[Statement] = []
        rolling: dict[tuple[str, bool], list[Active]] = {}
        for leaf in leaves:
            if isinstance(leaf, Active):
                if leaf.days is None:
                    made.append(self._periodic(leaf))
                else:
                    rolling.setdefault((leaf.active, bool(self._why_events(leaf.days - 1))), []).append(leaf)
            elif leaf.first or leaf.active_in:
                made.append(self._special(leaf))
            else:
                shared.setdefault(self._relation(leaf), []).append(leaf)
        grouped = [self._grouped(relation, measures) for relation, measures in shared.items()]
        deltas = [each for group in rolling.values() for each in self._rolling(group)]
        return [*grouped, *made, *deltas]

    # --- which relation ---

    def _why_events(self, lookback: int = 0) -> str:
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

    def _relation(self, measure: Measure) -> str:
        """``user_day``, ``post_day``, ``any`` (events of all sources) or ``events <source>``."""
        events = f"events {measure.source}" if measure.source else "events"
        if self._why_events():
            return events
        items = {each.name for each in self.layout.item_dimensions}
        if measure.source == self.layout.item_source and self.question.slices <= self.compact | items:
            by_item = bool(self.question.slices & items) and measure.is_additive
            if (by_item or self._counts_items(measure)) and self._counter(measure):
                return "post_day"
        if self.question.slices & items or (measure.unique not in (None, "user")):
            return events
        if measure.source is None or self._counter(measure):
            return "user_day"
        return events

    def _counts_items(self, measure: Measure) -> bool:
        return measure.unique is not None and any(
            each.column == measure.unique for each in self.layout.item_dimensions
        )

    def _counter(self, measure: Measure) -> str | None:
        """The stored counter that is above zero just where the measure's condition holds, or that is its value."""
        if measure.is_additive:
            return self.layout.column_of(measure)
        if not measure.condition:
            return events_column(measure.source or "")
        same = (
            each.name
            for each in self.layout.stored_measures
            if each.source == measure.source and each.condition == measure.condition and each.sum is None
        )
        return next(same, None)

    # --- counts, sums and different values ---

    def _grouped(self, relation: str, measures: list[Measure]) -> Statement:
        if relation == "user_day":
            return self._from_user_day(measures)
        if relation == "post_day":
            return self._from_post_day(measures)
        return self._from_events(measures[0].source, measures)

    def _from_user_day(self, measures: list[Measure]) -> Statement:
        scope = Scope.of_users(self.catalog)
        conditions, parameters = scope.conditions(self.question)
        values = {each.name: self._user_day_value(each) for each in measures}
        days = ["day >= {first:Date}", "day < {until:Date}"]
        sql = statements.grouped(
            "user_day", self.timeline.bucket_of_day("day"), scope.groups(self.question.by), values, days + conditions
        )
        return self._statement("grouped", "user_day", sql, parameters, values)

    def _user_day_value(self, measure: Measure) -> str:
        if measure.is_additive:
            return f"sum({identifier(self._counter(measure) or '')})"
        if measure.source is None:
            by_day = self.question.grain is Grain.DAY and not self.question.slices
            # One row of a user's day leads, so summing `lead` counts users without a hash table.
            return "sum(lead)" if by_day else "uniqExact(user_id)"
        return f"uniqExactIf(user_id, {identifier(self._counter(measure) or '')} > 0)"

    def _from_post_day(self, measures: list[Measure]) -> Statement:
        scope = Scope.of_labels(self.catalog, sorted(self.compact))
        conditions, parameters = scope.conditions(self.question)
        values = {}
        for each in measures:
            counter = identifier(self._counter(each) or "")
            item = next((d.name for d in self.layout.item_dimensions if d.column == each.unique), "")
            values[each.name] = (
                f"sum({counter})" if each.is_additive else f"uniqExactIf({identifier(item)}, {counter} > 0)"
            )
        days = ["day >= {first:Date}", "day < {until:Date}"]
        sql = statements.grouped(
            "post_day", self.timeline.bucket_of_day("day"), scope.groups(self.question.by), values, days + conditions
        )
        return self._statement("grouped", "post_day", sql, parameters, values)

    def _from_events(self, source: str | None, measures: list[Measure]) -> Statement:
        if source is None:
            scope = Scope.of_users(self.catalog)
            relation = self._activity_of_events()
            bucket = "slot" if self.question.grain.is_below_day else self.timeline.bucket_of_day("day")
            values = {each.name: "uniqExact(user_id)" for each in measures}
            days: list[str] = []
        else:
            of = self.catalog.sources[source]
            scope = Scope.of_events(self.catalog, of)
            relation, time = identifier(of.table), identifier(of.time)
            bucket = self.timeline.bucket_of_event(time)
            values = {each.name: aggregate(of, each) for each in measures}
            days = [f"{time} >= {_START}", f"{time} < {_END}"]
            # Rows that no measure counts need not be read: an OR of the conditions, where each has one.
            wanted = sorted({activity.events_condition(self.catalog, each.name) for each in measures})
            days += [f"({' OR '.join(wanted)})"] if "1" not in wanted and len(wanted) == 1 else []
        conditions, parameters = scope.conditions(self.question)
        sql = statements.grouped(relation, bucket, scope.groups(self.question.by), values, days + conditions)
        why = self._why_events() or "no rollup has these dimensions"
        return self._statement("grouped", f"events {source or 'of all sources'}", sql, parameters, values, why)

    # --- users with a condition on their whole activity ---

    def _activity(self, lookback: int = 0) -> tuple[str, str, str]:
        """Activity of the window and ``lookback`` days before it: relation, its name, why not a rollup."""
        why = self._why_events(lookback)
        if not why:
            since = f"{{first:Date}} - {lookback}" if lookback else "{first:Date}"
            return activity.from_rollup(self.catalog, since, "{until:Date}"), "user_day", ""
        return self._activity_of_events(lookback), "events of all sources", why

    def _activity_of_events(self, lookback: int = 0) -> str:
        start = f"{_START} - toIntervalSecond({lookback * 86_400 + 7_200})" if lookback else _START
        return activity.from_events(self.catalog, self.timeline, start, _END)

    def _special(self, measure: Measure) -> Statement:
        scope = Scope.of_users(self.catalog)
        relation, name, why = self._activity()
        conditions, parameters = scope.conditions(self.question)
        bucket = "slot" if self.question.grain.is_below_day else self.timeline.bucket_of_day("day")
        if measure.first:
            conditions = [*conditions, self._first_condition(rollup=not why)]
            sql = statements.grouped(
                relation if why else "user_day",
                bucket,
                scope.groups(self.question.by),
                {measure.name: "uniqExact(user_id)"},
                conditions if why else ["day >= {first:Date}", "day < {until:Date}", *conditions],
            )
        else:
            span = bucket if measure.within == "period" else "slot"
            having = [f"sum({events_column(each)}) > 0" for each in measure.active_in]
            having += [f"sum({events_column(each)}) = 0" for each in measure.inactive_in]
            groups = scope.groups(self.question.by)
            inner = statements.users_having(relation, bucket, span, groups, conditions, " AND ".join(having))
            outer = [f"{group.rpartition(' AS ')[2]}" for group in groups]
            keys = ", ".join(["bucket", *outer])
            columns = ", ".join(
                ["bucket_of_span AS bucket", *outer, f"uniqExact(user_id) AS {statements.column(measure.name)}"]
            )
            sql = f"SELECT {columns}\nFROM {inner}\nGROUP BY {keys}"
        return self._statement("grouped", name, sql, parameters, [measure.name], why)

    def _first_condition(self, *, rollup: bool) -> str:
        if rollup:
            return "day = first_day"
        past = activity.from_events(self.catalog, self.timeline, "toDateTime64(0, 3)", _END)
        return f"(user_id, slot) IN (SELECT user_id, min(slot) FROM {past} GROUP BY user_id)"

    # --- users active in a window that ends with each bucket ---

    def _rolling(self, metrics: list[Active]) -> list[Statement]:
        windows: dict[int, tuple[str, ...]] = {}
        for each in metrics:
            windows[each.days or 0] = (*windows.get(each.days or 0, ()), each.name)
        service = self.catalog.measures[metrics[0].active].source or ANY_SERVICE
        longest = max(windows) - 1
        stored = self.question.slices <= self.compact and set(windows) <= set(self.layout.windows)
        if self._why_events(longest) or not stored:
            return [self._rolling_of_activity(service, windows, longest)]
        made = [self._rolling_of_rollup(service, windows)]
        if self.coverage.has_mixed:
            # `active_delta` counts a user once for each combination of attributes. Take those of users with
            # several out again, combination by combination, and count each user once instead.
            made.append(self._rolling_of_activity(service, windows, None, mixed=True, sign=-1))
            made.append(self._rolling_of_activity(service, windows, None, mixed=True))
        return made

    def _rolling_of_rollup(self, service: str, windows: dict[int, tuple[str, ...]]) -> Statement:
        scope = Scope.of_labels(self.catalog, sorted(self.compact))
        conditions, parameters = scope.conditions(self.question)
        where = ["service = {service:String}", "days IN {windows:Array(UInt16)}", "day < {until:Date}", *conditions]
        sql = statements.delta_of_rollup(scope.groups(self.question.by), where)
        parameters |= {"service": service, "windows": sorted(windows)}
        return self._statement("rolling", "active_delta", sql, parameters, (), windows=windows)

    def _rolling_of_activity(
        self,
        service: str,
        windows: dict[int, tuple[str, ...]],
        lookback: int | None,
        *,
        mixed: bool = False,
        sign: int = 1,
    ) -> Statement:
        scope = Scope.of_users(self.catalog)
        conditions, parameters = scope.conditions(self.question)
        if mixed:
            more = " AND user_id IN (SELECT user_id FROM mixed_users WHERE compact)"
            relation = activity.from_rollup(self.catalog, "toDate(0)", "{until:Date}", more)
            name, why = "user_day of users with several attributes", "active_delta counts them once for each"
        else:
            relation, name, why = self._activity(lookback or 0)
            why = why or "active_delta has not these dimensions"
        if service != ANY_SERVICE:
            conditions = [f"{events_column(service)} > 0", *conditions]
        apart = [f"{scope.expression(each)} AS apart_{each}" for each in sorted(self.compact)] if sign < 0 else []
        sql = statements.delta_of_activity(relation, scope.groups(self.question.by), apart, conditions)
        parameters |= {
            "windows": sorted(windows),
            "first_slot": self.timeline.first_slot,
            "last_slot": self.timeline.last_slots[-1],
            "slots_in_day": self.timeline.slots_in_day,
        }
        return self._statement("rolling", name, sql, parameters, (), why, windows=windows, sign=sign)

    def _periodic(self, metric: Active) -> Statement:
        scope = Scope.of_users(self.catalog)
        conditions, parameters = scope.conditions(self.question)
        lookback = 6 if metric.period == "week" else 30
        relation, name, why = self._activity(lookback)
        service = self.catalog.measures[metric.active].source
        if service is not None:
            conditions = [f"{events_column(service)} > 0", *conditions]
        period = "toMonday(day)" if metric.period == "week" else "toStartOfMonth(day)"
        sql = statements.first_in_period(relation, period, scope.groups(self.question.by), conditions)
        return self._statement("periodic", name, sql, parameters, [metric.name], why)

    def _statement(
        self,
        kind: Kind,
        relation: str,
        sql: str,
        parameters: dict[str, Any],
        leaves: Iterable[str],
        reason: str = "",
        **more: Any,
    ) -> Statement:
        bound = self.timeline.parameters() | parameters
        used = {name: value for name, value in bound.items() if f"{{{name}:" in sql}
        names = tuple(leaves) or tuple(name for names in more.get("windows", {}).values() for name in names)
        return Statement(kind, relation, reason, sql, used, names, **more)


_START = "{start:DateTime64(3, 'UTC')}"
_END = "{end:DateTime64(3, 'UTC')}"


def _explained(statement: Statement) -> str:
    lines = [f"-- {', '.join(statement.leaves)} from {statement.relation}"]
    if statement.reason:
        lines[0] += f": {statement.reason}"
    lines += [f"SET param_{name} = {_shown(value)};" for name, value in statement.parameters.items()]
    return "\n".join([*lines, statement.sql + ";"])


def _shown(value: object) -> str:
    from datetime import datetime

    if isinstance(value, datetime):
        value = value.strftime("%Y-%m-%d %H:%M:%S")
    text = str(value).replace("'", "\\'") if isinstance(value, list) else str(value)
    return f"'{text}'"
