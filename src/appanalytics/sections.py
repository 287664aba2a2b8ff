"""Sections of the settings that nothing else builds on: schedule, dashboards, Superset."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

_CRON = r"^(off|\S+( \S+){4})$"
_CONFIG = ConfigDict(frozen=True, extra="forbid")


class DashboardsSettings(BaseModel):
    """Which dashboards there are besides the shipped ones."""

    model_config = _CONFIG

    specs: Annotated[str | None, Field(description="folder of your own dashboards, one YAML file each")] = None


class SupersetSettings(BaseModel):
    """Where Superset is, and how this machine runs it."""

    model_config = _CONFIG

    url: Annotated[str | None, Field(description="a Superset that others run; default: our own")] = None
    host: Annotated[str, Field(description="address that our Superset listens on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="port that our Superset listens on")] = 8088
    user: Annotated[str, Field(description="user of Superset who may import dashboards")] = "admin"
    password: Annotated[SecretStr | None, Field(description="that user's password; default: the one we made")] = None
    folder: Annotated[str, Field(description="what belongs to our Superset")] = "./data/superset"
    venv: Annotated[str, Field(description="Superset's virtual environment, made by: make superset-venv")] = (
        "./.venv-superset"
    )
    metadata: Annotated[
        SecretStr | None,
        Field(description="SQLAlchemy URI of Superset's own database; default: SQLite"),
    ] = None
    warehouse: Annotated[
        SecretStr | None, Field(description="http://user:password@host:port/database of the warehouse for Superset")
    ] = None


class ScheduleSettings(BaseModel):
    """When the routine runs in a scheduler: cron expressions in reporting time, or ``off``."""

    model_config = _CONFIG

    daily_tables: Annotated[str, Field(pattern=_CRON, description="rollups and report tables of yesterday")] = (
        "30 2 * * *"
    )
    daily_report: Annotated[str, Field(pattern=_CRON, description="yesterday's report to the chats")] = "0 11 * * *"
    anomaly_alerts: Annotated[
        str, Field(pattern=_CRON, description="detection, a little after each quarter hour")
    ] = "2-59/15 * * * *"
    experiments_daily: Annotated[str, Field(pattern=_CRON, description="results of running experiments")] = (
        "0 4 * * *"
    )
    data_quality: Annotated[str, Field(pattern=_CRON, description="all checks of the warehouse")] = "30 4 * * *"
    backup: Annotated[str, Field(pattern=_CRON, description="backup of the warehouse")] = "0 5 * * *"
    slices: Annotated[str, Field(description="dimensions of the report table, separated by commas")] = (
        "gender, age, os"
    )
    owner: Annotated[str, Field(description="who is named as owner of the routine")] = "analytics"

    @property
    def dimensions(self) -> tuple[str, ...]:
        """``slices`` as names."""
        return tuple(name.strip() for name in self.slices.split(",") if name.strip())
