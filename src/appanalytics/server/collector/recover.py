"""After a crash: store what the journal holds, and have the days that were being worked on rolled up again."""

from __future__ import annotations

import logging
from pathlib import Path

from appanalytics.server.collector.journal import Flush, Journal, read_segment
from appanalytics.server.collector.store import Problem, Store
from appanalytics.warehouse.days import mark_doubtful

log = logging.getLogger("appanalytics.collector")
#: What the engine says of rows that do not fit a table that is another one now: unknown column, type, table, values.
_REFUSALS = frozenset([6, 10, 16, 20, 27, 41, 47, 53, 60, 70, 117, 349, 469, 691])


def recover(journal: Journal, store: Store) -> bool:
    """Bring the tables to the state that was acknowledged; True when the last run did not end well.

    A segment with rows that their table refuses, because it is another one now, is kept in the folder ``refused``.
    Raises `Problem` for any other failure, such as a full disk: then the next start tries again.
    """
    segments = journal.segments()
    if not segments:
        return False
    days, flushes = mark_doubtful(store.engine), 0
    for segment in segments:
        refused = False
        for flush in read_segment(segment):
            refused |= not _stored(store, flush, segment)
            days |= set(flush.days)
            flushes += 1
        if refused:
            _set_aside(segment)
    store.mark(days)
    for segment in segments:
        segment.unlink(missing_ok=True)
    log.warning("the last run did not end well; its journal is stored", extra={"flushes": flushes, "days": len(days)})
    return True


def _stored(store: Store, flush: Flush, segment: Path) -> bool:
    try:
        store.insert(flush)
    except Problem as problem:
        if problem.code not in _REFUSALS:
            raise
        log.error("a table refuses rows of the journal: %s", problem.message, extra={"segment": segment.name})
        return False
    return True


def _set_aside(segment: Path) -> None:
    refused = segment.parent / "refused"
    refused.mkdir(exist_ok=True, mode=0o700)
    segment.rename(refused / segment.name)
