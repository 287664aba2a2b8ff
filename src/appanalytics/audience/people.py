"""How much single users do: the most loyal ones, the histogram of a user's day, days of activity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from appanalytics.audience.decompose import PACKAGE, Record
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError, nearest
from appanalytics.query import Coverage, Observed, Question, check_values, population, service_of
from appanalytics.query.scope import Scope, output
from appanalytics.query.services import rolled_days
from appanalytics.sqltext import identifier, render
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_USERS = 10_000


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many users (or days of users) had each value; ``values`` rise, from 1 on, and ``users`` belong to them."""

    name: str
    labels: Mapping[str, str]
    values: tuple[int, ...]
    users: tuple[int, ...]

    def label(self, locale: str = "en") -> str:
        """The measure's name for people."""
        return self.labels.get(locale) or self.labels.get("en") or self.name

    @property
    def total(self) -> int:
        """Users, or days of users, in all."""
        return sum(self.users)

    @property
    def mean(self) -> float | None:
        """The mean value; None without users."""
        return sum(v * n for v, n in zip(self.values, self.users, strict=True)) / self.total if self.total else None

    @property
    def mode(self) -> int | None:
        """The most frequent value, the smallest of several; None without users."""
        pairs = zip(self.values, self.users, strict=True)
        return min(pairs, key=lambda pair: (-pair[1], pair[0]))[0] if self.values else None

    def quantile(self, part: float) -> int | None:
        """The smallest value that at least this part of the users do not exceed; None without users."""
        wanted, so_far = part * self.total, 0
        for value, users in zip(self.values, self.users, strict=True):
            so_far += users
            if so_far >= wanted and users:
                return value
        return None

    @property
    def records(self) -> list[Record]:
        """Flat records: ``value``, ``users``, ``share``."""
        return [
            {"value": value, "users": users, "share": users / self.total}
            for value, users in zip(self.values, self.users, strict=True)
        ]

    @property
    def columns(self) -> list[str]:
        """Keys of every record."""
        return ["value", "users", "share"]

    def plot(self, *, locale: str = "en") -> Figure:
        """Bars of the density up to the 99.5th percentile; needs the extra ``pictures``."""
        from appanalytics.audience.pictures import histogram

        return histogram(self, locale=locale)


def loyal_users(
    engine: Engine, layout: Layout, coverage: Coverage, window: Window, *, today: date, most: int = 20,
    show: Sequence[str] = ("gender", "age"), where: Mapping[str, object] | Iterable[str] = (), service: str = "any",
) -> list[Record]:  # fmt: skip
    """The users active on the most days of a window, then with the most events; ties by id.

    Records: ``user_id``, the dimensions of ``show`` (as on the user's last day), ``days`` active, ``first_seen``,
    ``last_seen``, and a total for each counted measure. Raises `QuestionError` for unknown names.
    """
    if not 1 <= most <= MOST_USERS:
        raise QuestionError(f"a list of {most} users", hint=f"use 1 to {MOST_USERS:,}")
    catalog = layout.catalog
    sliced = Question.of(catalog, population(catalog), window, by=show, where=where)
    seen = Observed.of(coverage, window, today)
    check_values(engine, layout, coverage, sliced)
    rolled_days(engine, coverage, seen, _days(window)["until"])
    counted = service_of(catalog, service)
    scope = Scope(catalog, lambda each: identifier(f"last_{each.column}"))
    columns = dict.fromkeys(catalog.dimension(name).column for name in sorted(sliced.slices))
    measures = [each for each in catalog.measures.values() if each.is_additive]
    totals = [f"sum({identifier(layout.column_of(each))}) AS {identifier('n_' + each.name)}" for each in measures]
    totals.append(f"{' + '.join(identifier('n_' + each.name) for each in measures)} AS total")
    conditions, bound = scope.conditions(sliced)
    attributes = [
        f"argMax({identifier(name)}, (day, first_time)) AS {identifier('last_' + name)}" for name in columns
    ]
    sql = render(
        PACKAGE, "loyal", first=counted.first, active=counted.active,
        attributes="".join(f", {each}" for each in attributes), totals="".join(f", {each}" for each in totals),
        outputs="".join(f", {each}" for each in scope.groups(sliced.by)),
        sums="".join(f", {identifier('n_' + each.name)}" for each in measures),
        filter=f"WHERE {' AND '.join(conditions)}" if conditions else "",
    )  # fmt: skip
    rows = engine.rows(sql, _days(window) | bound | {"most": most})
    return [
        {
            "user_id": row["user_id"], **{name: row[output(name)] for name in sliced.by},
            "days": int(row["days_active"]),
            "first_seen": row["first_seen"].isoformat(), "last_seen": row["last_seen"].isoformat(),
            **{each.name: int(row[f"n_{each.name}"]) for each in measures},
        }
        for row in rows
    ]  # fmt: skip


def user_days(
    engine: Engine, layout: Layout, coverage: Coverage, window: Window, measure: str, *, today: date
) -> Histogram:
    """The histogram of one user's day: on how many days of users a measure had each value, zero left out.

    Raises `QuestionError` for anything but a counted measure of the catalog.
    """
    counted = {each.name: each for each in layout.catalog.measures.values() if each.is_additive}
    if measure not in counted:
        raise QuestionError(f"no histogram of {measure!r}", hint=nearest(measure, counted))
    rolled_days(engine, coverage, Observed.of(coverage, window, today), _days(window)["until"])
    counter = identifier(layout.column_of(counted[measure]))
    rows = engine.rows(render(PACKAGE, "user_days", counter=counter), _days(window))
    return _histogram(measure, counted[measure].labels, rows)


def active_days(
    engine: Engine, layout: Layout, coverage: Coverage, window: Window, *, today: date, service: str = "any"
) -> Histogram:
    """Users of a window by the number of its days on which they were active."""
    rolled_days(engine, coverage, Observed.of(coverage, window, today), _days(window)["until"])
    active = service_of(layout.catalog, service).active
    return _histogram("days", {}, engine.rows(render(PACKAGE, "active_days", active=active), _days(window)))


def _histogram(name: str, labels: Mapping[str, str], rows: list[dict[str, Any]]) -> Histogram:
    values, users = (tuple(int(row[key]) for row in rows) for key in ("value", "users"))
    return Histogram(name, labels, values, users)


def _days(window: Window) -> dict[str, date]:
    return {"first": window.first_day, "until": window.last_day + timedelta(days=1)}
