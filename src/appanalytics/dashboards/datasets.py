"""The datasets: written SQL shapes with the catalog's columns put in, and the catalog's metrics over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from appanalytics.catalog import Dimension, Measure, Source
from appanalytics.catalog import sql as expressions
from appanalytics.dashboards import formulas
from appanalytics.dashboards.analyses import audience_metrics, outage_metrics, retention_metrics
from appanalytics.dashboards.dataset import Column, Dataset, SavedMetric
from appanalytics.dashboards.parts import PACKAGE, Parts, jinja
from appanalytics.dashboards.stored import Stored
from appanalytics.sqltext import identifier, literal, read_sql, render
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, events_column, prev_column

_WEEKDAYS = {
    "en": ["1 Mon", "2 Tue", "3 Wed", "4 Thu", "5 Fri", "6 Sat", "7 Sun"],
    "ru": ["1 пн", "2 вт", "3 ср", "4 чт", "5 пт", "6 сб", "7 вс"],
}
_DAY = Column("date", "Date", expression="day", is_time=True)
_SERVICE_NAMES = {"messages": "messenger"}
#: Width of the bins of a user's day, by counter: about as many bins as fit on a chart.
_BIN = 5


@dataclass(frozen=True)
class Datasets(Parts):
    """All datasets for one catalog, time zone and language."""

    @cached_property
    def all(self) -> dict[str, Dataset]:
        """Every dataset by name; when several can answer, the first one does."""
        made = [self.people(), self.users(), self.active(), self.posts(), self.actions(), self.events()]
        made += [self.top_users(), self.retention(), self.audience(), self.cohort(), self.outage(), self.absent()]
        made.append(self.moved())
        made += Stored(self.catalog, self.zone, self.locale).all()
        return {each.name: each for each in made}

    def users(self) -> Dataset:
        """A user's day a row: counts, different users, everything that any dimension of users slices.

        Where counts alone are asked for, by small dimensions, the rows are those of the small rollup.
        """
        bins = {name: f"{name}_bin" for name in self._counters}
        metrics = formulas.saved_metrics(self.catalog, self.locale, formulas.user_day_leaf(self.layout))
        own = self._of_days()
        additive = [*formulas.additive_metrics(self.catalog), *(events_column(name) for name in self.catalog.sources)]
        sql = self._asked() + render(
            PACKAGE,
            "users",
            compact=self._compact,
            heavy=jinja(["user_id", *bins.values()]),
            additive=jinja(additive),
            labels=self._labels(),
            counters=self._numbered(self._counters),
            weekday=f"transform(toDayOfWeek(day), [1, 2, 3, 4, 5, 6, 7], [{_texts(_WEEKDAYS[self.locale])}], '')",
            bins=", ".join(
                f"intDiv({identifier(name)}, {_BIN}) * {_BIN} AS {identifier(bin_)}" for name, bin_ in bins.items()
            ),
        )
        columns = [
            Column("day", "Date", is_time=True),
            _DAY,
            Column("user_id", "UInt64", self._text("User", "Пользователь")),
            Column("weekday", "String", self._text("Day of the week", "День недели")),
            *self._dimension_columns(),
            *(Column(each, "Int64") for each in bins.values()),
        ]
        return Dataset("users", sql, tuple(columns), metrics | own, "day", "date")

    def people(self) -> Dataset:
        """Different users of the whole period, each by the first row in it; not for series."""
        links = [(ANY_SERVICE, "prev_day", "lead")]
        links += [
            (name, identifier(prev_column(name)), identifier(events_column(name))) for name in self.catalog.sources
        ]
        sql = self._asked() + render(
            PACKAGE,
            "people",
            compact=self._compact,
            links=", ".join(f"({literal(name)}, {prev}, toUInt32({there}))" for name, prev, there in links),
        )
        metrics = formulas.saved_metrics(self.catalog, self.locale, formulas.people_leaf(self.catalog))
        columns = [Column("day", "Date", is_time=True), _DAY, *self._dimension_columns()]
        return Dataset("people", sql, tuple(columns), metrics, "day", "date")

    def top_users(self) -> Dataset:
        """The users with the most of something; the thousand first by the chart's first metric."""
        ranks = {each.name: identifier(self.layout.column_of(each)) for each in self._additive_measures}
        ranks |= {events_column(name): identifier(events_column(name)) for name in self.catalog.sources}
        sql = self._asked() + render(
            PACKAGE,
            "top_users",
            ranks=jinja(ranks),
            first=next(iter(ranks.values())),
            counters=self._numbered(self._counters),
            labels=self._labels(),
        )
        every = self.users().metrics
        metrics = {name: every[name] for name in ranks}
        columns = [
            Column("day", "Date", is_time=True),
            _DAY,
            Column("user_id", "UInt64", self._text("User", "Пользователь")),
            *self._dimension_columns(),
        ]
        return Dataset("top_users", sql, tuple(columns), metrics, "day", "date")

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
        needs["both_dau"] = [_pair((name, 1)) for name in (ANY_SERVICE, *self.catalog.sources)]
        every = list(dict.fromkeys(pair for pairs in needs.values() for pair in pairs))
        links = []
        for service, days in dict.fromkeys(
            pair for _, pairs in formulas.windows_needed(self.catalog) for pair in pairs
        ):
            prev = "prev_day" if service == ANY_SERVICE else identifier(prev_column(service))
            was = "1" if service == ANY_SERVICE else f"{identifier(events_column(service))} > 0"
            links.append(f"({literal(service)}, {days}, {prev}, {was})")
        sql = self._asked() + render(
            PACKAGE,
            "active",
            needs=jinja(needs),
            all_pairs=jinja(every),
            compact=self._compact,
            links=f"arrayFilter(link -> link.4, [{', '.join(links)}])",
        )
        metrics = formulas.saved_metrics(self.catalog, self.locale, formulas.active_leaf(self.catalog))
        both = formulas.both_of_day(self.catalog, metrics)
        if both is not None:
            metrics["both_dau"] = SavedMetric(
                "both_dau", both, self._text("DAU of both services", "DAU обоих сервисов")
            )
        columns = [Column("day", "Date", is_time=True), _DAY, *self._dimension_columns()]
        return Dataset("active", sql, tuple(columns), metrics, "day", "date")

    def posts(self) -> Dataset:
        """Items of the feed by day; small dimensions only when they are asked for."""
        layout = self.layout
        labels = {each.name: identifier(each.name) for each in layout.compact}
        asked = render(PACKAGE, "asked", names=jinja([*labels]), labels=jinja(labels))
        users = [
            each.name
            for each in self.catalog.measures.values()
            if each.source == layout.item_source and each.unique == "user" and not each.condition
        ]
        sql = asked + render(
            PACKAGE,
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
            PACKAGE,
            "events",
            names=jinja([each.name for each in [*self.dimensions, *items]] + ["user_id", "service"]),
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
        listed = self._additive_measures
        actions = ", ".join(
            f"({literal(each.label(self.locale))}, {identifier(self.layout.column_of(each))})" for each in listed
        )
        sql = self._asked() + render(PACKAGE, "actions", compact=self._compact, actions=actions)
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

    def moved(self) -> Dataset:
        """Counters of the newest day and of the day a week before, by each value of each small dimension."""
        counters = ", ".join(
            f"({literal(each.label(self.locale))}, {identifier(self.layout.column_of(each))})"
            for each in self._additive_measures
        )
        pairs = ", ".join(
            f"({literal(each.label(self.locale))}, {identifier(each.name)})" for each in self.layout.compact
        )
        sql = render(PACKAGE, "moved", actions=f"[{counters}]", pairs=f"[{pairs}]")
        change = "(sum(n_after) - sum(n_before))"
        every = f"nullIf(sum({change}) OVER (PARTITION BY what, dimension), 0)"
        found = [
            SavedMetric("before", "sum(n_before)", self._text("A week before", "Неделей раньше")),
            SavedMetric("after", "sum(n_after)", self._text("Newest day", "Последний день")),
            SavedMetric("moved", change, self._text("Difference", "Разница"), "+,d"),
            SavedMetric("share_of_change", f"{change} / {every}", self._text("Of the change", "От изменения"), ".1%"),
            SavedMetric("size_of_move", f"abs({change})", self._text("Size of the difference", "Величина разницы")),
        ]
        columns = [
            Column("what", "String", self._text("What", "Что")),
            Column("dimension", "String", self._text("Dimension", "Измерение")),
            Column("slice", "String", self._text("Slice", "Срез")),
        ]
        return Dataset("moved", sql, tuple(columns), {each.name: each for each in found})

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
        sql = self._asked() + render(PACKAGE, "retention", compact=self._compact)
        columns = [
            Column("first_day", "Date", self._text("First day", "Первый день"), is_time=True),
            Column("cohort", "String", self._text("First day", "Первый день")),
            Column("days_since", "Int32", self._text("Days since", "Дней прошло")),
            Column("days_ago", "Int32"),
            Column("date", "Date", expression="first_day", is_time=True),
            *self._dimension_columns(),
        ]
        return Dataset("retention", sql, tuple(columns), retention_metrics(self.locale), "first_day", "date")

    def audience(self) -> Dataset:
        """Who was there each week: new, retained, returning, and gone since the week before."""
        sql = self._asked() + render(PACKAGE, "audience", compact=self._compact)
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
        sql = render(PACKAGE, name, **(given | names))
        columns = [
            Column("day", "Date", is_time=True),
            _DAY,
            Column("user_id", "UInt64"),
            Column("first_day", "Date", self._text("First day", "Первый день")),
            *more,
            *self._dimension_columns(),
        ]
        chosen = frozenset({"cohort", "outage_day"})
        return Dataset(name, sql, tuple(columns), metrics, "day", "date", partial=chosen)

    def _users_and_counters(self) -> dict[str, SavedMetric]:
        return formulas.saved_metrics(self.catalog, self.locale, formulas.user_day_leaf(self.layout))

    def cohort(self) -> Dataset:
        """The newcomers of one day, day by day: of the greatest one-day rise unless a day is chosen."""
        more = [Column("days_since", "Int32", self._text("Days since", "Дней прошло")), Column("cohort", "String")]
        return self._analysis("cohort", self._users_and_counters(), more, spike=read_sql(PACKAGE, "spike_day"))

    def outage(self) -> Dataset:
        """The greatest one-day fall (or a chosen day) and the day before it."""
        hole = read_sql(PACKAGE, "hole_day")
        return self._analysis("outage", outage_metrics(self.locale), [Column("outage_day", "String")], hole=hole)

    def absent(self) -> Dataset:
        """Days of those who had come before and were not there on the day of the fall."""
        more = [Column("outage_day", "String"), Column("days_after", "Int32", self._text("Days after", "Дней после"))]
        more.append(Column("came", "String", self._text("First day", "Первый день")))
        hole = read_sql(PACKAGE, "hole_day")
        return self._analysis("absent", self._users_and_counters(), more, hole=hole)


def _nothing(dimension: Dimension) -> str:
    return "NULL" if dimension.kind == "number" and not dimension.bands else "''"


def _texts(values: Iterable[str]) -> str:
    return ", ".join(map(literal, values))


def _pair(pair: tuple[str, int]) -> str:
    return f"({literal(pair[0])}, {pair[1]})"
