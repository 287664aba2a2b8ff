"""Users active in a window that ends with each bucket: rolling days, or a calendar period to date."""

from __future__ import annotations

from appanalytics.catalog import Active
from appanalytics.query import activity, statements
from appanalytics.query.asked import MIXED, Asked
from appanalytics.query.scope import Scope
from appanalytics.query.statements import Statement
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, events_column, prev_column

_PERIOD: dict[str | None, str] = {"week": "toMonday(day)", "month": "toStartOfMonth(day)"}
_NOT_COMPACT = "active_delta has not these dimensions"


class Windows(Asked):
    """Compiles the active-user metrics of a question."""

    def rolling(self, metrics: list[Active]) -> list[Statement]:
        """Statements for metrics over one measure's users."""
        windows: dict[int, tuple[str, ...]] = {}
        for each in metrics:
            windows[each.days or 0] = (*windows.get(each.days or 0, ()), each.name)
        service = self.catalog.measures[metrics[0].active].source or ANY_SERVICE
        longest = max(windows) - 1
        stored = self.question.slices <= self.compact and set(windows) <= set(self.layout.windows)
        if self.why_events(longest):
            return [self._rolling_of_activity(service, windows, longest)]
        if not stored:
            return self._rolling_of_links(service, windows, longest)
        made = [self._rolling_of_rollup(service, windows)]
        if self.coverage.has_mixed:
            # `active_delta` counts a user once for each combination of attributes. Take those of users with
            # several out again, combination by combination, and count each user once instead.
            made.append(self._rolling_of_activity(service, windows, None, of=MIXED, sign=-1))
            made.append(self._rolling_of_activity(service, windows, None, of=MIXED))
        return made

    def _rolling_of_links(self, service: str, windows: dict[int, tuple[str, ...]], longest: int) -> list[Statement]:
        """From the links of `user_day`, which are right for users whose attributes never changed; others apart."""
        scope = Scope.of_users(self.catalog)
        conditions, parameters = scope.conditions(self.question)
        days = ["day >= {first:Date} - {longest:UInt16}", "day < {until:Date}", *conditions]
        if service != ANY_SERVICE:
            days.append(f"{events_column(service)} > 0")
        changing = "SELECT user_id FROM mixed_users"
        if self.coverage.has_changing:
            days.append(f"user_id NOT IN ({changing})")
        previous = "prev_day" if service == ANY_SERVICE else prev_column(service)
        sql = statements.delta_of_links(previous, sorted(windows), scope.groups(self.question.by), days)
        parameters |= {"windows": sorted(windows), "longest": longest}
        made = [self.statement("rolling", "user_day", sql, parameters, (), _NOT_COMPACT, windows=windows)]
        if self.coverage.has_changing:
            made.append(self._rolling_of_activity(service, windows, longest, of=changing))
        return made

    def _rolling_of_rollup(self, service: str, windows: dict[int, tuple[str, ...]]) -> Statement:
        scope = Scope.of_labels(self.catalog, sorted(self.compact))
        conditions, parameters = scope.conditions(self.question)
        where = ["service = {service:String}", "days IN {windows:Array(UInt16)}", "day < {until:Date}", *conditions]
        sql = statements.delta_of_rollup(scope.groups(self.question.by), where)
        parameters |= {"service": service, "windows": sorted(windows)}
        return self.statement("rolling", "active_delta", sql, parameters, (), windows=windows)

    def _rolling_of_activity(
        self,
        service: str,
        windows: dict[int, tuple[str, ...]],
        lookback: int | None,
        *,
        of: str = "",
        sign: int = 1,
    ) -> Statement:
        """From activity; ``of`` is a query of the only users meant, then from `user_day`."""
        scope = Scope.of_users(self.catalog)
        conditions, parameters = scope.conditions(self.question)
        if of:
            since = "toDate(0)" if lookback is None else f"{{first:Date}} - {lookback}"
            relation = activity.from_rollup(self.catalog, since, "{until:Date}", f" AND user_id IN ({of})")
            name, why = "user_day", "users whose attributes changed"
        else:
            relation, name, why = self.activity(lookback or 0)
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
        return self.statement("rolling", name, sql, parameters, (), why, windows=windows, sign=sign)

    def periodic(self, metric: Active) -> Statement:
        """Statement for a calendar period to date."""
        lookback = 6 if metric.period == "week" else 30
        if self.question.slices <= self.compact and not self.coverage.has_mixed and not self.why_events(lookback):
            return self._periodic_of_links(metric, lookback)
        scope = Scope.of_users(self.catalog)
        conditions, parameters = scope.conditions(self.question)
        relation, name, why = self.activity(lookback)
        service = self.catalog.measures[metric.active].source
        if service is not None:
            conditions = [f"{events_column(service)} > 0", *conditions]
        sql = statements.first_in_period(relation, _PERIOD[metric.period], scope.groups(self.question.by), conditions)
        return self.statement("periodic", name, sql, parameters, [metric.name], why)

    def _periodic_of_links(self, metric: Active, lookback: int) -> Statement:
        """A user's first day of a period is the one whose previous active day lies before the period."""
        scope = self.labels()
        conditions, parameters = scope.conditions(self.question)
        period = _PERIOD[metric.period]
        days = ["service = {service:String}", f"day >= {{first:Date}} - {lookback}", "day < {until:Date}"]
        sql = statements.first_of_links(period, scope.groups(self.question.by), [*days, *conditions])
        parameters["service"] = self.catalog.measures[metric.active].source or ANY_SERVICE
        return self.statement("periodic", "active_link", sql, parameters, [metric.name])
