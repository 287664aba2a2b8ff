"""Events from Kafka: DDL of a queue for each source, of the view that fills the event table, and of that for rejects.

A message is one event as JSON, with the columns of the event table as keys (what the collector takes, without
``service``). What it may hold follows from the table's types and defaults and from the catalog's conditions.

Kafka delivers at least once: after a crash between an insert and the commit of its offsets the same messages come
again. With ``keeper`` the engine keeps offsets and the size of the batch under way in Keeper, so the same batch comes
again as the same block, which the replicated event table knows by its hash and drops.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from appanalytics.catalog import Catalog, Source
from appanalytics.errors import SettingsError
from appanalytics.sqltext import comma, identifier, literal
from appanalytics.warehouse.cluster import types_of
from appanalytics.warehouse.migrate import migrations, table_of

_DEFAULT = re.compile(r"^    (\w+) .*? DEFAULT (\S+)", re.MULTILINE)
_BROKERS = re.compile(r"[\w.\[\]:-]+(,[\w.\[\]:-]+)*")
_TOPIC = re.compile(r"[\w.-]+")
_EARLIEST, _LATEST = "1990-01-01", "2101-01-01"
_RAW = 4096


@dataclass(frozen=True)
class Queue:
    """Where messages come from: brokers, a topic for each source by a prefix, the group of consumers.

    ``database`` is where the event tables are: on a cluster the whole's, so that each event goes to its user's shard.
    """

    brokers: str
    prefix: str = "events_"
    group: str = "appanalytics"
    database: str = "appanalytics"
    consumers: int = 1
    keeper: bool = False

    def __post_init__(self) -> None:
        if not _BROKERS.fullmatch(self.brokers):
            raise SettingsError(f"cannot read the brokers {self.brokers!r}", hint="write host:9092,host:9092")
        for name in (self.prefix, self.group):
            if not _TOPIC.fullmatch(name):
                raise SettingsError(f"{name!r} cannot name a topic or group", hint="letters, digits, dots, dashes, _")


def kafka_ddl(catalog: Catalog, queue: Queue) -> list[str]:
    """Three statements for each source, in order; all can be repeated."""
    return [sql for name in catalog.sources for sql in _source(catalog, catalog.sources[name], queue)]


def _source(catalog: Catalog, source: Source, queue: Queue) -> Iterator[str]:
    yield queue_table(source, queue)
    yield events_view(catalog, source, queue)
    yield rejects_view(catalog, source, queue)


def queue_table(source: Source, queue: Queue) -> str:
    """The table that reads the topic: a message is a row as it is, so that none can stop the others."""
    settings: dict[str, str | int] = {
        "kafka_broker_list": queue.brokers,
        "kafka_topic_list": f"{queue.prefix}{source.name}",
        "kafka_group_name": queue.group,
        "kafka_format": "RawBLOB",
        "kafka_num_consumers": queue.consumers,
        "kafka_max_block_size": 1_048_576,
    }
    if queue.keeper:
        settings |= {
            "kafka_keeper_path": f"/clickhouse/{queue.database}/kafka/{source.name}",
            "kafka_replica_name": "{shard}-{replica}",
        }
    listed = comma(f"{name} = {literal(value)}" for name, value in settings.items())
    allowed = "\n-- needs: SET allow_experimental_kafka_offsets_storage_in_keeper = 1" if queue.keeper else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {_name(source, queue, 'queue')} (raw String){allowed}\n"
        f"ENGINE = Kafka\nSETTINGS\n    {listed}"
    )


def events_view(catalog: Catalog, source: Source, queue: Queue) -> str:
    """The view that turns sound messages into events."""
    columns = comma(f"{value} AS {name}" for name, value in _values(source).items())
    view, target = _name(source, queue, "events"), f"{queue.database}.{source.table}"
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {view} TO {target} AS\nSELECT\n    {columns}\n"
        f"FROM {_name(source, queue, 'queue')}\nWHERE {_reason(catalog, source)} = ''"
    )


def rejects_view(catalog: Catalog, source: Source, queue: Queue) -> str:
    """The view that keeps the others: reason, topic and partition as the file, offset as the line."""
    return (
        f"CREATE MATERIALIZED VIEW IF NOT EXISTS {_name(source, queue, 'rejects')} TO {queue.database}.rejects AS\n"
        f"SELECT 'kafka' AS load, {literal(source.name)} AS source,"
        " concat(_topic, ' ', toString(_partition)) AS file, toUInt64(_offset) AS line,\n"
        f"    {_reason(catalog, source)} AS reason, substring(raw, 1, {_RAW}) AS raw\n"
        f"FROM {_name(source, queue, 'queue')}\nWHERE reason != ''"
    )


def _name(source: Source, queue: Queue, kind: str) -> str:
    return f"{queue.database}.{identifier(f'kafka_{source.name}_{kind}')}"


def _values(source: Source) -> dict[str, str]:
    """Each column of the event table out of a message."""
    fallbacks = _defaults(source.table)
    return {name: _value(name, kind, fallbacks.get(name)) for name, kind in types_of(source.table).items()}


def _value(name: str, kind: str, fallback: str | None) -> str:
    key = literal(name)
    if kind.startswith("DateTime"):
        return f"assumeNotNull({_moment(name)})"
    if kind == "LowCardinality(String)":
        text = f"JSONExtractString(raw, {key})"
        return f"if({text} = '', {fallback}, {text})" if fallback else text
    return f"ifNull(JSONExtract(raw, {key}, 'Nullable({kind})'), {fallback or 0})"


def _moment(name: str) -> str:
    return f"parseDateTime64BestEffortOrNull(JSONExtractString(raw, {literal(name)}), 3, 'UTC')"


def _reason(catalog: Catalog, source: Source) -> str:
    """Why a message is no event; empty where it is one."""
    fallbacks, steps = _defaults(source.table), [("NOT isValidJSON(raw)", "is not JSON")]
    time = _moment(source.time)
    steps.append((f"isNull({time})", f"{source.time} is not readable"))
    low, high = (f"toDateTime64({literal(day)}, 3, 'UTC')" for day in (_EARLIEST, _LATEST))
    steps.append((f"{time} < {low} OR {time} >= {high}", f"{source.time} is before 1990 or after 2100"))
    for name, kind in types_of(source.table).items():
        if name != source.time and name not in fallbacks and "String" not in kind:
            steps.append((f"isNull(JSONExtract(raw, {literal(name)}, 'Nullable({kind})'))", f"{name} is no {kind}"))
    for column, values in actions(catalog, source).items():
        listed = ", ".join(map(literal, values))
        text = f"JSONExtractString(raw, {literal(source.column(column))})"
        steps.append((f"{text} NOT IN ({listed})", f"{column} is none of {', '.join(map(str, values))}"))
    parts = ", ".join(f"{condition}, {literal(reason)}" for condition, reason in steps)
    return f"multiIf({parts}, '')"


def actions(catalog: Catalog, source: Source) -> dict[str, list[str | int]]:
    """Values of the columns by which the catalog tells a source's events apart, such as action: view and like."""
    found: dict[str, list[str | int]] = {}
    for measure in catalog.measures.values():
        if measure.source == source.name and measure.count:
            for column, values in measure.condition.items():
                known = found.setdefault(column, [])
                known += [value for value in values if value not in known]
    return {column: values for column, values in found.items() if source.column(column) in types_of(source.table)}


def _defaults(table: str) -> dict[str, str]:
    sql = next(text for _, text in migrations() if table_of(text) == table)
    return {found[1]: found[2].rstrip(",") for found in _DEFAULT.finditer(sql)}
