"""Values that cannot be: ages, codes outside of the catalog, empty ids, unknown actions; likes out of nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from appanalytics.catalog import Source
from appanalytics.catalog import sql as expressions
from appanalytics.sqltext import comma, identifier, literal
from appanalytics.warehouse.checks.report import Check, Status, settle, skipped
from appanalytics.warehouse.checks.scope import Scope
from appanalytics.warehouse.rollup.shapes import day_of

_IMPOSSIBLE = "events with values that cannot be"
_BLIND = "likes of posts that the user did not view that day"
#: The code of an unknown value where the catalog does not name one (see the events' tables).
_UNKNOWN_CODE = -1


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that must not be: SQL condition over the events, the name of its slice, and what is allowed."""

    condition: str
    slice: str
    expected: str
    unusual: bool = False  # possible after all: never more than a warning


def impossible_values(scope: Scope) -> list[Check]:
    """Ages outside of 0–120, codes that the catalog does not know, empty ids, unknown actions; on sampled days."""
    if not scope.sample:
        return skipped("values", _IMPOSSIBLE, "no whole days yet")
    found = [check for source in scope.layout.catalog.sources.values() for check in _of_source(scope, source)]
    return settle("values", _IMPOSSIBLE, found, looked_at=f"{len(scope.sample)} days")


def _of_source(scope: Scope, source: Source) -> list[Check]:
    rules = rules_of(scope, source)
    where, parameters = scope.spans(source, scope.sample)
    sql = scope.render(
        "values",
        day=day_of(scope.layout, source),
        counts=comma(f"countIf({rule.condition}) AS rule_{place}" for place, rule in enumerate(rules)),
        table=identifier(source.table),
        where=where,
    )
    found = []
    for row in scope.engine.rows(sql, parameters):
        for place, rule in enumerate(rules):
            if count := row[f"rule_{place}"]:
                grave = not rule.unusual and count > scope.limits.impossible_share * row["events"]
                status = Status.FAILED if grave else Status.WARNING
                hint = f"{count / row['events']:.2%} of the day's events; look at the mapping of the load"
                found.append(Check("values", status, _IMPOSSIBLE, count, rule.expected, row["day"], rule.slice, hint))
    return found


def rules_of(scope: Scope, source: Source) -> list[Rule]:
    """All rules for one source, from the catalog."""
    return [*_people(scope, source), *_ids(scope, source), *_actions(scope, source)]


def _people(scope: Scope, source: Source) -> list[Rule]:
    rules = []
    for name, dimension in scope.layout.catalog.user_dimensions().items():
        column = expressions.dimension_column(scope.layout.catalog, dimension, source)
        if name == "age":
            oldest = scope.limits.oldest
            rules.append(Rule(f"{column} < 0 OR {column} > {oldest}", f"{source.name} {name}", f"0 to {oldest}"))
        if dimension.values:
            unknown = _UNKNOWN_CODE if dimension.unknown is None else dimension.unknown
            codes = ", ".join(str(code) for code in [*dimension.values, unknown])
            rules.append(Rule(f"toInt64({column}) NOT IN ({codes})", f"{source.name} {name}", f"one of {codes}"))
    return rules


def _ids(scope: Scope, source: Source) -> list[Rule]:
    types = scope.layout.types[source.name]
    logical = ["user", *(name for name in source.columns if name not in _conditions(scope, source))]
    rules = []
    for name in logical:
        column = source.column(name)
        empty = f"empty({identifier(column)})" if "String" in types[column] else f"{identifier(column)} = 0"
        rules.append(Rule(f"ifNull({empty}, true)", f"{source.name} {name}", "an id"))
    return rules


def _actions(scope: Scope, source: Source) -> list[Rule]:
    rules = []
    for name, values in _conditions(scope, source).items():
        listed = ", ".join(sorted(literal(value) for value in values))
        condition = f"{identifier(source.column(name))} NOT IN ({listed})"
        rules.append(Rule(condition, f"{source.name} {name}", f"one of {listed}", unusual=True))
    return rules


def _conditions(scope: Scope, source: Source) -> dict[str, set[str | int]]:
    """Logical columns that measures of a source choose rows by, with all values that they name."""
    known: dict[str, set[str | int]] = {}
    for measure in scope.layout.catalog.measures.values():
        if measure.source == source.name:
            for column, values in measure.condition.items():
                known.setdefault(column, set()).update(values)
    return known


def blind_likes(scope: Scope) -> list[Check]:
    """Share of likes whose user did not view the post that day; a warning where it is large."""
    layout = scope.layout
    views, likes = (layout.catalog.measures.get(name) for name in ("views", "likes"))
    post = next((each for each in layout.item_dimensions if each.name == "post"), None)
    if not (views and likes and post and views.source == likes.source == layout.item_source and scope.sample):
        return skipped("blind_likes", _BLIND, "needs views and likes of posts on whole days")
    source = layout.catalog.sources[layout.item_source]
    where, parameters = scope.spans(source, scope.sample if scope.full else scope.sample[-2:])
    sql = scope.render(
        "blind_likes",
        day=day_of(layout, source),
        user=identifier(source.user),
        post=identifier(source.column(post.column)),
        viewed=expressions.condition(source, views.condition),
        liked=expressions.condition(source, likes.condition),
        table=identifier(source.table),
        where=where,
    )
    limit = scope.limits.blind_likes
    found = []
    for row in scope.engine.rows(sql, parameters):
        share = row["blind"] / row["liked"]
        if share > limit and row["blind"] >= 10:
            hint = "were views lost?"
            found.append(
                Check("blind_likes", Status.WARNING, _BLIND, share, f"at most {limit}", row["day"], hint=hint)
            )
    return settle("blind_likes", _BLIND, found)
