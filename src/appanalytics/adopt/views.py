"""The SQL of the views: an app's own rows as `feed_actions` and `message_actions` have them.

Names come from the database's own list of columns, values from its rows or from a person; both are quoted.
"""

from __future__ import annotations

from appanalytics.adopt.guess import unix_unit
from appanalytics.adopt.mapping import ATTRIBUTES, REQUIRED, Branch, Pick, SourceMap
from appanalytics.adopt.sketch import Column
from appanalytics.adopt.words import gender_of
from appanalytics.sqltext import comma, identifier, literal
from appanalytics.warehouse.load.convert import os_of_user_agent

_EVENTS, _USERS = "theirs", "people"
_UNKNOWN = {"gender": "toInt8(-1)", "age": "toUInt8(0)", "exp_group": "toInt8(-1)"}
_EARLIEST, _LATEST = "1990-01-01", "2101-01-01"


def view_sql(source: SourceMap, zone: str = "UTC") -> str:
    """The SELECT behind a source's view. ``zone`` is that of times written as text without a zone of their own."""
    return "\nUNION ALL\n".join(branch_sql(source, each, zone) for each in source.branches)


def branch_sql(source: SourceMap, branch: Branch, zone: str = "UTC") -> str:
    """The rows of one table that are events."""
    columns = [
        *(f"{_value(source, branch, role, zone)} AS {role}" for role in REQUIRED[source.source]),
        *(f"{_attribute(branch, role)} AS {role}" for role in ATTRIBUTES),
    ]
    kept = "\n  AND ".join(condition for _, condition in conditions(source, branch, zone))
    return f"SELECT\n    {comma(columns)}\nFROM {relation(branch)}\nWHERE {kept}"


def relation(branch: Branch) -> str:
    """The table of a branch, with its users' attributes beside it where they are another table's."""
    events = f"{branch.sketch.sql} AS {_EVENTS}"
    if branch.profile is None or not any(pick.profile for pick in branch.picks.values()):
        return events
    names = dict.fromkeys(pick.column.name for pick in branch.picks.values() if pick.profile)
    listed = ", ".join(identifier(name) for name in names if name != branch.profile.user.name)
    key, user = identifier(branch.profile.user.name), _name(branch.picks["user_id"])
    people = f"(SELECT {key}, 1 AS found{', ' if listed else ''}{listed} FROM {branch.profile.sketch.sql})"
    return f"{events}\nLEFT ANY JOIN {people} AS {_USERS} ON {user} = {_USERS}.{key}"


def conditions(source: SourceMap, branch: Branch, zone: str = "UTC") -> list[tuple[str, str]]:
    """What a row must fulfil to be an event, each with the reason for which others are left out."""
    made = []
    time = branch.picks["time"].column
    name = _name(branch.picks["time"])
    if time.is_nullable or time.is_text:
        made.append(("time is missing or not readable", f"isNotNull({_moment(time, name, zone)})"))
    made.append(("time is before 1990", f"{_compared(time, name, zone)} >= {_edge(time, _EARLIEST)}"))
    if time.base != "DateTime":  # which ends in 2106
        made.append(("time is after 2100", f"{_compared(time, name, zone)} < {_edge(time, _LATEST)}"))
    for role in REQUIRED[source.source]:
        pick = branch.picks.get(role)
        if pick and role not in ("time", "action") and pick.column.is_nullable:
            made.append((f"{role} is missing", f"isNotNull({_name(pick)})"))
    if branch.actions:
        values = dict.fromkeys(value for each in branch.actions.values() for value in each)
        made.append(("another action", f"{_action_text(branch)} IN ({', '.join(map(literal, values))})"))
    return made


def action_text(branch: Branch) -> str:
    """The table's action as text."""
    return f"ifNull(toString({_name(branch.picks['action'])}), '')"


def _action_text(branch: Branch) -> str:
    """The same for a comparison; a column of text stays bare, so that its index is used."""
    column = branch.picks["action"].column
    return _name(branch.picks["action"]) if column.is_text else action_text(branch)


def _name(pick: Pick) -> str:
    return f"{_USERS if pick.profile else _EVENTS}.{identifier(pick.column.name)}"


def _value(source: SourceMap, branch: Branch, role: str, zone: str) -> str:
    if role == "action":
        return _action(branch)
    pick = branch.picks.get(role)
    if pick is None:
        return "toUInt64(0)"  # a feed without posts
    if role == "time":
        return _plain(pick.column, _moment(pick.column, _name(pick), zone))
    return _id(pick, as_text=source.as_text and role in ("user_id", "receiver_id"))


