"""What the warehouse holds, and whether its rollups may answer. Read once for each question; costs no scan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from appanalytics.engine import Engine
from appanalytics.sqltext import identifier, literal
from appanalytics.warehouse.days import day_states
from appanalytics.warehouse.rollup import Layout
from appanalytics.warehouse.rollup.build import is_current


@dataclass(frozen=True, slots=True)
class Coverage:
    """The events' first and last instants, and why rollups cannot answer (empty: they can).

    ``stale`` lists days that changed since they were rolled up. ``has_changing`` says that some users' attributes
    changed, ``has_mixed`` that compact dimensions did.
    """

    first: datetime | None
    last: datetime | None
    stale: tuple[date, ...] = ()
    reason: str = ""
    has_mixed: bool = False
    has_changing: bool = False

    def why_not_rollups(self, first: date, last: date) -> str:
        """Why rollups cannot answer for the days ``first`` to ``last``; empty when they can."""
        if self.reason:
            return self.reason
        inside = [day for day in self.stale if first <= day <= last]
        if not inside:
            return ""
        more = f" and {len(inside) - 1} more days" if len(inside) > 1 else ""
        return f"{inside[0]}{more} changed after the last roll-up; run: appanalytics rollup"


def read_coverage(engine: Engine, layout: Layout) -> Coverage:
    """Compare the day log with the number of events, which the engine knows without reading them."""
    sources = layout.catalog.sources
    rows = engine.rows(
        " UNION ALL ".join(
            f"SELECT {literal(name)} AS source, count() AS events, min({identifier(each.time)}) AS first,"
            f" max({identifier(each.time)}) AS last FROM {identifier(each.table)}"
            for name, each in sources.items()
        )
    )
    held = [row for row in rows if row["events"]]
    first = min((_aware(row["first"]) for row in held), default=None)
    last = max((_aware(row["last"]) for row in held), default=None)
    if not is_current(engine, layout):
        return Coverage(
            first, last, reason="there are no rollups of this catalog and time zone; run: appanalytics rollup"
        )
    states = day_states(engine)
    stale = tuple(state.day for state in states if state.is_stale)
    if not stale:
        for row in rows:
            rolled = sum(state.events.get(row["source"], 0) for state in states)
            if rolled != row["events"]:
                counted = f"{row['source']} has {row['events']:,} events, {rolled:,} are rolled up"
                reason = f"{counted}; run: appanalytics rollup"
                return Coverage(first, last, reason=reason)
    found = engine.rows("SELECT count() > 0 AS changing, max(compact) AS mixed FROM mixed_users")[0]
    return Coverage(first, last, stale, has_mixed=bool(found["mixed"]), has_changing=bool(found["changing"]))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
