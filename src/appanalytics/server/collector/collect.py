"""Natural batching: what arrives while one flush is written is the next flush.

One thread writes flushes to the journal and answers them; another takes them from there into their tables (`insert`).
A batch that is sent again while it waits joins the first one's answer; one that was taken before gets that answer
again.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain

import pyarrow as pa

from appanalytics.server.collector.decode import Parsed, Reject
from appanalytics.server.collector.events import Services
from appanalytics.server.collector.insert import Inserter
from appanalytics.server.collector.journal import Flush, Journal, Part
from appanalytics.server.collector.known import KnownBatches
from appanalytics.server.collector.store import Store, batches_part, part_of

log = logging.getLogger("appanalytics.collector")
_MOST_EVENTS = 100_000  # of one flush
_MOST_KNOWN = 500_000


class Unfinished(Exception):
    """The server stops, or its tables take nothing at the moment; the same batch may be sent again."""


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
    last: datetime | None = None

    def add(self, jobs: list[_Job], at: datetime) -> None:
        """Count a flush."""
        self.requests += len(jobs)
        self.events += sum(job.parsed.accepted for job in jobs)
        self.rejected += sum(len(job.parsed.rejects) for job in jobs)
        self.last = at


@dataclass(slots=True, eq=False)
class _Job:
    batch: str
    name: str
    app: str
    parsed: Parsed
    named: bool
    answer: Future[Receipt] = field(default_factory=Future)


class Collector:
    """Takes parsed requests and makes them durable. `start` and `stop` frame its life."""

    def __init__(self, services: Services, store: Store, journal: Journal) -> None:
        self.services = services
        self.totals = Totals()
        self._store, self._journal = store, journal
        self._inserter = Inserter(store, journal)
        self._known = KnownBatches(_MOST_KNOWN)
        self._pending: dict[str, _Job] = {}
        self._queue: deque[_Job] = deque()
        self._change = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="collect", daemon=True)

    @property
    def waiting(self) -> int:
        """Requests that are not in the tables yet."""
        return len(self._queue) + self._inserter.waiting

    @property
    def held(self) -> int:
        """Bytes of rows that are durable and not in the tables yet."""
        return self._inserter.held

    @property
    def inserts(self) -> int:
        """Inserts since the start."""
        return self._inserter.inserts

    @property
    def unsure(self) -> bool:
        """True while the tables do not take what the journal holds; nothing new is taken then."""
        return self._inserter.trouble

    def start(self) -> None:
        """Learn the batches that were stored, and begin to take others."""
        for name, accepted, rejected in self._store.known_batches(_MOST_KNOWN):
            self._known.add(name, accepted, rejected)
        self._inserter.start()
        self._thread.start()

    def stop(self) -> None:
        """Store what was taken, mark its days, and end."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join()
        self._inserter.stop()
        self._journal.close()

    def submit(self, parsed: Parsed, batch: str, app: str) -> Future[Receipt]:
        """Take a request; the future is done when its events are durable.

        An empty ``batch`` gets a name of its own. Raises `Unfinished` when the server stops, or its
        tables take nothing.
        """
        given = batch or uuid.uuid4().hex
        name = f"{app}/{given}"
        with self._change:
            if batch and (counts := self._known.find(name)):
                done: Future[Receipt] = Future()
                done.set_result(Receipt(given, *counts, known=True))
                return done
            if name in self._pending:
                return self._pending[name].answer
            if self._stopping or self.unsure:
                raise Unfinished
            job = self._pending[name] = _Job(given, name, app, parsed, named=bool(batch))
            self._queue.append(job)
            self._change.notify()
        return job.answer

    def _work(self) -> None:
        while jobs := self._take():
            self._flush(jobs)

    def _take(self) -> list[_Job]:
        """What waits; nothing when the server stops."""
        jobs: list[_Job] = []
        events = 0
        with self._change:
            self._change.wait_for(lambda: self._queue or self._stopping)
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
            self._fail(jobs, error)
            return
        self._inserter.note(flush.requests, flush.size)
        self._done(jobs, at)

    def _done(self, jobs: list[_Job], at: datetime) -> None:
        with self._change:
            for job in jobs:
                if job.named:  # nobody can ask for another again
                    self._known.add(job.name, job.parsed.accepted, len(job.parsed.rejects))
                del self._pending[job.name]
        self.totals.add(jobs, at)
        for job in jobs:
            parsed = job.parsed
            receipt = Receipt(job.batch, parsed.accepted, len(parsed.rejects), tuple(parsed.rejects))
            job.answer.set_result(receipt)

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        """Tell the clients; nothing of theirs is in the journal."""
        with self._change:
            for job in jobs:
                del self._pending[job.name]
        for job in jobs:
            job.answer.set_exception(error)

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
        return Flush(tuple(parts), tuple(sorted(days)), len(jobs), sum(accepted))


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
