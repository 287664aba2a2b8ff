"""Every number that a report's text tells, asked again by the command line as a reader would."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta

import pytest

from appanalytics.catalog import Catalog
from appanalytics.cli.main import run
from appanalytics.locales import locale_of
from appanalytics.reports import DailyReport, load_contents
from appanalytics.reports.meaning import meaning_of

RETENTION = "retention_day_1"


def told(text: str) -> dict[str, list[str]]:
    """Columns of the text's lines by label, without lamps: value, change to the day and to the week before."""
    rows = [re.split(r"  +", line) for line in text.splitlines()]
    return {row[0]: [re.sub("^[🟢🔴⚪] ", "", cell) for cell in row[1:4]] for row in rows if row[0] and row[3:]}


def assert_told_as_queried(
    report: DailyReport, catalog: Catalog, warehouse: str, capsys: pytest.CaptureFixture[str]
) -> int:
    """Each line of the text is what `appanalytics query` (and `appanalytics retention`) say; returns how many."""
    items = load_contents().items()
    metrics = [item.metric for item in items if item.metric != RETENTION]
    found = [_asked(warehouse, metrics, report.day - timedelta(days=back), capsys) for back in (0, 1, 7)]
    shown, locale = told(report.text), locale_of(report.locale)
    lines = 0
    for item in items:
        label = f"{item.emoji} {item.label(catalog, report.locale)}"
        if label not in shown:
            continue
        unit = meaning_of(catalog, item.metric).unit
        now, day, week = (each[item.metric] for each in found)
        changes = [
            None
            if now is None or then is None
            else now - then
            if unit == "share"
            else now / then - 1
            if then
            else None
            for then in (day, week)
        ]
        assert shown[label] == [locale.number(now, unit), *(locale.change(each, unit) for each in changes)], label
        lines += 1
    assert lines == len(shown)
    return lines


def _asked(
    warehouse: str, metrics: list[str], day: date, capsys: pytest.CaptureFixture[str]
) -> dict[str, float | int | None]:
    after = day + timedelta(days=1)
    (answer,) = _records(
        capsys, "query", *metrics, "--since", f"{day}", "--until", f"{after}", "--warehouse", warehouse
    )
    words = ("--since", f"{day - timedelta(days=1)}", "--until", f"{day}", "--days", "1")
    cohort = [
        row["share"] for row in _records(capsys, "retention", *words, "--warehouse", warehouse) if row["offset"] == 1
    ]
    return {name: answer[name] for name in metrics} | {RETENTION: cohort[0] if cohort else None}


def _records(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, float]]:
    capsys.readouterr()
    assert run([*words, "--format", "json"]) == 0, capsys.readouterr().err
    found: list[dict[str, float]] = json.loads(capsys.readouterr().out)
    return found
