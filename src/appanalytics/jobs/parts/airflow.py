"""Airflow on this machine: its environment variables, its preparation, and its three programs as parts.

The same variables run it elsewhere (`appanalytics airflow env`): in containers, with other executors, with Postgres.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import appanalytics
from appanalytics.errors import AppAnalyticsError, SettingsError
from appanalytics.jobs.parts.part import Part, write_private
from appanalytics.progress import Progress, silent
from appanalytics.settings import Loaded, system_environment

USER = "admin"
#: Airflow's own command for each part. Logs are files of this machine: nobody has to serve them on a port.
_PROGRAMS = {
    "airflow-api": ("api-server",),
    "airflow-scheduler": ("scheduler", "--skip-serve-logs"),
    "airflow-dags": ("dag-processor",),
}
_LOCAL_BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"
_MIGRATE_SECONDS = 300
_LOCAL_SETTINGS = """\
# Written by appanalytics. Tasks are forked from the scheduler: what all of them need is imported there once.
import sys

if "scheduler" in sys.argv:
    import appanalytics.scheduling.preload  # noqa: F401
"""


@dataclass(frozen=True)
class Airflow:
    """The Airflow of these settings."""

    loaded: Loaded

    @property
    def home(self) -> Path:
        """Its folder."""
        return self.loaded.path(self.loaded.settings.airflow.folder)

    @property
    def program(self) -> Path:
        """Its command."""
        return self.loaded.path(self.loaded.settings.airflow.venv) / "bin" / "airflow"

    @property
    def url(self) -> str:
        """Address of its pages and its REST API."""
        settings = self.loaded.settings.airflow
        return f"http://{settings.host}:{settings.port}"

    @cached_property
    def password(self) -> str:
        """Of the user admin: from the settings, else a random one that is kept."""
        given = self.loaded.settings.airflow.password
        return given.get_secret_value() if given else self._kept["password"]

    def environment(self) -> dict[str, str]:
        """Everything that this Airflow is told, by variables. Holds secrets."""
        settings = self.loaded.settings.airflow
        database = settings.database.get_secret_value() if settings.database else f"sqlite:///{self.home}/airflow.db"
        # SQLAlchemy 2.1 takes psycopg 3 for a bare postgresql://; the driver that Airflow documents is psycopg2.
        database = re.sub("^postgres(ql)?://", "postgresql+psycopg2://", database)
        dags = Path(appanalytics.__file__).parent / "dags"
        folders = {"appanalytics": dags} | ({"own": self.loaded.path(settings.dags)} if settings.dags else {})
        bundle = [
            {"name": name, "classpath": _LOCAL_BUNDLE, "kwargs": {"path": str(path)}}
            for name, path in folders.items()
        ]
        told = {
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__EXECUTOR": settings.executor,
            "CORE__PARALLELISM": str(settings.parallelism),
            "CORE__FERNET_KEY": self._kept["fernet"],
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__DEFAULT_TIMEZONE": self.loaded.settings.reporting.timezone,
            "DATABASE__SQL_ALCHEMY_CONN": database,
            "API__HOST": settings.host,
            "API__PORT": str(settings.port),
            "API__BASE_URL": self.url,
            "API__SECRET_KEY": self._kept["secret"],
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": self._kept["jwt"],
            "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundle),
            "DAG_PROCESSOR__REFRESH_INTERVAL": "60",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",  # the files change with the package only
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        return {
            "AIRFLOW_HOME": str(self.home),
            **{f"AIRFLOW__{name}": value for name, value in told.items()},
            **self.loaded.environment(),
        }

    def check(self) -> None:
        """Raise `SettingsError` where Airflow is not installed."""
        if not self.program.is_file():
            hint = "make airflow-venv, or name another with the setting airflow.venv"
            raise SettingsError(f"there is no Airflow in {self.program.parent.parent}", hint=hint)

    def prepare(self, progress: Progress = silent) -> None:
        """Its folder, passwords and metadata tables. Repeatable; raises `SettingsError` where it is not installed."""
        self.check()
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(self.home / "passwords.json", json.dumps({USER: self.password}))
        (self.home / "config").mkdir(exist_ok=True)
        (self.home / "config" / "airflow_local_settings.py").write_text(_LOCAL_SETTINGS, encoding="utf-8")
        progress("Airflow's metadata", 0, 1, "tables")
        self.run("db", "migrate", timeout=_MIGRATE_SECONDS)
        progress("Airflow's metadata", 1, 1, "tables")

    def run(self, *arguments: str, timeout: float = 120) -> str:
        """Run one command of Airflow; what it printed. Raises `AppAnalyticsError` with the end of it if it fails."""
        done = subprocess.run(
            [str(self.program), *arguments],
            cwd=self.loaded.base,
            env={**system_environment(), **self.environment()},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).strip().splitlines()[-3:])[-600:]
            raise AppAnalyticsError(f"airflow {' '.join(arguments[:2])} failed: {said}")
        return done.stdout

    def parts(self) -> list[Part]:
        """Its web pages and REST API, its scheduler, and the reader of DAGs."""
        return [
            Part(
                name=name,
                title=f"Airflow ({command[0]})",
                command=(str(self.program), *command),
                folder=self.loaded.base,
                environment=self.environment(),
                ready=partial(self.beats, _HEARTS[name]),
                patience=180,
            )
            for name, command in _PROGRAMS.items()
        ]

    def beats(self, heart: str) -> bool:
        """Whether one of its programs is well, as Airflow itself says: metadatabase, scheduler, dag_processor."""
        try:
            with urlopen(f"{self.url}/api/v2/monitor/health", timeout=2) as reply:  # noqa: S310  # our own address
                health: Mapping[str, Mapping[str, str]] = json.load(reply)
        except (URLError, OSError, ValueError):
            return False
        return health.get(heart, {}).get("status") == "healthy"

    @cached_property
    def _kept(self) -> dict[str, str]:
        """Secrets made at the first start, in a private file of its folder."""
        file = self.home / "secrets.json"
        if file.is_file():
            kept: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
            return kept
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = {
            "password": secrets.token_urlsafe(12),
            "secret": secrets.token_hex(32),
            "jwt": secrets.token_hex(64),
            "fernet": _fernet_key(),
        }
        write_private(file, json.dumps(made))
        return made


_HEARTS = {"airflow-api": "metadatabase", "airflow-scheduler": "scheduler", "airflow-dags": "dag_processor"}


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
