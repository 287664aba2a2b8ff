"""Guess which of a database's tables hold the events, and which column is what.

A column's confidence is 0.6 of what its name says and 0.4 of what its type and values say. Nothing here is final:
what is not sure is asked, and what was chosen is counted over all rows before anything is made.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from appanalytics.adopt.mapping import ATTRIBUTES, Branch, Pick, Profile
from appanalytics.adopt.sketch import Column, Sketch
from appanalytics.adopt.words import SYSTEMS, action_of, gender_of, name_score, words

#: Below this a column is no candidate; from `SURE` on it is not asked, unless another comes within `CLOSE`.
LEAST, SURE, CLOSE = 0.35, 0.7, 0.08
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?$")
_PEOPLE = ("user", "users", "profile", "profiles", "members", "accounts")
_UNIX = (600_000_000, 4_200_000_000)  # seconds: 1989 to 2103


@dataclass(frozen=True)
class Guess:
    """What a database's tables seem to be; a source without a candidate is absent."""

    feed: tuple[Branch, ...] = ()
    messages: tuple[Branch, ...] = ()
    others: tuple[str, ...] = ()

    def of(self, source: str) -> tuple[Branch, ...]:
        """The branches of a source."""
        return self.feed if source == "feed" else self.messages


def candidates(sketch: Sketch, role: str) -> list[Pick]:
    """Columns of a table that may be a role, the likeliest first."""
    found = []
    for column in sketch.columns:
        name = name_score(role, column.name)
        evidence, why = _evidence(role, column, sketch)
        if evidence < 0 or (not name and evidence < 0.9):
            continue
        confidence = round(0.6 * name + 0.4 * evidence, 2)
        if confidence >= LEAST:
            found.append(Pick(column, confidence, f"name {column.name!r}, {column.type}{', ' + why if why else ''}"))
    return sorted(found, key=lambda each: -each.confidence)


def is_sure(found: Sequence[Pick]) -> bool:
    """True when the likeliest is likely enough and nothing else comes near it."""
    if not found or found[0].confidence < SURE:
        return False
    return len(found) < 2 or found[0].confidence - found[1].confidence >= CLOSE


def guess(sketches: Sequence[Sketch]) -> Guess:
    """Name the events among tables, each with its reasons."""
    filled = [each for each in sketches if each.rows]
    feeds = [made for sketch in filled if (made := feed_branch(sketch))]
    messages = [made for sketch in filled if (made := message_branch(sketch))]
    profiles = [found for sketch in filled if (found := profile_of(sketch))]
    feed, message = _best(feeds), _best(messages)
    feed = tuple(with_profile(each, profiles) for each in feed)
    message = tuple(with_profile(each, profiles) for each in message)
    used = {each.sketch.table for each in (*feed, *message)}
    used |= {each.profile.sketch.table for each in (*feed, *message) if each.profile}
    return Guess(feed, message, tuple(each.table for each in sketches if each.table not in used))


def _best(found: list[Branch]) -> tuple[Branch, ...]:
    """The likeliest table with its actions; or the tables that each hold one action, together."""
    if not found:
        return ()
    first = max(found, key=lambda each: (each.confidence, each.sketch.rows))
    if not first.constant:
        return (first,)
    together: dict[str, Branch] = {}
    for each in sorted(found, key=lambda each: -each.confidence):
        if each.constant:
            together.setdefault(each.constant, each)
    return tuple(together.values())


def feed_branch(sketch: Sketch) -> Branch | None:
    """The table as events of the feed, or None where it cannot be."""
    base = _picked(sketch, ("time", "user_id"))
    if base is None:
        return None
    acted = action_column(sketch)
    actions = meanings(acted.column.common, ("view", "like")) if acted else {}
    post = next(iter(candidates(sketch, "post_id")), None)
    named = next((each for each in map(action_of, words(sketch.table)) if each in ("view", "like")), None)
    if acted and actions:
        picks = base | {"action": acted} | ({"post_id": post} if post else {})
        told = ", ".join(value for values in actions.values() for value in values)
        confidence = _mean([*(each.confidence for each in picks.values()), 1.0 if post else 0.3])
        return Branch(sketch, _with_attributes(sketch, picks), actions, "", None, confidence, f"actions {told}")
    if named and post:
        picks = base | {"post_id": post}
        confidence = _mean([*(each.confidence for each in picks.values()), 0.6])
        reason = f"its name says {named}"
        return Branch(sketch, _with_attributes(sketch, picks), {}, named, None, confidence, reason)
    return None


