"""DDL of the rollups, generated from a `Layout`."""

from __future__ import annotations

from appanalytics.engine import Engine
from appanalytics.sqltext import comma, identifier
from appanalytics.warehouse.rollup.layout import Layout
from appanalytics.warehouse.rollup.partitions import MONTH, WEEK

_TEXT = "LowCardinality(String)"
_MONTHS = f"ENGINE = MergeTree PARTITION BY {MONTH.sql}"


def create_tables(engine: Engine, layout: Layout) -> None:
    """Make the rollups of a layout where they are absent."""
    for statement in ddl(layout):
        engine.execute(statement)


def ddl(layout: Layout) -> list[str]:
    """The CREATE statements of all rollups."""
    return [
        user_day("user_day", layout, f"PARTITION BY {WEEK.sql}"),
        user_month("user_month", layout),
        slice_day("slice_day", layout),
        active_link("active_link", layout),
        active_delta("active_delta", layout),
        retention_day("retention_day", layout),
        post_day("post_day", layout),
        post_total("post_total", layout),
        post_link("post_link", layout),
        f"CREATE TABLE IF NOT EXISTS mixed_users (user_id {layout.user_type}, compact UInt8)"
        " ENGINE = ReplacingMergeTree ORDER BY (user_id, compact)",
    ]


def user_day(name: str, layout: Layout, partition: str) -> str:
    """A user's day. Also used, without partitions, for the tables in which a day is prepared."""
    columns = [
        "day Date CODEC(ZSTD(1))",
        f"user_id {layout.user_type} CODEC(Delta, ZSTD(1))" if _is_integer(layout.user_type) else "user_id String",
        *(f"{identifier(column)} {layout.type_of(column)} CODEC(ZSTD(1))" for column in layout.user_columns),
        *(f"{identifier(column)} {kind} CODEC(ZSTD(1))" for column, kind in layout.counters.items()),
        "first_time DateTime64(3, 'UTC') CODEC(ZSTD(1))",
        "lead UInt8 CODEC(ZSTD(1))",
        "single UInt8 CODEC(ZSTD(1))",
        *(f"{identifier(column)} Date CODEC(ZSTD(1))" for column in layout.link_columns),
    ]
    key = ", ".join(["day", "user_id", *map(identifier, layout.user_columns)])
    return _create(name, columns, f"ENGINE = MergeTree {partition} ORDER BY ({key})")


def user_month(name: str, layout: Layout) -> str:
    """A user's calendar month, by combination of attributes: sums of `user_day`, a fifth of its rows."""
    columns = [
        "month Date CODEC(ZSTD(1))",
        f"user_id {layout.user_type} CODEC(Delta, ZSTD(1))" if _is_integer(layout.user_type) else "user_id String",
        *(f"{identifier(column)} {layout.type_of(column)} CODEC(ZSTD(1))" for column in layout.user_columns),
        *(f"{identifier(column)} {_wide(kind)} CODEC(ZSTD(1))" for column, kind in layout.counters.items()),
    ]
    key = ", ".join(["month", "user_id", *map(identifier, layout.user_columns)])
    return _create(name, columns, f"ENGINE = MergeTree PARTITION BY toYYYYMM(month) ORDER BY ({key})")


def slice_day(name: str, layout: Layout) -> str:
    """Counters by day and compact dimensions."""
    columns = [
        "day Date CODEC(ZSTD(1))",
        *_compact(layout),
        *(f"{identifier(column)} {_wide(kind)} CODEC(ZSTD(1))" for column, kind in layout.counters.items()),
    ]
    return _create(name, columns, f"{_MONTHS} ORDER BY ({_key(layout)}day)")


def active_link(name: str, layout: Layout) -> str:
    """Users by day and their previous active day, for each service."""
    columns = [
        "day Date CODEC(ZSTD(1))",
        "prev_day Date CODEC(ZSTD(1))",
        f"service {_TEXT} CODEC(ZSTD(1))",
        *_compact(layout),
        "users UInt32 CODEC(ZSTD(1))",
    ]
    order = f"ORDER BY (service, {_key(layout)}day, prev_day)"
    return _create(name, columns, f"{_MONTHS} {order}")


