"""From a question to cells: which relation answers, its SQL, and what is known of which cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from textwrap import indent
from typing import Any

from appanalytics.engine import Engine
from appanalytics.query import Coverage, Observed, Question, check_values, population
from appanalytics.query.plan import shown
from appanalytics.query.scope import Scope, output
from appanalytics.query.services import first_event, rolled_days
from appanalytics.retention.question import ANY_EVENT, NO_END, Kind, RetentionQuestion
from appanalytics.sqltext import identifier, render
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain

PACKAGE = "appanalytics.retention"
SIZE = -1  # the place of a cohort's size

Slice = tuple[Any, ...]
Counts = dict[tuple[date, Slice], dict[int, int]]


@dataclass(frozen=True, slots=True)
class Statement:
    """The SELECT that answers, and the relation that it reads."""

    relation: str
    sql: str
    parameters: dict[str, Any]

    @property
    def text(self) -> str:
        """The statement ready to paste, its parameters first."""
        return shown(self.sql, self.parameters)


def read_counts(
    engine: Engine, layout: Layout, coverage: Coverage, question: RetentionQuestion, seen: Observed
) -> tuple[Counts, Statement]:
    """Users of every cohort and slice by place; sizes at `SIZE`. Places without users are left out.

    Raises `UserError` where days that are over changed after their roll-up, `QuestionError` for unknown values.
    """
    sliced = as_question(layout, question)
    check_values(engine, layout, coverage, sliced)
    rolled_days(engine, coverage, seen)
    statement = compiled(layout, question, seen, has_changing=coverage.has_changing)
    counts: Counts = {}
    for row in engine.rows(statement.sql, statement.parameters):
        key = (row["cohort"], tuple(row[output(name)] for name in question.by))
        counts.setdefault(key, {})[row["place"]] = int(row["users"])
    if statement.relation == "retention_day":
        for places in counts.values():
            places[SIZE] = places.get(0, 0)
    return counts, statement


def read_rows(
    engine: Engine, layout: Layout, question: RetentionQuestion, seen: Observed, file: str, more: dict[str, Any]
) -> list[dict[str, Any]]:
    """Rows of a statement of ``sql/`` that goes through each user's days."""
    names, bound = user_parts(layout, question)
    return engine.rows(render(PACKAGE, file, **names), _days(question, seen) | bound | more)


def as_question(layout: Layout, question: RetentionQuestion) -> Question:
    """The same slices and filters as a question of the query compiler."""
    return Question((population(layout.catalog),), question.window, by=question.by, where=question.where)


def compiled(layout: Layout, question: RetentionQuestion, seen: Observed, *, has_changing: bool = True) -> Statement:
    """The statement of a question. ``has_changing`` says that attributes of some users changed."""
    parameters = _days(question, seen)
    if is_rolled(layout, question):
        name = question.by[0] if question.by else ""
        more = {"dimension": name, "last": _last(question)}
        column = output(name) if name else ""
        sql = render(
            PACKAGE, "rolled", cohort=cohort_of(question.grain, "first_day"), names=_listed([column] if name else []),
            value=f", value AS {column}" if name else "",
        )  # fmt: skip
        return Statement("retention_day", sql, parameters | more)
    if question.kind is Kind.EXACT and question.by_days and not has_changing:
        return _of_days(layout, question, parameters)
    names, bound = user_parts(layout, question)
    return Statement("user_day", render(PACKAGE, "triangle", **names), parameters | bound)


def _of_days(layout: Layout, question: RetentionQuestion, parameters: dict[str, Any]) -> Statement:
    sliced, scope = as_question(layout, question), Scope.of_users(layout.catalog)
    conditions, bound = scope.conditions(sliced)
    sql = render(
        PACKAGE, "days", cohort=cohort_of(question.grain, question.service.first), first=question.service.first,
        active=question.service.active, returned=returned(layout, question),
        groups=_listed(scope.groups(question.by)), names=_listed(output(name) for name in question.by),
        conditions="".join(f" AND {each}" for each in conditions),
    )  # fmt: skip
    return Statement("user_day", sql, parameters | bound | {"last": _last(question)})


