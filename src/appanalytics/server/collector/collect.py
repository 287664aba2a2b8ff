"""Natural batching: what arrives while one flush is stored is the next flush.

One thread stores. A flush is written to the journal, then inserted under its token, then answered. A batch that is
sent again while it waits joins the first one's answer; one that was stored before gets that answer again.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path

import pyarrow as pa

from appanalytics.errors import AppAnalyticsError
from appanalytics.server.collector.decode import Parsed, Reject
from appanalytics.server.collector.events import Services
from appanalytics.server.collector.journal import Flush, Journal, Part
from appanalytics.server.collector.store import Problem, Store, batches_part, part_of

log = logging.getLogger("appanalytics.collector")
_MOST_EVENTS = 100_000  # of one flush
_MOST_KNOWN = 500_000
_SETTLE_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Unfinished(Exception):
    """The server stops, or storing does not succeed yet; the same batch may be sent again."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch. ``known`` says that it had been stored before."""

    batch: str
    accepted: int
    rejected: int
    rejects: tuple[Reject, ...] = ()
    known: bool = False


@dataclass(slots=True)
class Totals:
    """What the collector did since it started."""

    requests: int = 0
    events: int = 0
    rejected: int = 0
    flushes: int = 0
    last: datetime | None = None

    def add(self, jobs: list[_Job], at: datetime) -> None:
        """Count a flush."""
        self.requests += len(jobs)
        self.events += sum(job.parsed.accepted for job in jobs)
        self.rejected += sum(len(job.parsed.rejects) for job in jobs)
        self.flushes += 1
        self.last = at


@dataclass(slots=True, eq=False)
class _Job:
    batch: str
    name: str
    app: str
    parsed: Parsed
    answer: Future[Receipt] = field(default_factory=Future)


