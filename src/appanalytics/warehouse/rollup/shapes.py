"""The rollups' statements: the written shapes of ``sql/`` with a layout's columns put in."""

from __future__ import annotations

from appanalytics.catalog import Source
from appanalytics.catalog import sql as expressions
from appanalytics.sqltext import identifier, literal, render
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, Layout, events_column, first_column, prev_column

_PACKAGE = "appanalytics.warehouse.rollup"


def day_of(layout: Layout, source: Source) -> str:
    """The reporting day of an event."""
    return f"toDate({identifier(source.time)}, {literal(layout.zone.key)})"


def count_by_day(layout: Layout) -> str:
    """Events by day and source, from the events."""
    return " UNION ALL ".join(
        f"SELECT {day_of(layout, source)} AS day, {literal(name)} AS source, count() AS events"
        f" FROM {identifier(source.table)} GROUP BY day"
        for name, source in layout.catalog.sources.items()
    )


class Shapes:
    """Statements for one layout; names of work tables are arguments."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.columns = [identifier(column) for column in layout.user_columns]
        self.counters = [identifier(column) for column in layout.counters]
        self.names = [identifier(each.name) for each in layout.compact]

    def user_day_from_events(self, stage: str) -> str:
        """Fill ``stage`` from the events of {days}, within {start} and {end}."""
        union = "\n        UNION ALL\n        ".join(
            self._source(source) for source in self.layout.catalog.sources.values()
        )
        sums = ", ".join(f"sum({column}) AS {column}" for column in self.counters)
        return self._render("user_day_from_events", stage=stage, union=union, sums=sums)

    def _source(self, source: Source) -> str:
        values = {events_column(name): "0" for name in self.layout.catalog.sources}
        values |= {measure.name: "0" for measure in self.layout.stored_measures}
        values[events_column(source.name)] = "count()"
        for measure in self.layout.stored_measures:
            if measure.source == source.name:
                values[measure.name] = expressions.aggregate(source, measure)
        columns = [f"{identifier(source.column(name))} AS {identifier(name)}" for name in self.layout.user_columns]
        counters = [f"{value} AS {identifier(name)}" for name, value in values.items()]
        time, user, day = identifier(source.time), identifier(source.user), day_of(self.layout, source)
        keys = ", ".join(["day", user, *(identifier(source.column(name)) for name in self.layout.user_columns)])
        return (
            f"SELECT {day} AS day, {user} AS user_id, {', '.join(columns)}, {', '.join(counters)},"
            f" min({time}) AS first_time\n        FROM {identifier(source.table)}"
            f"\n        WHERE {time} >= {{start:DateTime64(3, 'UTC')}} AND {time} < {{end:DateTime64(3, 'UTC')}}"
            f" AND has({{days:Array(Date)}}, {day})\n        GROUP BY {keys}"
        )

    def user_day_again(self, stage: str) -> str:
        """Fill ``stage`` from the stored rows of {days}, to link them again."""
        columns = ", ".join(["day", "user_id", *self.columns, *self.counters, "first_time", "lead", "single"])
        return f"INSERT INTO {stage} ({columns}) SELECT {columns} FROM user_day WHERE day IN {{days:Array(Date)}}"

    def changed_users(self, stage: str) -> str:
        """Users whose rows of {days} are not what is stored."""
        services = ", ".join(f"{identifier(events_column(name))} > 0" for name in self.layout.catalog.sources)
        shape = f"cityHash64({', '.join([*self.columns, services, 'lead'])})"
        return self._render("changed_users", stage=stage, shape=shape)

    def links(self, stage: str, ready: str) -> str:
        """Fill ``ready`` with the rows of ``stage`` and their links."""
        sources = list(self.layout.catalog.sources)
        days = [f"arraySort(groupUniqArrayIf(day, in_{name})) AS {name}_days" for name in sources]
        own = ["day", "user_id", *self.columns, *self.counters, "first_time", "lead", "single"]
        found = ["days[1] AS first_day", "arrayLast(each -> each < staged.day, days) AS prev_day"]
        for name in sources:
            # A user's first day in a source may lie after this row's day; then there is none yet.
            first = f"{name}_days[1]"
            found.append(f"if({first} <= staged.day, {first}, toDate(0)) AS {first_column(name)}")
            found.append(f"arrayLast(each -> each < staged.day, {name}_days) AS {prev_column(name)}")
        return self._render(
            "links",
            stage=stage,
            ready=ready,
            all=", ".join([*own, *self.layout.link_columns]),
            own=", ".join(f"staged.{column}" for column in own),
            found=", ".join(found),
            days=", ".join(["arraySort(groupUniqArray(day)) AS days", *days]),
            timeline=self._timeline(stage),
        )

    def mixed_users(self, stage: str) -> str:
        """Note the users of ``stage`` that have several combinations of attributes."""
        return self._render(
            "mixed_users", timeline=self._timeline(stage), compact=", ".join(self.layout.compact_labels()) or "0"
        )

    def events_of_stage(self, stage: str) -> str:
        """Events of ``stage`` by day and source."""
        sums = ", ".join(
            f"sum({identifier(events_column(name))}) AS {identifier(name)}" for name in self.layout.catalog.sources
        )
        return f"SELECT day, {sums} FROM {stage} GROUP BY day"

    def _timeline(self, stage: str) -> str:
        """Rows of the users of ``stage`` up to {last}: the prepared ones, and the stored ones of other days."""
        active = [f"{identifier(events_column(name))} > 0 AS in_{name}" for name in self.layout.catalog.sources]
        columns = ", ".join(["user_id", "day", *self.columns, *active])
        return (
            f"(SELECT {columns} FROM {stage}\n        UNION ALL\n"
            f"        SELECT {columns} FROM user_day WHERE day <= {{last:Date}} AND day NOT IN {{days:Array(Date)}}"
            f" AND user_id IN (SELECT user_id FROM {stage}))"
        )

    def user_month(self, target: str) -> str:
        """Fill ``target`` with the users' counters of the month from {first} to {until}."""
        sums = ", ".join(f"sum({column})" for column in self.counters)
        return self._render("user_month", target=target, sums=sums)

    def slice_day(self, target: str) -> str:
        """Fill ``target`` with the counters of {days}."""
        sums = ", ".join(f"sum({column})" for column in self.counters)
        labels = ", ".join(self.layout.compact_labels())
        keys = ", ".join(str(place) for place in range(1, len(self.names) + 2))
        return (
            f"INSERT INTO {target} ({', '.join(['day', *self.names, *self.counters])})\n"
            f"SELECT day, {labels}, {sums} FROM user_day WHERE day IN {{days:Array(Date)}} GROUP BY {keys}"
        )

    def active_link(self, target: str) -> str:
        """Fill ``target`` with the links of {days}."""
        sources = [identifier(events_column(name)) for name in self.layout.catalog.sources]
        services = [f"({literal(ANY_SERVICE)}, true)"]
        services += [
            f"({literal(name)}, {identifier(events_column(name))} > 0)" for name in self.layout.catalog.sources
        ]
        return self._render(
            "active_link",
            target=target,
            services=", ".join(services),
            labels=self._labels(),
            any=" + ".join(sources),
        )

    def active_delta(self, target: str) -> str:
        """Fill ``target`` with the changes of the days from {first} to {until}."""
        return self._render("active_delta", target=target)

    def retention_day(self, target: str) -> str:
        """Fill ``target`` with the cells of the days from {first} to {until}."""
        # join_use_nulls: a user who never changed has no row in `acquired`, and his own attributes are right.
        acquired = {
            each.name: f"ifNull(acquired.{identifier(each.column)}, activity.{identifier(each.column)})"
            for each in self.layout.compact
        }
        slices = [
            f"({literal(each.name)}, toString({expressions.label(each, acquired[each.name])}))"
            for each in self.layout.compact
        ]
        return self._render(
            "retention_day",
            target=target,
            slices=", ".join(slices),
            activity_counters=", ".join(f"activity.{column} AS {column}" for column in self.counters),
            sums=", ".join(f"sum({column})" for column in self.counters),
        )

    def _labels(self) -> str:
        pairs = zip(self.layout.compact_labels(), self.names, strict=True)
        return ", ".join(f"{label} AS {name}" for label, name in pairs)

    def _render(self, file: str, **names: str) -> str:
        common = {
            "columns": ", ".join(self.columns),
            "counters": ", ".join(self.counters),
            "names": ", ".join(self.names),
        }
        return render(_PACKAGE, file, **(common | names))
