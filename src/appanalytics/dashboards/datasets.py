"""The datasets: written SQL shapes with the catalog's columns put in, and the catalog's metrics over them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog, Dimension, Measure, Source
from appanalytics.catalog import sql as expressions
from appanalytics.dashboards import formulas
from appanalytics.dashboards.analyses import audience_metrics, outage_metrics, retention_metrics
from appanalytics.dashboards.dataset import Column, Dataset, SavedMetric
from appanalytics.sqltext import identifier, literal, read_sql, render
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, Layout, events_column, prev_column

_PACKAGE = "appanalytics.dashboards"
_WEEKDAYS = {
    "en": ["1 Mon", "2 Tue", "3 Wed", "4 Thu", "5 Fri", "6 Sat", "7 Sun"],
    "ru": ["1 пн", "2 вт", "3 ср", "4 чт", "5 пт", "6 сб", "7 вс"],
}
_DAY = Column("date", "Date", expression="day", is_time=True)
_SERVICE_NAMES = {"messages": "messenger"}
#: Width of the bins of a user's day, by counter: about as many bins as fit on a chart.
_BIN = 5


@dataclass(frozen=True)
class Datasets:
    """All datasets for one catalog, time zone and language."""

    catalog: Catalog
    zone: ZoneInfo
    locale: str = "en"

    @cached_property
    def layout(self) -> Layout:
        """Names of the rollups' columns; types are not needed here."""
        return Layout(self.catalog, self.zone, {})

    @cached_property
    def all(self) -> dict[str, Dataset]:
        """Every dataset by name; when several can answer, the first one does."""
        made = [self.users(), self.active(), self.posts(), self.events(), self.retention(), self.audience()]
        made.insert(3, self.actions())
        return {each.name: each for each in [*made, self.cohort(), self.outage(), self.absent()]}

    # --- parts of the SQL ---

    @cached_property
    def dimensions(self) -> list[Dimension]:
        """Dimensions of users."""
        return list(self.catalog.user_dimensions().values())

    def _labels(self, source: Source | None = None) -> str:
        """All dimensions as columns. Raw columns are qualified, or the alias of one label would enter another's."""
        columns = []
        for each in self.dimensions:
            raw = f"events.{identifier(source.column(each.column))}" if source else _raw(each)
            columns.append(f"{expressions.label(each, raw)} AS {identifier(each.name)}")
        return ", ".join(columns)

    def _asked(self) -> str:
        labels = {each.name: expressions.label(each, _raw(each)) for each in self.dimensions}
        return render(_PACKAGE, "asked", names=_jinja([*labels]), labels=_jinja(labels))

    def _dimension_columns(self, names: Iterable[str] | None = None) -> list[Column]:
        wanted = set(names) if names is not None else None
        return [
            Column(each.name, "Int64" if each.kind == "number" and not each.bands else "String",
                   each.label(self.locale))
            for each in self.dimensions
            if wanted is None or each.name in wanted
        ]  # fmt: skip

    @cached_property
    def _counters(self) -> list[str]:
        stored = [each.name for each in self.layout.stored_measures]
        return [*(events_column(name) for name in self.catalog.sources), *stored]

    def _text(self, english: str, russian: str) -> str:
        return russian if self.locale == "ru" else english

    def _numbered(self, names: Iterable[str]) -> str:
        return ", ".join(f"{identifier(name)} AS {formulas.counter(name)}" for name in names)

    # --- the datasets ---

    def users(self) -> Dataset:
        """A user's day a row: counts, different users, everything that any dimension of users slices."""
        counters = self._numbered(self._counters)
        services = ", ".join(identifier(prev_column(name)) for name in self.catalog.sources)
        bins = ", ".join(
            f"if({identifier(name)} = 0, NULL, intDiv({identifier(name)}, {_BIN}) * {_BIN})"
            f" AS {identifier(name + '_bin')}"
            for name in self._counters
        )
        days = "[" + ", ".join(map(literal, _WEEKDAYS[self.locale])) + "]"
        sql = render(
            _PACKAGE, "users", labels=self._labels(), counters=counters, services=services, bins=bins, weekdays=days
        )
        metrics = formulas.saved_metrics(self.catalog, self.locale, formulas.user_day_leaf(self.layout))
        own = self._of_days()
        columns = [
            Column("day", "Date", is_time=True),
            _DAY,
            Column("user_id", "UInt64", self._text("User", "Пользователь")),
            Column("weekday", "String", self._text("Day of the week", "День недели")),
            *self._dimension_columns(),
            *(Column(f"{name}_bin", "Int64") for name in self._counters),
        ]
        return Dataset("users", sql, tuple(columns), metrics | own, "day", "date")

    def _of_days(self) -> dict[str, SavedMetric]:
        """Metrics of users' days themselves: events of a service, shares of days, the users' mean age."""
        made = {}
        for name, source in self.catalog.sources.items():
            label, acted = source.label(self.locale), f"countIf({formulas.counter(events_column(name))} > 0)"
            made[events_column(name)] = SavedMetric(
                events_column(name), f"sum({formulas.counter(events_column(name))})",
                f"{label}: {self._text('events', 'события')}",
            )  # fmt: skip
            share = f"{_SERVICE_NAMES.get(name, name)}_day_share"
            made[share] = SavedMetric(
                share, f"{acted} / nullIf(sum({acted}) OVER (), 0)", self._text("Share of days", "Доля дней"), ".1%"
            )
        if "age" in self.catalog.dimensions:
            made["mean_age"] = SavedMetric(
                "mean_age", "avgIf(age, is_first)", self._text("Mean age", "Средний возраст"), ",.1f"
            )
        return made

    def active(self) -> Dataset:
        """Users of rolling windows, exact under every filter."""
        needs = {name: [_pair(pair) for pair in pairs] for name, pairs in formulas.windows_needed(self.catalog)}
        every = list(dict.fromkeys(pair for pairs in needs.values() for pair in pairs))
        links = []
        for service, days in dict.fromkeys(
            pair for _, pairs in formulas.windows_needed(self.catalog) for pair in pairs
        ):
            prev = "prev_day" if service == ANY_SERVICE else identifier(prev_column(service))
            was = "1" if service == ANY_SERVICE else f"{identifier(events_column(service))} > 0"
            links.append(f"({literal(service)}, {days}, {prev}, {was})")
        sql = self._asked() + render(
            _PACKAGE,
            "active",
            needs=_jinja(needs),
            all_pairs=_jinja(every),
            compact=_jinja([each.name for each in self.layout.compact]),
            links=f"arrayFilter(link -> link.4, [{', '.join(links)}])",
        )
        metrics = formulas.saved_metrics(self.catalog, self.locale, formulas.active_leaf(self.catalog))
        columns = [Column("day", "Date", is_time=True), _DAY, *self._dimension_columns()]
        return Dataset("active", sql, tuple(columns), metrics, "day", "date")

    def posts(self) -> Dataset:
        """Items of the feed by day; small dimensions only when they are asked for."""
        layout = self.layout
        labels = {each.name: identifier(each.name) for each in layout.compact}
        asked = render(_PACKAGE, "asked", names=_jinja([*labels]), labels=_jinja(labels))
        users = [
            each.name
            for each in self.catalog.measures.values()
            if each.source == layout.item_source and each.unique == "user" and not each.condition
        ]
        sql = asked + render(
            _PACKAGE,
            "posts",
            items=", ".join(identifier(each.name) for each in layout.item_dimensions),
            counters=self._numbered(layout.item_counters),
            zeros=", ".join(f"0 AS {formulas.counter(name)}" for name in layout.item_counters),
            reach=literal(users[0] if users else ""),
        )
        metrics = formulas.saved_metrics(self.catalog, self.locale, formulas.posts_leaf(layout))
        for name in [name for name in metrics if self._counts_users(name) and name not in users]:
            del metrics[name]  # users add up over the days of one post, not over posts
        for name in users:
            metrics[name] = replace(metrics[name], label=self._text("Reach", "Охват"))
        columns = [
            Column("day", "Date", is_time=True),
            _DAY,
            *(Column(each.name, "UInt64", each.label(self.locale)) for each in layout.item_dimensions),
            *self._dimension_columns(labels),
        ]
        return Dataset("posts", sql, tuple(columns), metrics, "day", "date")

    def _counts_users(self, name: str) -> bool:
        leaves = self.catalog.leaves(name)
        return any(isinstance(leaf, Measure) and leaf.unique == "user" for leaf in leaves)

    def events(self) -> Dataset:
        """Single events of the days asked for, by quarter hours of reporting time; the day is padded to its end."""
        items = self.layout.item_dimensions
        sources = "\nUNION ALL\n".join(self._events_of(source) for source in self.catalog.sources.values())
        pads = [
            f"{{{{ given.get('{each.name}', \"{_nothing(each)}\") }}}} AS {identifier(each.name)}"
            for each in [*self.dimensions, *items]
        ]
        pads += ["0 AS user_id", *(f"0 AS {formulas.counter(name)}" for name in self._additive)]
        newest = [
            f"(SELECT max({identifier(each.time)}) FROM {identifier(each.table)})"
            for each in self.catalog.sources.values()
        ]
        sql = render(
            _PACKAGE,
            "events",
            names=_jinja([each.name for each in [*self.dimensions, *items]] + ["user_id", "service"]),
            sources=sources,
            last=self._wall(f"greatest({', '.join(newest)})"),
            pads=", ".join(pads),
        )
        found = formulas.saved_metrics(self.catalog, self.locale, formulas.events_leaf(self.layout))
        metrics = {
            name: SavedMetric(name, f"if(max(known) = 1, {each.expression}, NULL)", each.label, each.format)
            for name, each in found.items()
        }
        every = self._text("All events", "Все события")
        metrics["events"] = SavedMetric("events", "if(max(known) = 1, countIf(service != ''), NULL)", every)
        columns = [
            Column("time", "DateTime", is_time=True),
            Column("service", "String", self._text("Service", "Сервис")),
            Column("user_id", "UInt64", self._text("User", "Пользователь")),
            *(Column(each.name, "UInt64", each.label(self.locale)) for each in items),
            *self._dimension_columns(),
        ]
        return Dataset("events", sql, tuple(columns), metrics, "time", "time", cache_seconds=25)

    def actions(self) -> Dataset:
        """Events by action, one row for each action of a user's day; from dimensions to actions."""
        listed = [each for each in self.catalog.measures.values() if each.is_additive]
        actions = ", ".join(
            f"({literal(each.label(self.locale))}, {identifier(self.layout.column_of(each))})" for each in listed
        )
        sql = render(_PACKAGE, "actions", labels=self._labels(), actions=actions)
        every = self._text("Events", "События")
        columns = [
            Column("day", "Date", is_time=True),
            _DAY,
            Column("action", "String", self._text("Action", "Действие")),
            *self._dimension_columns(),
        ]
        return Dataset(
            "actions", sql, tuple(columns), {"actions": SavedMetric("actions", "sum(n_events)", every)}, "day", "date"
        )

    @cached_property
    def _additive(self) -> list[str]:
        return [each.name for each in self.catalog.measures.values() if each.is_additive]

    def _wall(self, instant: str) -> str:
        """Wall-clock time of the reporting zone, which is what axes show."""
        if self.zone.key == "UTC":
            return f"toDateTime({instant}, 'UTC')"
        offset = f"timeZoneOffset(toTimeZone({instant}, {literal(self.zone.key)}))"
        return f"toDateTime({instant} + toIntervalSecond({offset}), 'UTC')"

    def _events_of(self, source: Source) -> str:
        time, zone = identifier(source.time), literal(self.zone.key)
        items = []
        for each in self.layout.item_dimensions:
            of = self.catalog.sources[each.only or ""]
            here = f"events.{identifier(of.column(each.column))}" if each.only == source.name else "NULL"
            items.append(f"{here} AS {identifier(each.name)}")
        values = []
        for measure in self.catalog.measures.values():
            if measure.is_additive:
                here = expressions.condition(source, measure.condition)
                if measure.sum is not None and measure.source == source.name:
                    here = f"if({here}, {identifier(source.column(measure.sum))}, 0)"
                values.append(f"{here if measure.source == source.name else '0'} AS {formulas.counter(measure.name)}")
        return (
            f"SELECT {self._wall(f'events.{time}')} AS time, {literal(source.name)} AS service, 1 AS known,"
            f" {self._labels(source)}, {', '.join([*items, ''])}events.{identifier(source.user)} AS user_id,"
            f" {', '.join(values)}\nFROM {identifier(source.table)} AS events"
            f"\nWHERE events.{time} >= toDateTime64('{{{{ since }}}}', 3, {zone})"
            f" AND events.{time} < toDateTime64('{{{{ until }}}}', 3, {zone})"
        )

    def retention(self) -> Dataset:
        """Users of each first day by days since then, with the size of their cohort."""
        compact = _jinja([each.name for each in self.layout.compact])
        sql = self._asked() + render(_PACKAGE, "retention", compact=compact)
        columns = [
            Column("first_day", "Date", self._text("First day", "Первый день"), is_time=True),
            Column("cohort", "String", self._text("First day", "Первый день")),
            Column("offset", "Int32", self._text("Days since", "Дней прошло")),
            Column("days_ago", "Int32"),
            Column("date", "Date", expression="first_day", is_time=True),
            *self._dimension_columns(),
        ]
        return Dataset("retention", sql, tuple(columns), retention_metrics(self.locale), "first_day", "date")

    def audience(self) -> Dataset:
        """Who was there each week: new, retained, returning, and gone since the week before."""
        names = ", ".join(identifier(each.name) for each in self.dimensions)
        sql = render(_PACKAGE, "audience", names=names, labels=self._labels())
        columns = [
            Column("week", "Date", is_time=True),
            Column("date", "Date", expression="week", is_time=True),
            *self._dimension_columns(),
        ]
        return Dataset("audience", sql, tuple(columns), audience_metrics(self.locale), "week", "date")

    def _analysis(
        self, name: str, metrics: Mapping[str, SavedMetric], more: Iterable[Column], **names: str
    ) -> Dataset:
        counters = self._numbered(self._counters)
        given = {"counters": counters, "labels": self._labels()}
        sql = render(_PACKAGE, name, **(given | names))
        columns = [
            Column("day", "Date", is_time=True),
            _DAY,
            Column("user_id", "UInt64"),
            Column("first_day", "Date", self._text("First day", "Первый день")),
            *more,
            *self._dimension_columns(),
        ]
        return Dataset(name, sql, tuple(columns), metrics, "day", "date")

    def _users_and_counters(self) -> dict[str, SavedMetric]:
        return formulas.saved_metrics(self.catalog, self.locale, formulas.user_day_leaf(self.layout))

    def cohort(self) -> Dataset:
        """The newcomers of one day, day by day: of the greatest one-day rise unless a day is chosen."""
        more = [Column("offset", "Int32", self._text("Days since", "Дней прошло")), Column("cohort", "String")]
        return self._analysis("cohort", self._users_and_counters(), more, spike=read_sql(_PACKAGE, "spike_day"))

    def outage(self) -> Dataset:
        """The greatest one-day fall (or a chosen day) and the day before it."""
        hole = read_sql(_PACKAGE, "hole_day")
        return self._analysis("outage", outage_metrics(self.locale), [Column("outage_day", "String")], hole=hole)

    def absent(self) -> Dataset:
        """Days of those who had come before and were not there on the day of the fall."""
        more = [Column("outage_day", "String"), Column("days_after", "Int32", self._text("Days after", "Дней после"))]
        hole = read_sql(_PACKAGE, "hole_day")
        return self._analysis("absent", self._users_and_counters(), more, hole=hole)


def _nothing(dimension: Dimension) -> str:
    return "NULL" if dimension.kind == "number" and not dimension.bands else "''"


def _raw(dimension: Dimension) -> str:
    return f"user_day.{identifier(dimension.column)}"


def _pair(pair: tuple[str, int]) -> str:
    return f"({literal(pair[0])}, {pair[1]})"


def _jinja(value: object) -> str:
    """A list or dictionary as Jinja reads it; JSON's strings are Jinja's."""
    return json.dumps(value, ensure_ascii=False)
