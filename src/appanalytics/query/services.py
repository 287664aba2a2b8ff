"""Users of one service or of any: what the analyses over `user_day` share."""

from __future__ import annotations

from dataclasses import dataclass

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import CatalogError, QuestionError, UserError, nearest
from appanalytics.query.coverage import Coverage
from appanalytics.sqltext import identifier
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


def require_rollups(coverage: Coverage, window: Window, engine: Engine) -> None:
    """Raise `UserError` where rollups cannot answer for the days of a window."""
    if reason := coverage.why_not_rollups(window.first_day, window.last_day):
        raise UserError(f"{engine.url}: {reason.partition('; run')[0]}", hint="run: appanalytics rollup")
