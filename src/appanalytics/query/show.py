"""Answers as text: numbers with their units, empty cells for what does not exist."""

from __future__ import annotations

from typing import Any

from appanalytics.query.answer import Answer, Record

NOTHING = "–"


def number(value: Any, unit: str = "") -> str:
    """A value for people: shares in per cent, whole numbers in groups of three, an en dash for null."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if unit == "share":
        return f"{value:.2%}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def change(value: float | None) -> str:
    """A relative change with its sign."""
    return NOTHING if value is None else f"{value:+.1%}"


def cell(answer: Answer, record: Record, name: str) -> str:
    """One cell of an answer."""
    value = record[name]
    if name in answer.question.by:
        return "unknown" if value is None else str(value)
    if name.endswith("_change") and name not in answer.units:
        return change(value)
    return number(value, answer.units.get(name.removesuffix("_before"), answer.units.get(name, "")))


def as_text(answer: Answer, most: int = 40) -> str:
    """A plain table, at most ``most`` rows of it."""
    names = [name for name in answer.columns if name != "complete"]
    shown = answer.records[:most]
    rows = [[cell(answer, record, name) for name in names] for record in shown]
    marks = ["" if record["complete"] else " *" for record in shown]
    widths = [
        max(len(name), *(len(row[place]) for row in rows)) if rows else len(name) for place, name in enumerate(names)
    ]
    lines = ["  ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)).rstrip()]
    for row, mark in zip(rows, marks, strict=True):
        lines.append("  ".join(value.rjust(width) for value, width in zip(row, widths, strict=True)) + mark)
    if len(answer.records) > most:
        lines.append(f"… {len(answer.records) - most:,} more")
    if any(marks):
        lines.append("* incomplete period")
    return "\n".join([*lines, *answer.notes])
