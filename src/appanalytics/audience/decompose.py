"""The audience of a period, split by what its users were before: new, retained, returning; and who is gone."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from appanalytics.audience.periods import Periods
from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.query import Coverage, Observed, Question, Service, check_values, population, service_of
from appanalytics.query.plan import shown
from appanalytics.query.scope import Scope, output
from appanalytics.query.services import first_event, rolled_days
from appanalytics.query.show import number
from appanalytics.sqltext import identifier, literal, render
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from appanalytics.document import Document

PACKAGE = "appanalytics.audience"
Slice = tuple[Any, ...]
Record = dict[str, Any]
Counts = dict[tuple[date, Slice], tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class AudienceQuestion:
    """Whose audience: slices and filters (by the user's attributes at his first event), periods, service."""

    sliced: Question
    periods: Periods
    service: Service

    @classmethod
    def of(
        cls, catalog: Catalog, window: Window, *, grain: str | Grain = Grain.WEEK, by: str | Sequence[str] = (),
        where: Mapping[str, object] | Iterable[str] = (), service: str = "any",
    ) -> AudienceQuestion:  # fmt: skip
        """Check every name; raises `QuestionError` with the nearest one."""
        sliced = Question.of(catalog, population(catalog), window, by=by, where=where)
        return cls(sliced, Periods.of(grain, window), service_of(catalog, service))


@dataclass(frozen=True, slots=True)
class Split:
    """One period of one slice. ``before`` are the users active in the period before.

    active = new + retained + returning, and active - before = new + returning - gone. *Retained* were active in
    the period before, *returning* were away for at least one whole period, *gone* were active in the period before
    and are not in this one.
    """

    start: date
    slice: Slice
    new: int
    retained: int
    returning: int
    before: int
    complete: bool

    @property
    def active(self) -> int:
        """Users of the period."""
        return self.new + self.retained + self.returning

    @property
    def gone(self) -> int:
        """Users of the period before who are not here any more."""
        return self.before - self.retained

    @property
    def quick_ratio(self) -> float | None:
        """Users won by users lost, (new + returning) / gone; above 1 the audience grows. None when none is gone."""
        return (self.new + self.returning) / self.gone if self.gone else None


@dataclass(frozen=True, repr=False)
class Audience:
    """Splits in the order of slice and period.

    `records` have ``time`` (first day of the period), a key for each dimension, ``active``, ``new``, ``retained``,
    ``returning``, ``gone`` (users), ``quick_ratio`` and ``complete``: False where the period is not over, or where
    the data do not hold the whole period before.
    """

    question: AudienceQuestion
    splits: tuple[Split, ...]
    relation: str
    sql: str

    @property
    def columns(self) -> list[str]:
        """Keys of every record, in order."""
        names = ["active", "new", "retained", "returning", "gone", "quick_ratio", "complete"]
        return ["time", *self.question.sliced.by, *names]

    @property
    def records(self) -> list[Record]:
        """Flat records."""
        return [self._record(each) for each in self.splits]

    @property
    def slices(self) -> list[Slice]:
        """Values of the dimensions, in order."""
        return list(dict.fromkeys(each.slice for each in self.splits))

    def of_slice(self, values: Slice = ()) -> list[Split]:
        """Splits of one slice by period."""
        return [each for each in self.splits if each.slice == values]

    def to_arrow(self) -> pa.Table:
        """The records as an Arrow table."""
        records = self.records
        return pa.table({name: pa.array([record[name] for record in records]) for name in self.columns})

    def to_pandas(self) -> pd.DataFrame:
        """The records as a pandas frame; needs the extra ``pandas``."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def plot(self, values: Slice | None = None, *, locale: str = "en") -> Figure:
        """Bars of one slice (the first): new, returning, retained above zero, gone below; needs ``pictures``."""
        from appanalytics.audience.pictures import bars

        return bars(self, self.slices[0] if values is None and self.slices else values or (), locale=locale)

    def page(
        self, *, locale: str = "en", pictures: bool = True, label: str | None = None,
        notes: Mapping[date, str] | None = None,
    ) -> Document:  # fmt: skip
        """Everything as one page for a terminal, Markdown or HTML. ``notes`` are texts above periods."""
        from appanalytics.audience.page import audience_page

        return audience_page(self, locale=locale, pictures=pictures, label=label, notes=notes)

    def cells(self) -> list[list[str]]:
        """The records as text, without ``complete``: a star marks incomplete periods."""
        rows = []
        for record in self.records:
            star = "" if record["complete"] else " *"
            rows.append([
                _text(record[name], name in self.question.sliced.by) + (star if name == "time" else "")
                for name in self.columns[:-1]
            ])  # fmt: skip
        return rows

    def __len__(self) -> int:
        return len(self.splits)

    def __repr__(self) -> str:
        head, rows = self.columns[:-1], self.cells()
        widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
        lines = [
            "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in (head, *rows)
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        top = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns[:-1])
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in self.cells()
        )
        return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

    def _record(self, each: Split) -> Record:
        return {
            "time": each.start.isoformat(),
            **dict(zip(self.question.sliced.by, each.slice, strict=True)),
            "active": each.active, "new": each.new, "retained": each.retained, "returning": each.returning,
            "gone": each.gone, "quick_ratio": each.quick_ratio, "complete": each.complete,
        }  # fmt: skip


def audience(
    engine: Engine, layout: Layout, coverage: Coverage, question: AudienceQuestion, *, today: date
) -> Audience:
    """Split the audience of every period. Days from ``today`` on are not over.

    Raises `WarehouseMissing` without events, `UserError` where rollups are stale, `QuestionError` for unknown values.
    """
    seen = Observed.of(coverage, question.sliced.window, today)
    check_values(engine, layout, coverage, question.sliced)
    rolled_days(engine, coverage, seen, question.periods.until)
    relation, sql, parameters = compiled(layout, coverage, question)
    counts: Counts = {}
    for row in engine.rows(sql, parameters):
        key = (row["period"], tuple(row[output(name)] for name in question.sliced.by))
        counts[key] = (int(row["new_users"]), int(row["retained_users"]), int(row["returning_users"]))
    return Audience(question, tuple(_splits(question, counts, seen)), relation, shown(sql, parameters))


def compiled(layout: Layout, coverage: Coverage, question: AudienceQuestion) -> tuple[str, str, dict[str, Any]]:
    """The relation that answers, the statement, and its parameters."""
    periods, service = question.periods, question.service
    parameters: dict[str, Any] = {"first": periods.before(periods.first), "until": periods.until}
    small = {each.name for each in layout.compact}
    more: list[str] = []
    previous, count = service.previous, "count{if_}({condition})"
    if not coverage.has_mixed and small.issuperset(question.sliced.slices):
        relation, name, previous, count = "active_link", "active_link", "prev_day", "sum{if_}(users, {condition})"
        scope = Scope.of_labels(layout.catalog, sorted(small))
        more = [f"service = {literal(service.name)}"]
    elif not coverage.has_changing:
        relation, name, scope = "user_day", "user_day", Scope.of_users(layout.catalog)
        more = ["lead" if service.is_any else service.active]
    else:
        # A user has several rows on a day when his attributes changed within it.
        count = "uniqExact{if_}(user_id, {condition})"
        scope = Scope(layout.catalog, lambda each: identifier(f"own_{each.column}"))
        relation, name = f"(\n{_own(layout, question)}\n)", "user_day"
    conditions, bound = scope.conditions(question.sliced)
    kinds = {
        "new": f"{previous} = toDate(0)",
        "retained": f"{previous} >= {periods.before_sql}",
        "returning": f"{previous} != toDate(0) AND {previous} < {periods.before_sql}",
    }
    sql = render(
        PACKAGE, "decompose", relation=relation, start=periods.start_sql, previous=previous,
        groups="".join(f", {each}" for each in scope.groups(question.sliced.by)),
        names="".join(f", {output(each)}" for each in question.sliced.by),
        conditions="".join(f" AND {each}" for each in (*more, *conditions)),
        **{kind: count.format(if_="If", condition=condition) for kind, condition in kinds.items()},
    )  # fmt: skip
    return name, sql, parameters | bound


def _own(layout: Layout, question: AudienceQuestion) -> str:
    service = question.service
    columns = dict.fromkeys(layout.catalog.dimension(name).column for name in sorted(question.sliced.slices))
    picked = [f"{first_event(layout, service, column)} AS {identifier(column)}" for column in columns]
    own = [
        f"ifNull(acquired.{identifier(column)}, activity.{identifier(column)}) AS {identifier('own_' + column)}"
        for column in columns
    ]
    return render(
        PACKAGE, "own", previous=service.previous, active="lead" if service.is_any else service.active,
        picked="".join(f", {each}" for each in picked), own="".join(f", {each}" for each in own),
    ).rstrip()  # fmt: skip


def _splits(question: AudienceQuestion, counts: Counts, seen: Observed) -> Iterable[Split]:
    periods = question.periods
    found = sorted({values for _, values in counts}, key=_order) or ([()] if not question.sliced.by else [])
    for values in found:
        before = sum(counts.get((periods.before(periods.first), values), ()))
        for start in periods.starts():
            if start > seen.last:
                break
            split = counts.get((start, values), (0, 0, 0))
            yield Split(start, values, *split, before, periods.is_complete(start, seen))
            before = sum(split)


def _order(values: Slice) -> tuple[tuple[bool, str, Any], ...]:
    return tuple((value is None, type(value).__name__, value if value is not None else 0) for value in values)


def _text(value: Any, is_name: bool) -> str:
    return "unknown" if value is None and is_name else number(value)
