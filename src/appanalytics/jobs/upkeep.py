"""What a server does beside answering: it rolls up the days that changed, again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import AppAnalyticsError
from appanalytics.warehouse.rollup import rollup

log = logging.getLogger("appanalytics.upkeep")


@contextmanager
def kept_up(
    engine: Callable[[], Engine], catalog: Catalog, zone: ZoneInfo, *, every: float | None, at_once: bool
) -> Iterator[None]:
    """While the block runs, roll up what changed every so many seconds (None: never) in a thread.

    ``at_once`` does it at the start too. A run that has begun is finished before the block is left; one that fails
    is told in the log and tried again the next time.
    """
    stop = threading.Event()

    def work() -> None:
        if at_once:
            _once(engine, catalog, zone)
        while every is not None and not stop.wait(every):
            _once(engine, catalog, zone)

    thread = threading.Thread(target=work, name="upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _once(engine: Callable[[], Engine], catalog: Catalog, zone: ZoneInfo) -> None:
    try:
        opened = engine()
        try:
            report = rollup(opened, catalog, zone)
        finally:
            opened.close()
    except AppAnalyticsError as error:
        log.error("the roll-up failed and will be tried again: %s", error)
    except Exception:
        log.exception("the roll-up failed and will be tried again")
    else:
        if report.days:
            fields = {"days": report.days, "relinked": report.relinked, "events": report.events}
            log.info("rolled up", extra=fields)
