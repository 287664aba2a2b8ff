"""The library's front door: a warehouse, a catalog and a time zone held together.

    app = appanalytics.open()
    app.query("ctr", by="source", since="2026-11-01", grain="day").plot()

This module composes; it holds no logic of its own. Like the command line it may read the clock, because
somebody must say what "now" is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog, load_catalog
from appanalytics.engine import Engine, connect
from appanalytics.errors import UserError, WarehouseMissing
from appanalytics.known_events import KnownEvents, load_known_events
from appanalytics.progress import Progress, silent
from appanalytics.query import Answer, Question, ask, default_window, read_coverage
from appanalytics.settings import Loaded, load_settings
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout, RollupReport, rollup
from appanalytics.window import Window, day_start, parse_moment, parse_relative

if TYPE_CHECKING:
    from appanalytics.audience import Audience, Histogram, Migration
    from appanalytics.experiments import Experiment, OpenExperiment
    from appanalytics.investigate import Findings
    from appanalytics.query import Coverage
    from appanalytics.retention import RetentionComparison, RetentionQuestion, Triangle


class App:
    """An open warehouse. Use it as a context manager, or call `close`."""

    def __init__(self, loaded: Loaded, engine: Engine) -> None:
        self.loaded = loaded
        self.engine = engine

    @property
    def zone(self) -> ZoneInfo:
        """The reporting time zone."""
        return self.loaded.settings.zone

    @cached_property
    def catalog(self) -> Catalog:
        """The shipped catalog with the project's own entries."""
        file = self.loaded.settings.catalog.file
        return load_catalog(self.loaded.path(file) if file else None)

    @cached_property
    def known_events(self) -> KnownEvents:
        """The calendar of campaigns, releases, holidays (setting ``reporting.events``); empty without a file."""
        file = self.loaded.settings.reporting.events
        return load_known_events(self.loaded.path(file), self.catalog, self.zone) if file else KnownEvents()

    @cached_property
    def layout(self) -> Layout:
        """The catalog laid over this warehouse's tables."""
        return Layout.read(self.engine, self.catalog, self.zone)

    def now(self) -> datetime:
        """The present instant, in UTC."""
        return datetime.now(UTC)

    def today(self) -> date:
        """Today in the reporting time zone."""
        return self.now().astimezone(self.zone).date()

    def query(
        self,
        metrics: str | Sequence[str],
        *,
        by: str | Sequence[str] = (),
        where: Mapping[str, object] | Iterable[str] = (),
        since: str | date | None = None,
        until: str | date | None = None,
        grain: str = "total",
        compare: str | None = None,
        limit: int | None = None,
        prefer: str = "auto",
    ) -> Answer:
        """Ask for metrics: by dimensions, for some values, over a half-open window, in buckets of a grain.

        Without ``since`` the window begins with the first event's day, without ``until`` it ends after the
        last one's. Days and times are reporting time; ``today``, ``yesterday`` and ``7d`` are understood.
        ``prefer`` is ``auto``, ``events`` (never a rollup) or ``rollups`` (an error where they cannot answer).
        """
        coverage = read_coverage(self.engine, self.layout)
        window = self.window(since, until, fallback=default_window(coverage, self.layout))
        question = Question.of(
            self.catalog, metrics, window, by=by, where=where, grain=grain, compare=compare, limit=limit
        )
        return ask(self.engine, self.layout, question, as_of=self.now(), prefer=prefer, coverage=coverage)

    def retention(
        self,
        *,
        by: str | Sequence[str] = (),
        where: Mapping[str, object] | Iterable[str] = (),
        since: str | date | None = None,
        until: str | date | None = None,
        **how: Any,
    ) -> Triangle:
        """The cohort triangle of the users who first came within a window of days (by default all days).

        ``how`` are the fields of `RetentionQuestion.of`: ``grain``, ``step``, ``kind``, ``service``, ``event``,
        ``periods``, ``span``, ``brackets``.
        """
        from appanalytics.retention import retention

        coverage, question = self._about_return(by, where, since, until, how)
        return retention(self.engine, self.layout, coverage, question, today=self.today())

    def compare_retention(
        self,
        by: str,
        a: str,
        b: str,
        *,
        where: Mapping[str, object] | Iterable[str] = (),
        since: str | date | None = None,
        until: str | date | None = None,
        level: float = 0.95,
        **how: Any,
    ) -> RetentionComparison:
        """Retention of the newcomers with ``b`` in a dimension against those with ``a``, within the same cohorts."""
        from appanalytics.retention import compare

        coverage, question = self._about_return(by, where, since, until, how)
        return compare(
            self.engine, self.layout, coverage, question, a, b, today=self.today(), level=level,
            known=self.known_events,
        )  # fmt: skip

    def _about_return(
        self, by: str | Sequence[str], where: Mapping[str, object] | Iterable[str], since: str | date | None,
        until: str | date | None, how: Mapping[str, Any],
    ) -> tuple[Coverage, RetentionQuestion]:  # fmt: skip
        from appanalytics.retention import RetentionQuestion

        coverage, window = self._covered(since, until)
        return coverage, RetentionQuestion.of(self.catalog, window, by=by, where=where, **how)

    def audience(
        self,
        *,
        grain: str = "week",
        by: str | Sequence[str] = (),
        where: Mapping[str, object] | Iterable[str] = (),
        since: str | date | None = None,
        until: str | date | None = None,
        service: str = "any",
    ) -> Audience:
        """Users of each day, week or month: new, retained, returning; and how many of the period before are gone."""
        from appanalytics.audience import AudienceQuestion, audience

        coverage, window = self._covered(since, until)
        question = AudienceQuestion.of(self.catalog, window, grain=grain, by=by, where=where, service=service)
        return audience(self.engine, self.layout, coverage, question, today=self.today())

    def migration(
        self, *, grain: str = "week", since: str | date | None = None, until: str | date | None = None
    ) -> Migration:
        """How users move between services from period to period, and the overlap of services in each."""
        from appanalytics.audience import migration

        coverage, window = self._covered(since, until)
        return migration(self.engine, self.layout, coverage, window, grain, today=self.today())

    def loyal_users(
        self, *, most: int = 20, show: Sequence[str] = ("gender", "age"), since: str | date | None = None,
        until: str | date | None = None, **how: Any,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """The users active on the most days of a window; ``how``: ``where`` and ``service``."""
        from appanalytics.audience import loyal_users

        coverage, window = self._covered(since, until)
        return loyal_users(
            self.engine, self.layout, coverage, window, today=self.today(), most=most, show=show, **how
        )  # fmt: skip

    def histogram(
        self, measure: str, *, since: str | date | None = None, until: str | date | None = None
    ) -> Histogram:
        """One user's day: on how many days of users a measure had each value; ``days``: a user's active days."""
        from appanalytics.audience import active_days, user_days

        coverage, window = self._covered(since, until)
        if measure == "days":
            return active_days(self.engine, self.layout, coverage, window, today=self.today())
        return user_days(self.engine, self.layout, coverage, window, measure, today=self.today())

    def _covered(self, since: str | date | None, until: str | date | None) -> tuple[Coverage, Window]:
        coverage = read_coverage(self.engine, self.layout)
        return coverage, self.window(since, until, fallback=default_window(coverage, self.layout))

    def window(self, since: str | date | None, until: str | date | None, fallback: Window | None) -> Window:
        """A window from what was given, the rest from ``fallback`` (usually all days with events)."""
        start = self._moment(since) if since is not None else fallback.start if fallback else None
        end = self._moment(until) if until is not None else fallback.end if fallback else None
        if start is not None and end is None:
            end = start + timedelta(days=1)
        if start is None or end is None:
            raise WarehouseMissing(
                f"the warehouse {self.engine.url} holds no events yet",
                hint="make some with: appanalytics simulate, or: appanalytics load",
            )
        if since is not None and until is None and end <= start:
            end = start + timedelta(days=1)
        return Window(start, end, self.zone)

    def days_with_events(self) -> Window | None:
        """All days from the first event's to the last one's; None while there are no events."""
        return default_window(read_coverage(self.engine, self.layout), self.layout)

    def day_window(self, day: date) -> Window:
        """The window of one day in reporting time."""
        return Window.of_day(day, self.zone)

    def _moment(self, given: str | date) -> datetime:
        text = parse_relative(given, self.today()) if isinstance(given, str) else given
        return parse_moment(text, self.zone)

    @property
    def experiments_folder(self) -> Path:
        """The registry of experiments (setting ``experiments.folder``)."""
        return self.loaded.path(self.loaded.settings.experiments.folder)

    def experiment(self, name: str | Path) -> OpenExperiment:
        """The experiment of that name in the registry, or of a YAML file, over this warehouse."""
        from appanalytics.experiments import find_experiment, read_registry

        found = find_experiment(self.experiments_folder, str(name))
        others = {key: each for key, each in read_registry(self.experiments_folder).items() if key != found.name}
        return self.opened(found, others)

    def opened(self, experiment: Experiment, others: Mapping[str, Experiment] | None = None) -> OpenExperiment:
        """A definition over this warehouse; ``others`` are the other experiments of its registry."""
        from appanalytics.experiments import OpenExperiment

        days = self.days_with_events()
        first = days.first_day if days else None
        last = min(days.last_day, self.today() - timedelta(days=1)) if days else None
        return OpenExperiment(self.engine, self.layout, experiment, first, last, self.now, others or {})

    def investigate(
        self,
        metric: str,
        at: str | date | datetime,
        *,
        where: Mapping[str, object] | Iterable[str] = (),
        grain: str | None = None,
    ) -> Findings:
        """Expected against actual in a day, an hour or a quarter hour, who explains it, and what is ruled out.

        ``at`` is a day, or a time for its hour (with minutes: its quarter hour); ``grain`` names another. See
        `appanalytics.investigate`.
        """
        from appanalytics.investigate import investigate

        given = parse_relative(at, self.today()) if isinstance(at, str) else at
        return investigate(
            self.engine,
            self.layout,
            metric,
            given,
            grain=grain,
            where=where,
            events=self.known_events,
            as_of=self.now(),
        )

    def rollup(
        self,
        since: str | date | None = None,
        until: str | date | None = None,
        *,
        force: bool = False,
        progress: Progress = silent,
    ) -> RollupReport:
        """Bring the rollups up to the events; see `appanalytics.warehouse.rollup`."""
        first = self._moment(since).astimezone(self.zone).date() if since is not None else None
        last = self._moment(until).astimezone(self.zone).date() if until is not None else None
        if first and last and last <= first:
            Window(day_start(first, self.zone), day_start(last, self.zone), self.zone)
        if force and not (first or last):
            raise UserError("--force rolls up days again that did not change", hint="give --since and --until")
        return rollup(self.engine, self.catalog, self.zone, first=first, until=last, force=force, progress=progress)

    def allow_backups(self) -> Path:
        """Have the engine write and read backups, and return their folder (setting ``warehouse.backups``).

        A server may do so always. An embedded engine is opened again, which needs this process to have no other
        connection to it.
        """
        folder = self.loaded.backups()
        if self.engine.url.is_embedded:
            self.engine.close()
            memory = self.loaded.settings.warehouse.max_memory_bytes
            self.engine = connect(self.loaded.warehouse(), max_memory=memory, backups=folder)
        return folder

    def close(self) -> None:
        """Release the warehouse."""
        self.engine.close()

    def __enter__(self) -> App:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<AppAnalytics {self.engine.url}, days of {self.zone.key}>"


def open_app(warehouse: str | None = None, *, config: str | Path | None = None, create: bool = False) -> App:
    """Open a warehouse: the one of the settings, or ``warehouse`` (a URL).

    ``create`` makes it where it is absent. Tables are brought up to date either way.
    """
    overrides = {"warehouse.url": warehouse} if warehouse else {}
    loaded = load_settings(Path(config) if config else None, overrides=overrides)
    engine = connect(loaded.warehouse(), create=create, max_memory=loaded.settings.warehouse.max_memory_bytes)
    migrate(engine)
    return App(loaded, engine)
