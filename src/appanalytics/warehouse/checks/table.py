"""Checks of a report table from anywhere: does it contradict itself?

A table that contradicts itself fails. What can be read right in spite of it (rows that are copied exactly, a day
that is missing or not complete) is a warning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from statistics import median
from typing import Any

import pyarrow as pa

from appanalytics.warehouse.checks.report import Check, CheckReport, Status, settle, skipped
from appanalytics.warehouse.checks.tablefile import DATE, LONG, check_columns, is_long
from appanalytics.warehouse.report_table import MEASURES

Totals = Mapping[date, Mapping[str, Mapping[str, int]]]
_IDENTICAL = "columns that are equal in every row"
_ABOVE = "likes against views"
_VALUES = "negative or missing numbers"
_PEOPLE = "people against messages"
_AGREE = "totals of dimensions against each other"
_TWICE = "rows with the same day and slice"
_MISSING = "days between the first and the last"
_PARTIAL = "rows and totals of a day against the other days"
_BALANCE = "messages sent against messages received"
#: Pairs that may well be equal: everybody wrote to everybody once.
_MAY_EQUAL = {("messages_sent", "users_sent"), ("messages_received", "users_received")}
_LEAST_ROWS = 5


@dataclass(frozen=True)
class Rows:
    """A report table as records; ``key`` are the columns that tell rows apart."""

    records: list[dict[str, Any]]
    key: list[str]
    measures: list[str]
    long: bool

    @property
    def days(self) -> list[date]:
        """Days with rows, in order."""
        return sorted({row[DATE] for row in self.records})

    def totals(self) -> Totals:
        """Sums by day, dimension (one, '', in a wide table) and measure."""
        sums: dict[date, dict[str, dict[str, int]]] = {}
        for row in self.records:
            of = sums.setdefault(row[DATE], {}).setdefault(row[LONG[0]] if self.long else "", {})
            for name in self.measures:
                of[name] = of.get(name, 0) + (row[name] or 0)
        return sums


def check_report_table(rows: pa.Table) -> CheckReport:
    """Check a report table, long or wide (see `read_report_table`, which makes one from a file).

    Raises `FileError` when it lacks the columns of a report table.
    """
    slices = check_columns(rows, "the table")
    measures = [name for name in MEASURES if name in rows.column_names]
    table = Rows(rows.to_pylist(), [DATE, *slices], measures, is_long(rows))
    steps = (identical, above, values, people, agree, twice, missing, partial, balance)
    return CheckReport(tuple(check for step in steps for check in step(table)))


def identical(table: Rows) -> list[Check]:
    """Two measures that are the same number in every row: one was copied over the other."""
    filled = [row for row in table.records if any(row[name] for name in table.measures)]
    found = []
    for left, right in combinations(table.measures, 2):
        if (left, right) in _MAY_EQUAL or len(filled) < _LEAST_ROWS:
            continue
        if any(row[left] for row in filled) and all(row[left] == row[right] for row in filled):
            text = f"{left} = {right} in all {len(filled):,} rows"
            hint = "one column was computed from the other's rows"
            found.append(Check("identical_columns", Status.FAILED, _IDENTICAL, text, "different", hint=hint))
    return settle("identical_columns", _IDENTICAL, found)


def above(table: Rows) -> list[Check]:
    """More likes than views: impossible for a day, odd for a small slice."""
    found = []
    for day, dimensions in table.totals().items():
        for dimension, sums in dimensions.items():
            if sums["likes"] > sums["views"]:
                found.append(
                    Check(
                        "likes_above_views",
                        Status.FAILED,
                        _ABOVE,
                        sums["likes"],
                        f"at most {sums['views']}",
                        day,
                        dimension,
                    )
                )
    for row in table.records:
        if (row["likes"] or 0) > (row["views"] or 0):
            limit = f"at most {row['views'] or 0}"
            found.append(
                Check("likes_above_views", Status.WARNING, _ABOVE, row["likes"], limit, row[DATE], _slice(table, row))
            )
    return settle("likes_above_views", _ABOVE, found)


def values(table: Rows) -> list[Check]:
    """Numbers below zero, and cells without one."""
    found = []
    for row in table.records:
        for name in table.measures:
            if row[name] is None or row[name] < 0:
                shown = "nothing" if row[name] is None else row[name]
                where = f"{_slice(table, row)} {name}"
                found.append(Check("values", Status.FAILED, _VALUES, shown, "0 or more", row[DATE], where))
    return settle("values", _VALUES, found)


def people(table: Rows) -> list[Check]:
    """A message has one receiver, so there cannot be more people than messages."""
    found = []
    for messages, users in sorted(_MAY_EQUAL):
        if messages in table.measures and users in table.measures:
            for row in table.records:
                if (row[users] or 0) > (row[messages] or 0):
                    limit = f"at most {row[messages] or 0}"
                    where = f"{_slice(table, row)} {users}"
                    found.append(Check("people", Status.FAILED, _PEOPLE, row[users], limit, row[DATE], where))
    return settle("people", _PEOPLE, found)


def agree(table: Rows) -> list[Check]:
    """The same events sliced by gender, age or OS must add up to the same."""
    if not table.long:
        return skipped("dimension_totals", _AGREE, "a wide table has one total")
    totals = table.totals()
    hint = "rows of a dimension are missing, or users were lost in a join"
    found = list(totals_disagree("dimension_totals", _AGREE, totals, hint))
    bad = sorted({check.day for check in found if check.day})
    if bad:
        text = f"{len(bad)} of {len(totals)} days ({len(bad) / len(totals):.0%})"
        listed = ", ".join(map(str, bad))
        found.insert(0, Check("dimension_totals", Status.FAILED, _AGREE, text, "none", hint=f"days: {listed}"))
    return settle("dimension_totals", _AGREE, found, looked_at=f"{len(totals)} days")


def totals_disagree(name: str, compared: str, totals: Totals, hint: str) -> Iterator[Check]:
    """A failure for each day and measure whose dimensions have different totals; a missing dimension has zeros."""
    dimensions = sorted({each for day in totals.values() for each in day})
    for day, held in sorted(totals.items()):
        for measure in next(iter(held.values())):
            sums = {each: held.get(each, {}).get(measure, 0) for each in dimensions}
            if len(set(sums.values())) > 1:
                text = ", ".join(f"{each} {count:,}" for each, count in sums.items())
                yield Check(name, Status.FAILED, compared, text, "equal", day, measure, hint)


def twice(table: Rows) -> list[Check]:
    """Rows of one day and slice: exact copies double every sum (a warning); different numbers contradict."""
    numbers: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in table.records:
        numbers.setdefault(tuple(row[name] for name in table.key), []).append(
            tuple(row[name] for name in table.measures)
        )
    held = Counter(key[0] for key in numbers)
    copied: Counter[date] = Counter()
    unlike: Counter[date] = Counter()
    for key, each in numbers.items():
        if len(each) > 1:
            (copied if len(set(each)) == 1 else unlike)[key[0]] += 1
    found = [
        Check(
            "copies",
            Status.FAILED,
            _TWICE,
            f"{count} of {held[day]} slices",
            "none",
            day,
            hint="different numbers for one slice",
        )
        for day, count in sorted(unlike.items())
    ]
    found += [
        Check(
            "copies",
            Status.WARNING,
            _TWICE,
            f"{count} of {held[day]} slices",
            "none",
            day,
            hint="exact copies: sums over the day are too high until they are dropped",
        )
        for day, count in sorted(copied.items())
    ]
    return settle("copies", _TWICE, found)


def missing(table: Rows) -> list[Check]:
    """Days without any row."""
    days = table.days
    every = {days[0] + timedelta(days=step) for step in range((days[-1] - days[0]).days + 1)}
    found = [
        Check("missing_days", Status.WARNING, _MISSING, "no rows", "rows", day, hint="was the job run for this day?")
        for day in sorted(every - {*days})
    ]
    return settle("missing_days", _MISSING, found, looked_at=f"{len(days)} days")


def partial(table: Rows) -> list[Check]:
    """Days with less than half of the usual slices, or with nothing of a measure that other days have."""
    days = table.days
    if len(days) < 3:
        return skipped("partial_days", _PARTIAL, "fewer than three days")
    slices = Counter(key[0] for key in {tuple(row[name] for name in table.key) for row in table.records})
    usual = median(slices.values())
    found = [
        Check(
            "partial_days",
            Status.WARNING,
            _PARTIAL,
            f"{slices[day]} slices",
            f"about {usual:g}",
            day,
            hint="was the day complete when it was counted?",
        )
        for day in days
        if slices[day] < usual / 2
    ]
    totals = {day: next(iter(each.values())) for day, each in table.totals().items()}
    for name in table.measures:
        level = median(each[name] for each in totals.values())
        found += [
            Check(
                "partial_days",
                Status.WARNING,
                _PARTIAL,
                0,
                f"about {level:,.0f}",
                day,
                name,
                "nothing of it that day",
            )
            for day in days
            if level and not totals[day][name]
        ]
    return settle("partial_days", _PARTIAL, found, looked_at=f"{len(days)} days")


def balance(table: Rows) -> list[Check]:
    """Every message that was sent was received by somebody; a table that drops unknown people loses some."""
    if not {"messages_sent", "messages_received"} <= {*table.measures}:
        return skipped("sent_received", _BALANCE, "no messages in this table")
    totals = {day: next(iter(each.values())) for day, each in table.totals().items()}
    lost = {day: each for day, each in totals.items() if each["messages_sent"] != each["messages_received"]}
    if not lost:
        return settle("sent_received", _BALANCE, [], looked_at=f"{len(totals)} days")
    sent, received = (sum(each[name] for each in lost.values()) for name in ("messages_sent", "messages_received"))
    text = f"{received:,} received on {len(lost)} of {len(totals)} days"
    hint = "people who only send or only receive were lost"
    return [Check("sent_received", Status.WARNING, _BALANCE, text, f"{sent:,}", min(lost), hint=hint)]


def _slice(table: Rows, row: Mapping[str, Any]) -> str:
    if table.long:
        return f"{row[LONG[0]]} {row[LONG[1]]}"
    return " ".join(str(row[name]) for name in table.key[1:])
