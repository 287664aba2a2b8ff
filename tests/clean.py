"""A migrated, empty database that one test after the other has: making its tables costs more than most tests do.

What a test wrote into is made anew from the very statement that made it, so the next one finds what `migrate` makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import EngineError
from appanalytics.warehouse.migrate import migrate

_NAME = "clean"
#: Tables as `migrate` leaves them, by folder: their statements, and what the ledger says.
_made: dict[str, tuple[dict[str, str], str]] = {}
#: The connection that keeps the engine running from one test to the next.
_held: list[Engine] = []


@contextmanager
def clean_database(url: WarehouseUrl) -> Iterator[Engine]:
    """An engine on a database of this name as `migrate` makes it, gone after the block."""
    kept = f"{url.path}"
    if not _held:
        _held.append(connect(WarehouseUrl.parse(f"chdb://{kept}?database=default"), create=True))
    if kept in _made:
        _held[0].execute(f"RENAME DATABASE {_NAME} TO {url.database}")
    engine = connect(url, create=True)
    if kept not in _made:
        migrate(engine)
        _made[kept] = ({name: sql for name, (sql, _) in _tables(engine).items()}, _ledger(engine))
    try:
        yield engine
    finally:
        engine.close()
        _put_back(_held[0], url, kept)


def release() -> None:
    """Let the engine end, so that this process or another may open what it likes."""
    while _held:
        _held.pop().close()


def _put_back(opened: Engine, url: WarehouseUrl, kept: str) -> None:
    """Make anew what differs; where that fails, the next test makes the whole database."""
    made, ledger = _made.pop(kept)
    engine = connect(url, create=True)
    try:
        found = _tables(engine)
        touched = {name for name, (sql, parts) in found.items() if parts or made.get(name) != sql}
        if "schema_migrations" not in found or _ledger(engine) != ledger:
            raise EngineError("the ledger of migrations is another")
        touched.remove("schema_migrations")
        for name in touched:
            engine.execute(f"DROP TABLE {name} SYNC")
        for name in (touched | made.keys() - found.keys()) & made.keys():
            engine.execute(made[name])
        opened.execute(f"RENAME DATABASE {url.database} TO {_NAME}")
        _made[kept] = made, ledger
    except EngineError:
        opened.execute(f"DROP DATABASE IF EXISTS {url.database} SYNC")
    finally:
        engine.close()


def _ledger(engine: Engine) -> str:
    return str(engine.rows("SELECT groupBitXor(cityHash64(name, sha256)) AS hash, count() FROM schema_migrations"))


def _tables(engine: Engine) -> dict[str, tuple[str, int]]:
    """Statement that makes a table again, and number of its parts, by name."""
    rows = engine.rows(
        "SELECT name, replaceOne(create_table_query, concat(database, '.'), '') AS sql,"
        " ifNull(parts, 1) AS parts FROM system.tables WHERE database = currentDatabase()"
    )
    return {row["name"]: (row["sql"], row["parts"]) for row in rows}
