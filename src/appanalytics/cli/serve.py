"""``appanalytics serve``: own an embedded warehouse and answer everybody in ClickHouse's HTTP protocol."""

from __future__ import annotations

import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import say
from appanalytics.cli.state import options
from appanalytics.errors import SettingsError

if TYPE_CHECKING:
    from appanalytics.server import Server, ServerOptions
    from appanalytics.settings import ServerSettings


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(serve)


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; others than loopback need passwords.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 is any free one.")] = None,
    new_password: Annotated[str | None, typer.Option(metavar="USER", help="Print a new password and leave.")] = None,
    new_key: Annotated[str | None, typer.Option(metavar="APP", help="Print a new key of an app and leave.")] = None,
    collector: Annotated[bool, typer.Option(help="Also take events at /v1/events.")] = True,
    rollup_every: Annotated[
        str | None, typer.Option(metavar="PERIOD", help="Roll up what changed, such as every 15m; off: never.")
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json: one object a line.")] = None,
) -> None:
    """Own the warehouse's folder: speak ClickHouse's HTTP protocol, take events, keep the rollups up.

    Every other command finds the server by itself. Superset, notebooks and scripts use its address as a user of the
    file of users; the first start makes admin, writer and reader and prints their passwords once.
    """
    chosen, given = _options(collector), options.load().settings.server
    if host is not None:
        chosen = replace(chosen, host=host)
    if port is not None:
        chosen = replace(chosen, port=port)
    if rollup_every is not None:
        given = _with_period(given, rollup_every)
    try:
        from appanalytics.server import Server
        from appanalytics.server.collector.keys import new_key as make_key
        from appanalytics.server.logging import log_to_stderr
        from appanalytics.server.users import renew_password
    except ModuleNotFoundError as error:
        hint = "pip install 'appanalytics[server]'"
        raise SettingsError(f"serving needs the package {error.name}", hint=hint) from None
    server = Server(chosen)
    if new_password is not None:
        say(f"{new_password}: {renew_password(server.users_file, new_password)}")
        return
    if new_key is not None:
        say(f"{new_key}: {make_key(server.keys_file, new_key)}")
        say("a server that is running knows it after its next start")
        return
    if log_format not in (None, "text", "json"):
        raise SettingsError(f"unknown form of the log {log_format!r}", hint="text or json")
    log_to_stderr(log_format or given.log)
    # The ASGI server raises the signal again once it has stopped; the default would end the process there and then.
    signal.signal(signal.SIGTERM, _end)
    with server.opened() as run:
        _tell(server)
        with _upkeep(server, given.rollup_seconds):
            run()


def _end(*_: object) -> None:
    """Leave by the blocks that store what was taken; once they run, another SIGTERM does not cut them short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def _with_period(given: ServerSettings, period: str) -> ServerSettings:
    from pydantic import ValidationError

    try:
        return given.model_validate({**given.model_dump(), "rollup_every": period})
    except ValidationError:
        raise SettingsError(f"cannot read the period {period!r}", hint="30s, 15m, 1h or off") from None


def _upkeep(server: Server, every: int | None) -> AbstractContextManager[None]:
    from appanalytics.jobs.upkeep import kept_up

    if server.options.catalog is None:
        return nullcontext()
    return kept_up(
        server.own_engine, server.options.catalog, server.options.zone, every=every, at_once=server.crashed
    )


def _options(collector: bool) -> ServerOptions:
    from appanalytics.catalog import load_catalog
    from appanalytics.server import ServerOptions
    from appanalytics.server.collector import CollectorOptions

    loaded = options.load()
    given, taken = loaded.settings.server, loaded.settings.collector
    file = loaded.settings.catalog.file
    events = CollectorOptions(
        keys=loaded.path(taken.keys) if taken.keys else None,
        origins=tuple(origin.strip() for origin in taken.origins.split(",") if origin.strip()),
        late_days=taken.late_days,
        memory=taken.max_memory_bytes,
        longest=taken.max_body_bytes,
    )
    return ServerOptions(
        url=loaded.warehouse(),
        host=given.host,
        port=given.port,
        users=loaded.path(given.users) if given.users else None,
        memory=given.max_memory_bytes,
        queries=given.max_queries,
        patience=given.patience,
        backups=loaded.backups() if loaded.warehouse().path else None,
        catalog=load_catalog(loaded.path(file) if file else None) if collector else None,
        zone=loaded.settings.zone,
        collector=events if collector else None,
    )


def _tell(server: Server) -> None:
    if server.passwords:
        say("users made now; their passwords are shown this once:")
        for name, password in server.passwords.items():
            say(f"  {name:8} {password}")
        say(f"users and limits: {server.users_file}")
    if server.key:
        say(f"key of the app for /v1/events, shown this once: {server.key}")
    say(f"serving {server.folder} at http://{server.options.host}:{server.port}/ ; stop with Ctrl-C")
