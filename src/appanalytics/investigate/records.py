"""The numbers of findings as flat records for programs; ``part`` says what each record is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appanalytics.investigate.explanation import Part, describe

if TYPE_CHECKING:
    from appanalytics.investigate.findings import Findings

#: Keys of every record, in order.
COLUMNS = (
    "part", "name", "metric", "time", "actual", "expected", "low", "high", "contribution", "share", "effect",
    "effect_low", "effect_high",
    "users", "unusual", "ruled_out", "chance", "where",
)  # fmt: skip


def records(found: Findings) -> list[dict[str, Any]]:
    """The total first, then segments, the rest, dimensions, users, other metrics, experiments, known events."""
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
    rows += [
        {"part": "group", "name": each.name, **_numbers(each.part), "chance": each.chance,
         "where": {name: str(value) for name, value in each.where}}
        for each in found.group_segments
    ]  # fmt: skip
    for listed in found.items:
        rows.append({"part": "first_item", "name": listed.first, "metric": listed.metric, "share": listed.share,
                     "low": listed.low, "high": listed.high, "unusual": listed.stands_out})  # fmt: skip
        rows += [
            {"part": "item", "name": each.value, "metric": listed.metric, "actual": each.actual,
             "expected": each.before, "contribution": each.actual - each.before,
             "where": {listed.dimension: each.value}}
            for each in listed.changed
        ]  # fmt: skip
    rows += _people(found)
    rows += [
        {"part": "metric", "name": each.metric, "actual": each.actual, "expected": each.expected, "low": each.low,
         "high": each.high, "contribution": each.actual - each.expected, "effect": each.relative,
         "unusual": each.is_unusual}
        for each in found.moved
    ]  # fmt: skip
    rows += [{"part": "experiment", "name": each.name} for each in found.experiments]
    rows += [{"part": "event", "name": each.name} for each in found.events]
    return [{**common, **row} for row in rows]


def _people(found: Findings) -> list[dict[str, Any]]:
    """Parts of the audience; the absent by place and first day; cohorts of newcomers with their return."""
    rows: list[dict[str, Any]] = [
        {"part": "audience", "name": each.name, "actual": each.actual, "expected": each.expected, "low": each.low,
         "high": each.high, "contribution": each.change, "unusual": each.is_unusual}
        for each in found.people.audience
    ]  # fmt: skip
    missed, came = found.people.absent, found.people.newcomers
    if missed is not None:
        rows.append({"part": "absent", "name": "known", "actual": missed.came, "expected": missed.expected,
                     "contribution": -missed.missing})  # fmt: skip
        if missed.missing_new is not None:
            rows.append({"part": "absent", "name": "new", "actual": missed.came_new,
                         "expected": missed.expected_new, "contribution": -missed.missing_new})  # fmt: skip
        for part, listed in (("absent_place", missed.places), ("absent_first_day", missed.first_days)):
            rows += [
                {"part": part, "name": each.value, "actual": each.came, "expected": each.expected,
                 "contribution": -each.missing}
                for each in listed
            ]  # fmt: skip
        for days, back, usual in (
            ("next_day", missed.back_next, missed.usual_next), ("week", missed.back_week, missed.usual_week)
        ):  # fmt: skip
            if back is not None:
                rows.append({"part": "absent_back", "name": days, "actual": back.estimate, "expected": usual,
                             "low": back.low, "high": back.high})  # fmt: skip
    for cohort in came.cohorts if came else ():
        for days, share in (("next_day", cohort.next_day), ("week", cohort.week)):
            if share is not None:
                name = " ".join(word for word in (cohort.kind, cohort.value, days) if word)
                rows.append({"part": "cohort", "name": name, "actual": share.estimate, "low": share.low,
                             "high": share.high, "users": cohort.users})  # fmt: skip
    return rows


def _numbers(part: Part) -> dict[str, Any]:
    """A part's numbers; its interval is of the effect, while ``low`` and ``high`` elsewhere are of the value."""
    names = ("actual", "expected", "contribution", "share", "effect")
    return {name: getattr(part, name) for name in names} | {"effect_low": part.low, "effect_high": part.high}
