"""Alerts against the truth: precision, recall and delay of events, not of bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.anomalies_world import Incident


@dataclass(frozen=True, slots=True)
class Score:
    """Events found and alerts that were true; ``delay`` is the median in bins after the first possible one."""

    precision: float
    recall: float
    f1: float
    false_per_week: float
    delay: float


def score(
    alerts: Sequence[Sequence[int]], truth: Sequence[Sequence[Incident]], weeks: float, grace: int = 4
) -> Score:
    """An alert is true when it opens in an incident or within ``grace`` bins of its end.

    An incident counts once. ``weeks`` is the length of the judged span of one series; no alerts before it.
    """
    true = false = found = total = 0
    delays: list[int] = []
    for opened, incidents in zip(alerts, truth, strict=True):
        total += len(incidents)
        hits = [[at for at in opened if each.start <= at < each.end + grace] for each in incidents]
        inside = {at for hit in hits for at in hit}
        true += len(inside)
        false += sum(at not in inside for at in opened)
        found += sum(bool(hit) for hit in hits)
        delays += [hit[0] - each.start for hit, each in zip(hits, incidents, strict=True) if hit]
    precision = true / (true + false) if true + false else 1.0
    recall = found / total if total else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return Score(precision, recall, f1, false / (weeks * len(truth)), float(np.median(delays)) if delays else np.nan)
