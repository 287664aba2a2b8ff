"""What a mapping comes to, counted over all rows before anything is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from appanalytics.adopt.mapping import ATTRIBUTES, Branch, SourceMap
from appanalytics.adopt.views import action_text, conditions, relation, view_sql
from appanalytics.engine import Engine
from appanalytics.errors import MappingError
from appanalytics.sqltext import identifier, literal

#: Other actions that are named one by one.
_NAMED = 8


@dataclass(frozen=True)
class Counted:
    """A source's rows: all, those that are events, users, posts or receivers, days, and what was left out by reason.

    ``unknown`` is the share of events without each attribute; an attribute that is nowhere is 1.
    """

    source: str
    rows: int
    events: int
    users: int
    items: int
    first: date | None
    last: date | None
    days: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, float] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """For people: one line of counts, what was left out, attributes that are unknown."""
        what = "posts" if self.source == "feed" else "receivers"
        people = f"{self.events:,} events of {self.users:,} users, {self.items:,} {what}"
        days = f"{self.days:,} days with events, {self.first} … {self.last}"
        made = [f"{self.source}: {people}, {days}; {self.rows:,} rows read"]
        made += [f"  left out: {count:,} × {reason}" for reason, count in self.left_out.items()]
        often = [f"{name} {share:.0%}" for name, share in self.unknown.items() if share > 0]
        return [*made, *([f"  unknown: {', '.join(often)}"] if often else [])]


def count(engine: Engine, source: SourceMap, zone: str = "UTC") -> Counted:
    """Count what a source's view will hold and what it leaves out.

    Raises `MappingError` when it would hold nothing.
    """
    item = "post_id" if source.source == "feed" else "receiver_id"
    unknown = ", ".join(f"avg({_is_unknown(name)}) AS unknown_{name}" for name in ATTRIBUTES)
    row: dict[str, Any] = engine.rows(
        f"SELECT count() AS events, uniqExact(user_id) AS users, uniqExact({item}) AS items,"
        f" toDate(min(time), {literal(zone)}) AS first, toDate(max(time), {literal(zone)}) AS last,"
        f" uniqExact(toDate(time, {literal(zone)})) AS days, {unknown} FROM ({view_sql(source, zone)})"
    )[0]
    left: dict[str, int] = {}
    for branch in source.branches:
        for reason, rows in _left_out(engine, source, branch, zone).items():
            left[reason] = left.get(reason, 0) + rows
    if not row["events"]:
        reasons = ", ".join(f"{rows:,} × {reason}" for reason, rows in left.items()) or "the table is empty"
        raise MappingError(
            f"{source.source}: no row of {', '.join(each.sketch.table for each in source.branches)} is an event",
            hint=f"left out: {reasons}",
        )
    return Counted(
        source.source, row["events"] + sum(left.values()), row["events"], row["users"], row["items"],
        row["first"], row["last"], row["days"], left, {name: row[f"unknown_{name}"] for name in ATTRIBUTES},
    )  # fmt: skip


def _is_unknown(attribute: str) -> str:
    least = {"gender": "gender < 0", "age": "age = 0", "exp_group": "exp_group < 0"}
    return least.get(attribute, f"{identifier(attribute)} = 'unknown'")


def _left_out(engine: Engine, source: SourceMap, branch: Branch, zone: str) -> dict[str, int]:
    """Rows that are no events, by the first reason of each."""
    steps = []
    for reason, condition in conditions(source, branch, zone):
        told = literal(reason)
        if branch.actions and reason == "another action":
            told = f"concat('another action: ', {action_text(branch)})"
        steps.append(f"NOT ifNull({condition}, 0), {told}")
    rows = engine.rows(
        f"SELECT multiIf({', '.join(steps)}, '') AS reason, count() AS rows FROM {relation(branch)}"
        f" GROUP BY reason HAVING reason != '' ORDER BY rows DESC"
    )
    found = {row["reason"]: int(row["rows"]) for row in rows}
    if len(found) <= _NAMED:
        return found
    named = dict(list(found.items())[:_NAMED])
    return named | {"another action, of many": sum(found.values()) - sum(named.values())}
