"""Set two lists of daily numbers against each other."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from appanalytics.warehouse.checks.report import Check, Status

Daily = Mapping[date, Mapping[str, Any]]


def by_day(rows: Iterable[dict[str, Any]]) -> dict[date, dict[str, Any]]:
    """Records with a ``day`` by that day."""
    return {row["day"]: {name: value for name, value in row.items() if name != "day"} for row in rows}


def differences(
    name: str, compared: str, found: Daily, expected: Daily, columns: Iterable[str], days: Collection[date], hint: str
) -> Iterator[Check]:
    """A failure for every day and column in which two sides differ; a missing day counts as zeros."""
    listed = list(columns)
    for day in sorted(days):
        here, there = found.get(day, {}), expected.get(day, {})
        for column in listed:
            left, right = here.get(column, 0), there.get(column, 0)
            if not same(left, right):
                yield Check(name, Status.FAILED, compared, left, right, day, column, hint)


def same(left: Any, right: Any) -> bool:
    """Whole numbers are equal or not; sums of fractions may differ in their last digits."""
    if isinstance(left, float) or isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-6)
    return bool(left == right)
