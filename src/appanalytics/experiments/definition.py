"""An experiment as it is written down before it starts: frozen models of its YAML.

The file's name is the experiment's name. Days are ISO dates, or ``day 25``, the day with that number since the
first day with events (day 0), as the demo and examples need it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from appanalytics.catalog import Catalog
from appanalytics.errors import ExperimentError, nearest

NAME = r"^[a-z][a-z0-9_]{0,62}$"
#: A layer's traffic is cut into so many parts.
TRAFFIC = 100

Name = Annotated[str, Field(pattern=NAME)]
Weight = Annotated[int, Field(ge=1, le=1_000_000)]


class State(StrEnum):
    """The life of an experiment, in this order."""

    DRAFT = "draft"
    RUNNING = "running"
    STOPPED = "stopped"
    DECIDED = "decided"


class Stopping(StrEnum):
    """When a result counts: at the planned end alone, or at every look (confidence sequence)."""

    FIXED = "fixed"
    ALWAYS_VALID = "always_valid"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_enum_values=False)


class Variant(_Model):
    """One arm: its planned weight, and for groups of a dimension its value there."""

    weight: Weight = 1
    value: str | int | None = None


class Assignment(_Model):
    """Who gets which variant: by a dimension of the events, or by ``xxHash64(user_id || salt) % sum of weights``.

    ``layer`` and ``traffic`` [from, to) keep experiments apart: a layer's users are cut into 100 parts by a hash of
    their own, and an experiment takes some of them.
    """

    dimension: Name | None = None
    salt: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    layer: Name | None = None
    traffic: tuple[int, int] = (0, TRAFFIC)

    @model_validator(mode="after")
    def _one_way(self) -> Assignment:
        if (self.dimension is None) == (self.salt is None):
            raise ValueError("give `dimension` or `salt`, one of them")
        if not 0 <= self.traffic[0] < self.traffic[1] <= TRAFFIC:
            raise ValueError(f"`traffic` is a part of 0 … {TRAFFIC}, such as [0, 50]")
        if self.dimension and self.layer:
            raise ValueError("`layer` goes with `salt`: groups of a dimension are assigned elsewhere")
        if self.traffic != (0, TRAFFIC) and not self.layer:
            raise ValueError("`traffic` needs a `layer`")
        return self


class Goal(_Model):
    """What was planned: the smallest relative effect on the primary metric that matters, and with what power.

    ``users`` are those of both arms together that the plan asks for.
    """

    effect: Annotated[float, Field(gt=0, lt=10)] | None = None
    power: Annotated[float, Field(gt=0.5, lt=1)] = 0.8
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    users: Annotated[int, Field(ge=2)] | None = None


class Experiment(_Model):
    """An experiment's definition. The first of ``variants`` is the control.

    ``guardrails``: metric → relative loss that is still accepted (0.02: two per cent). ``exposure``: the measure
    whose first event exposes a user; without it every user active in the period is exposed. ``method``: what decides
    on the primary metric. ``history_days``: days before the start that CUPED looks at, 0 for none.
    """

    name: Name
    since: str
    until: str
    variants: dict[Name, Variant]
    assignment: Assignment
    primary: Name
    title: dict[str, str] = {}
    hypothesis: dict[str, str] = {}
    owner: str = ""
    exposure: Name | None = None
    secondary: tuple[Name, ...] = ()
    guardrails: dict[Name, Annotated[float, Field(gt=0, lt=1)]] = {}
    segments: tuple[Name, ...] = ()
    plan: Goal = Goal()
    stopping: Stopping = Stopping.FIXED
    method: Literal["delta", "welch", "cuped", "linearised", "poisson_bootstrap"] = "delta"
    correction: Literal["holm", "benjamini_hochberg"] = "holm"
    history_days: Annotated[int, Field(ge=0, le=90)] = 14

    @field_validator("since", "until", mode="before")
    @classmethod
    def _day(cls, value: Any) -> str:
        text = value.isoformat() if isinstance(value, date) else str(value).strip()
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}|day \d{1,4}", text):
            raise ValueError(
                f"{text!r} is no day; write 2026-10-09, or `day 25` counted from the first day of events"
            )
        return text

    @field_validator("title", "hypothesis", mode="before")
    @classmethod
    def _languages(cls, value: Any) -> Any:
        labels = {"en": value} if isinstance(value, str) else value
        if isinstance(labels, dict) and set(labels) - {"en", "ru"}:
            raise ValueError("texts are in 'en' and 'ru'")
        return labels

    @model_validator(mode="after")
    def _arms(self) -> Experiment:
        if len(self.variants) < 2:
            raise ValueError("`variants` needs two or more; the first is the control")
        values = [each.value for each in self.variants.values()]
        by_dimension = self.assignment.dimension is not None
        if by_dimension and (None in values or len({str(value) for value in values}) < len(values)):
            raise ValueError("every variant needs its own `value` of the dimension")
        if not by_dimension and any(value is not None for value in values):
            raise ValueError("`value` goes with a dimension; a hash takes weights")
        if self.method == "cuped" and not self.history_days:
            raise ValueError("CUPED needs `history_days`")
        return self

    @property
    def control(self) -> str:
        """The first variant."""
        return next(iter(self.variants))

    @property
    def treatments(self) -> tuple[str, ...]:
        """All variants but the control."""
        return tuple(self.variants)[1:]

    @property
    def weights(self) -> dict[str, int]:
        """Planned weights by variant."""
        return {name: each.weight for name, each in self.variants.items()}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Primary metric, guardrails, secondary metrics, each once."""
        return tuple(dict.fromkeys((self.primary, *self.guardrails, *self.secondary)))

    def text(self, which: Literal["title", "hypothesis"], locale: str) -> str:
        """Title or hypothesis in a language, or in English."""
        texts = getattr(self, which)
        fallback = self.name if which == "title" else ""
        return str(texts.get(locale) or texts.get("en") or next(iter(texts.values()), fallback))

    def period(self, first_day: date | None) -> Period:
        """The days of the experiment; ``first_day`` is the day 0 that ``day 25`` counts from."""
        since, until = (_resolved(text, first_day, self.name) for text in (self.since, self.until))
        if until <= since:
            raise ExperimentError(f"{self.name}: `until` ({until}) is not after `since` ({since})")
        return Period(since, until)

    def check(self, catalog: Catalog) -> None:
        """Every metric and dimension must be the catalog's; raises `ExperimentError` with the nearest name."""
        known = [each.name for each in catalog.quantities()]
        for name in (*self.metrics, *([self.exposure] if self.exposure else [])):
            if name not in known:
                raise ExperimentError(f"{self.name}: unknown metric {name!r}", hint=nearest(name, known))
        dimensions = catalog.user_dimensions()
        for name in (*self.segments, *([self.assignment.dimension] if self.assignment.dimension else [])):
            if name not in dimensions:
                hint = nearest(name, dimensions)
                raise ExperimentError(f"{self.name}: no dimension of users {name!r}", hint=hint)

    def fingerprint(self) -> str:
        """Changes whenever the definition does; titles and texts do not count."""
        shape = self.model_dump(mode="json", exclude={"title", "hypothesis", "owner"})
        return _digest(shape)

    def catalog_fingerprint(self, catalog: Catalog) -> str:
        """Changes whenever the catalog defines one of the experiment's metrics or dimensions otherwise."""
        names = [*self.metrics, *([self.exposure] if self.exposure else [])]
        used: dict[str, Any] = {}
        while names:
            name = names.pop()
            if name in used:
                continue
            found = catalog.quantity(name)
            shown = found.model_dump(mode="json", exclude={"labels", "description", "owner"})
            used[name] = shown
            names += [*shown.get("ratio", ()), *([shown["active"]] if shown.get("active") else [])]
            if source := shown.get("source"):
                used[f"source {source}"] = catalog.sources[source].model_dump(
                    mode="json", exclude={"labels", "description"}
                )
        for name in (*self.segments, *([self.assignment.dimension] if self.assignment.dimension else [])):
            used[f"dimension {name}"] = catalog.dimension(name).model_dump(
                mode="json", exclude={"labels", "description"}
            )
        return _digest(used)


@dataclass(frozen=True, slots=True)
class Period:
    """Days ``[since, until)`` of the reporting time zone."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.until - self.since).days


def _resolved(text: str, first_day: date | None, name: str) -> date:
    if not text.startswith("day "):
        return date.fromisoformat(text)
    if first_day is None:
        raise ExperimentError(f"{name}: {text!r} counts from the first day of events, and there are none yet")
    return first_day + timedelta(days=int(text.removeprefix("day ")))


def _digest(shape: Any) -> str:
    return hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()[:16]