def _days(question: RetentionQuestion, seen: Observed) -> dict[str, Any]:
    return {
        "since": question.window.first_day,
        "until": question.window.last_day + timedelta(days=1),
        "seen": seen.last + timedelta(days=1),
    }


def is_rolled(layout: Layout, question: RetentionQuestion) -> bool:
    """True where `retention_day` has the answer: days, any event of any service, at most one small dimension."""
    small = {each.name for each in layout.compact}
    return (
        question.kind is Kind.EXACT
        and question.by_days
        and question.service.is_any
        and question.event == ANY_EVENT
        and not question.where
        and len(question.by) <= 1
        and small.issuperset(question.by)
    )


def user_parts(layout: Layout, question: RetentionQuestion) -> tuple[dict[str, str], dict[str, Any]]:
    """The parts of a statement that goes through each user's days, and their parameters."""
    sliced = as_question(layout, question)
    scope = Scope(layout.catalog, lambda each: identifier(f"own_{each.column}"))
    groups = scope.groups(question.by)
    conditions, bound = scope.conditions(sliced)
    columns = dict.fromkeys(layout.catalog.dimension(name).column for name in sorted(sliced.slices))
    first = question.service.first
    attributes = [f"{first_event(layout, question.service, name)} AS {identifier('own_' + name)}" for name in columns]
    places, more = _places(question)
    lives = render(
        PACKAGE, "lives", first=first, step=_step(question.step, first), returned=returned(layout, question),
        attributes=_listed(attributes),
    )  # fmt: skip
    names = {
        "cohort": cohort_of(question.grain, "born"),
        "places": places,
        "lives": indent(lives.rstrip(), " " * 8),
        "outputs": _listed(groups),
        "names": _listed(output(name) for name in question.by),
        "filter": f"WHERE {' AND '.join(conditions)}" if conditions else "",
    }
    return names, bound | more


def returned(layout: Layout, question: RetentionQuestion) -> str:
    """The condition that a row of `user_day` is a return."""
    if question.event == ANY_EVENT:
        return question.service.active
    return f"{identifier(layout.column_of(layout.catalog.measures[question.event]))} > 0"


def cohort_of(grain: Grain, day: str) -> str:
    """The first day of the bucket of a day."""
    return {Grain.WEEK: f"toMonday({day})", Grain.MONTH: f"toStartOfMonth({day})"}.get(grain, day)


def _step(grain: Grain, first: str) -> str:
    if grain is Grain.WEEK:
        return f"intDiv(toMonday(day) - toMonday({first}), 7)"
    return f"dateDiff('month', {first}, day)" if grain is Grain.MONTH else f"day - {first}"


def _places(question: RetentionQuestion) -> tuple[str, dict[str, Any]]:
    """Places in which a user with returns in ``steps`` counts."""
    last = {"last": _last(question)}
    if question.kind is Kind.UNBOUNDED:
        most = "least(arrayMax(steps), {last:Int32})"
        return f"if(empty(steps), [], arrayMap(place -> toInt32(place), range(0, {most} + 1)))", last
    if question.kind is Kind.ROLLING:
        # Step 0 counts for itself alone; another one for the steps until it leaves the window.
        own = "if(step = 0, [0], arrayMap(place -> toInt32(place), range(step, step + {span:Int32})))"
        joined = f"arrayDistinct(arrayFlatten(arrayMap(step -> {own}, steps)))"
        return f"arrayFilter(place -> place <= {{last:Int32}}, {joined})", last | {"span": question.span}
    if question.kind is Kind.BRACKET:
        inside = "arrayExists(step -> step >= pair.1 AND step <= pair.2, steps)"
        pairs = "arrayZip({lows:Array(Int32)}, {highs:Array(Int32)}, arrayEnumerate({lows:Array(Int32)}))"
        found = f"arrayMap(pair -> toInt32(pair.3 - 1), arrayFilter(pair -> {inside}, {pairs}))"
        lows, highs = ([getattr(each, end) for each in question.brackets] for end in ("first", "last"))
        return found, {"lows": lows, "highs": highs}
    return "arrayFilter(place -> place <= {last:Int32}, steps)", last


def _last(question: RetentionQuestion) -> int:
    return NO_END if question.periods is None else question.periods


def _listed(parts: Iterable[str]) -> str:
    return "".join(f", {part}" for part in parts)