def message_branch(sketch: Sketch) -> Branch | None:
    """The table as private messages, or None where it cannot be."""
    base = _picked(sketch, ("time", "user_id", "receiver_id"))
    if base is None:
        return None
    acted = action_column(sketch)
    actions = meanings(acted.column.common, ("message",)) if acted else {}
    named = any(word in ("message", "messages", "chat", "dm", "messenger") for word in words(sketch.table))
    if acted and actions:
        picks = base | {"action": acted}
    elif acted and meanings(acted.column.common, ("view", "like")) and not named:
        return None
    else:
        picks, actions = base, {}
    evidence = 1.0 if named or actions else 0.5
    reason = "a sender and a receiver" + (f", named {sketch.table}" if named else "")
    confidence = _mean([*(each.confidence for each in picks.values()), evidence])
    constant = "" if actions else "message"
    return Branch(sketch, _with_attributes(sketch, picks), actions, constant, None, confidence, reason)


def profile_of(sketch: Sketch) -> Profile | None:
    """The table as a list of users: one row for each, with attributes."""
    keys = [*candidates(sketch, "user_id")]
    if own := next((each for each in sketch.columns if each.name.lower() == "id"), None):
        keys.append(Pick(own, 0.5, "its key"))
    attributes = [role for role in ATTRIBUTES if candidates(sketch, role)]
    looks = any(
        word in ("user", "users", "profile", "profiles", "members", "accounts") for word in words(sketch.table)
    )
    for key in keys:
        # `uniq` is an estimate: a table of events has many rows for each user, one of users has one.
        if attributes and key.column.different >= 0.95 * sketch.sampled and (looks or len(attributes) > 1):
            return Profile(sketch, key.column)
    return None


def with_profile(branch: Branch, profiles: Iterable[Profile]) -> Branch:
    """The branch with attributes that it lacks taken from a table of users."""
    lacking = [role for role in ATTRIBUTES if role not in branch.picks]
    for profile in profiles:
        if profile.sketch.table == branch.sketch.table or not _joins(branch.picks["user_id"].column, profile.user):
            continue
        found = {}
        for role in lacking:
            if best := next(iter(candidates(profile.sketch, role)), None):
                reason = f"{profile.sketch.table}: {best.reason}"
                found[role] = Pick(best.column, best.confidence, reason, profile=True)
        if found:
            return Branch(
                branch.sketch, {**branch.picks, **found}, branch.actions, branch.constant, profile,
                branch.confidence, branch.reason,
            )  # fmt: skip
    return branch


def _joins(user: Column, key: Column) -> bool:
    return user.is_integer == key.is_integer and (user.base == "UUID") == (key.base == "UUID")


def action_column(sketch: Sketch) -> Pick | None:
    """The column that says what somebody did."""
    found = candidates(sketch, "action")
    telling = [each for each in found if meanings(each.column.common, ("view", "like", "message"))]
    return next(iter(telling or found), None)


