"""Superset as a process that somebody else may start, watch and stop."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from appanalytics.dashboards.superset.setup import SupersetFolder
from appanalytics.errors import AppAnalyticsError, SettingsError
from appanalytics.progress import Progress, silent

#: Longest wait for the first answer, in seconds; a busy machine takes six times as long as an idle one.
PATIENCE = 180
_PAUSE = 0.5


@dataclass(frozen=True)
class Part:
    """How to run Superset: a command, its environment and folder, and a URL that answers 200 once it serves."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    url: str
    log: Path

    @property
    def health(self) -> str:
        """URL that answers ``OK`` while Superset serves."""
        return f"{self.url}/health"


def superset_part(place: SupersetFolder, host: str, port: int, inherited: Mapping[str, str]) -> Part:
    """Superset behind gunicorn: one process of eight threads, enough for a team."""
    command = (
        str(place.program("gunicorn")),
        *("-w", "1", "-k", "gthread", "--threads", "8", "--timeout", "120"),
        *("--limit-request-line", "0", "--limit-request-field_size", "0"),
        *("-b", f"{host}:{port}", "superset.app:create_app()"),
    )
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
    return Part(
        "superset",
        command,
        place.environment(inherited),
        place.folder,
        f"http://{shown}:{port}",
        place.folder / "superset.log",
    )


def check_port(host: str, port: int) -> None:
    """Raise `SettingsError` when another program listens there."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            hint = "another program has it: choose a port with the setting superset.port"
            raise SettingsError(f"Superset cannot listen on {host}:{port}: {error.strerror}", hint=hint) from None


def answers(part: Part) -> bool:
    """Whether Superset serves at the part's URL."""
    import httpx

    try:
        return httpx.get(part.health, timeout=5).text.strip() == "OK"
    except httpx.HTTPError:
        return False


def wait_until_healthy(part: Part, is_alive: Callable[[], bool], progress: Progress = silent) -> None:
    """Wait for the first healthy answer; raises `AppAnalyticsError` when the process ends or time is over."""
    began = time.monotonic()
    while not answers(part):
        waited = time.monotonic() - began
        if not is_alive():
            raise AppAnalyticsError("Superset ended while it was starting", hint=f"see {part.log}")
        if waited > PATIENCE:
            raise AppAnalyticsError(f"Superset does not answer after {PATIENCE} s", hint=f"see {part.log}")
        progress("waiting for Superset", waited, 0, "s")
        time.sleep(_PAUSE)
