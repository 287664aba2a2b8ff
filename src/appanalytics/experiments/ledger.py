"""The ledger: states of experiments, held to their definition and to the catalog's; and their decisions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import ExperimentError
from appanalytics.experiments.decide import Decision
from appanalytics.experiments.definition import Experiment, Period, State


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest row of an experiment."""

    name: str
    state: State
    definition: dict[str, Any]
    definition_hash: str
    catalog_hash: str
    period: Period
    written: datetime


def entries(engine: Engine) -> dict[str, Entry]:
    """The newest entry of every experiment that was ever started."""
    rows = engine.rows("SELECT * FROM experiments ORDER BY name, written DESC LIMIT 1 BY name")
    return {row["name"]: _entry(row) for row in rows}


def state_of(engine: Engine, experiment: Experiment) -> State:
    """The state; draft where it was never started."""
    found = entries(engine).get(experiment.name)
    return found.state if found else State.DRAFT


def verify(engine: Engine, experiment: Experiment, catalog: Catalog) -> Entry | None:
    """The entry in force, or None for a draft.

    Raises `ExperimentError` where the definition, or the catalog's definition of its metrics, is another one now:
    results of the two must not be mixed.
    """
    found = entries(engine).get(experiment.name)
    if found is None:
        return None
    started = f"{experiment.name} was registered on {found.written:%Y-%m-%d} with another definition"
    hint = f"appanalytics experiment start {experiment.name} --again registers the new one; old results stay"
    if found.definition_hash != experiment.fingerprint():
        now = experiment.model_dump(mode="json", exclude={"title", "hypothesis", "owner"})
        changed = [key for key in now if now[key] != found.definition.get(key)]
        raise ExperimentError(f"{started}: changed {', '.join(changed) or 'keys'}", hint=hint)
    if found.catalog_hash != experiment.catalog_fingerprint(catalog):
        raise ExperimentError(f"{started} of its metrics in the catalog", hint=hint)
    return found


def move(
    engine: Engine, experiment: Experiment, catalog: Catalog, period: Period, state: State, *, at: datetime,
    again: bool = False,
) -> None:  # fmt: skip
    """Write a new state: draft → running → stopped → decided.

    ``again`` registers a changed definition. Raises `ExperimentError` for a step back.
    """
    experiment.check(catalog)
    held = entries(engine).get(experiment.name) if again else verify(engine, experiment, catalog)
    before = held.state if held and not again else State.DRAFT
    order = list(State)
    if order.index(state) <= order.index(before) and not again and not (state is before is State.DECIDED):
        raise ExperimentError(
            f"{experiment.name} is {before} already", hint="--again starts a new round; what is recorded stays"
        )
    shape = experiment.model_dump(mode="json", exclude={"title", "hypothesis", "owner"})
    row = {
        "name": [experiment.name],
        "state": [str(state)],
        "definition": [json.dumps(shape, sort_keys=True)],
        "definition_hash": [experiment.fingerprint()],
        "catalog_hash": [experiment.catalog_fingerprint(catalog)],
        "since": pa.array([period.since], pa.date32()),
        "until": pa.array([period.until], pa.date32()),
        "written": pa.array([at], pa.timestamp("us", "UTC")),
    }
    engine.insert("experiments", pa.table(row))


def record_decision(
    engine: Engine, experiment: Experiment, catalog: Catalog, decision: Decision, page: str, *, at: datetime
) -> None:
    """Append a decision with its page; earlier ones stay."""
    result = decision.result
    main = result.main
    numbers = {name: getattr(main, name) for name in ("control", "treatment", "effect", "low", "high", "p_value")}
    row: dict[str, Any] = {
        "experiment": [experiment.name],
        "variant": [decision.treatment],
        "decision": [str(decision.outcome)],
        "step": [str(decision.step)],
        "details": [", ".join(decision.details)],
        "metric": [result.metric.name],
        "method": [result.judgement.answers],
        **{name: pa.array([value], pa.float64()) for name, value in numbers.items()},
        "log10_p": pa.array([main.log10_p], pa.float64()),
        "per_day": pa.array([result.impact.effect if result.impact else None], pa.float64()),
        "risks": pa.array([list(decision.risks)], pa.list_(pa.string())),
        "page": [page],
        "definition_hash": [experiment.fingerprint()],
        "catalog_hash": [experiment.catalog_fingerprint(catalog)],
        "written": pa.array([at], pa.timestamp("us", "UTC")),
    }
    engine.insert("decisions", pa.table(row))


def _entry(row: dict[str, Any]) -> Entry:
    def text(value: Any) -> str:
        return value.decode() if isinstance(value, bytes) else str(value)

    written = row["written"]
    return Entry(
        row["name"], State(row["state"]), json.loads(row["definition"]), text(row["definition_hash"]),
        text(row["catalog_hash"]), Period(row["since"], row["until"]),
        written if written.tzinfo else written.replace(tzinfo=UTC),
    )  # fmt: skip
