"""The whole product on one machine: which parts there are, in which order they start, and what to tell about them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from appanalytics.app import App
from appanalytics.dashboards.plan import apply as apply_bundle
from appanalytics.dashboards.superset.part import answers
from appanalytics.engine import connect
from appanalytics.engine.endpoint import find_endpoint
from appanalytics.errors import AppAnalyticsError, QuestionError, SettingsError, nearest
from appanalytics.jobs import dashboards
from appanalytics.jobs.demo_routine import fill_routine
from appanalytics.jobs.parts import Part, PartState, Supervisor
from appanalytics.jobs.parts.airflow import USER as AIRFLOW_USER
from appanalytics.jobs.parts.airflow import Airflow
from appanalytics.jobs.parts.live import live_part
from appanalytics.jobs.parts.server import new_users, server_part
from appanalytics.progress import Progress, silent
from appanalytics.settings import Loaded

#: What `up --only` may name, in the order in which they start.
PARTS = ("server", "live", "superset", "airflow")


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
    able = [name for name in PARTS if embedded or name in ("superset", "airflow")]
    if not loaded.settings.parts.live:
        able.remove("live")
    return [name for name in PARTS if name in names] if names else able


def start(loaded: Loaded, names: Sequence[str], progress: Progress = silent, injected: Sequence[str] = ()) -> Told:
    """Have these parts run; those that run already are left alone. Returns when each of them answers.

    ``injected`` goes to the live stream, see `live_part`. A part whose own environment is not installed is told as
    missing, and the others start.
    """
    told = Told()
    supervisor = supervisor_of(loaded)
    running = {state.name for state in supervisor.states() if state.runs}
    if "server" in names:
        _free("server", loaded.settings.server.host, loaded.settings.server.port, "server" in running)
        told.passwords = _accounts(loaded, with_superset="superset" in names)
        supervisor.start([server_part(loaded)], progress)
        told.pages.append(("server", _server_url(loaded), "ClickHouse's HTTP protocol; users admin, writer, reader"))
    if "live" in names and "live" not in running:
        supervisor.start([live_part(loaded, injected)], progress)
    with ThreadPoolExecutor(1) as beside:  # Superset's set-up leaves a core idle
        filled = beside.submit(_fill, loaded) if {"server", "superset"} <= {*names} else None
        first, last = _made(loaded, names, running, told, progress)
        supervisor.start(first, progress)
        if filled and (trouble := filled.result()):
            told.missing.append(trouble)
    supervisor.start(last, progress)
    started = {part.name for part in first}
    if "superset" in started:
        _dashboards(loaded)
        user, password = loaded.settings.superset.user, dashboards.admin_password(loaded)
        told.pages.append(("Superset", f"{dashboards.superset_url(loaded)}/dashboard/list/", f"{user} / {password}"))
    if "airflow-api" in started:
        airflow = Airflow(loaded)
        told.pages.append(("Airflow", airflow.url, f"{AIRFLOW_USER} / {airflow.password}"))
    return told


def _made(
    loaded: Loaded, names: Sequence[str], running: set[str], told: Told, progress: Progress
) -> tuple[list[Part], list[Part]]:
    """Superset and Airflow, set up: the parts that start first, and those that start when the others answer."""
    first: list[Part] = []
    last: list[Part] = []
    if "superset" in names and (part := _prepared(told, lambda: _superset(loaded, "superset" in running, progress))):
        first += part
    if "airflow" in names and (
        parts := _prepared(told, lambda: _airflow(loaded, "airflow-api" in running, progress))
    ):
        # The scheduler comes last: a task that starts before the API answers fails its first try.
        first += [part for part in parts if part.name != "airflow-scheduler"]
        last += [part for part in parts if part.name == "airflow-scheduler"]
    return first, last


def _fill(loaded: Loaded) -> str:
    """Have the demo's dashboards of experiments and alerts something to show; returns what went wrong, or ''."""
    try:
        with App(loaded, connect(loaded.warehouse())) as app:
            fill_routine(app)
    except AppAnalyticsError as error:
        return f"the demo's experiment and alerts: {error}"
    return ""


def stop(loaded: Loaded) -> list[str]:
    """Stop all parts; the data stay. Returns the names of those that ran."""
    return supervisor_of(loaded).stop()


def states(loaded: Loaded) -> list[PartState]:
    """How the parts are."""
    return supervisor_of(loaded).states()


def supervisor_of(loaded: Loaded) -> Supervisor:
    """The supervisor of these settings."""
    return Supervisor(loaded.path(loaded.settings.parts.folder))


def _accounts(loaded: Loaded, *, with_superset: bool) -> dict[str, str]:
    """Users of the server, before it starts; the passwords of those that were made just now."""
    return dashboards.ensure_account(loaded) if with_superset else dict(new_users(loaded))


def _prepared(told: Told, prepare: Callable[[], list[Part]]) -> list[Part]:
    try:
        return prepare()
    except SettingsError as error:
        told.missing.append(str(error))
        return []


def _airflow(loaded: Loaded, runs: bool, progress: Progress) -> list[Part]:
    airflow, given = Airflow(loaded), loaded.settings.airflow
    airflow.check()
    _free("airflow", given.host, given.port, runs)
    if not runs:
        airflow.prepare(progress)
    return airflow.parts()


def _superset(loaded: Loaded, runs: bool, progress: Progress) -> list[Part]:
    given = loaded.settings.superset
    if given.url is not None:
        return []  # others run it
    _free("superset", given.host, given.port, runs)
    dashboards.prepare_superset(loaded, progress)
    made = dashboards.part_of(loaded)
    return [
        Part(
            "superset",
            made.command,
            made.folder,
            lambda: answers(made),
            made.environment,
            title="Superset",
            patience=240,
        )
    ]


def _dashboards(loaded: Loaded) -> None:
    """Put the dashboards into Superset; a second time changes nothing."""
    bundle = dashboards.bundle_of(loaded)
    with dashboards.log_in(loaded) as superset:
        apply_bundle(superset, bundle, dashboards.connection_of(loaded), dashboards.state_file(loaded))


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
