"""Start and stop the collector within the server."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog
from appanalytics.engine import Engine
from appanalytics.errors import WarehouseUnavailable
from appanalytics.server.collector.collect import Collector
from appanalytics.server.collector.events import read_services
from appanalytics.server.collector.http import CollectorEndpoint, CollectorOptions
from appanalytics.server.collector.journal import Journal
from appanalytics.server.collector.keys import Keys, new_key, read_keys
from appanalytics.server.collector.recover import recover
from appanalytics.server.collector.store import Store
from appanalytics.server.problems import Problem
from appanalytics.server.users import Users
from appanalytics.warehouse.migrate import migrate

KEYS_FILE = "keys.toml"
#: The app whose key the first start makes.
FIRST_APP = "app"
_THREADS = 2


@dataclass(frozen=True)
class Opened:
    """A collector that takes events. ``crashed``: the last run did not end well; ``key`` was made just now."""

    endpoint: CollectorEndpoint
    crashed: bool
    key: str


def open_collector(
    options: CollectorOptions,
    catalog: Catalog,
    zone: ZoneInfo,
    beside: Path,
    users: Users,
    engine: Engine,
    raw: Any,
    stack: ExitStack,
) -> Opened:
    """Bring the tables up to date, finish what a crash left, and begin to store.

    ``engine`` and ``raw`` are connections of the collector's own; ``beside`` is the server's folder.
    """
    migrate(engine)
    file = options.keys or beside / KEYS_FILE
    key = new_key(file, FIRST_APP) if options.keys is None and not file.exists() else ""
    journal, store = Journal(beside / "journal"), Store(raw, engine, zone)
    try:
        crashed = recover(journal, store)
    except Problem as problem:
        text = f"cannot store what the last run left in {journal.folder}: {problem.message}"
        raise WarehouseUnavailable(text, hint="nothing is lost; mend it and start again") from None
    journal.open()
    collector = Collector(read_services(engine, catalog), store, journal)
    keys = Keys(read_keys(file))
    collector.start()
    stack.callback(collector.stop)
    threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="decode")
    stack.callback(threads.shutdown)
    endpoint = CollectorEndpoint(collector, keys, _writer(users), options, threads)
    return Opened(endpoint, crashed, key)


def _writer(users: Users) -> Callable[[str, str], str | None]:
    def find(name: str, password: str) -> str | None:
        user = users.find(name, password)
        return name if user is not None and not user.reads_only else None

    return find