def _plain(column: Column, sql: str) -> str:
    return f"assumeNotNull({sql})" if column.is_nullable or column.is_text else sql


def _moment(column: Column, name: str, zone: str) -> str:
    """The instant of an event in UTC."""
    if column.is_text:
        return f"toTimeZone(parseDateTime64BestEffortOrNull(toString({name}), 3, {literal(zone)}), 'UTC')"
    if column.is_integer:
        unit = unix_unit(column)
        if unit in ("ms", "us"):
            return f"fromUnixTimestamp64{'Milli' if unit == 'ms' else 'Micro'}(toInt64({name}), 'UTC')"
        return f"toDateTime64({name}, 3, 'UTC')"
    if column.base in ("Date", "Date32"):
        return f"toTimeZone(toDateTime64({name}, 3, {literal(zone)}), 'UTC')"
    return f"toDateTime64({name}, 3, 'UTC')"


def _compared(column: Column, name: str, zone: str) -> str:
    return _moment(column, name, zone) if column.is_text or column.is_integer else name


def _edge(column: Column, day: str) -> str:
    if column.base in ("Date", "Date32"):
        return f"toDate32({literal(day)})"
    return f"toDateTime64({literal(day)}, 3, 'UTC')"


def _id(pick: Pick, *, as_text: bool) -> str:
    """As a file's ids are read: text by its hash, whole numbers as they are, negative ones by their 64 bits."""
    name = f"assumeNotNull({_name(pick)})" if pick.column.is_nullable else _name(pick)
    if as_text or not pick.column.is_integer:
        return f"xxHash64(toString({name}))"
    return f"toUInt64({name})" if pick.column.base.startswith("U") else f"reinterpretAsUInt64(toInt64({name}))"


def _action(branch: Branch) -> str:
    if branch.constant:
        return f"CAST({literal(branch.constant)}, 'LowCardinality(String)')"
    pairs = [(value, name) for name, values in branch.actions.items() for value in values]
    theirs, ours = (", ".join(literal(part) for part in side) for side in zip(*pairs, strict=True))
    return f"CAST(transform({action_text(branch)}, [{theirs}], [{ours}], ''), 'LowCardinality(String)')"


# --- attributes: what is missing or makes no sense is unknown ---


def _attribute(branch: Branch, role: str) -> str:
    pick = branch.picks.get(role)
    unknown = _UNKNOWN.get(role, "'unknown'")
    if pick is None:
        return unknown if role in _UNKNOWN else f"CAST({unknown}, 'LowCardinality(String)')"
    name = _name(pick)
    if role == "age":
        time = branch.picks["time"]
        value = _age(pick.column, name, _plain(time.column, _moment(time.column, _name(time), "UTC")))
    elif role == "os" and "agent" in pick.column.name.lower():
        text = f"ifNull(toString({name}), '')"
        value = f"if(empty({text}), 'unknown', {os_of_user_agent(text)})"
    else:
        value = {"gender": _gender, "exp_group": _group}.get(role, _text)(pick.column, name)
    if pick.profile:  # nobody of that id: the join gives null, or 0, by a setting of the session
        value = f"if(ifNull({_USERS}.found, 0) = 1, {value}, {unknown})"
    return value if role in _UNKNOWN else f"CAST({value}, 'LowCardinality(String)')"


def _text(column: Column, name: str) -> str:
    return f"ifNull(nullIf(toString({name}), ''), 'unknown')"


def _gender(column: Column, name: str) -> str:
    if not column.is_text:
        shift = " - 1" if column.high == "2" else ""  # ISO 5218: 1 male, 2 female
        number = f"ifNull(toInt8({name}), -1)"
        return f"toInt8(if({number}{shift} IN (0, 1), {number}{shift}, -1))"
    known = {value: code for value in column.common if (code := gender_of(value)) is not None}
    if not known:
        return "toInt8(-1)"
    theirs, codes = ", ".join(map(literal, known)), f"CAST({list(known.values())}, 'Array(Int8)')"
    return f"transform(ifNull(toString({name}), ''), [{theirs}], {codes}, toInt8(-1))"


def _age(column: Column, name: str, time: str) -> str:
    years = f"toInt32(ifNull({name}, -1))"
    if column.is_time:
        years = f"ifNull(age('year', toDate32({name}), toDate32({time})), -1)"
    elif column.high.isdigit() and int(column.high) > 1900:
        years = f"if(ifNull({name}, 0) > 1900, toInt32(toYear({time})) - toInt32(ifNull({name}, 0)), -1)"
    return f"toUInt8(if({years} BETWEEN 1 AND 120, {years}, 0))"


def _group(column: Column, name: str) -> str:
    return f"toInt8(ifNull({name}, -1))"
