"""Who uses which services: overlap of a period, and migration from the period before."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from appanalytics.audience.decompose import PACKAGE, Record
from appanalytics.audience.periods import Periods
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError
from appanalytics.query import Coverage, Observed
from appanalytics.query.services import rolled_days
from appanalytics.sqltext import identifier, render
from appanalytics.warehouse.rollup import Layout
from appanalytics.warehouse.rollup.layout import events_column
from appanalytics.window import Grain, Window

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NEW, AWAY = "new", "away"
#: Bits of services in a number; more sources than that make no readable table.
_MOST_SOURCES = 8


@dataclass(frozen=True, slots=True)
class Move:
    """Users in the state ``before`` in one period and in ``now`` in the next, which begins with ``start``.

    States are services joined by ``+`` (``feed``, ``messages``, ``feed+messages``: in the same period, not needfully
    on one day), ``new`` (never here before) and ``away``.
    """

    start: date
    before: str
    now: str
    users: int
    complete: bool


@dataclass(frozen=True, repr=False)
class Migration:
    """All moves of all periods. `records` have ``time``, ``from``, ``to``, ``users``, ``complete``."""

    periods: Periods
    moves: tuple[Move, ...]
    columns: Sequence[str] = ("time", "from", "to", "users", "complete")

    @property
    def records(self) -> list[Record]:
        """Flat records; moves that nobody made are left out."""
        return [
            {
                "time": each.start.isoformat(), "from": each.before, "to": each.now, "users": each.users,
                "complete": each.complete,
            }
            for each in self.moves
        ]  # fmt: skip

    def overlap(self) -> list[Record]:
        """Users by period and services: ``time``, ``services``, ``users``, ``share``, ``complete``."""
        sums: dict[tuple[date, str], int] = {}
        complete: dict[date, bool] = {}
        for each in self.moves:
            if each.now != AWAY:
                sums[each.start, each.now] = sums.get((each.start, each.now), 0) + each.users
                complete[each.start] = each.complete
        totals: dict[date, int] = {}
        for (start, _), users in sums.items():
            totals[start] = totals.get(start, 0) + users
        return [
            {
                "time": start.isoformat(), "services": services, "users": users, "share": users / totals[start],
                "complete": complete[start],
            }
            for (start, services), users in sorted(sums.items())
        ]  # fmt: skip

    def matrix(self, start: date | None = None) -> tuple[list[str], list[list[Any]]]:
        """The moves into one period (the last complete one) as heads and rows; the first column is the state before.

        Raises `QuestionError` for a period without moves.
        """
        whole = [each.start for each in self.moves if each.complete] or [each.start for each in self.moves]
        at = start or max(whole, default=None)
        found = {(each.before, each.now): each.users for each in self.moves if each.start == at}
        if not found:
            raise QuestionError(f"no users in the period {at}")
        states = sorted({state for pair in found for state in pair} - {NEW, AWAY})
        heads = [*states, AWAY]
        rows = [[before, *(found.get((before, now), 0) for now in heads)] for before in (NEW, AWAY, *states)]
        rows[1][-1] = None  # who was away and stayed away is nobody's move
        rows[0][-1] = None
        return ["from \\ to", *heads], rows

    def plot(self, *, locale: str = "en") -> Figure:
        """Users of each period by the services that they used, stacked; needs the extra ``pictures``."""
        from appanalytics.audience.pictures import services

        return services(self, locale=locale)

    def __len__(self) -> int:
        return len(self.moves)

    def __repr__(self) -> str:
        head, rows = self.matrix()
        texts = [head, *([_text(value) for value in row] for row in rows)]
        widths = [max(len(row[at]) for row in texts) for at in range(len(head))]
        return "\n".join("  ".join(t.rjust(w) for t, w in zip(row, widths, strict=True)) for row in texts)

    def _repr_html_(self) -> str:
        head, rows = self.matrix()
        top = "".join(f"<th>{html.escape(name)}</th>" for name in head)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(_text(v))}</td>" for v in row) + "</tr>" for row in rows)
        return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def migration(
    engine: Engine, layout: Layout, coverage: Coverage, window: Window, grain: str | Grain, *, today: date
) -> Migration:
    """Moves between services from period to period. Days from ``today`` on are not over.

    Raises `WarehouseMissing` without events, `UserError` where rollups are stale, `QuestionError` for another grain.
    """
    seen = Observed.of(coverage, window, today)
    periods = Periods.of(grain, window)
    rolled_days(engine, coverage, seen, periods.until)
    sources = list(layout.catalog.sources)[:_MOST_SOURCES]
    bits = " + ".join(f"({identifier(events_column(name))} > 0) * {1 << at}" for at, name in enumerate(sources))
    rows = engine.rows(
        render(PACKAGE, "migration", number=periods.number_sql, services=f"toUInt16({bits})"),
        {
            "until": periods.until, "first_number": periods.number(periods.first),
            "last_number": periods.number(periods.before(periods.until)),
        },
    )  # fmt: skip
    starts = {periods.number(start): start for start in periods.starts()}
    moves = [
        Move(
            start, _state(row["before"], sources, NEW), _state(row["now"], sources, AWAY), int(row["users"]),
            periods.is_complete(start, seen),
        )
        for row in rows
        if (start := starts[row["number"]]) <= seen.last
    ]  # fmt: skip
    return Migration(periods, tuple(sorted(moves, key=lambda each: (each.start, each.before, each.now))))


def _state(bits: int, sources: Sequence[str], negative: str) -> str:
    if bits < 0:
        return negative
    return "+".join(name for at, name in enumerate(sources) if bits >> at & 1) or AWAY


def _text(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