class Collector:
    """Takes parsed requests and stores them. `start` and `stop` frame its life."""

    def __init__(self, services: Services, store: Store, journal: Journal) -> None:
        self.services = services
        self.totals = Totals()
        self._store, self._journal = store, journal
        self._known: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._pending: dict[str, _Job] = {}
        self._queue: deque[_Job] = deque()
        self._change = threading.Condition()
        self._stopping = False
        self._days: set[date] = set()
        self._old: list[Path] = []
        self._settled = time.monotonic()
        self._unsure = False  # the journal holds a flush that may be stored in part: the next start must see it
        self._thread = threading.Thread(target=self._work, name="collector", daemon=True)

    @property
    def waiting(self) -> int:
        """Requests that are not stored yet."""
        return len(self._queue)

    @property
    def unsure(self) -> bool:
        """True when the journal holds events that are not in their tables: they are stored at the next start."""
        return self._unsure

    def start(self) -> None:
        """Learn the batches that were stored, and begin to store."""
        for name, accepted, rejected in self._store.known_batches(_MOST_KNOWN):
            self._known[name] = (accepted, rejected)
        self._thread.start()

    def stop(self) -> None:
        """Store what was taken, mark its days, and end."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join()

    def submit(self, parsed: Parsed, batch: str, app: str) -> Future[Receipt]:
        """Take a request; the future is done when its events are durable.

        An empty ``batch`` gets a name of its own. Raises `Unfinished` once the server stops.
        """
        given = batch or uuid.uuid4().hex
        name = f"{app}/{given}"
        with self._change:
            if self._stopping:
                raise Unfinished
            if name in self._known:
                done: Future[Receipt] = Future()
                done.set_result(Receipt(given, *self._known[name], known=True))
                return done
            if name in self._pending:
                return self._pending[name].answer
            job = self._pending[name] = _Job(given, name, app, parsed)
            self._queue.append(job)
            self._change.notify()
        return job.answer

    def _work(self) -> None:
        while True:
            with self._change:
                if not self._queue and not self._stopping:
                    self._change.wait(_SETTLE_SECONDS)
                jobs = self._take()
                ended = self._stopping and not jobs
            if jobs:
                self._flush(jobs)
            if ended or time.monotonic() - self._settled > _SETTLE_SECONDS:
                self._settle()
            if ended:
                self._end()
                return

    def _take(self) -> list[_Job]:
        jobs: list[_Job] = []
        events = 0
        while self._queue and (not jobs or events + self._queue[0].parsed.accepted <= _MOST_EVENTS):
            job = self._queue.popleft()
            events += job.parsed.accepted
            jobs.append(job)
        return jobs

    def _flush(self, jobs: list[_Job]) -> None:
        at = datetime.fromtimestamp(time.time(), UTC)
        try:
            flush = self._made(jobs, at)
            self._journal.append(flush)
        except Exception as error:
            log.exception("events cannot be written to the journal")
            self._fail(jobs, error, forget=True)
            return
        try:
            self._insert(flush)
        except Exception as error:
            self._unsure = True
            log.error("events are in the journal and not in their tables; the next start stores them")
            self._fail(jobs, error, forget=False)
            return
        self._done(jobs, at)

    def _done(self, jobs: list[_Job], at: datetime) -> None:
        with self._change:
            for job in jobs:
                self._known[job.name] = (job.parsed.accepted, len(job.parsed.rejects))
                del self._pending[job.name]
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        self.totals.add(jobs, at)
        for job in jobs:
            parsed = job.parsed
            receipt = Receipt(job.batch, parsed.accepted, len(parsed.rejects), tuple(parsed.rejects))
            job.answer.set_result(receipt)

    def _made(self, jobs: list[_Job], at: datetime) -> Flush:
        parts, days = [], set[date]()
        for service in self.services.all:
            tables = [job.parsed.tables[service.name] for job in jobs if service.name in job.parsed.tables]
            rows = list(chain.from_iterable(job.parsed.events.get(service.name, ()) for job in jobs))
            if rows:
                tables.append(service.to_arrow(rows))
            if tables:
                parts.append(part_of(service.table, tables))
                days |= self._store.days_of(tables, service.time)
        if any(job.parsed.rejects for job in jobs):
            parts.append(_rejects_part(jobs))
        accepted = [job.parsed.accepted for job in jobs]
        rejected = [len(job.parsed.rejects) for job in jobs]
        parts.append(batches_part([job.name for job in jobs], accepted, rejected, at))
        return Flush(uuid.uuid4().hex, tuple(parts), tuple(sorted(days)))

    def _insert(self, flush: Flush) -> None:
        """Insert until it succeeds: its rows may be in already, in part, so nobody else may store these batches."""
        pause = _FIRST_PAUSE
        while True:
            try:
                self._mark(flush.days)
                self._store.insert(flush)
                return
            except Problem as problem:
                log.error("cannot store events, trying again: %s", problem.message, extra={"code": problem.code})
            except AppAnalyticsError as error:
                log.error("cannot store events, trying again: %s", error)
            with self._change:
                if self._stopping:
                    raise Unfinished  # the journal has it, and the next start stores it
                self._change.wait_for(lambda: self._stopping, pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    def _mark(self, days: Iterable[date]) -> None:
        """Days change from the first event on; `_settle` says it again, because a roll-up may run in between."""
        new = set(days) - self._days
        if new:
            self._store.mark(new)
            self._days |= new

    def _fail(self, jobs: list[_Job], error: Exception, *, forget: bool) -> None:
        """Tell the clients. What is in the journal is not forgotten, for nobody may store it under another token."""
        with self._change:
            for job in jobs if forget else ():
                del self._pending[job.name]
        for job in jobs:
            job.answer.set_exception(error)

    def _settle(self) -> None:
        """Mark the days of what was stored, then let go of its journal."""
        self._settled = time.monotonic()
        if not self._days or self._unsure:
            return
        try:
            self._old.append(self._journal.rotate())
            self._store.mark(self._days)
        except (AppAnalyticsError, OSError):
            log.exception("cannot mark the days of new events; trying again")
            return
        self._days.clear()
        while self._old:
            self._old.pop().unlink()

    def _end(self) -> None:
        """A journal without a segment says that the server ended well."""
        self._journal.close()
        if not self._days and not self._old:
            for segment in self._journal.segments():
                segment.unlink()


def _rejects_part(jobs: list[_Job]) -> Part:
    rows = [(job, reject) for job in jobs for reject in job.parsed.rejects]
    columns = {
        "load": pa.array([job.name for job, _ in rows], pa.string()),
        "source": pa.array([reject.service for _, reject in rows], pa.string()),
        "file": pa.array([f"collector:{job.app}" for job, _ in rows], pa.string()),
        "line": pa.array([reject.index for _, reject in rows], pa.uint64()),
        "reason": pa.array([reject.reason for _, reject in rows], pa.string()),
        "raw": pa.array([reject.raw for _, reject in rows], pa.string()),
    }
    return part_of("rejects", [pa.table(columns)])
