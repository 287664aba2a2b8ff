"""The cohort triangle as values: cells with their Wilson intervals, and the weighted curve over them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from appanalytics.query import Observed
from appanalytics.query.show import number
from appanalytics.retention.question import Kind, RetentionQuestion
from appanalytics.retention.read import SIZE, Counts, Slice
from appanalytics.stats import Interval, Share, wilson
from appanalytics.window import next_bucket_day

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from appanalytics.document import Document

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """Of the ``size`` users of a cohort and slice, ``users`` returned at a place of the triangle.

    ``complete`` is False where a day of it was not over (or not in the data) for some member of the cohort, and
    where the cohort itself lacks days. Such cells are never averaged in.
    """

    cohort: date
    slice: Slice
    place: int
    size: int
    users: int
    complete: bool

    @property
    def share(self) -> float | None:
        """Users who returned by the cohort's size; None for an empty cohort."""
        return self.users / self.size if self.size else None

    def interval(self, level: float = 0.95) -> Interval:
        """Wilson's interval of the share."""
        return wilson(Share(self.users, self.size), level=level)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a slice's curve: all complete cells of a place together, so large cohorts weigh more."""

    slice: Slice
    place: int
    size: int
    users: int
    cohorts: int

    @property
    def share(self) -> float | None:
        """Users who returned by the size of the cohorts; None where no cohort is old enough."""
        return self.users / self.size if self.size else None

    def interval(self, level: float = 0.95) -> Interval:
        """Wilson's interval of the share."""
        return wilson(Share(self.users, self.size), level=level)


@dataclass(frozen=True, repr=False)
class Triangle:
    """Retention of cohorts: cells in the order of slice, cohort and place. Cohorts without users have none.

    `records` have ``cohort`` (ISO, first day of the day, week or month), a key for each dimension, ``offset`` (the
    step; of a bracket its first one, with ``last``), ``size``, ``users``, ``share``, ``low``, ``high`` (95 %, Wilson)
    and ``complete``. Shares are fractions, None for empty cohorts.
    """

    question: RetentionQuestion
    cells: tuple[Cell, ...]
    relation: str = ""
    sql: str = ""

    @classmethod
    def of(cls, question: RetentionQuestion, counts: Counts, seen: Observed, relation: str, sql: str) -> Triangle:
        """Fill the gaps of cohorts that have users with zeros, and tell which cells are complete."""
        slices = sorted({key[1] for key in counts}, key=_order)
        lives = {cohort: _life(question, cohort, seen) for cohort in question.cohorts()}
        cells = [
            Cell(cohort, each, place, users.get(SIZE, 0), users.get(place, 0), complete)
            for each in slices
            for cohort, life in lives.items()
            if (users := counts.get((cohort, each)))
            for place, complete in life
        ]
        return cls(question, tuple(cells), relation, sql)

    @property
    def slices(self) -> list[Slice]:
        """Values of the dimensions, in order; one empty tuple without dimensions."""
        return list(dict.fromkeys(cell.slice for cell in self.cells))

    @property
    def places(self) -> list[int]:
        """All places, in order."""
        return sorted({cell.place for cell in self.cells})

    def only(self, values: Mapping[str, Any]) -> Triangle:
        """The slices of these values of the one dimension, in that order."""
        kept = [cell for value in values.values() for cell in self.cells if cell.slice == (value,)]
        return replace(self, cells=tuple(kept))

    def of_slice(self, values: Slice = ()) -> dict[tuple[date, int], Cell]:
        """Cells of one slice by cohort and place."""
        return {(cell.cohort, cell.place): cell for cell in self.cells if cell.slice == values}

    def curve(self) -> list[Point]:
        """The weighted curve of each slice over its complete cells. Places without any are left out."""
        sums: dict[tuple[Slice, int], list[int]] = {}
        for cell in self.cells:
            if cell.complete and cell.size:
                held = sums.setdefault((cell.slice, cell.place), [0, 0, 0])
                for at, value in enumerate((cell.size, cell.users, 1)):
                    held[at] += value
        return [Point(*key, *held) for key, held in sums.items()]

    @property
    def columns(self) -> list[str]:
        """Keys of every record, in order."""
        last = ["last"] if self.question.kind is Kind.BRACKET else []
        return ["cohort", *self.question.by, "offset", *last, "size", "users", "share", "low", "high", "complete"]

    @property
    def records(self) -> list[Record]:
        """All cells as flat records."""
        return [self._record(cell) for cell in self.cells]

    def curve_records(self) -> list[Record]:
        """The curve as flat records: as `records`, with the number of ``cohorts`` instead of the cohort."""
        return [
            {**self._named(point.slice), **self._steps(point.place), "cohorts": point.cohorts, **_estimate(point)}
            for point in self.curve()
        ]

    def to_arrow(self) -> pa.Table:
        """The records as an Arrow table."""
        records = self.records
        return pa.table({name: pa.array([record[name] for record in records]) for name in self.columns})

    def to_pandas(self) -> pd.DataFrame:
        """The records as a pandas frame; needs the extra ``pandas``."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def heatmap(self, values: Slice = (), *, locale: str = "en", notes: Mapping[date, str] | None = None) -> Figure:
        """The last 20 cohorts of one slice, with ``notes`` beside cohorts; needs the extra ``pictures``."""
        from appanalytics.retention.pictures import heatmap

        return heatmap(self, values, locale=locale, notes=notes)

    def plot(self, *, locale: str = "en") -> Figure:
        """The weighted curve of each slice with its intervals; needs the extra ``pictures``."""
        from appanalytics.retention.pictures import curves

        return curves(self, locale=locale)

    def page(
        self, *, locale: str = "en", pictures: bool = True, label: str | None = None,
        notes: Mapping[date, str] | None = None,
    ) -> Document:  # fmt: skip
        """Everything as one page for a terminal, Markdown or HTML. ``notes`` are texts beside cohorts."""
        from appanalytics.retention.page import triangle_page

        return triangle_page(self, locale=locale, pictures=pictures, label=label, notes=notes)

    def label(self, place: int) -> str:
        """A place for people: ``7``, or a bracket's ``2-7``."""
        return str(self.question.brackets[place]) if self.question.kind is Kind.BRACKET else str(place)

    def grid(self, values: Slice = (), most: int = 15) -> tuple[list[str], list[list[str]]]:
        """Heads and rows of the triangle of one slice as text: share by cohort and place, ``*`` where incomplete."""
        cells = self.of_slice(values)
        places = self.places[:most]
        rows = []
        for cohort in self.question.cohorts():
            first = next((cells[cohort, place] for place in places if (cohort, place) in cells), None)
            if first is None or not first.size:
                continue
            shown = [_shown(cells.get((cohort, place))) for place in places]
            rows.append([cohort.isoformat(), f"{first.size:,}", *shown])
        curve = {point.place: point for point in self.curve() if point.slice == values}
        sizes = {cohort: cell.size for (cohort, _), cell in cells.items()}
        total = [number(curve[place].share, "share") if place in curve else "" for place in places]
        rows.append(["all", f"{sum(sizes.values()):,}", *total])
        return ["cohort", "users", *(self.label(place) for place in places)], rows

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        parts = []
        for values in self.slices:
            head, rows = self.grid(values)
            widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
            lines = [
                "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in (head, *rows)
            ]
            parts.append("\n".join([*_title(self, values), *lines]))
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        parts = []
        for values in self.slices:
            head, rows = self.grid(values)
            top = "".join(f"<th>{html.escape(text)}</th>" for text in head)
            body = "".join(
                "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>" for row in rows
            )
            title = "".join(f"<h4>{html.escape(text)}</h4>" for text in _title(self, values))
            parts.append(f"{title}<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>")
        return "".join(parts)

    def _record(self, cell: Cell) -> Record:
        named = {"cohort": cell.cohort.isoformat(), **self._named(cell.slice), **self._steps(cell.place)}
        return {**named, **_estimate(cell), "complete": cell.complete}

    def _named(self, values: Slice) -> Record:
        return dict(zip(self.question.by, values, strict=True))

    def _steps(self, place: int) -> Record:
        if self.question.kind is not Kind.BRACKET:
            return {"offset": place}
        bracket = self.question.brackets[place]
        return {"offset": bracket.first, "last": bracket.last}


