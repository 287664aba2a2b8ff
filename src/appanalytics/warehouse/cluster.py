"""The same schema on a cluster: DDL made of the very statements that make it on one machine.

Two databases on every node. In the *shard's* (``appanalytics_shard``) are the events and rollups of the users who
belong to the shard, as replicated tables; in the *whole's* (``appanalytics``) the same names are Distributed tables
over all shards, and the ledgers, replicated to every node. A user belongs to the shard of his id's hash, with all of
his events, so every rollup of a shard is right by itself, and rollups of different shards add up.

Questions, dashboards and reports use the whole's database; `rollup` runs in each shard's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from appanalytics.catalog import Catalog
from appanalytics.errors import SettingsError
from appanalytics.sqltext import literal
from appanalytics.warehouse.migrate import LEDGER, migrations, table_of
from appanalytics.warehouse.rollup.layout import TABLES, Layout
from appanalytics.warehouse.rollup.tables import ddl

#: Tables that each shard has for its own users, beside events and rollups; all others are ledgers of the whole.
_SHARDED = ("day_log", "warehouse_meta")
_KEY = "xxHash64(user_id)"
_ENGINE = re.compile(r"ENGINE = (\w*MergeTree)(?:\(([^)]*)\))?")
_CREATE = re.compile(r"^CREATE TABLE IF NOT EXISTS (\w+)(?: AS (\w+))?", re.MULTILINE)
_COLUMN = re.compile(r"^    (\w+) +((?:[\w]+(?:\([^\n]*?\))?)+?) *(?:DEFAULT|CODEC|,|$)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
#: Settings that questions and writers of the whole's database need.
PROFILE: Mapping[str, str | int] = {
    "distributed_product_mode": "local",  # a user's rows are on one shard, so subqueries and joins stay on it
    "distributed_foreground_insert": 1,  # an insert is answered when the shards have it
    "insert_distributed_one_random_shard": 1,  # the day log may be written anywhere
    "join_use_nulls": 1,
}


@dataclass(frozen=True)
class Topology:
    """A cluster's name, the databases of the whole and of the shard, and whether shards have replicas.

    ``on_cluster`` has each statement run on all nodes; without it whoever runs the file does so on each.
    """

    cluster: str
    whole: str = "appanalytics"
    shard: str = "appanalytics_shard"
    replicated: bool = True
    on_cluster: bool = True

    def __post_init__(self) -> None:
        for name in (self.cluster, self.whole, self.shard):
            if not _NAME.fullmatch(name):
                raise SettingsError(
                    f"{name!r} cannot be the name of a cluster or database", hint="letters, digits, _"
                )
        if self.whole == self.shard:
            raise SettingsError("the whole and the shard need two databases", hint="--shard-database NAME")

    @property
    def everywhere(self) -> str:
        """`` ON CLUSTER …``, or nothing."""
        return f" ON CLUSTER {literal(self.cluster)}" if self.on_cluster else ""


def cluster_ddl(catalog: Catalog, zone: ZoneInfo, topology: Topology) -> list[str]:
    """Every statement that a cluster needs, in order; all can be repeated."""
    layout = Layout(catalog, zone, {name: types_of(each.table) for name, each in catalog.sources.items()})
    events = {each.table for each in catalog.sources.values()}
    made = [f"CREATE DATABASE IF NOT EXISTS {name}{topology.everywhere}" for name in (topology.shard, topology.whole)]
    made += [placed(LEDGER, topology, name, everywhere=True) for name in (topology.shard, topology.whole)]
    for _, sql in migrations():
        sharded = table_of(sql) in {*events, *_SHARDED}
        made.append(placed(sql, topology, topology.shard if sharded else topology.whole, everywhere=not sharded))
    made += [placed(sql, topology, topology.shard) for sql in ddl(layout)]
    sharded_tables = [*sorted(events), *_SHARDED, *TABLES]
    made += [
        distributed(name, topology, events | {"user_day", "user_month", "mixed_users"}) for name in sharded_tables
    ]
    made += [_seen(name, topology) for name in (topology.shard, topology.whole)]
    settings = ", ".join(f"{name} = {literal(value)}" for name, value in PROFILE.items())
    made.append(f"CREATE SETTINGS PROFILE IF NOT EXISTS appanalytics{topology.everywhere} SETTINGS {settings}")
    return made


def drop_rollups(topology: Topology) -> list[str]:
    """Statements that remove the rollups, which `cluster_ddl` then makes for another catalog. Events stay."""
    return [
        f"DROP TABLE IF EXISTS {database}.{name}{topology.everywhere} SYNC"
        for database in (topology.whole, topology.shard)
        for name in TABLES
    ]


def placed(sql: str, topology: Topology, database: str, *, everywhere: bool = False) -> str:
    """A statement of the schema for one database of a cluster.

    ``everywhere``: all nodes hold the same rows; otherwise the nodes of a shard do.
    """
    text = "\n".join(line for line in sql.strip().splitlines() if not line.startswith("--"))
    table = table_of(text)

    def create(found: re.Match[str]) -> str:
        like = f" AS {database}.{found[2]}" if found[2] else ""
        return f"CREATE TABLE IF NOT EXISTS {database}.{found[1]}{topology.everywhere}{like}"

    text = _CREATE.sub(create, text)
    text = re.sub(r"^ALTER TABLE (\w+)", rf"ALTER TABLE {database}.\1{topology.everywhere}", text)
    if not topology.replicated:
        return text

    def replicate(found: re.Match[str]) -> str:
        place, name = ("{shard}", "{replica}") if not everywhere else ("all", "{shard}-{replica}")
        given = [f"'/clickhouse/tables/{place}/{database}/{table}'", f"'{name}'", *filter(None, [found[2]])]
        return f"ENGINE = Replicated{found[1]}({', '.join(given)})"

    return _ENGINE.sub(replicate, text).replace("non_replicated_dedup", "replicated_dedup")


def distributed(name: str, topology: Topology, keyed: set[str]) -> str:
    """The whole's table over the shards'. Rows that are inserted into it go to the shard of their user."""
    key = f", {_KEY}" if name in keyed else ""
    return (
        f"CREATE TABLE IF NOT EXISTS {topology.whole}.{name}{topology.everywhere} AS {topology.shard}.{name}\n"
        f"ENGINE = Distributed({literal(topology.cluster)}, {literal(topology.shard)}, {literal(name)}{key})"
    )


def types_of(table: str) -> dict[str, str]:
    """Types of an event table's columns, from the schema."""
    sql = next(text for _, text in migrations() if table_of(text) == table)
    body = sql[sql.index("\n(") : sql.index("\n)")]
    return {found[1]: found[2].strip() for found in _COLUMN.finditer(body)}


def _seen(database: str, topology: Topology) -> str:
    """Have migrations taken for done: on a cluster they are part of this DDL, never run one by one."""
    rows = ", ".join(
        f"({literal(name)}, {literal(hashlib.sha256(sql.encode()).hexdigest())})" for name, sql in migrations()
    )
    return f"INSERT INTO {database}.schema_migrations (name, sha256) VALUES {rows}"
