"""``appanalytics serve``: own an embedded warehouse and answer everybody in ClickHouse's HTTP protocol."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from appanalytics.cli.output import say
from appanalytics.cli.state import options
from appanalytics.errors import SettingsError

if TYPE_CHECKING:
    from appanalytics.server import Server, ServerOptions


def add_to(cli: typer.Typer) -> None:
    """Add the commands of this file."""
    cli.command()(serve)


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; others than loopback need passwords.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0 is any free one.")] = None,
    new_password: Annotated[str | None, typer.Option(metavar="USER", help="Print a new password and leave.")] = None,
) -> None:
    """Own the warehouse's folder and speak ClickHouse's HTTP protocol.

    Every other command finds the server by itself. Superset, notebooks and scripts use its address as a user of the
    file of users; the first start makes admin, writer and reader and prints their passwords once.
    """
    chosen = _options()
    if host is not None:
        chosen = replace(chosen, host=host)
    if port is not None:
        chosen = replace(chosen, port=port)
    try:
        from appanalytics.server import Server
        from appanalytics.server.users import renew_password
    except ModuleNotFoundError as error:
        hint = "pip install 'appanalytics[server]'"
        raise SettingsError(f"serving needs the package {error.name}", hint=hint) from None
    server = Server(chosen)
    if new_password is not None:
        say(f"{new_password}: {renew_password(server.users_file, new_password)}")
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    with server.opened() as run:
        _tell(server)
        run()


def _options() -> ServerOptions:
    from appanalytics.server import ServerOptions

    loaded = options.load()
    given = loaded.settings.server
    return ServerOptions(
        url=loaded.warehouse(),
        host=given.host,
        port=given.port,
        users=loaded.path(given.users) if given.users else None,
        memory=given.max_memory_bytes,
        queries=given.max_queries,
        patience=given.patience,
    )


def _tell(server: Server) -> None:
    if server.passwords:
        say("users made now; their passwords are shown this once:")
        for name, password in server.passwords.items():
            say(f"  {name:8} {password}")
        say(f"users and limits: {server.users_file}")
    say(f"serving {server.folder} at http://{server.options.host}:{server.port}/ ; stop with Ctrl-C")
