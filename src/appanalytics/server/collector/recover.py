"""After a crash: store what the journal holds, and have the days that were being worked on rolled up again."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import msgspec

from appanalytics.server.collector.journal import WAITING, Journal, Segment, read_segment
from appanalytics.server.collector.store import Problem, Store, joined
from appanalytics.warehouse.days import mark_doubtful

log = logging.getLogger("appanalytics.collector")
#: What the engine says of rows that do not fit a table that is another one now: unknown column, type, table, values.
_REFUSALS = frozenset([6, 10, 16, 20, 27, 41, 47, 53, 60, 70, 117, 349, 469, 691])


def recover(journal: Journal, store: Store) -> bool:
    """Bring the tables to the state that was acknowledged; True when the last run did not end well.

    What is in the tables already is not inserted again: they may have been put back to an earlier state since.
    A segment with rows that their table refuses, because it is another one now, is kept in the folder ``refused``.
    Raises `Problem` for any other failure, such as a full disk: then the next start tries again.
    """
    left = journal.left()
    if not left:
        return False
    days, flushes = mark_doubtful(store.engine), 0
    for path in left:
        try:
            segment = read_segment(path)
        except (ValueError, msgspec.MsgspecError) as error:
            log.error("a file of the journal cannot be read: %s", error, extra={"segment": path.name})
            _set_aside(path)
            continue
        days |= segment.days
        if path.suffix == WAITING:
            flushes += len(segment.flushes)
            if not _stored(store, segment):
                _set_aside(path)
    store.mark(days)
    for path in left:
        path.unlink(missing_ok=True)
    log.warning("the last run did not end well; its journal is stored", extra={"flushes": flushes, "days": len(days)})
    return True


def _stored(store: Store, segment: Segment) -> bool:
    """Insert what can be; False when a table refuses its rows."""
    refused = False
    for part in joined(segment.flushes):
        try:
            store.insert_part(part, segment.token)
        except Problem as problem:
            if problem.code not in _REFUSALS:
                raise
            log.error("a table refuses rows: %s", problem.message, extra={"segment": segment.path.name})
            refused = True
    return not refused


def _set_aside(path: Path) -> None:
    refused = path.parent / "refused"
    refused.mkdir(exist_ok=True, mode=0o700)
    path.rename(refused / f"{int(time.time())}-{path.name}")
