"""Counts against what was planned: the sample ratio of an experiment, and the balance of a dimension."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from appanalytics.errors import StatisticsError
from appanalytics.stats.multiple import holm
from appanalytics.stats.results import Note, Test, from_tail
from appanalytics.stats.tails import chi_square_tail

#: Below this p-value a split is not what was planned (Fabijan et al. 2019).
ALARM = 0.001


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Users of each arm against the plan.

    ``observed`` users, ``expected`` users (same total), ``test`` the chi-square test, ``adjusted_p`` its p-value
    corrected by Holm over segments (the same where there is one), ``alarm`` the limit.
    """

    observed: tuple[int, ...]
    expected: tuple[float, ...]
    test: Test
    adjusted_p: float | None
    alarm: float = ALARM

    @property
    def is_mismatched(self) -> bool:
        """The split is not the planned one: results of such an experiment mean nothing until it is explained."""
        return self.adjusted_p is not None and self.adjusted_p < self.alarm


def sample_ratio(
    observed: Sequence[int], weights: Sequence[float] | None = None, *, alarm: float = ALARM
) -> SampleRatio:
    """Pearson's chi-square test of users per arm against planned weights (equal ones unless given).

    Weights need not add up to 1. An arm with weight 0 must not be there. Without users the p-value is None.
    """
    planned = [1.0] * len(observed) if weights is None else [float(weight) for weight in weights]
    if len(planned) != len(observed) or len(observed) < 2:
        raise StatisticsError(
            f"{len(observed)} arms and {len(planned)} weights", hint="one weight for each arm, two arms or more"
        )
    if any(count < 0 or count != int(count) for count in observed):
        raise StatisticsError("users of an arm must be whole numbers, 0 or more")
    if not all(weight > 0 and math.isfinite(weight) for weight in planned):
        raise StatisticsError("an arm's weight must be above zero", hint="leave out the arms that get no users")
    users, whole = sum(observed), math.fsum(planned)
    expected = tuple(users * weight / whole for weight in planned)
    test = _pearson("sample_ratio", observed, expected, len(observed) - 1)
    return SampleRatio(tuple(int(each) for each in observed), expected, test, test.p_value, alarm)


def sample_ratio_by_segment(
    observed: Mapping[str, Sequence[int]], weights: Sequence[float] | None = None, *, alarm: float = ALARM
) -> dict[str, SampleRatio]:
    """`sample_ratio` of each segment; ``adjusted_p`` is corrected by Holm, so many segments raise no false alarm."""
    each = {name: sample_ratio(counts, weights, alarm=alarm) for name, counts in observed.items()}
    adjusted = holm([ratio.test.p_value for ratio in each.values()])
    return {name: replace(ratio, adjusted_p=p) for (name, ratio), p in zip(each.items(), adjusted, strict=True)}


def balance(table: Sequence[Sequence[int]]) -> Test:
    """Pearson's chi-square test that a dimension is distributed alike in all arms (rows: arms, columns: values).

    Without Yates' correction. Empty rows and columns are left out; None where fewer than two of either remain.
    """
    if len({len(row) for row in table}) > 1 or any(count < 0 for row in table for count in row):
        raise StatisticsError("a table of counts needs rows of one length and no negative count")
    rows = [list(row) for row in table if sum(row)]
    columns = [column for column in zip(*rows, strict=True) if sum(column)]
    if len(rows) < 2 or len(columns) < 2:
        return Test("balance", None, None, None, note=Note.NO_VARIATION)
    users = sum(map(sum, rows))
    seen = [count for column in columns for count in column]
    expected = [sum(row) * sum(column) / users for column in columns for row in rows]
    return _pearson("balance", seen, expected, (len(rows) - 1) * (len(columns) - 1))


def _pearson(method: str, observed: Sequence[int], expected: Sequence[float], df: int) -> Test:
    if not sum(observed):
        return Test(method, None, None, None, df, Note.NO_USERS)
    statistic = math.fsum((seen - planned) ** 2 / planned for seen, planned in zip(observed, expected, strict=True))
    note = Note.SMALL_EXPECTED if min(expected) < 5 else None
    return from_tail(method, statistic, chi_square_tail(statistic, df), df, note)
