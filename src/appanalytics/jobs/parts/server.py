"""The server of an embedded warehouse as a part."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from appanalytics.engine.endpoint import Endpoint, find_endpoint, server_folder
from appanalytics.errors import WarehouseUnavailable
from appanalytics.jobs.parts.part import Part
from appanalytics.server.users import make_users
from appanalytics.settings import Loaded


def server_part(loaded: Loaded) -> Part:
    """`appanalytics serve` for the warehouse of these settings, which must be a folder."""
    folder = _folder(loaded)
    return Part(
        name="server",
        title="server",
        command=(sys.executable, "-m", "appanalytics", "serve"),
        folder=loaded.base,
        environment=loaded.environment(),
        ready=lambda: _answers(find_endpoint(folder, wait_seconds=0.1)),
        reads=(users_file(loaded),),
    )


def new_users(loaded: Loaded) -> Mapping[str, str]:
    """Make the server's users if there are none yet; returns their passwords, which are told this once."""
    file = users_file(loaded)
    if file.exists():
        return {}
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return make_users(file)


def users_file(loaded: Loaded) -> Path:
    """The file of the server's users."""
    named = loaded.settings.server.users
    return loaded.path(named) if named else server_folder(_folder(loaded)) / "users.toml"


def _folder(loaded: Loaded) -> Path:
    folder = loaded.warehouse().path
    if folder is None:
        raise WarehouseUnavailable("only a warehouse in a folder has a server of ours", hint="write chdb:///folder")
    return folder


def _answers(found: Endpoint | None) -> bool:
    if found is None:
        return False
    try:
        with urlopen(f"http://{found.host}:{found.port}/ping", timeout=2) as reply:  # our own address
            return bool(reply.status == 200)
    except (URLError, OSError):
        return False
