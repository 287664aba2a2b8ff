"""``warehouse``: copy it, and what it is like on a cluster."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import print_records, progress, say
from appanalytics.cli.state import options
from appanalytics.errors import UserError, WindowError

if TYPE_CHECKING:
    from appanalytics.engine import Engine, WarehouseUrl
    from appanalytics.settings import Loaded

group = typer.Typer(help="Move the warehouse to another engine, or to a cluster.", no_args_is_help=True)


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.add_typer(group, name="warehouse")


@group.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="URL of the warehouse to read.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="URL of the warehouse to fill; made if absent.")],
    since: Annotated[str | None, typer.Option(metavar="DAY", help="Only UTC days from this one on.")] = None,
    until: Annotated[str | None, typer.Option(metavar="DAY", help="Only UTC days before this one.")] = None,
    over: Annotated[bool, typer.Option("--over", help="Put the source's days in place of other events.")] = False,
    rolled: Annotated[bool, typer.Option("--rollup/--no-rollup", help="Roll the target up afterwards.")] = True,
) -> None:
    """Copy a warehouse: embedded to a server, or back. Day by day, verified by counts and hashes.

    Run again after a Ctrl-C, a crash or new events, it goes on with the days that differ.
    """
    from appanalytics.catalog import load_catalog
    from appanalytics.warehouse.copy import copy_warehouse
    from appanalytics.warehouse.migrate import migrate
    from appanalytics.warehouse.rollup import rollup

    loaded = options.load()
    file = loaded.settings.catalog.file
    catalog = load_catalog(loaded.path(file) if file else None)
    first, last = (_day(each) if each else None for each in (since, until))
    from_url, to_url = _two(source, target)
    with (
        closing(_connect(from_url, loaded, create=False)) as read,
        closing(_connect(to_url, loaded, create=True)) as write,
        progress() as watch,
    ):
        migrate(read)
        migrate(write)
        report = copy_warehouse(read, write, catalog, first=first, until=last, over=over, progress=watch)
        made = rollup(write, catalog, loaded.settings.zone, progress=watch) if rolled else None
    fields = {name: getattr(report, name) for name in ("days", "events", "already", "ledgers")}
    if options.format == "table":
        say(str(report))
        say(str(made) if made else "next: appanalytics rollup")
    else:
        print_records([fields], list(fields))


@group.command("ddl")
def show_ddl(
    cluster: Annotated[str, typer.Option(metavar="NAME", help="The cluster's name in remote_servers.")],
    whole: Annotated[str, typer.Option("--database", metavar="NAME", help="Database of the whole.")] = "appanalytics",
    shard: Annotated[
        str, typer.Option("--shard-database", metavar="NAME", help="Database of each shard.")
    ] = "appanalytics_shard",
    replicated: Annotated[bool, typer.Option("--replicas/--no-replicas", help="Replicate each shard.")] = True,
    again: Annotated[bool, typer.Option("--again", help="Drop the rollups first, for another catalog.")] = False,
) -> None:
    """Print the DDL of a cluster: replicated tables of each shard, Distributed tables on top, sharded by user.

    Every statement can be repeated: appanalytics warehouse ddl --cluster NAME | clickhouse-client -n
    """
    from appanalytics.catalog import load_catalog
    from appanalytics.warehouse.cluster import Topology, cluster_ddl, drop_rollups

    loaded = options.load()
    file = loaded.settings.catalog.file
    catalog = load_catalog(loaded.path(file) if file else None)
    topology = Topology(cluster, whole, shard, replicated)
    statements = [
        *(drop_rollups(topology) if again else ()),
        *cluster_ddl(catalog, loaded.settings.zone, topology),
    ]
    print("\n\n".join(f"{each};" for each in statements))


@group.command("kafka")
def show_kafka(
    brokers: Annotated[str, typer.Option(metavar="HOSTS", help="host:9092,host:9092")],
    prefix: Annotated[str, typer.Option(help="A source's topic is this and its name.")] = "events_",
    database: Annotated[str, typer.Option(help="Database of the event tables.")] = "appanalytics",
    consumers: Annotated[int, typer.Option(min=1, help="Consumers of each topic on a node.")] = 1,
    keeper: Annotated[bool, typer.Option("--keeper", help="Offsets in Keeper: no message twice.")] = False,
) -> None:
    """Print the DDL that reads events from Kafka: a queue for each source, its events, its rejects."""
    from appanalytics.catalog import load_catalog
    from appanalytics.warehouse.kafka import Queue, kafka_ddl

    loaded = options.load()
    file = loaded.settings.catalog.file
    catalog = load_catalog(loaded.path(file) if file else None)
    queue = Queue(brokers, prefix, database=database, consumers=consumers, keeper=keeper)
    print("\n\n".join(f"{each};" for each in kafka_ddl(catalog, queue)))


@group.command("size")
def show_size(
    events: Annotated[float, typer.Option(help="Events a day, such as 10e9.")],
    users: Annotated[float | None, typer.Option(help="Users active on a day; default: as in the demo.")] = None,
    days: Annotated[int, typer.Option(min=1, help="Days that events are kept.")] = 365,
    replicas: Annotated[int, typer.Option(min=1, help="Copies of each shard.")] = 2,
    cores: Annotated[int, typer.Option(min=1, help="Cores of a node.")] = 32,
    disk: Annotated[float, typer.Option(help="Disk of a node in TB.")] = 8,
) -> None:
    """Say how many nodes a load needs, with the arithmetic; see docs/sizing.md for what was measured."""
    from appanalytics.warehouse.sizing import EVENTS_A_USER, Load, size

    if events <= 0 or disk <= 0 or (users is not None and users <= 0):
        raise UserError("events, users and disk must be above zero", hint="--events 10e9")
    load = Load(events, users or events / EVENTS_A_USER, days, replicas, cores=cores, disk_bytes=disk * 1e12)
    for line in size(load).lines():
        say(line)


def _two(source: str, target: str) -> tuple[WarehouseUrl, WarehouseUrl]:
    """Both URLs, parsed. A process can have one folder open, so one of two folders must be served."""
    from appanalytics.engine import WarehouseUrl
    from appanalytics.engine.endpoint import find_endpoint

    urls = WarehouseUrl.parse(source), WarehouseUrl.parse(target)
    if urls[0] == urls[1]:
        raise UserError(f"{urls[0]} would be copied into itself", hint="give two URLs")
    folders = {each.path for each in urls if each.is_embedded}
    unserved = [each for each in folders if each is None or find_endpoint(each, wait_seconds=0.1) is None]
    if len(unserved) > 1:
        raise UserError(
            "one process can have one folder open", hint="serve one of them: appanalytics serve --warehouse URL"
        )
    return urls


def _connect(url: WarehouseUrl, loaded: Loaded, *, create: bool) -> Engine:
    from appanalytics.engine import connect

    return connect(url, create=create, max_memory=loaded.settings.warehouse.max_memory_bytes)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WindowError(f"cannot read the day {text!r}", hint="write 2026-03-01") from None
