"""Many p-values at once: Holm's and Benjamini–Hochberg's corrections, within one family of questions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from appanalytics.errors import StatisticsError
from appanalytics.stats.results import Comparison


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values (1979), in the given order: the chance of any false alarm in the family stays below α.

    None stays None and does not count as a question. A value outside of [0, 1] is a `StatisticsError`.
    """
    return _adjusted(p_values, _step_down)


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Benjamini & Hochberg's adjusted p-values (1995): among alarms the expected share of false ones stays below α.

    Valid for independent and for positively dependent tests. None stays None and does not count.
    """
    return _adjusted(p_values, _step_up)


def corrected(family: Sequence[Comparison], method: str = "holm") -> list[Comparison]:
    """A family of comparisons with adjusted p-values; intervals, effects and statistics stay what they are.

    ``method`` is ``holm`` or ``benjamini_hochberg``. Calculated with logarithms: p-values below 1e-308 keep theirs.
    """
    rules = {"holm": _step_down, "benjamini_hochberg": _step_up}
    if method not in rules:
        raise StatisticsError(f"unknown correction {method!r}", hint="holm or benjamini_hochberg")
    logs = _in_order([each.log10_p for each in family], rules[method])
    return [
        each if log is None else replace(each, log10_p=log, p_value=10**log)
        for each, log in zip(family, logs, strict=True)
    ]


def _adjusted(p_values: Sequence[float | None], rule: Callable[[list[float]], list[float]]) -> list[float | None]:
    wrong = [p for p in p_values if p is not None and not 0 <= p <= 1]
    if wrong:
        raise StatisticsError(f"{wrong[0]} is no p-value", hint="it must lie between 0 and 1")
    logs = _in_order([None if p is None else math.log10(p) if p else -math.inf for p in p_values], rule)
    return [None if log is None else 10**log for log in logs]


def _in_order(logs: Sequence[float | None], rule: Callable[[list[float]], list[float]]) -> list[float | None]:
    asked = sorted((log, place) for place, log in enumerate(logs) if log is not None)
    result: list[float | None] = [None] * len(logs)
    for (_, place), log in zip(asked, rule([log for log, _ in asked]), strict=True):
        result[place] = log
    return result


def _step_down(ascending: list[float]) -> list[float]:
    highest, result = -math.inf, []
    for place, log in enumerate(ascending):
        highest = max(highest, min(0.0, log + math.log10(len(ascending) - place)))
        result.append(highest)
    return result


def _step_up(ascending: list[float]) -> list[float]:
    lowest, result = 0.0, []
    for place in range(len(ascending), 0, -1):
        lowest = min(lowest, ascending[place - 1] + math.log10(len(ascending) / place))
        result.append(lowest)
    return result[::-1]
