"""What Superset would have to change to be as the specs say, and doing it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from appanalytics.dashboards.bundle import Bundle, Connection
from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.names import is_ours
from appanalytics.dashboards.normal import Flat, flat

#: Kinds that belong to us alone, in the order in which they may be deleted.
KINDS = ("dashboard", "chart", "query", "dataset")
Key = tuple[str, str]
Verb = Literal["create", "change", "edited", "surplus"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``edited`` is a change made by hand in Superset since the last apply, which apply undoes."""

    verb: Verb
    kind: str
    name: str
    field: str = ""
    now: Any = None
    wanted: Any = None

    def record(self) -> dict[str, Any]:
        """The change as a flat record."""
        return {
            "action": self.verb,
            "kind": self.kind,
            "name": self.name,
            "field": self.field,
            "now": _short(self.now),
            "wanted": _short(self.wanted),
        }


@dataclass(frozen=True)
class Plan:
    """All differences, and what is in Superset that the specs no longer have, by kind and number."""

    changes: tuple[Change, ...] = ()
    surplus: tuple[tuple[str, int, str], ...] = ()
    numbers: Mapping[Key, int] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True when an apply has nothing to do; surplus objects are for prune."""
        return all(change.verb == "surplus" for change in self.changes)


def make_plan(superset: Superset, bundle: Bundle, state: Path | None = None) -> Plan:
    """Compare Superset with a bundle, field by field; ``state`` tells edits by hand from others."""
    found = _found(superset)
    applied = _read_state(state)
    changes: list[Change] = []
    for key, wanted in bundle.objects.items():
        kind, name = key[0], _name(wanted)
        current = found.contents.get(key)
        if current is None:
            changes.append(Change("create", kind, name))
            continue
        changes += _compare(kind, name, flat(kind, current), flat(kind, wanted), applied.get("/".join(key)))
    surplus = []
    for (kind, uuid), number in found.numbers.items():
        if (kind, uuid) not in bundle.objects and kind in KINDS:
            name = _name(found.contents.get((kind, uuid), {})) or uuid
            surplus.append((kind, number, name))
            changes.append(Change("surplus", kind, name))
    return Plan(tuple(changes), tuple(surplus), found.numbers)


def apply(superset: Superset, bundle: Bundle, connection: Connection, state: Path | None = None) -> Plan:
    """Make Superset as the bundle says; returns what was different. Does nothing when nothing is."""
    plan = make_plan(superset, bundle, state)
    if not plan.is_empty:
        superset.load(bundle, connection)
    if state is not None and (not plan.is_empty or not state.exists()):
        _write_state(superset, bundle, state)
    return plan


def prune(superset: Superset, bundle: Bundle, connection: Connection, state: Path | None = None) -> Plan:
    """Delete what was made from specs and is in them no more, and only that; returns the plan."""
    plan = make_plan(superset, bundle, state)
    if plan.surplus:
        superset.load(bundle, connection)  # an import takes charts off their page, which deleting them does not
        for kind in KINDS:
            for each, number, _ in plan.surplus:
                if each == kind:
                    superset.delete(kind, number)
        if state is not None:
            _write_state(superset, bundle, state)
    return plan


@dataclass(frozen=True)
class _Found:
    numbers: dict[Key, int]
    contents: dict[Key, dict[str, Any]]


def _found(superset: Superset) -> _Found:
    numbers: dict[Key, int] = {}
    contents: dict[Key, dict[str, Any]] = {}
    for kind in KINDS:
        ours = [each for each in superset.listed(kind) if is_ours(kind, each["uuid"], each["mark"])]
        numbers |= {(kind, each["uuid"]): each["id"] for each in ours}
        contents |= superset.exported(kind, [each["id"] for each in ours])
    return _Found(numbers, contents)


def _compare(kind: str, name: str, now: Flat, wanted: Flat, applied: Flat | None) -> Iterator[Change]:
    if kind == "database":
        return
    for path in sorted({*now, *wanted}):
        if now.get(path) == wanted.get(path):
            continue
        by_hand = applied is not None and now.get(path) != applied.get(path)
        verb: Verb = "edited" if by_hand else "change"
        if path in wanted or by_hand or applied is None or path in applied:
            yield Change(verb, kind, name, path, now.get(path), wanted.get(path))


def _name(content: Mapping[str, Any]) -> str:
    for key in ("certification_details", "description", "database_name", "label"):
        text = str(content.get(key) or "")
        if text:
            return text.rpartition("spec:")[2]
    return ""


def _short(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:77] + "…"


def _read_state(state: Path | None) -> dict[str, Flat]:
    if state is None or not state.exists():
        return {}
    try:
        read: dict[str, Flat] = json.loads(state.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return read


def _write_state(superset: Superset, bundle: Bundle, state: Path) -> None:
    found = _found(superset)
    kept = {"/".join(key): flat(key[0], found.contents[key]) for key in bundle.objects if key in found.contents}
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps(kept, ensure_ascii=False), encoding="utf-8")