def meanings(values: Iterable[str], wanted: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The values of an action that mean each of ``wanted``."""
    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        meaning = action_of(value)
        if meaning in wanted and meaning is not None:
            found[meaning] = (*found.get(meaning, ()), value)
    return {name: found[name] for name in wanted if name in found}


def _picked(sketch: Sketch, roles: Sequence[str]) -> dict[str, Pick] | None:
    picks: dict[str, Pick] = {}
    for role in roles:
        taken = {each.column.name for each in picks.values()}
        best = next((each for each in candidates(sketch, role) if each.column.name not in taken), None)
        if best is None:
            return None
        picks[role] = best
    return picks


def _with_attributes(sketch: Sketch, picks: dict[str, Pick]) -> dict[str, Pick]:
    taken = {each.column.name for each in picks.values()}
    made = dict(picks)
    for role in ATTRIBUTES:
        best = next((each for each in candidates(sketch, role) if each.column.name not in taken), None)
        if best:
            made[role] = best
            taken.add(best.column.name)
    return made


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 2)


# --- what type and values say: 0 to 1, below 0 where the column cannot be it ---


def _evidence(role: str, column: Column, sketch: Sketch) -> tuple[float, str]:
    if sketch.sampled and not column.common:
        return -1, ""
    if role == "time":
        return _time(column)
    if role in ("user_id", "post_id", "receiver_id"):
        return _id(column, sketch)
    if role == "action":
        return _action(column)
    if role == "gender":
        return _gender(column)
    if role == "age":
        return _age(column)
    if role == "exp_group":
        fits = column.is_integer and _number(column.low, -999) >= -128 and _number(column.high, 999) <= 127
        return (0.6, f"{column.different} values") if fits else (-1, "")
    if not column.is_text or column.different > 20_000:
        return -1, ""
    if role == "os":
        known = [value.lower() in SYSTEMS or "mozilla" in value.lower() for value in column.common]
        return (1.0, "operating systems") if any(known) else (0.2, "")
    return 0.5, f"{column.different} values"


def _time(column: Column) -> tuple[float, str]:
    span = f"{column.low[:19]} … {column.high[:19]}"
    if column.base.startswith("DateTime"):
        return 1.0, span
    if column.base.startswith("Date"):
        return 0.2, f"{span}, days without times"
    if column.is_integer and (unit := unix_unit(column)):
        return 0.9, f"{unit} since 1970"
    if column.is_text and column.common and all(_ISO.match(value) for value in column.common):
        return 0.8, span
    return -1, ""


def unix_unit(column: Column) -> str:
    """``s``, ``ms`` or ``us`` for whole numbers that can be times since 1970, else empty."""
    low, high = _number(column.low, 0), _number(column.high, 0)
    for unit, factor in (("s", 1), ("ms", 1000), ("us", 1_000_000)):
        if low >= _UNIX[0] * factor and high <= _UNIX[1] * factor:
            return unit
    return ""


def _id(column: Column, sketch: Sketch) -> tuple[float, str]:
    if not (column.is_integer or column.base in ("String", "FixedString", "UUID")):
        return -1, ""
    if column.different < 2 <= sketch.sampled:
        return 0.0, "one value only"
    if column.is_integer and unix_unit(column) and name_like_time(column.name):
        return -1, ""
    return 0.8, f"{column.different:,} different in {sketch.sampled:,} rows"


def name_like_time(name: str) -> bool:
    """True for a name that says time."""
    return name_score("time", name) >= 0.5


def _action(column: Column) -> tuple[float, str]:
    if not (column.is_text or column.is_integer) or column.different > 300:
        return -1, ""
    if column.is_integer:
        return (0.1, f"{column.different} codes") if column.different <= 30 else (-1, "")
    known = meanings(column.common, ("view", "like", "message"))
    return (1.0, f"values such as {', '.join(column.common[:4])}") if known else (0.3, "values not understood")


def _gender(column: Column) -> tuple[float, str]:
    values = column.common
    if column.is_text and any(gender_of(value) is not None for value in values) and column.different <= 12:
        return 1.0, f"values {', '.join(values[:4])}"
    is_code = column.is_integer and _number(column.low, -9) >= -1 and _number(column.high, 9) <= 2
    if is_code or column.base == "Bool":
        return (
            0.3,
            f"codes {column.low}…{column.high}; 0 is taken for male, 1 for female (1 and 2 where there is a 2)",
        )
    return -1, ""


def _age(column: Column) -> tuple[float, str]:
    low, high = _number(column.low, -1), _number(column.high, -1)
    if column.is_integer and low >= 0 and high <= 130:
        return 0.8, f"{low}…{high}"  # any small number can be: the name has to say it
    if column.is_integer and high > 1900 and low >= 0 and high < 2200:
        return 0.7, "years of birth"
    if column.is_time and name_score("age", column.name):
        return 0.7, "days of birth"
    return -1, ""


def _number(text: str, fallback: int) -> int:
    try:
        return int(float(text))
    except ValueError:
        return fallback
