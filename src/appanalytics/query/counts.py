"""Counts, sums and numbers of different values: which relation answers, and the statement over it."""

from __future__ import annotations

from appanalytics.catalog import Active, Measure
from appanalytics.catalog.sql import aggregate
from appanalytics.query import activity, statements
from appanalytics.query.asked import END, MIXED, START, Asked
from appanalytics.query.scope import Scope
from appanalytics.query.statements import Statement
from appanalytics.sqltext import identifier, literal
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, events_column, prev_column
from appanalytics.window import Grain


class Counts(Asked):
    """Compiles the measures of a question."""

    def relation(self, measure: Measure) -> str:
        """Name of a rollup, ``events`` (of all sources) or ``events <source>``."""
        events = f"events {measure.source}" if measure.source else "events"
        if self.why_events():
            return events
        items = {each.name for each in self.layout.item_dimensions}
        if measure.source == self.layout.item_source and self.question.slices <= self.compact | items:
            by_item = bool(self.question.slices & items) and measure.is_additive
            if (by_item or self._counts_items(measure)) and self._counter(measure):
                return "post_total" if self.question.slices <= items else "post_day"
            if self._links_of_items(measure) and self.question.slices >= items and not self.coverage.has_mixed:
                return "post_link"
        if self.question.slices & items or measure.unique not in (None, "user"):
            return events
        if self.question.slices <= self.compact:
            if measure.is_additive:
                return "slice_day"
            if not measure.condition:
                return "active_link"
        return "user_day" if measure.source is None or self._counter(measure) else events

    def _links_of_items(self, measure: Measure) -> bool:
        return measure.unique == "user" and not measure.condition

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

    def grouped(self, relation: str, measures: list[Measure]) -> list[Statement]:
        """Statements for measures that `relation` answers."""
        if relation == "active_link":
            return self._from_active_link(measures)
        if relation == "slice_day":
            values = {each.name: f"sum({identifier(self.layout.column_of(each))})" for each in measures}
            return [self.from_days("slice_day", self.labels(), values)]
        if relation == "user_day":
            values = {each.name: self._user_day_value(each) for each in measures}
            return [self.from_days("user_day", Scope.of_users(self.catalog), values)]
        if relation == "post_link":
            first = f"sumIf(users, prev_day < {self.bucket_start()})"
            return [self.from_days("post_link", self.labels(), {each.name: first for each in measures})]
        if relation in ("post_day", "post_total"):
            values = {each.name: self._post_value(each) for each in measures}
            return [self.from_days(relation, self.labels(), values)]
        return [self._from_events(measures[0].source, measures)]

    def _from_active_link(self, measures: list[Measure]) -> list[Statement]:
        """Users by their first row in each bucket: the one whose previous active day lies before the bucket."""
        values, services = {}, []
        for each in measures:
            service = literal(each.source or ANY_SERVICE)
            services.append(service)
            values[each.name] = f"sumIf(users, service = {service} AND prev_day < {self.bucket_start()})"
        chosen = f"service IN ({', '.join(dict.fromkeys(services))})"
        made = [self.from_days("active_link", self.labels(), values, [chosen])]
        return made + self._corrections(measures) if self.coverage.has_mixed else made

    def _corrections(self, measures: list[Measure]) -> list[Statement]:
        """Take users with several combinations of attributes out, combination by combination, and count each once."""
        scope = Scope.of_users(self.catalog)
        mixed, why = f"user_id IN ({MIXED})", "active_link counts them once for each combination"
        pair = ", ".join(["user_id", *(scope.expression(name) for name in sorted(self.compact))])
        made = []
        for unique, sign in ((f"({pair})", -1), ("user_id", 1)):
            values = {}
            for each in measures:
                active = f"{events_column(each.source)} > 0" if each.source else "1"
                values[each.name] = f"uniqExactIf({unique}, {active})"
            made.append(self.from_days("user_day", scope, values, [mixed], why, sign))
        return made

    def _user_day_value(self, measure: Measure) -> str:
        """A measure over `user_day`, counting rows instead of hashing users wherever a row stands for one user."""
        if measure.is_additive:
            return f"sum({identifier(self._counter(measure) or '')})"
        active = f"{identifier(self._counter(measure) or '')} > 0" if measure.source else "1"
        if self.question.grain is Grain.DAY:
            return f"countIf(single AND {active}) + uniqExactIf(user_id, NOT single AND {active})"
        if measure.condition or self.coverage.has_changing:
            return f"uniqExactIf(user_id, {active})"
        previous = prev_column(measure.source) if measure.source else "prev_day"
        return f"countIf({active} AND {previous} < {self.bucket_start()})"

    def _post_value(self, measure: Measure) -> str:
        counter = identifier(self._counter(measure) or "")
        if measure.is_additive:
            return f"sum({counter})"
        item = next(each.name for each in self.layout.item_dimensions if each.column == measure.unique)
        return f"uniqExactIf({identifier(item)}, {counter} > 0)"

    def _from_events(self, source: str | None, measures: list[Measure]) -> Statement:
        if source is None:
            scope = Scope.of_users(self.catalog)
            relation = self.activity_of_events()
            bucket = "slot" if self.question.grain.is_below_day else self.timeline.bucket_of_day("day")
            values = {each.name: "uniqExact(user_id)" for each in measures}
            days: list[str] = []
        else:
            of = self.catalog.sources[source]
            scope = Scope.of_events(self.catalog, of)
            relation, time = identifier(of.table), identifier(of.time)
            bucket = self.timeline.bucket_of_event(time)
            values = {each.name: aggregate(of, each) for each in measures}
            days = self.timeline.within(of, START, END)
            # Rows that no measure counts need not be read: an OR of the conditions, where each has one.
            wanted = sorted({activity.events_condition(self.catalog, each) for each in measures})
            days += [f"({' OR '.join(wanted)})"] if "1" not in wanted and len(wanted) == 1 else []
        conditions, parameters = scope.conditions(self.question)
        sql = statements.grouped(relation, bucket, scope.groups(self.question.by), values, days + conditions)
        why = self.why_events() or "no rollup has these dimensions"
        return self.statement("grouped", f"events {source or 'of all sources'}", sql, parameters, values, why)

    def is_of_bucket(self, metric: Active) -> bool:
        """Does every bucket hold all that an active-user metric looks at, so that its users are counted as such?

        Parts of days do; so do days, whose users `user_day` counts in one pass, where the changes take two.
        """
        measure = self.catalog.measures[metric.active]
        if metric.days != 1 or measure.unique != "user" or measure.condition or measure.active_in or measure.first:
            return False
        is_day = self.question.grain is Grain.DAY and self.question.window.is_whole_days
        return bool(self.question.parts) or (is_day and self.relation(measure) == "user_day")

    def of_bucket(self, metric: Active) -> list[Statement]:
        """The users of each bucket, under the metric's name."""
        measure = self.catalog.measures[metric.active].model_copy(update={"name": metric.name})
        return self.grouped(self.relation(measure), [measure])

    def special(self, measure: Measure) -> Statement:
        """A measure of users with a condition on their whole activity: their first day, or their services."""
        plain = self.question.slices <= self.compact and not self.coverage.has_mixed
        if measure.first and not self.why_events(self.timeline.days_before):
            # A user has one first day, so rows of it can be counted at any grain. It may lie on any day before.
            if plain:
                values = {measure.name: "sum(users)"}
                of_all = f"service = {literal(ANY_SERVICE)}"
                return self.from_days("active_link", self.labels(), values, [of_all, "prev_day = toDate(0)"])
            values = {measure.name: "countIf(single) + uniqExactIf(user_id, NOT single)"}
            return self.from_days("user_day", Scope.of_users(self.catalog), values, ["day = first_day"])
        if measure.first:
            return self._first_of_events(measure)
        others = set(self.catalog.sources) - {*measure.active_in, *measure.inactive_in}
        if not self.why_events() and plain and measure.inactive_in and len(measure.active_in) == 1 and not others:
            return self._all_but(measure)
        by_row = measure.within == "period" or self.question.grain is Grain.DAY
        if not self.why_events() and plain and by_row and not measure.inactive_in and not others:
            return self._in_both(measure)
        return self._having(measure)

    def _first_of_events(self, measure: Measure) -> Statement:
        scope = Scope.of_users(self.catalog)
        relation, name, why = self.activity()
        conditions, parameters = scope.conditions(self.question)
        past = activity.from_events(self.catalog, self.timeline, "toDateTime64(0, 3)", END)
        conditions.append(f"(user_id, slot) IN (SELECT user_id, min(slot) FROM {past} GROUP BY user_id)")
        bucket = "slot" if self.question.grain.is_below_day else self.timeline.bucket_of_day("day")
        values = {measure.name: "uniqExact(user_id)"}
        sql = statements.grouped(relation, bucket, scope.groups(self.question.by), values, conditions)
        why = why or self.why_events(self.timeline.days_before)
        return self.statement("grouped", f"{name} and all events before", sql, parameters, values, why)

    def _all_but(self, measure: Measure) -> Statement:
        """Users of one source only: all users less those of every other source (with two sources, of the other)."""
        if len(measure.inactive_in) > 1:
            return self._having(measure)
        other, first = literal(measure.inactive_in[0]), f"prev_day < {self.bucket_start()}"
        count = "toInt64(sumIf(users, service = {} AND {}))".format
        values = {measure.name: f"{count(literal(ANY_SERVICE), first)} - {count(other, first)}"}
        chosen = f"service IN ({literal(ANY_SERVICE)}, {other})"
        return self.from_days("active_link", self.labels(), values, [chosen])

    def _in_both(self, measure: Measure) -> Statement:
        """Users of both of two sources: those of each, less those of either."""
        if len(measure.active_in) != 2:
            return self._having(measure)
        first = f"prev_day < {self.bucket_start()}"
        one, other, either = (
            f"toInt64(sumIf(users, service = {literal(name)} AND {first}))"
            for name in (*measure.active_in, ANY_SERVICE)
        )
        values = {measure.name: f"{one} + {other} - {either}"}
        return self.from_days("active_link", self.labels(), values)

    def _having(self, measure: Measure) -> Statement:
        scope = Scope.of_users(self.catalog)
        relation, name, why = self.activity()
        conditions, parameters = scope.conditions(self.question)
        bucket = "slot" if self.question.grain.is_below_day else self.timeline.bucket_of_day("day")
        span = bucket if measure.within == "period" else "slot"
        having = [f"sum({events_column(each)}) > 0" for each in measure.active_in]
        having += [f"sum({events_column(each)}) = 0" for each in measure.inactive_in]
        groups = scope.groups(self.question.by)
        if not why and span == "slot":
            row = [f"{events_column(each)} > 0" for each in measure.active_in]
            row += [f"{events_column(each)} = 0" for each in measure.inactive_in]
            relation = f"(SELECT * FROM {relation} WHERE NOT single OR ({' AND '.join(row)}))"
        users = statements.users_having(relation, bucket, span, groups, conditions, " AND ".join(having))
        sql = statements.users_of_spans(users, groups, measure.name)
        return self.statement("grouped", name, sql, parameters, [measure.name], why)
