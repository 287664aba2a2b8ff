"""The kinds of SELECT that answers are made of. Each is one small function from names to SQL.

What they return, and how `cube` reads it:

* ``grouped``: bucket, dimensions, one column for each measure
* ``rolling``: days (window length), slot, dimensions, delta; a running sum gives the users active in the window
* ``periodic``: period, slot, dimensions, users seen in the period for the first time in that slot
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from appanalytics.sqltext import comma

Kind = Literal["grouped", "rolling", "periodic"]


@dataclass(frozen=True)
class Statement:
    """One SELECT of a plan. ``leaves`` are the catalog's names it answers, ``sign`` how its rows count."""

    kind: Kind
    relation: str
    reason: str
    sql: str
    parameters: dict[str, Any]
    leaves: tuple[str, ...]
    windows: dict[int, tuple[str, ...]] = field(default_factory=dict)
    sign: int = 1


def where(conditions: Sequence[str]) -> str:
    """A WHERE clause, or nothing."""
    return "\nWHERE " + "\n  AND ".join(conditions) if conditions else ""


def grouped(
    relation: str, bucket: str, groups: Sequence[str], values: dict[str, str], conditions: Sequence[str]
) -> str:
    """Aggregates by bucket and dimensions."""
    columns = [f"{bucket} AS bucket", *groups, *(f"{value} AS {column(name)}" for name, value in values.items())]
    keys = ", ".join(["bucket", *_outputs(groups)])
    return f"SELECT\n    {comma(columns)}\nFROM {relation}{where(conditions)}\nGROUP BY {keys}"


def column(leaf: str) -> str:
    """Column of a measure in a statement's result."""
    return f"of_{leaf}"


def delta_of_rollup(groups: Sequence[str], conditions: Sequence[str]) -> str:
    """Running differences from `active_delta`; what happened before the window is folded into its first day."""
    columns = ["days", "greatest(toInt32(day), toInt32({first:Date})) AS slot", *groups, "sum(delta) AS delta"]
    keys = ", ".join(["days", "slot", *_outputs(groups)])
    return f"SELECT\n    {comma(columns)}\nFROM active_delta{where(conditions)}\nGROUP BY {keys}"


def delta_of_links(previous: str, windows: Sequence[int], groups: Sequence[str], conditions: Sequence[str]) -> str:
    """The same differences from rows that know their user's active day before; one row a user and day.

    Every row leaves one window after its day; it enters on its day, or takes back the leave of the day before.
    Changes after the question's last day are not grouped at all.
    """
    names = "".join(f", {name}" for name in _outputs(groups))
    entries = "\n    UNION ALL\n".join(_entries(previous, days, groups, conditions) for days in windows)
    leaves = comma(["day", *groups, "count() AS users"], 12)
    early = f"day < {{until:Date}} - {min(windows)}"
    return f"""SELECT days, greatest(at, toInt32({{first:Date}})) AS slot{names}, sum(change) AS delta
FROM
(
{entries}
    UNION ALL
    SELECT days, toInt32(day) + days AS at{names}, -toInt64(users) AS change
    FROM
    (
        SELECT
            {leaves}
        FROM user_day{where([*conditions, early])}
        GROUP BY day{names}
    )
    ARRAY JOIN {{windows:Array(UInt16)}} AS days
)
WHERE at < toInt32({{until:Date}})
GROUP BY days, slot{names}"""


def _entries(previous: str, days: int, groups: Sequence[str], conditions: Sequence[str]) -> str:
    enters = f"{previous} = toDate(0) OR day - {previous} >= {days}"
    at = f"if({enters}, toInt32(day), toInt32({previous}) + {days}) AS at"
    columns = comma([f"{days} AS days", at, *groups, "toInt64(count()) AS change"], 8)
    names = "".join(f", {name}" for name in _outputs(groups))
    matters = f"({enters} OR {previous} + {days} < {{until:Date}})"
    return f"""    SELECT
        {columns}
    FROM user_day{where([*conditions, matters])}
    GROUP BY at{names}"""