def last_complete_step(question: RetentionQuestion, cohort: date, seen: Observed) -> int:
    """The last step of life that was over, and in the data, for every member of a cohort; -1 where there is none.

    None, too, where the window cuts days with events off the cohort, or some of its days are not over.
    """
    first, last = question.members(cohort)
    end = next_bucket_day(cohort, question.grain) - timedelta(days=1)
    is_cut = max(cohort, seen.first) < first or min(end, seen.last) > last
    if is_cut or end >= seen.over:
        return -1
    return question.steps_until(cohort, seen.over, of_last=True) - 1


def _life(question: RetentionQuestion, cohort: date, seen: Observed) -> list[tuple[int, bool]]:
    """Places of which some day was seen, and whether they are complete.

    Of an unbounded place the first step must be over: later returns are those that there was time for.
    """
    complete = last_complete_step(question, cohort, seen)
    last = question.steps_until(cohort, seen.last, of_last=False)
    if question.kind is Kind.BRACKET:
        pairs = enumerate(question.brackets)
        return [(place, each.last <= complete) for place, each in pairs if each.first <= last]
    shown = last if question.periods is None else min(last, question.periods)
    return [(place, place <= complete) for place in range(shown + 1)]


def _estimate(of: Cell | Point) -> Record:
    found = of.interval()
    return {"size": of.size, "users": of.users, "share": found.estimate, "low": found.low, "high": found.high}


def _shown(cell: Cell | None) -> str:
    if cell is None:
        return ""
    return number(cell.share, "share") + ("" if cell.complete else "*")


def _title(triangle: Triangle, values: Slice) -> list[str]:
    pairs = zip(triangle.question.by, values, strict=True)
    return [", ".join(f"{name} {'unknown' if value is None else value}" for name, value in pairs)] if values else []


def _order(values: Slice) -> tuple[tuple[bool, str, Any], ...]:
    return tuple((value is None, type(value).__name__, value if value is not None else 0) for value in values)
