"""A plain file of ``time,value`` replayed, and its alerts against labels."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from appanalytics.anomalies.detector import Tick, make_detector
from appanalytics.errors import QuestionError
from appanalytics.window import parse_moment


@dataclass(frozen=True)
class Replay:
    """Alerts of a file or a warehouse's history, as flat records; against labels (None without): precision, recall,
    median delay in bins.
    """

    alerts: tuple[dict[str, Any], ...]
    weeks: float
    precision: float | None = None
    recall: float | None = None
    delay: float | None = None

    @property
    def rate(self) -> float:
        """Alerts a week."""
        return len(self.alerts) / self.weeks if self.weeks else 0.0


def replay_file(path: Path, labels: Path | None, method: str, zone: ZoneInfo) -> Replay:
    """Replay a file with one detector; its usual distance of rows is the length of a bin.

    Labels are a file of ``start,end`` (the end is not part of the anomaly). Raises `QuestionError` for files that
    cannot be read, and where times do not rise.
    """
    times, values = _series(path, zone)
    spans = read_labels(labels, zone) if labels else []
    step = timedelta(seconds=float(np.median(np.diff([each.timestamp() for each in times]))))
    detector = make_detector(method, 1, max(1, round(timedelta(days=1) / step)))
    alerts: list[dict[str, Any]] = []
    was = False
    for time, value in zip(times, values, strict=True):
        offset = time.astimezone(zone).utcoffset() or timedelta()
        number = round((time.timestamp() + offset.total_seconds()) / step.total_seconds())
        verdict = detector.step(Tick(number), np.array([value]))
        now, score = bool(detector.open[0] > 0), float(verdict.score[0])
        if now and not was:
            alerts.append(_alert(time, path.stem, score, value, float(verdict.expected[0])))
        if verdict.alarm[0] and alerts:
            alerts[-1]["end"] = (time + step).isoformat()
        was = now
    weeks = (times[-1] - times[0]) / timedelta(days=7)
    return Replay(tuple(alerts), weeks, *(against(alerts, spans, step) if labels else ()))


def _alert(time: datetime, name: str, score: float, value: float, expected: float) -> dict[str, Any]:
    direction = "up" if score > 0 else "down"
    severity = "critical" if abs(score) >= 4 else "major" if abs(score) >= 2 else "minor"
    return {
        "start": time.isoformat(), "end": time.isoformat(), "metric": name, "slice": "", "direction": direction,
        "severity": severity, "value": value, "expected": round(expected, 4),
    }  # fmt: skip


def against(
    alerts: Sequence[Mapping[str, Any]], spans: Sequence[tuple[datetime, datetime]], step: timedelta
) -> tuple[float | None, float | None, float | None]:
    """An alert is true when it begins in a labelled span, or within four bins of its end. A span is found once."""
    starts = [datetime.fromisoformat(each["start"]) for each in alerts]
    hits = [[at for at in starts if start <= at < end + 4 * step] for start, end in spans]
    true = {at for hit in hits for at in hit}
    delays = [(hit[0] - start) / step for hit, (start, _) in zip(hits, spans, strict=True) if hit]
    precision = len(true) / len(starts) if starts else None
    recall = sum(bool(hit) for hit in hits) / len(spans) if spans else None
    return precision, recall, float(np.median(delays)) if delays else None


def _series(path: Path, zone: ZoneInfo) -> tuple[list[datetime], list[float]]:
    rows = _rows(path, ("time", "value"), {"timestamp": "time"})
    times = [parse_moment(row["time"], zone) for row in rows]
    try:
        values = [float(row["value"] or "nan") for row in rows]
    except ValueError as error:
        raise QuestionError(f"{path}: {error}", hint="values are numbers; an empty cell is a missing bin") from None
    if len(times) < 3:
        raise QuestionError(f"{path} has fewer than three rows")
    if np.isinf(values).any():
        raise QuestionError(f"{path}: a value is infinite", hint="values are numbers; an empty cell is a missing bin")
    for before, after in pairwise(times):
        if after <= before:
            raise QuestionError(f"{path}: {after.isoformat()} does not come after {before.isoformat()}")
    return times, values


def read_labels(path: Path, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """Spans ``[start, end)`` of a file of labels."""
    rows = _rows(path, ("start", "end"), {})
    return [(parse_moment(row["start"], zone), parse_moment(row["end"], zone)) for row in rows]


def _rows(path: Path, needed: tuple[str, ...], other: dict[str, str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [
                {
                    other.get(str(name).strip().lower(), str(name).strip().lower()): value
                    for name, value in row.items()
                }
                for row in csv.DictReader(lines)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise QuestionError(f"cannot read {path}: {error}") from None
    if rows and (missing := [name for name in needed if name not in rows[0]]):
        raise QuestionError(f"{path} has no column {missing[0]!r}", hint=f"the columns are {','.join(needed)}")
    return rows
