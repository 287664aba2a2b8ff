"""From the journal into the tables: a segment at a time, in large inserts.

What arrives while a segment is inserted is the next one. A segment is inserted until that succeeds; meanwhile nobody
is promised anything new, and a server that must stop leaves it to the next start.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from datetime import date

from appanalytics.errors import AppAnalyticsError
from appanalytics.server.collector.journal import Journal, Segment
from appanalytics.server.collector.store import Problem, Store

log = logging.getLogger("appanalytics.collector")
#: Seconds between the starts of two inserts: each makes a part of its own, which is merged later.
_PACE = 1.0
_SETTLE_SECONDS = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Inserter:
    """One thread that empties the journal. `note` tells it of a new record, and `stop` ends it."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.inserts = 0
        self._store, self._journal = store, journal
        self._change = threading.Condition()
        self._stopping = False
        self._trouble = False
        self._requests = self._size = 0
        self._days: set[date] = set()
        self._old: list[Segment] = []
        self._settled = self._started = time.monotonic() - _SETTLE_SECONDS
        self._thread = threading.Thread(target=self._work, name="insert", daemon=True)

    @property
    def waiting(self) -> int:
        """Requests that are durable and not in the tables yet."""
        return self._requests

    @property
    def held(self) -> int:
        """Bytes of them."""
        return self._size

    @property
    def trouble(self) -> bool:
        """True while the tables do not take what is in the journal."""
        return self._trouble

    def start(self) -> None:
        """Begin to insert."""
        self._thread.start()

    def note(self, requests: int, size: int) -> None:
        """The journal has something new."""
        with self._change:
            self._requests += requests
            self._size += size
            self._change.notify()

    def stop(self) -> None:
        """Insert what the journal has, mark its days, and end; what cannot be inserted is left to the next start."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join()

    def _work(self) -> None:
        while self._wait():
            self._turn()
        while not self._trouble and self._turn():
            pass
        self._settle()

    def _wait(self) -> bool:
        """Until there is something to insert, or days to mark; False when the server stops."""
        with self._change:
            self._change.wait_for(lambda: self._requests or self._stopping, _SETTLE_SECONDS)
            left = self._started + _PACE - time.monotonic()
            self._change.wait_for(lambda: self._stopping, max(0.0, left))
            return not self._stopping

    def _turn(self) -> bool:
        """Insert the oldest segment; False when there was none, or it could not be."""
        inserted = False
        self._started = time.monotonic()
        try:
            segment = self._journal.take()
            inserted = segment is not None and self._inserted(segment)
            if time.monotonic() - self._settled > _SETTLE_SECONDS:
                self._settle()
        except OSError:
            log.exception("the journal's folder cannot be written; trying again")
        return inserted

    def _inserted(self, segment: Segment) -> bool:
        if not self._insert(segment):
            return False
        self.inserts += 1
        with self._change:
            self._requests -= sum(flush.requests for flush in segment.flushes)
            self._size -= sum(flush.size for flush in segment.flushes)
        self._old.append(segment)
        segment.stored()
        segment.flushes = []
        return True

    def _insert(self, segment: Segment) -> bool:
        """Insert until it succeeds: its rows may be in already, in part, so nobody else may store these batches."""
        pause = _FIRST_PAUSE
        while True:
            try:
                self._mark(segment.days)
                self._store.insert(segment)
                self._trouble = False
                return True
            except Problem as problem:
                log.error("cannot store events, trying again: %s", problem.message, extra={"code": problem.code})
            except AppAnalyticsError as error:
                log.error("cannot store events, trying again: %s", error)
            except Exception:
                log.exception("cannot store events, trying again")
            self._trouble = True
            with self._change:
                self._change.wait_for(lambda: self._stopping, pause)
                if self._stopping:
                    log.error("events are in the journal and not in their tables; the next start stores them")
                    return False
            pause = min(_LONGEST_PAUSE, 2 * pause)

    def _mark(self, days: Iterable[date]) -> None:
        """Days change from the first event on; `_settle` says it again, because a roll-up may run in between."""
        new = set(days) - self._days
        if new:
            self._store.mark(new)
            self._days |= new

    def _settle(self) -> None:
        """Mark the days of what is in the tables, then let go of its journal."""
        self._settled = time.monotonic()
        if not self._days and not self._old:
            return
        try:
            self._store.mark(self._days)
        except AppAnalyticsError:
            log.exception("cannot mark the days of new events; trying again")
            return
        self._days.clear()
        while self._old:
            self._old.pop().path.unlink()