def delta_of_activity(activity: str, groups: Sequence[str], apart: Sequence[str], conditions: Sequence[str]) -> str:
    """The same differences worked out from activity: exact for any dimension and for changing attributes.

    ``apart`` are further outputs by which a user is told apart before the sum (see `active_link`). The rule for
    a step is that of ``active_delta.sql``: a gap of exactly the window's length leaves and enters again.
    """
    inner = comma([*groups, *apart, "arraySort(groupUniqArray(slot)) AS slots"], 12)
    keys = ", ".join(["user_id", *_outputs([*groups, *apart])])
    outer = "".join(f", {name}" for name in _outputs(groups))
    return f"""SELECT days, greatest(step.1, {{first_slot:Int64}}) AS slot{outer}, sum(step.2) AS delta
FROM
(
    SELECT days, current, previous{outer}, toInt64(days) * {{slots_in_day:Int64}} AS length,
        if(previous IS NULL OR current - previous >= length,
           [(current, 1), (current + length, -1)],
           [(current + length, -1), (assumeNotNull(previous) + length, 1)]) AS steps
    FROM
    (
        SELECT{outer.removeprefix(",")}{"," if outer else ""} arrayJoin(arrayZip(
            arrayMap(slot -> toInt64(slot), slots),
            arrayPushFront(arrayMap(slot -> toNullable(toInt64(slot)), arrayPopBack(slots)), NULL))) AS pair,
            pair.1 AS current, pair.2 AS previous
        FROM
        (
            SELECT
            {inner}
            FROM {activity}{where(conditions)}
            GROUP BY {keys}
        )
    )
    ARRAY JOIN {{windows:Array(UInt16)}} AS days
)
ARRAY JOIN steps AS step
WHERE step.1 <= {{last_slot:Int64}}
GROUP BY days, slot{outer}"""


def first_in_period(activity: str, period: str, groups: Sequence[str], conditions: Sequence[str]) -> str:
    """Users by the slot in which they were first active in a calendar period."""
    inner = comma([f"{period} AS period", *groups, "min(slot) AS first_slot"], 8)
    names = "".join(f", {name}" for name in _outputs(groups))
    return f"""SELECT toInt32(period) AS period, first_slot AS slot{names}, count() AS users
FROM
(
    SELECT
        {inner}
    FROM {activity}{where(conditions)}
    GROUP BY user_id, period{names}
)
GROUP BY period, slot{names}"""


def first_of_links(period: str, groups: Sequence[str], conditions: Sequence[str]) -> str:
    """The same from `active_link`."""
    columns = [f"toInt32({period}) AS period", "toInt32(day) AS slot", *groups, "sum(users) AS users"]
    keys = ", ".join(["period", "slot", *_outputs(groups)])
    first = f"prev_day < {period}"
    return f"SELECT\n    {comma(columns)}\nFROM active_link{where([*conditions, first])}\nGROUP BY {keys}"


def users_having(
    activity: str, bucket: str, slot: str, groups: Sequence[str], conditions: Sequence[str], having: str
) -> str:
    """Different users by bucket of those whose slot (a day, or the bucket) fulfils a condition on its services."""
    inner = comma(["user_id", f"{slot} AS span", f"any({bucket}) AS bucket_of_span", *groups], 8)
    names = "".join(f", {name}" for name in _outputs(groups))
    return f"""(
    SELECT
        {inner}
    FROM {activity}{where(conditions)}
    GROUP BY user_id, span{names}
    HAVING {having}
)"""


def users_of_spans(users: str, groups: Sequence[str], leaf: str) -> str:
    """Different users by bucket, from those of `users_having`."""
    keys = ", ".join(["bucket", *_outputs(groups)])
    columns = ", ".join(["bucket_of_span AS bucket", *_outputs(groups), f"uniqExact(user_id) AS {column(leaf)}"])
    return f"SELECT {columns}\nFROM {users}\nGROUP BY {keys}"


def _outputs(groups: Sequence[str]) -> list[str]:
    return [group.rpartition(" AS ")[2] for group in groups]
