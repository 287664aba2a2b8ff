"""The users behind a change: parts of the audience, the absent, the newcomers; and what else is known of the day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from appanalytics.catalog import Catalog
from appanalytics.investigate.absent import Absent, absent
from appanalytics.investigate.audience import AudiencePart, audience
from appanalytics.investigate.explanation import Explanation, Where
from appanalytics.investigate.forecast import Flags, Forecast
from appanalytics.investigate.newcomers import Newcomers, newcomers
from appanalytics.investigate.population import PACKAGE, population_of
from appanalytics.investigate.reader import Reader
from appanalytics.sqltext import read_sql
from appanalytics.window import Grain


@dataclass(frozen=True, slots=True)
class People:
    """Users behind the change of a metric that counts users by day; empty for other metrics.

    ``absent`` is there for a fall, ``newcomers`` for a rise of new users.
    """

    audience: tuple[AudiencePart, ...] = ()
    absent: Absent | None = None
    newcomers: Newcomers | None = None

    def part(self, name: str) -> AudiencePart | None:
        """``new``, ``retained``, ``returned`` or ``gone``."""
        return next((each for each in self.audience if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Running:
    """An experiment that ran on the day: ``since`` is its first day, ``until`` the day after its last."""

    name: str
    state: str
    since: date
    until: date


def running(reader: Reader) -> tuple[Running, ...]:
    """Registered experiments of the day."""
    rows = reader.rows("experiments", read_sql(PACKAGE, "experiments"), {"day": reader.target.day})
    return tuple(Running(**row) for row in rows)


def people(reader: Reader, metric: str, usable: Flags, forecast: Forecast, explanation: Explanation | None) -> People:
    """Look at users where the metric counts them, rollups can answer, and something changed."""
    who = population_of(reader.layout.catalog, metric)
    if who is None or reader.target.grain is not Grain.DAY or _why_not(reader):
        return People()
    parts = audience(reader, who, usable)
    clean = [
        period.first_day
        for period, used, odd in zip(reader.periods[:-1], usable, forecast.disturbed, strict=False)
        if used and not odd
    ]
    segments = explanation.segments if explanation else ()
    fell = [each.where for each in segments if each.part.contribution < 0]
    rose = [each.where for each in segments if each.part.contribution > 0]
    down = bool(fell) or (forecast.is_unusual and forecast.actual[-1] < forecast.expected[-1])
    more_new = next(each for each in parts if each.name == "new")
    catalog = reader.layout.catalog
    missed, came = None, None
    if down:
        missed = absent(reader, who, fell, _place(catalog, fell), clean)
    if (rose and not down) or (more_new.is_unusual and more_new.change > 0):
        where = rose[0] if rose else ()
        came = newcomers(reader, who, where, _split(catalog, where), clean)
    return People(parts, missed, came)


def _why_not(reader: Reader) -> str:
    """Why `user_day` cannot answer; empty when it can."""
    return reader.coverage.why_not_rollups(reader.periods[0].first_day, reader.target.day)


def _place(catalog: Catalog, segments: list[Where]) -> str | None:
    """The dimension by which the absent are listed: that of the segments, else the first one inside of another."""
    names = [name for where in segments for name, _ in where]
    nested = [name for name, each in catalog.user_dimensions().items() if each.parent]
    return next((name for name in names if name in nested), nested[0] if nested else names[0] if names else None)


def _split(catalog: Catalog, where: Where) -> str | None:
    """The dimension by which other newcomers are split: the segment's one with the fewest values, where they are few.

    Without a segment it is the traffic source, if the catalog has one of that name.
    """
    known = catalog.user_dimensions()
    few: Mapping[str, int] = {"source": 0, "gender": 1, "os": 2, "age_group": 3}
    named = [name for name, _ in where if name in few or known[name].values or known[name].bands]
    named += [name for name in ("source",) if name in known]
    return min(named, key=lambda name: few.get(name, 9)) if named else None
