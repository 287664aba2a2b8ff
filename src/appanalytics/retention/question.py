"""A question about retention: whose return, of which cohorts, in which steps of their life."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from appanalytics.catalog import Catalog
from appanalytics.errors import QuestionError, nearest
from appanalytics.query import Filter, Question, Service, population, service_of
from appanalytics.window import Grain, Window, bucket_day, next_bucket_day

ANY_EVENT = "any"
GRAINS = (Grain.DAY, Grain.WEEK, Grain.MONTH)
#: More steps than the calendar has.
NO_END = 100_000


class Kind(StrEnum):
    """Which return counts for a step."""

    EXACT = "exact"
    UNBOUNDED = "unbounded"
    BRACKET = "bracket"
    ROLLING = "rolling"


@dataclass(frozen=True, slots=True)
class Bracket:
    """Steps ``first`` to ``last`` of a user's life, both inside; step 0 is the first day (week, month)."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class RetentionQuestion:
    """What is asked. Made by `RetentionQuestion.of`, which checks every name.

    ``grain`` cuts first days into cohorts; ``step`` is what life is counted in: days since the user's own first day,
    or calendar weeks or months since that of the cohort. ``event`` is a counted measure of the catalog or ``any``.
    ``periods`` is the last step asked for (None: all that were observed), ``span`` the steps of a rolling window.
    """

    window: Window
    grain: Grain
    step: Grain
    kind: Kind
    service: Service
    event: str
    by: tuple[str, ...]
    where: tuple[Filter, ...]
    periods: int | None
    span: int
    brackets: tuple[Bracket, ...]

    @classmethod
    def of(
        cls, catalog: Catalog, window: Window, *, by: str | Sequence[str] = (),
        where: Mapping[str, object] | Iterable[str] = (), grain: str | Grain = Grain.DAY,
        step: str | Grain | None = None, kind: str | Kind = Kind.EXACT, service: str = "any",
        event: str = ANY_EVENT, periods: int | None = None, span: int = 7,
        brackets: str | Sequence[tuple[int, int]] = (),
    ) -> RetentionQuestion:  # fmt: skip
        """Check a question; raises `QuestionError` with the nearest name or what is allowed."""
        checked = Question.of(catalog, population(catalog), window, by=by, where=where)
        cohorts = _grain(grain)
        steps = _grain(step or cohorts)
        if steps not in (cohorts, Grain.DAY):
            raise QuestionError(f"cohorts of a {cohorts} have steps of a {cohorts} or of days, not of a {steps}")
        found = _kind(kind, has_brackets=bool(brackets))
        if periods is not None and periods < 1:
            raise QuestionError(f"{periods} steps leave nothing to look at", hint="use 1 or more")
        if span < 1:
            raise QuestionError(f"a rolling window of {span} steps", hint="use 1 or more")
        return cls(
            window, cohorts, steps, found, service_of(catalog, service), _event(catalog, event), checked.by,
            checked.where, periods, span, _brackets(brackets, steps) if found is Kind.BRACKET else (),
        )  # fmt: skip

    def cohort(self, day: date) -> date:
        """First day of the cohort of a user's first day."""
        return bucket_day(day, self.grain)

    def cohorts(self) -> list[date]:
        """First days of all cohorts of the window, in order."""
        day, found = self.cohort(self.window.first_day), []
        while day <= self.window.last_day:
            found.append(day)
            day = next_bucket_day(day, self.grain)
        return found

    def members(self, cohort: date) -> tuple[date, date]:
        """The first and the last day on which a user may have come to belong to a cohort, within the window."""
        last = next_bucket_day(cohort, self.grain) - timedelta(days=1)
        return max(cohort, self.window.first_day), min(last, self.window.last_day)

    def steps_until(self, cohort: date, day: date, *, of_last: bool) -> int:
        """The step of life on a day of a cohort's first member, or of its last one (``of_last``)."""
        if self.by_days:
            return (day - self.members(cohort)[of_last]).days
        now = self.cohort(day)
        if self.grain is Grain.WEEK:
            return (now - cohort).days // 7
        return (now.year - cohort.year) * 12 + now.month - cohort.month

    @property
    def by_days(self) -> bool:
        """True where life is counted in days since the user's own first day."""
        return self.step is Grain.DAY

    def steps_of(self, place: int) -> Bracket:
        """The steps that a place of the triangle stands for; the last one is open for `Kind.UNBOUNDED`."""
        if self.kind is Kind.BRACKET:
            return self.brackets[place]
        if self.kind is Kind.UNBOUNDED:
            return Bracket(place, NO_END)
        if self.kind is Kind.ROLLING and place:
            return Bracket(max(1, place - self.span + 1), place)
        return Bracket(place, place)


def _grain(text: str | Grain) -> Grain:
    grain = Grain.parse(text)
    if grain not in GRAINS:
        raise QuestionError(f"there are no cohorts of {grain}", hint="use day, week or month")
    return grain


def _kind(text: str | Kind, *, has_brackets: bool) -> Kind:
    try:
        kind = Kind(text)
    except ValueError:
        raise QuestionError(f"unknown kind {str(text)!r}", hint=nearest(str(text), list(Kind))) from None
    if has_brackets and kind is Kind.EXACT:
        return Kind.BRACKET
    if has_brackets and kind is not Kind.BRACKET:
        raise QuestionError(f"brackets go with the kind bracket, not {kind}")
    return kind


def _event(catalog: Catalog, name: str) -> str:
    counted = [each.name for each in catalog.measures.values() if each.is_additive]
    if name not in (ANY_EVENT, *counted):
        raise QuestionError(f"no event {name!r} to return with", hint=nearest(name, [ANY_EVENT, *counted]))
    return name


def _brackets(given: str | Sequence[tuple[int, int]], step: Grain) -> tuple[Bracket, ...]:
    """Brackets as written, such as ``1,2-7,8-30``; by default those usual for days."""
    if not given:
        given = "0,1-7,8-14,15-30" if step is Grain.DAY else "0,1,2-3,4-7,8-12"
    if isinstance(given, str):
        parts = [re.fullmatch(r"\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?\s*", part) for part in given.split(",")]
        if not all(parts):
            raise QuestionError(f"cannot read the brackets {given!r}", hint="write 1,2-7,8-30")
        found = [Bracket(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    else:
        found = [Bracket(*pair) for pair in given]
    if any(each.last < each.first or each.first < 0 for each in found):
        raise QuestionError("a bracket ends before it begins", hint="write 1,2-7,8-30")
    return tuple(found)
