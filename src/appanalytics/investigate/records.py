"""The numbers of findings as flat records for programs; ``part`` says what each record is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appanalytics.investigate.explanation import Part, describe

if TYPE_CHECKING:
    from appanalytics.investigate.findings import Findings

#: Keys of every record, in order.
COLUMNS = (
    "part", "name", "metric", "time", "actual", "expected", "low", "high", "contribution", "share", "effect",
    "unusual", "ruled_out", "chance", "where",
)  # fmt: skip


def records(found: Findings) -> list[dict[str, Any]]:
    """The total first, then segments, the rest, dimensions, known events."""
    return [{name: record.get(name) for name in COLUMNS} for record in _records(found)]


def _records(found: Findings) -> list[dict[str, Any]]:
    common = {"metric": found.metric, "time": found.target.label()}
    total = {
        "part": "total", "name": found.metric, "actual": found.actual, "expected": found.expected, "low": found.low,
        "high": found.high, "contribution": found.change, "share": 1.0, "effect": found.relative,
        "unusual": found.is_unusual, "where": {each.dimension: list(each.values) for each in found.where},
    }  # fmt: skip
    rows: list[dict[str, Any]] = [total]
    if found.explanation is not None:
        rows += [
            {"part": "segment", "name": each.name, **_numbers(each.part), "chance": each.chance,
             "where": {name: str(value) for name, value in each.where}}
            for each in found.segments
        ]  # fmt: skip
        rows.append({"part": "rest", "name": describe(()), **_numbers(found.explanation.rest)})
        apart = found.explanation.rate_and_mix
        if apart is not None:
            rows += [
                {"part": "effect", "name": "rate", "contribution": apart.rate},
                {"part": "effect", "name": "mix", "contribution": apart.mix},
            ]
        rows += [
            {"part": "dimension", "name": each.dimension, "share": each.bound, "ruled_out": each.ruled_out}
            for each in found.rulings
        ]
    rows += [{"part": "event", "name": each.name} for each in found.events]
    return [{**common, **row} for row in rows]


def _numbers(part: Part) -> dict[str, Any]:
    return {
        name: getattr(part, name) for name in ("actual", "expected", "contribution", "share", "effect", "low", "high")
    }
