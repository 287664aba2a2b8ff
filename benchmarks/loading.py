"""Loading files: rows a second of wall time, and CPU seconds a million rows, of the feed's own columns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from appanalytics.app import App
from appanalytics.engine import Engine, connect
from appanalytics.warehouse.load import Mapping, load_files, parse_mapping, read_target
from appanalytics.warehouse.migrate import migrate
from benchmarks.measure import cpu_seconds

ROWS = 4_000_000
RENAMED = {"time": "ts", "user_id": "user", "post_id": "post", "action": "event"}
MAPPING = """
columns:
  time: ts
  user_id: user
  post_id: post
  action: {column: event, values: {VIEW: view, LIKE: like}}
  gender: gender
  age: age
  country: country
  city: city
  os: os
  source: source
  exp_group: exp_group
"""


@dataclass(frozen=True)
class Row:
    """One file's load. ``size`` is the file's, in bytes."""

    name: str
    rows: int
    size: int
    wall_s: float
    cpu_s: float

    @property
    def rows_per_second(self) -> float:
        """Rows a second of wall time."""
        return self.rows / self.wall_s

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds of the whole process a million rows, merges in the background included."""
        return self.cpu_s / self.rows * 1e6


def rows(app: App, count: int = ROWS) -> Iterator[Row]:
    """Write the newest events of a warehouse into files, and load each into an empty database of the same engine.

    The events of ``app`` are only read; the database is dropped. Needs about 1 GiB of memory and of disk.
    """
    names = read_target(app.engine, "feed").columns
    newest = f"SELECT {', '.join(names)} FROM feed_actions ORDER BY time DESC LIMIT {{count:UInt64}}"
    events = app.engine.query(f"SELECT * FROM ({newest}) ORDER BY time", {"count": count})
    with TemporaryDirectory(prefix="appanalytics-benchmark-") as folder, _scratch(app.engine) as engine:
        _load(engine, "", _written(events.slice(0, 10_000), Path(folder) / "warm.csv"), None)
        for name, file, mapping in _FILES:
            path = _written(_renamed(events) if mapping else events, Path(folder) / file)
            yield _load(engine, name, path, parse_mapping(mapping) if mapping else None)
            path.unlink()


_FILES = (
    ("CSV", "a.csv", None),
    ("CSV, every text in quotes", "quoted.csv", None),
    ("CSV with a mapping", "mapped.csv", MAPPING),
    ("Parquet", "a.parquet", None),
    ("Parquet with a mapping", "mapped.parquet", MAPPING),
)


def _renamed(events: pa.Table) -> pa.Table:
    """The same events as another system would call them."""
    action = events.schema.get_field_index("action")
    shouted = events.set_column(action, "action", pc.utf8_upper(events.column("action").cast(pa.string())))
    return shouted.rename_columns([RENAMED.get(name, name) for name in events.column_names])


def _written(events: pa.Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(events, path)
    else:
        style = "all_valid" if path.stem == "quoted" else "needed"
        pacsv.write_csv(events, path, pacsv.WriteOptions(quoting_style=style))
    return path


def _load(engine: Engine, name: str, path: Path, mapping: Mapping | None) -> Row:
    size = path.stat().st_size
    started, used = time.perf_counter(), cpu_seconds()
    report = load_files(engine, "feed", [path], mapping)
    wall, cpu = time.perf_counter() - started, cpu_seconds() - used
    engine.execute("TRUNCATE TABLE feed_actions")
    return Row(name, report.loaded, size, wall, cpu)


@contextmanager
def _scratch(engine: Engine) -> Iterator[Engine]:
    url = replace(engine.url, database=f"{engine.database}_benchmark")
    with closing(connect(url, create=True)) as made:
        try:
            migrate(made)
            yield made
        finally:
            made.execute(f"DROP DATABASE {made.database} SYNC")
