"""From guesses to a decision: what a person said comes first, what is sure is taken, the rest is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from appanalytics.adopt.guess import (
    Guess,
    candidates,
    feed_branch,
    is_sure,
    meanings,
    message_branch,
    profile_of,
    with_profile,
)
from appanalytics.adopt.mapping import ATTRIBUTES, REQUIRED, Branch, Pick, Profile, SourceMap
from appanalytics.adopt.sketch import Sketch
from appanalytics.errors import MappingError, nearest

#: Asked with a question, what may be answered, and what is likely; returns one of the answers.
Ask = Callable[[str, Sequence[str], str], str]
NONE = "none"


@dataclass(frozen=True)
class Wishes:
    """What a person said already.

    ``tables`` maps a source (or ``users``) to tables, ``columns`` ``feed.user_id`` to a column, ``actions`` our names
    to values of theirs; ``none`` leaves a thing out. ``ask`` is called for what is not sure; without it the likeliest
    is taken if ``yes``, and a `MappingError` says what to give otherwise.
    """

    tables: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    actions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ask: Ask | None = None
    yes: bool = False


def settle(sketches: Sequence[Sketch], guessed: Guess, wishes: Wishes) -> list[SourceMap]:
    """Decide on every source that the tables have.

    Raises `MappingError` for names that do not exist, for a required column without a candidate, and for what is not
    sure while nobody can be asked.
    """
    _check_names(sketches, wishes)
    made = []
    for source in REQUIRED:
        if branches := _branches(source, sketches, guessed, wishes):
            made.append(SourceMap(source, tuple(_settled(source, each, wishes) for each in branches)))
    if not made:
        tables = ", ".join(each.table for each in sketches[:12])
        raise MappingError(
            f"no table looks like events of a feed or messages: {tables}",
            hint="name them: --feed TABLE, --messages TABLE, --column feed.user_id=COLUMN",
        )
    people = [(each, role) for each in made for role in ("user_id", "receiver_id")]
    text = any(_is_text(branch, role) for each, role in people for branch in each.branches)
    return [replace(each, as_text=text) for each in made]


def _is_text(branch: Branch, role: str) -> bool:
    pick = branch.picks.get(role)
    return pick is not None and not pick.column.is_integer


def _check_names(sketches: Sequence[Sketch], wishes: Wishes) -> None:
    tables = {each.table for each in sketches}
    for named in wishes.tables.values():
        for table in named:
            if table not in tables | {NONE}:
                raise MappingError(f"there is no table {table!r}", hint=nearest(table, tables))
    known = {f"{source}.{role}" for source, roles in REQUIRED.items() for role in (*roles, *ATTRIBUTES)}
    for name in wishes.columns:
        if name not in known:
            raise MappingError(f"there is no column {name!r} to map", hint=nearest(name, known))


def _branches(source: str, sketches: Sequence[Sketch], guessed: Guess, wishes: Wishes) -> list[Branch]:
    named = wishes.tables.get(source)
    if named is None:
        return list(guessed.of(source))
    if list(named) == [NONE]:
        return []
    chosen = [sketch for table in named for sketch in sketches if sketch.table == table]
    make = feed_branch if source == "feed" else message_branch
    profiles = [made for sketch in sketches if (made := profile_of(sketch))]
    return [with_profile(make(sketch) or Branch(sketch, {}), profiles) for sketch in chosen]


def _settled(source: str, branch: Branch, wishes: Wishes) -> Branch:
    """The branch with every required column chosen, and the actions understood."""
    branch = _with_wished_profile(branch, wishes)
    picks = dict(branch.picks)
    for role in (*REQUIRED[source], *ATTRIBUTES):
        key = f"{source}.{role}"
        if key in wishes.columns:
            _apply(picks, role, wishes.columns[key], branch)
        elif role in REQUIRED[source] and not (role == "action" and branch.constant):
            _choose(picks, role, key, branch, wishes)
    if source == "messages" and not branch.actions:
        picks.pop("action", None)
        return replace(branch, picks=picks, constant="message")
    if "action" not in picks:
        return replace(branch, picks=picks)
    return replace(branch, picks=picks, actions=_actions(source, picks["action"], branch, wishes))


def _with_wished_profile(branch: Branch, wishes: Wishes) -> Branch:
    if list(wishes.tables.get("users", ())) != [NONE] or branch.profile is None:
        return branch
    own = {role: pick for role, pick in branch.picks.items() if not pick.profile}
    return replace(branch, picks=own, profile=None)


def _apply(picks: dict[str, Pick], role: str, name: str, branch: Branch) -> None:
    if name == NONE:
        picks.pop(role, None)
        return
    column = branch.sketch.column(name)
    profile: Profile | None = branch.profile
    if column is None and profile is not None and (found := profile.sketch.column(name)):
        picks[role] = Pick(found, 1.0, "as you said", profile=True)
        return
    if column is None:
        names = [each.name for each in branch.sketch.columns]
        raise MappingError(f"table {branch.sketch.table} has no column {name!r}", hint=nearest(name, names))
    picks[role] = Pick(column, 1.0, "as you said")


def _choose(picks: dict[str, Pick], role: str, key: str, branch: Branch, wishes: Wishes) -> None:
    taken = {each.column.name for other, each in picks.items() if other != role}
    found = [each for each in candidates(branch.sketch, role) if each.column.name not in taken]
    likely = picks.get(role) or next(iter(found), None)
    if likely is not None and (is_sure(found) or (wishes.yes and wishes.ask is None)):
        picks[role] = likely
        return
    names = [each.column.name for each in found]
    if wishes.ask is None:
        what = f"it may be {' or '.join(names[:3])}" if names else "no column looks like it"
        raise MappingError(
            f"not sure which column of {branch.sketch.table} is {key}: {what}",
            hint=f"say --column {key}={names[0] if names else 'COLUMN'}" + (", or --yes" if names else ""),
        )
    every = [each.name for each in branch.sketch.columns]
    answer = wishes.ask(f"Which column of {branch.sketch.table} is {key}?", every, names[0] if names else "")
    _apply(picks, role, answer, branch)


def _actions(source: str, pick: Pick, branch: Branch, wishes: Wishes) -> dict[str, tuple[str, ...]]:
    wanted = ("view", "like") if source == "feed" else ("message",)
    found = dict(branch.actions) or meanings(pick.column.common, wanted)
    if source == "feed":
        found |= {name: values for name, values in wishes.actions.items() if name != "message"}
    elif "message" in wishes.actions:
        found = {"message": wishes.actions["message"]}
    found = {name: values for name, values in found.items() if values and tuple(values) != (NONE,)}
    values = list(pick.column.common)
    for name in wanted:
        if name in found or name in wishes.actions:
            continue
        if wishes.ask is None:
            if wishes.yes and found:
                continue
            raise MappingError(
                f"no value of {branch.sketch.table}.{pick.column.name} looks like a {name}: {', '.join(values[:8])}",
                hint=f"say --action {name}=VALUE[,VALUE], or --action {name}=none",
            )
        answer = wishes.ask(f"Which value of {pick.column.name} is a {name}?", [*values, NONE], NONE)
        if answer != NONE:
            found[name] = (answer,)
    return found