def active_delta(name: str, layout: Layout) -> str:
    """Change of the number of users active in the last ``days`` days; read by its running sum."""
    columns = [
        "service LowCardinality(String) CODEC(ZSTD(1))",
        "days UInt16 CODEC(ZSTD(1))",
        *_compact(layout),
        "day Date CODEC(ZSTD(1))",
        "delta Int32 CODEC(ZSTD(1))",
    ]
    order = f"ORDER BY (service, days, {_key(layout)}day)"
    return _create(name, columns, f"{_MONTHS} {order}")


def retention_day(name: str, layout: Layout) -> str:
    """Users and counters by first day and day, for each compact dimension on its own (and '' for all users)."""
    columns = [
        f"dimension {_TEXT} CODEC(ZSTD(1))",
        f"value {_TEXT} CODEC(ZSTD(1))",
        "first_day Date CODEC(ZSTD(1))",
        "day Date CODEC(ZSTD(1))",
        "users UInt32 CODEC(ZSTD(1))",
        *(f"{identifier(column)} {_wide(kind)} CODEC(ZSTD(1))" for column, kind in layout.counters.items()),
    ]
    order = "ORDER BY (dimension, value, first_day, day)"
    return _create(name, columns, f"{_MONTHS} {order}")


def post_day(name: str, layout: Layout) -> str:
    """Counters by post; empty where the catalog has no dimension of its own for a source."""
    counters = [f"{identifier(column)} {layout.counters[column]} CODEC(ZSTD(1))" for column in layout.item_counters]
    columns = ["day Date CODEC(ZSTD(1))", *_items(layout), *_compact(layout), *counters]
    return _create(name, columns, f"{_MONTHS} {_item_order(layout)}")


def post_total(name: str, layout: Layout) -> str:
    """Counters by post for all users together: a hundredth of `post_day`."""
    counters = [
        f"{identifier(column)} {_wide(layout.counters[column])} CODEC(ZSTD(1))" for column in layout.item_counters
    ]
    columns = ["day Date CODEC(ZSTD(1))", *_items(layout), *counters]
    return _create(name, columns, f"{_MONTHS} {_item_order(layout, dimensions=False)}")


def post_link(name: str, layout: Layout) -> str:
    """Users of a post by day and by the day before on which they had an event with the same post."""
    columns = [
        "day Date CODEC(ZSTD(1))",
        "prev_day Date CODEC(ZSTD(1))",
        *_items(layout),
        *_compact(layout),
        "users UInt32 CODEC(ZSTD(1))",
    ]
    return _create(name, columns, f"{_MONTHS} {_item_order(layout, 'prev_day')}")


def _items(layout: Layout) -> list[str]:
    return [f"{identifier(each.name)} {layout.item_type(each)} CODEC(ZSTD(1))" for each in layout.item_dimensions]


def _item_order(layout: Layout, *more: str, dimensions: bool = True) -> str:
    """By day first: most questions are about some of the days, few about one item."""
    names = [each.name for each in (*layout.item_dimensions, *(layout.compact if dimensions else ()))]
    return f"ORDER BY ({', '.join(['day', *map(identifier, names), *more])})"


def _compact(layout: Layout) -> list[str]:
    return [f"{identifier(each.name)} {_TEXT} CODEC(ZSTD(1))" for each in layout.compact]


def _key(layout: Layout) -> str:
    return "".join(f"{identifier(each.name)}, " for each in layout.compact)


def _wide(kind: str) -> str:
    return "UInt64" if kind == "UInt32" else kind


def _is_integer(kind: str) -> bool:
    return kind.startswith(("UInt", "Int"))


def _create(name: str, columns: list[str], engine: str) -> str:
    return f"CREATE TABLE IF NOT EXISTS {name}\n(\n    {comma(columns)}\n)\n{engine}"
