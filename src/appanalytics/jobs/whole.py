"""The whole product on one machine: which parts there are, in which order they start, and what to tell about them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from appanalytics.engine.endpoint import find_endpoint
from appanalytics.errors import QuestionError, SettingsError, nearest
from appanalytics.jobs.parts import Part, PartState, Supervisor
from appanalytics.jobs.parts.airflow import USER as AIRFLOW_USER
from appanalytics.jobs.parts.airflow import Airflow
from appanalytics.jobs.parts.live import live_part
from appanalytics.jobs.parts.server import new_users, server_part
from appanalytics.progress import Progress, silent
from appanalytics.settings import Loaded

#: What `up --only` may name, in the order in which they start.
PARTS = ("server", "live", "airflow")


@dataclass
class Told:
    """What a start has to say: a page to open, who may enter, and what is missing."""

    pages: list[tuple[str, str, str]] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """One line for each page, then the passwords that are shown this once, then what is missing."""
        width = max((len(name) for name, _, _ in self.pages), default=0)
        address = max((len(url) for _, url, _ in self.pages), default=0)
        for name, url, user in self.pages:
            yield f"  {name:<{width}}  {url:<{address}}  {user}".rstrip()
        if self.passwords:
            yield ""
            yield "Users of the server, shown this once (a new one: appanalytics serve --new-password USER):"
            yield from (f"  {user:<8} {password}" for user, password in self.passwords.items())
        yield from (f"not started: {line}" for line in self.missing)


def chosen(only: str | None, loaded: Loaded) -> list[str]:
    """The parts to start: those named (separated by commas), else all that these settings can have."""
    names = [name.strip() for name in (only or "").split(",") if name.strip()]
    for name in names:
        if name not in PARTS:
            raise QuestionError(f"there is no part {name!r}", hint=nearest(name, PARTS))
    embedded = loaded.warehouse().path is not None
    able = [name for name in PARTS if embedded or name == "airflow"]
    if not loaded.settings.parts.live:
        able.remove("live")
    return [name for name in PARTS if name in names] if names else able


def start(loaded: Loaded, names: Sequence[str], progress: Progress = silent) -> Told:
    """Have these parts run; those that run already are left alone. Returns when each of them answers.

    A part whose own environment is not installed is told as missing when nobody asked for it by name.
    """
    told = Told()
    supervisor = supervisor_of(loaded)
    running = {state.name for state in supervisor.states() if state.runs}
    if "server" in names:
        _free("server", loaded.settings.server.host, loaded.settings.server.port, "server" in running)
        told.passwords = dict(new_users(loaded))
        supervisor.start([server_part(loaded)], progress)
        told.pages.append(("server", _server_url(loaded), "ClickHouse's HTTP protocol; users admin, writer, reader"))
    if "live" in names:
        supervisor.start([live_part(loaded)], progress)
    if "airflow" in names:
        _start_airflow(loaded, supervisor, "airflow-api" in running, told, progress)
    return told


def stop(loaded: Loaded) -> list[str]:
    """Stop all parts; the data stay. Returns the names of those that ran."""
    return supervisor_of(loaded).stop()


def states(loaded: Loaded) -> list[PartState]:
    """How the parts are."""
    return supervisor_of(loaded).states()


def supervisor_of(loaded: Loaded) -> Supervisor:
    """The supervisor of these settings."""
    return Supervisor(loaded.path(loaded.settings.parts.folder))


def _start_airflow(loaded: Loaded, supervisor: Supervisor, runs: bool, told: Told, progress: Progress) -> None:
    airflow = Airflow(loaded)
    try:
        settings = loaded.settings.airflow
        _free("airflow", settings.host, settings.port, runs)
        airflow.prepare(progress)
    except SettingsError as error:
        told.missing.append(str(error))
        return
    # The scheduler comes last: a task that starts before the API answers fails its first try.
    first, last = _split(airflow.parts(), "airflow-scheduler")
    supervisor.start(first, progress)
    supervisor.start(last, progress)
    told.pages.append(("Airflow", airflow.url, f"{AIRFLOW_USER} / {airflow.password}"))


def _split(parts: Sequence[Part], name: str) -> tuple[list[Part], list[Part]]:
    return [part for part in parts if part.name != name], [part for part in parts if part.name == name]


def _server_url(loaded: Loaded) -> str:
    folder = loaded.warehouse().path
    found = find_endpoint(folder, wait_seconds=1) if folder else None
    return f"http://{found.host}:{found.port}" if found else ""


def _free(part: str, host: str, port: int, ours: bool) -> None:
    """Raise `SettingsError` when somebody else listens where a part wants to."""
    if ours or port == 0:
        return
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"{part} cannot listen on {host}:{port}: {error.strerror}",
                hint=f"choose another port with the setting {part}.port",
            ) from None
