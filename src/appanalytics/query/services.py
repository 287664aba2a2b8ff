"""Users of one service or of any: what the analyses over `user_day` share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import CatalogError, QuestionError, UserError, WarehouseMissing, nearest
from appanalytics.query.coverage import Coverage
from appanalytics.sqltext import identifier
from appanalytics.warehouse.rollup import Layout
from appanalytics.warehouse.rollup.layout import ANY_SERVICE, events_column, first_column, prev_column
from appanalytics.window import Window


@dataclass(frozen=True, slots=True)
class Service:
    """One service, or all together (``any``), as columns of `user_day`.

    ``first`` is the user's first day in it, ``previous`` his active day before (day 0 where there is none), and
    ``active`` the condition that a row has an event of it.
    """

    name: str
    first: str
    previous: str
    active: str

    @property
    def is_any(self) -> bool:
        """True where an event of any service counts."""
        return self.name == ANY_SERVICE


def service_of(catalog: Catalog, name: str = ANY_SERVICE) -> Service:
    """The service of a name: one of the catalog's sources, or ``any``. Raises `QuestionError`."""
    if name == ANY_SERVICE:
        return Service(name, "first_day", "prev_day", "1")
    if name not in catalog.sources:
        raise QuestionError(f"unknown service {name!r}", hint=nearest(name, [ANY_SERVICE, *catalog.sources]))
    columns = (first_column(name), prev_column(name), events_column(name))
    first, previous, events = (identifier(column) for column in columns)
    return Service(name, first, previous, f"{events} > 0")


def population(catalog: Catalog) -> str:
    """The measure that counts users of any service. Raises `CatalogError` where a project has taken it out."""
    for each in catalog.measures.values():
        if each.unique == "user" and each.source is None and not (each.active_in or each.first):
            return each.name
    raise CatalogError("measures: none of `unique: user` without a source", hint="add users: {unique: user}")


@dataclass(frozen=True, slots=True)
class Observed:
    """What of life was seen: the ``first`` and the ``last`` day with events; days from ``over`` on were not over."""

    first: date
    last: date
    over: date

    @classmethod
    def of(cls, coverage: Coverage, window: Window, today: date) -> Observed:
        """From the events' coverage; raises `WarehouseMissing` where there are none."""
        if coverage.first is None or coverage.last is None:
            raise WarehouseMissing("the warehouse holds no events yet", hint="appanalytics simulate, or load")
        first, last = (each.astimezone(window.zone).date() for each in (coverage.first, coverage.last))
        return cls(first, last, min(today, last + timedelta(days=1)))


def rolled_days(engine: Engine, coverage: Coverage, seen: Observed, until: date | None = None) -> None:
    """Raise `UserError` where a day that is over changed after its roll-up: the analyses need `user_day`.

    ``until`` is the day after the last one that is read; None means that all are.
    """
    end = min(seen.over, until or seen.over)
    if seen.first < end and (reason := coverage.why_not_rollups(seen.first, end - timedelta(days=1))):
        raise UserError(f"{engine.url}: {reason.partition('; run')[0]}", hint="run: appanalytics rollup")


def first_event(layout: Layout, service: Service, column: str) -> str:
    """A user's attribute at his first event in a service, as an aggregate over his rows of `user_day`."""
    name = identifier(column)
    if service.is_any:
        return f"anyIf({name}, day = first_day AND lead)"
    order = ", ".join(["first_time", *map(identifier, layout.user_columns)])
    return f"argMinIf({name}, ({order}), day = {service.first} AND {service.active})"
