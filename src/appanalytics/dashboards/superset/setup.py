"""Set Superset up: configuration, metadata database, roles, the admin. Doing it again changes nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from appanalytics.dashboards.superset.secrets import Secrets
from appanalytics.errors import AppAnalyticsError, SettingsError
from appanalytics.progress import Progress, silent

#: The version that the bundles are written for and that the lock installs.
VERSION = "6.1.0"
_PACKAGE = "appanalytics.dashboards.superset"
_MARK = "set-up.done"


@dataclass(frozen=True)
class SupersetFolder:
    """Where Superset lives. ``metadata`` is its own database, SQLite in ``folder`` unless given; ``timezone`` is
    the reporting zone, in which Superset reads words such as "today".
    """

    folder: Path
    venv: Path
    locale: str = "en"
    timezone: str = "UTC"
    metadata: str | None = None

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "superset_config.py"

    def program(self, name: str) -> Path:
        """A program of Superset's virtual environment; raises `SettingsError` when it is not installed."""
        found = self.venv / "bin" / name
        if not found.exists():
            raise SettingsError(f"Superset is not installed in {self.venv}", hint="make superset-venv")
        return found

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of Superset's processes."""
        own = {
            "SUPERSET_CONFIG_PATH": str(self.config),
            "SUPERSET_HOME": str(self.folder),
            "FLASK_APP": "superset.app:create_app()",
            "PYTHONPATH": str(self.folder),
            "PYTHONWARNINGS": "ignore",
            "TZ": self.timezone,
        }
        kept = {name: value for name, value in inherited.items() if not name.startswith("APPANALYTICS_")}
        return kept | own


def write_config(place: SupersetFolder, secrets: Secrets) -> None:
    """Write the configuration file, readable by its owner alone."""
    text = files(_PACKAGE).joinpath("superset_config.txt").read_text(encoding="utf-8")
    sqlite = f"sqlite:///{place.folder / 'superset.db'}?check_same_thread=false&timeout=30"
    russian = {"decimal": ",", "thousands": "\N{NARROW NO-BREAK SPACE}", "grouping": [3], "currency": ["", ""]}
    values = {
        "folder": repr(str(place.folder)),
        "secret_key": repr(secrets.secret_key),
        "metadata": repr(place.metadata or sqlite),
        "locale": repr(place.locale),
        "d3_format": repr(russian if place.locale == "ru" else {}),
    }
    place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place.config.touch(mode=0o600)
    place.config.write_text(Template(text).substitute(values), encoding="utf-8")


def set_up(
    place: SupersetFolder, secrets: Secrets, inherited: Mapping[str, str], progress: Progress = silent
) -> bool:
    """Make everything that Superset needs before it starts; False when it was there already.

    Raises `AppAnalyticsError` with the last line of Superset's own complaint.
    """
    write_config(place, secrets)
    done = place.folder / _MARK
    mark = f"{VERSION} {'given' if place.metadata else 'sqlite'}"
    if done.exists() and done.read_text(encoding="utf-8") == mark:
        return False
    steps = [
        ("metadata database", ["db", "upgrade"]),
        ("admin", _create_admin(secrets)),
        ("roles", ["init"]),
    ]
    environment = place.environment(inherited)
    program = place.program("superset")
    for number, (_, arguments) in enumerate(steps):
        progress("setting up Superset", number, len(steps))
        _run([str(program), *arguments], environment, place.folder / "set-up.log")
    progress("setting up Superset", len(steps), len(steps))
    done.write_text(mark, encoding="utf-8")
    return True


def _create_admin(secrets: Secrets) -> list[str]:
    names = ["--username", "admin", "--firstname", "App", "--lastname", "Analytics", "--email", "admin@localhost"]
    return ["fab", "create-admin", *names, "--password", secrets.admin_password]


def _run(command: list[str], environment: Mapping[str, str], log: Path) -> None:
    done = subprocess.run(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    log.touch(mode=0o600)
    with log.open("a", encoding="utf-8") as stream:
        stream.write(done.stdout)
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.strip()] or ["nothing"]
        raise AppAnalyticsError(f"Superset's set-up failed: {said[-1][:300]}", hint=f"see {log}")
