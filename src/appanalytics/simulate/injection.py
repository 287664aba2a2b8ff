"""Trouble to order: what a live stream is made to do for a while, so that alerts have something to catch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from appanalytics.catalog import Catalog, Source
from appanalytics.catalog.sql import dimension_column, known_labels, label
from appanalytics.errors import QuestionError, SettingsError, nearest
from appanalytics.simulate.places import places

#: What each kind does, and its usual size.
KINDS = {"outage": 0.0, "drop": 0.5, "spike": 3.0}
#: Not a dimension, but the first thing that fails alone.
SERVICE = "service"
_MOST_COPIES = 20


@dataclass(frozen=True, slots=True)
class Injection:
    """From ``start`` to before ``end`` a slice has no events (``outage``), those of fewer users (``drop``), or more.

    ``size`` is the share of users that a drop loses, or how many times its events a spike has. ``where`` are pairs of
    dimension and value; the same dimension twice means either value.
    """

    kind: str
    start: datetime
    end: datetime
    where: tuple[tuple[str, str], ...] = ()
    size: float = 0.0

    @classmethod
    def of(
        cls, catalog: Catalog, kind: str, start: datetime, end: datetime, where: Sequence[str], size: float | None
    ) -> Injection:
        """Check what was asked for; raises `QuestionError` or `SettingsError` with what would do."""
        if kind not in KINDS:
            raise QuestionError(f"nothing called {kind!r} can be injected", hint=nearest(kind, KINDS))
        chosen = KINDS[kind] if size is None else size
        if kind == "drop" and not 0 < chosen < 1:
            raise SettingsError(
                f"a drop of {chosen:g}", hint="--size is the share of users that is lost, such as 0.5"
            )
        if kind == "spike" and not 1 < chosen <= _MOST_COPIES:
            raise SettingsError(f"a spike of {chosen:g}", hint=f"--size is above 1 and at most {_MOST_COPIES}")
        pairs = tuple(_pair(catalog, text) for text in where)
        return cls(kind, start, end, pairs, chosen if kind != "outage" else 0.0)

    def as_record(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "kind": self.kind,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "where": [f"{name}={value}" for name, value in self.where],
            "size": self.size,
        }

    def __str__(self) -> str:
        place = " ".join(f"{name}={value}" for name, value in self.where)
        return f"{self.kind} {place}".rstrip()


@dataclass(frozen=True, slots=True)
class Effect:
    """Expressions of one service's statement, and their parameters."""

    kept: str
    copies: str
    parameters: dict[str, Any]


def effect(injections: Sequence[Injection], catalog: Catalog, service: str) -> Effect:
    """What injections do to events of a service."""
    kept, copies, parameters = ["1"], "1", dict[str, Any]()
    for number, each in enumerate(injections):
        hit = _hit(each, number, catalog, catalog.sources[service], parameters)
        if hit is None:
            continue
        parameters[f"size{number}"] = each.size
        if each.kind == "outage":
            kept.append(f"NOT ({hit})")
        elif each.kind == "drop":
            kept.append(f"NOT ({hit} AND draw('drop {number}', user_id) < {{size{number}:Float64}})")
        else:
            whole = f"floor({{size{number}:Float64}} + draw('spike {number}', cityHash64(user_id, time)))"
            copies = f"{copies} * if({hit}, {whole}, 1)"
    return Effect(" AND ".join(kept), copies, parameters)


def _hit(each: Injection, number: int, catalog: Catalog, source: Source, parameters: dict[str, Any]) -> str | None:
    """Condition of the events that an injection hits; None when it is about other services."""
    wanted: dict[str, list[str]] = {}
    for name, value in each.where:
        wanted.setdefault(name, []).append(value)
    if source.name not in wanted.pop(SERVICE, [source.name]):
        return None
    parameters |= {f"start{number}": each.start, f"end{number}": each.end}
    parts = [f"time >= {{start{number}:DateTime64(3, 'UTC')}} AND time < {{end{number}:DateTime64(3, 'UTC')}}"]
    for place, (name, values) in enumerate(wanted.items()):
        dimension = catalog.dimension(name)
        if dimension.only is not None and dimension.only != source.name:
            return None
        shown = label(dimension, dimension_column(catalog, dimension, source))
        parts.append(f"has({{where{number}_{place}:Array(String)}}, toString({shown}))")
        parameters[f"where{number}_{place}"] = values
    return " AND ".join(parts)


def _pair(catalog: Catalog, text: str) -> tuple[str, str]:
    name, sign, value = (part.strip() for part in text.partition("="))
    if not sign or not name or not value:
        raise QuestionError(f"cannot read the slice {text!r}", hint="write --where city=Moscow")
    known = list(catalog.sources) if name == SERVICE else known_labels(catalog.dimension(name))
    if known is None and name in ("city", "country"):
        known = sorted({getattr(place, name) for place in places()})
    if known is not None and value not in known:
        raise QuestionError(f"{name} has no value {value!r}", hint=nearest(value, known))
    return name, value
