"""What a database's tables look like: columns, types, and what a sample of the rows holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from appanalytics.engine import Engine
from appanalytics.errors import WarehouseMissing
from appanalytics.progress import Progress, silent
from appanalytics.sqltext import identifier, literal

#: Rows of a table that are looked at. Only guesses depend on them: what is chosen is counted over all rows.
SAMPLE = 100_000
#: Frequent values that are kept of each column.
COMMON = 30
_PLAIN = re.compile(
    r"(?:LowCardinality\(|Nullable\()*"
    r"(U?Int\d+|Float\d+|Decimal\w*\(.*?\)|Bool|String|FixedString\(\d+\)|UUID|DateTime64|DateTime|Date32|Date"
    r"|Enum\d+|IPv[46])"
)
_SKIPPED_ENGINES = ("Kafka", "RabbitMQ", "Null", "Buffer", "Dictionary", "Set", "Join")


@dataclass(frozen=True)
class Column:
    """A column and its sample: share of rows with a value, different values, least, largest and frequent as text."""

    name: str
    type: str
    filled: float = 0.0
    different: int = 0
    low: str = ""
    high: str = ""
    common: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The type without Nullable, LowCardinality and parameters, such as ``UInt64``, ``String``, ``Enum8``."""
        found = _PLAIN.match(self.type)
        return re.sub(r"\(.*", "", found[1]) if found else self.type

    @property
    def is_nullable(self) -> bool:
        """True where the column may hold null."""
        return "Nullable(" in self.type

    @property
    def is_integer(self) -> bool:
        """True for whole numbers, signed or not."""
        return self.base.startswith(("UInt", "Int"))

    @property
    def is_text(self) -> bool:
        """True for text, also of enumerations."""
        return self.base in ("String", "FixedString") or self.base.startswith("Enum")

    @property
    def is_time(self) -> bool:
        """True for days and instants."""
        return self.base.startswith("Date")


@dataclass(frozen=True)
class Sketch:
    """A table: number of rows, columns in order, rows of the sample."""

    database: str
    table: str
    rows: int
    columns: tuple[Column, ...] = field(repr=False)
    sampled: int = 0

    @property
    def sql(self) -> str:
        """The table's name in SQL, with its database."""
        return f"{identifier(self.database)}.{identifier(self.table)}"

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((each for each in self.columns if each.name == name), None)


def read_sketches(engine: Engine, database: str, progress: Progress = silent) -> list[Sketch]:
    """Look at all tables of a database, in the order of their names. Reads at most `SAMPLE` rows of each.

    Raises `WarehouseMissing` where the database is not there or has no tables.
    """
    tables = engine.rows(
        "SELECT name, total_rows FROM system.tables WHERE database = {database:String} AND NOT is_temporary"
        " AND NOT startsWith(name, '.') AND engine NOT IN {skipped:Array(String)} ORDER BY name",
        {"database": database, "skipped": list(_SKIPPED_ENGINES)},
    )
    if not tables:
        raise WarehouseMissing(
            f"{engine.url} has no tables in the database {database}", hint="name another: http://host:8123/database"
        )
    found = engine.rows(
        "SELECT table, name, type FROM system.columns WHERE database = {database:String} ORDER BY table, position",
        {"database": database},
    )
    sketches = []
    for place, row in enumerate(tables):
        progress("look at the tables", place, len(tables), "tables")
        columns = [(each["name"], each["type"]) for each in found if each["table"] == row["name"]]
        sketches.append(_sketch(engine, database, row["name"], row["total_rows"], columns))
    progress("look at the tables", len(tables), len(tables), "tables")
    return sketches


def _sketch(
    engine: Engine, database: str, table: str, total: int | None, columns: Sequence[tuple[str, str]]
) -> Sketch:
    plain = [(name, kind) for name, kind in columns if _PLAIN.match(kind)]
    name = f"{identifier(database)}.{identifier(table)}"
    rows = total if total is not None else int(engine.scalar(f"SELECT count() FROM {name}"))
    if not rows or not plain:
        return Sketch(database, table, rows, tuple(Column(*each) for each in columns))
    seen = sample(engine, name, [each for each, _ in plain])
    described = tuple(Column(each, kind, **seen.get(each, {})) for each, kind in columns)
    return Sketch(database, table, rows, described, min(rows, SAMPLE))


def sample(engine: Engine, relation: str, columns: Sequence[str], rows: int = SAMPLE) -> dict[str, dict[str, Any]]:
    """The fields of `Column` that come from the rows, for each column of a relation."""
    parts = ["count() AS sampled"]
    for place, column in enumerate(columns):
        name = identifier(column)
        parts += [
            f"countIf(isNotNull({name}) AND toString({name}) != '') AS filled_{place}",
            f"uniq({name}) AS different_{place}",
            f"ifNull(toString(min({name})), '') AS low_{place}",
            f"ifNull(toString(max({name})), '') AS high_{place}",
            f"topK({COMMON})(ifNull(toString({name}), '')) AS common_{place}",
        ]
    names = ", ".join(identifier(column) for column in columns)
    found = engine.rows(f"SELECT {', '.join(parts)} FROM (SELECT {names} FROM {relation} LIMIT {literal(rows)})")[0]
    count = found["sampled"] or 1
    return {
        column: {
            "filled": found[f"filled_{place}"] / count,
            "different": found[f"different_{place}"],
            "low": found[f"low_{place}"],
            "high": found[f"high_{place}"],
            "common": tuple(value for value in found[f"common_{place}"] if value != ""),
        }
        for place, column in enumerate(columns)
    }
