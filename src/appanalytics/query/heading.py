"""What pictures of lines and of bars share: the heading, and names of slices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appanalytics.pictures import FAMILY, INK, MUTED, drawable, new_figure
from appanalytics.query.answer import Answer, Record
from appanalytics.query.question import Compare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEAD = 1000, 100
LONGEST_NAME = 24


def headed(answer: Answer, height: int) -> Figure:
    """A figure with the question as its heading, and what its dashes and greys mean."""
    figure = new_figure(WIDTH, height)
    asked = answer.question
    title = ", ".join(asked.metrics) + (f" by {', '.join(asked.by)}" if asked.by else "")
    parts = [str(asked.window), *map(str, asked.where)]
    if asked.compare:
        parts.append("grey: the week before" if asked.compare is Compare.WEEK else "grey: the period before")
    if not all(record["complete"] for record in answer.records):
        parts.append("pale: not complete")
    font: dict[str, Any] = {"family": FAMILY, "va": "center"}
    figure.text(0.02, 1 - 30 / height, drawable(shortened(title, 70)), size=16, weight="bold", color=INK, **font)
    figure.text(0.02, 1 - 58 / height, drawable(shortened("  ·  ".join(parts), 110)), size=10.5, color=MUTED, **font)
    return figure


def slice_name(answer: Answer, record: Record) -> str:
    """The values of a record's dimensions; empty without dimensions."""
    return " · ".join("unknown" if record[name] is None else str(record[name]) for name in answer.question.by)


def shortened(text: str, most: int = LONGEST_NAME) -> str:
    """At most that many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
