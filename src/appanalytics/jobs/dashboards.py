"""Dashboards of this installation: which specs, which Superset, by which account it reaches the warehouse."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appanalytics.catalog import load_catalog
from appanalytics.dashboards import Bundle, Connection, Datasets, load_specs, render
from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.spec import Written
from appanalytics.dashboards.superset import Part, SupersetFolder, keep_secrets, set_up, superset_part
from appanalytics.dashboards.superset.part import answers, check_port, wait_until_healthy
from appanalytics.engine.endpoint import find_endpoint, server_folder
from appanalytics.engine.url import WarehouseUrl
from appanalytics.errors import SettingsError
from appanalytics.progress import Progress, silent
from appanalytics.server.users import FIRST, ensure_user, make_users
from appanalytics.settings import Loaded, system_environment

#: Superset's account in the warehouse: it may read, with the limits of a reader.
ACCOUNT = "superset"


def bundle_of(loaded: Loaded) -> Bundle:
    """Everything that Superset shall hold; raises `DashboardError` with file and line for a mistake in a spec."""
    file = loaded.settings.catalog.file
    catalog = load_catalog(loaded.path(file) if file else None)
    datasets = Datasets(catalog, loaded.settings.zone, loaded.settings.reporting.locale)
    return render(specs_of(loaded), datasets, connection_of(loaded))


def specs_of(loaded: Loaded) -> list[Written]:
    """The shipped specs with the user's over them."""
    specs = loaded.settings.dashboards.specs
    return load_specs(loaded.path(specs) if specs else None)


def own_specs(loaded: Loaded) -> Path:
    """The user's folder of specs; raises `SettingsError` without one."""
    specs = loaded.settings.dashboards.specs
    if not specs:
        raise SettingsError("there is no folder for your own dashboards", hint="the setting dashboards.specs")
    return loaded.path(specs)


def superset_folder(loaded: Loaded) -> SupersetFolder:
    """Where the Superset of this installation lives."""
    given = loaded.settings.superset
    metadata = given.metadata.get_secret_value() if given.metadata else None
    return SupersetFolder(
        loaded.path(given.folder),
        loaded.path(given.venv),
        loaded.settings.reporting.locale,
        loaded.settings.reporting.timezone,
        metadata,
    )


def superset_url(loaded: Loaded) -> str:
    """Where Superset's API is."""
    given = loaded.settings.superset
    host = "127.0.0.1" if given.host in ("0.0.0.0", "::") else given.host  # noqa: S104
    return given.url or f"http://{host}:{given.port}"


def state_file(loaded: Loaded) -> Path:
    """What the last apply left, so that edits by hand can be told."""
    return superset_folder(loaded).folder / "applied.json"


def connection_of(loaded: Loaded) -> Connection:
    """How Superset reaches the warehouse: as the settings say, or through the server of this machine."""
    given = loaded.settings.superset.warehouse
    url = WarehouseUrl.parse(given.get_secret_value()) if given else loaded.warehouse()
    if not url.is_embedded:
        return Connection(url.host, url.port, url.database, url.user, url.password, url.scheme == "https")
    if url.path is None:
        raise SettingsError("a warehouse in memory has no dashboards", hint="write chdb:///folder")
    endpoint = find_endpoint(url.path, wait_seconds=0)
    host = "127.0.0.1" if endpoint is None else endpoint.host
    port = loaded.settings.server.port if endpoint is None else endpoint.port
    place = superset_folder(loaded).folder
    password = keep_secrets(place).warehouse_password if (place / "secrets.json").exists() else ""
    return Connection(host, port, url.database, ACCOUNT, password)


def ensure_account(loaded: Loaded) -> dict[str, str]:
    """Give Superset its account in the server's file of users, before the server starts.

    Returns the passwords of users that were made with it, to show once. A warehouse at a URL has its own accounts.
    """
    url = loaded.warehouse()
    if loaded.settings.superset.warehouse is not None or url.path is None:
        return {}
    secrets = keep_secrets(superset_folder(loaded).folder, _given_password(loaded))
    given = loaded.settings.server.users
    file = loaded.path(given) if given else server_folder(url.path) / "users.toml"
    made: dict[str, str] = {}
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = make_users(file)
    ensure_user(file, ACCOUNT, FIRST["reader"].model_copy(update={"max_queries": 32}), secrets.warehouse_password)
    return made


def prepare_superset(loaded: Loaded, progress: Progress = silent) -> str | None:
    """Set Superset up where it is not; returns the admin's password when it was made just now."""
    place = superset_folder(loaded)
    place.program("superset")
    first = not (place.folder / "set-up.done").exists()
    secrets = keep_secrets(place.folder, _given_password(loaded))
    set_up(place, secrets, system_environment(), progress)
    return secrets.admin_password if first and _given_password(loaded) is None else None


def part_of(loaded: Loaded) -> Part:
    """Superset as a process: command, environment, folder, log, URL of its health."""
    given = loaded.settings.superset
    return superset_part(superset_folder(loaded), given.host, given.port, system_environment())


def log_in(loaded: Loaded) -> Superset:
    """A session with Superset; raises `DashboardError` when it does not answer, `AccessDenied` when it refuses."""
    given = loaded.settings.superset
    password = _given_password(loaded)
    if password is None:
        place = superset_folder(loaded).folder
        if not (place / "secrets.json").exists():
            hint = "set superset.password, or run our own: appanalytics dashboards serve"
            raise SettingsError("the password of Superset is not known", hint=hint)
        password = keep_secrets(place).admin_password
    return Superset(superset_url(loaded), given.user, password)


def admin_password(loaded: Loaded) -> str:
    """The password of our Superset's admin; asterisks when the settings gave it."""
    return "****" if _given_password(loaded) else keep_secrets(superset_folder(loaded).folder).admin_password


def _given_password(loaded: Loaded) -> str | None:
    given = loaded.settings.superset.password
    return given.get_secret_value() if given else None


@contextmanager
def running_superset(loaded: Loaded, progress: Progress = silent) -> Iterator[Callable[[], int]]:
    """Superset for as long as the block lasts; yields what waits for its end. One that runs already is left alone."""
    part = part_of(loaded)
    if answers(part):
        yield lambda: 0
        return
    given = loaded.settings.superset
    check_port(given.host, given.port)
    part.log.touch(mode=0o600)
    with part.log.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            part.command,
            env=dict(part.environment),
            cwd=part.folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until_healthy(part, lambda: process.poll() is None, progress)
            yield process.wait
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
