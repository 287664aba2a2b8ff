"""What can be set: one class for each section, with the meaning and default of every setting."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from appanalytics.chats import Chat, read_chats
from appanalytics.window import parse_zone


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _bytes(size: str) -> int:
    """A size with its unit in bytes; K, M, G and T are powers of 1024."""
    number, unit = re.fullmatch(r"([\d.]+)\s*([KMGT]?)i?B?", size).groups()  # type: ignore[union-attr]
    return int(float(number) * 1024 ** " KMGT".index(unit or " "))


class WarehouseSettings(_Section):
    """Where events and rollups are."""

    url: Annotated[
        str,
        Field(
            description="chdb:///folder for the embedded engine, http(s)://user:password@host:port/database",
            repr=False,  # it may hold a password
        ),
    ] = "chdb://./data/warehouse"
    max_memory: Annotated[
        str, Field(pattern=r"^\d+(\.\d+)?\s*[KMGT]?i?B?$", description="most memory of one statement, such as 4GiB")
    ] = "4GiB"
    backups: Annotated[
        str | None, Field(description="folder of backups; default: FOLDER.backups beside the data")
    ] = None
    keep_backups: Annotated[int, Field(ge=1, le=1000, description="how many backups are kept")] = 7

    @property
    def max_memory_bytes(self) -> int:
        """``max_memory`` in bytes."""
        return _bytes(self.max_memory)


class ReportingSettings(_Section):
    """How numbers are cut into days and shown."""

    timezone: Annotated[str, Field(description="IANA time zone of days, weeks and months")] = "UTC"
    locale: Annotated[Literal["en", "ru"], Field(description="language of messages and labels")] = "en"
    folder: Annotated[str, Field(description="where pictures and texts of reports are written")] = "./data/reports"
    events: Annotated[str | None, Field(description="calendar of known events (campaigns, releases, …), YAML")] = None


class CatalogSettings(_Section):
    """What is measured besides the shipped catalog."""

    file: Annotated[str | None, Field(description="a project's own catalog, YAML")] = None


class ExperimentsSettings(_Section):
    """Where experiments are written down."""

    folder: Annotated[str, Field(description="registry of experiments: a folder with one YAML for each")] = (
        "./experiments"
    )


class MessagesSettings(_Section):
    """Who gets messages, and how they are delivered."""

    chats: Annotated[
        tuple[Chat, ...],
        BeforeValidator(read_chats),
        Field(description="who gets messages, one table [[messages.chats]] each; see docs/messages.md"),
    ] = ()
    folder: Annotated[str, Field(description="where messages land for chats of the channel folder")] = (
        "./data/messages"
    )
    attempts: Annotated[int, Field(ge=1, le=100, description="attempts before a message is given up")] = 8

    @field_validator("chats")
    @classmethod
    def _names_differ(cls, chats: tuple[Chat, ...]) -> tuple[Chat, ...]:
        names = [chat.name for chat in chats]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two chats are named {twice}")
        return chats


class AlertsSettings(_Section):
    """What is watched for anomalies, and how it is told."""

    metrics: Annotated[
        str,
        Field(description="metrics that are watched, by commas; `all` is every one (`alerts metrics` lists them)"),
    ] = (
        "views, likes, ctr, feed_users, messages, messenger_users, views_per_user, messages_per_user,"
        " new_users, wau, mau, stickiness"
    )
    dimensions: Annotated[str, Field(description="their slices that are watched, dimensions by commas")] = (
        "source, os, country, city, gender, age_group"
    )
    minutes: Annotated[int, Field(description="length of a bin: 5, 10, 15, 20, 30 or 60")] = 15
    method: Annotated[str, Field(description="detector; see docs/anomalies.md")] = "seasonal"
    min_size: Annotated[float, Field(gt=0, description="least expected events of a bin that is judged")] = 5
    min_change: Annotated[float, Field(ge=0, lt=1, description="least difference from the expected, a share")] = 0.1
    delay: Annotated[int, Field(ge=0, le=1440, description="minutes after its end at which a bin is read")] = 5
    hold: Annotated[int, Field(ge=0, le=1440, description="minutes that a bin without events is waited for")] = 30
    remind: Annotated[int, Field(ge=1, le=168, description="hours after which an open incident is told again")] = 6
    dashboard: Annotated[
        str | None, Field(description="address of the dashboard in messages; {start} and {end} are its times")
    ] = None


class TelegramSettings(_Section):
    """How Telegram is reached."""

    token: Annotated[SecretStr | None, Field(description="the bot's token; a secret")] = None
    chat_id: Annotated[str | None, Field(description="chat or channel that gets the messages")] = None
    base_url: Annotated[str, Field(description="address of the Bot API")] = "https://api.telegram.org"


class ServerSettings(_Section):
    """How ``appanalytics serve`` serves an embedded warehouse."""

    host: Annotated[str, Field(description="address to listen on; others than loopback need passwords")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="port; 0 is any free one")] = 8123
    users: Annotated[str | None, Field(description="file of users; default: users.toml beside the data's folder")] = (
        None
    )
    max_memory: Annotated[
        str, Field(pattern=r"^\d+(\.\d+)?\s*[KMGT]?i?B?$", description="most memory of all statements together")
    ] = "8GiB"
    max_queries: Annotated[int, Field(ge=1, le=256, description="statements that read, and that write, at once")] = 32
    patience: Annotated[float, Field(gt=0, description="seconds that a client may be silent in its body")] = 30
    rollup_every: Annotated[
        str, Field(pattern=r"^(off|[1-9]\d*[smh])$", description="how often the server rolls up what changed, or off")
    ] = "15m"
    log: Annotated[Literal["text", "json"], Field(description="form of the server's log lines")] = "text"

    @property
    def rollup_seconds(self) -> int | None:
        """``rollup_every`` in seconds; None for off."""
        if self.rollup_every == "off":
            return None
        return int(self.rollup_every[:-1]) * {"s": 1, "m": 60, "h": 3600}[self.rollup_every[-1]]

    @property
    def max_memory_bytes(self) -> int:
        """``max_memory`` in bytes."""
        return _bytes(self.max_memory)


class CollectorSettings(_Section):
    """How ``appanalytics serve`` takes events."""

    keys: Annotated[str | None, Field(description="file of the apps' keys; default: keys.toml beside the data's")] = (
        None
    )
    origins: Annotated[
        str, Field(description="web pages that may send events, such as https://app.example; * is any")
    ] = ""
    late_days: Annotated[int, Field(ge=1, le=36_500, description="how many days old an event may be")] = 30
    max_memory: Annotated[
        str, Field(pattern=r"^\d+(\.\d+)?\s*[KMGT]?i?B?$", description="most memory of events that wait")
    ] = "256MiB"
    max_body: Annotated[
        str, Field(pattern=r"^\d+(\.\d+)?\s*[KMGT]?i?B?$", description="longest request, without compression")
    ] = "64MiB"

    @property
    def max_memory_bytes(self) -> int:
        """``max_memory`` in bytes."""
        return _bytes(self.max_memory)

    @property
    def max_body_bytes(self) -> int:
        """``max_body`` in bytes."""
        return _bytes(self.max_body)


_CRON = r"^(off|\S+( \S+){4})$"
_CLOCK = r"^(off|([01]\d|2[0-3]):[0-5]\d)$"


class ScheduleSettings(_Section):
    """When the routine runs in a scheduler: cron expressions in reporting time, or ``off``."""

    daily_tables: Annotated[str, Field(pattern=_CRON, description="rollups and report tables of yesterday")] = (
        "30 4 * * *"
    )
    daily_report: Annotated[str, Field(pattern=_CRON, description="yesterday's report to the chats")] = "0 11 * * *"
    anomaly_alerts: Annotated[
        str, Field(pattern=_CRON, description="detection, a little after each quarter hour")
    ] = "6-59/15 * * * *"
    experiments_daily: Annotated[str, Field(pattern=_CRON, description="results of running experiments")] = (
        "0 5 * * *"
    )
    data_quality: Annotated[str, Field(pattern=_CRON, description="all checks of the warehouse")] = "15 5 * * *"
    backup: Annotated[str, Field(pattern=_CRON, description="backup of the warehouse")] = "30 5 * * *"
    slices: Annotated[str, Field(description="dimensions of the report table, separated by commas")] = (
        "gender, age, os"
    )
    tables_due: Annotated[
        str, Field(pattern=_CLOCK, description="by when the tables of yesterday must be there, else it is told")
    ] = "06:00"
    report_due: Annotated[str, Field(pattern=_CLOCK, description="the same of yesterday's report")] = "13:00"
    retry_seconds: Annotated[
        int, Field(ge=1, le=3600, description="pause before a failed task is tried again; it doubles each time")
    ] = 30
    owner: Annotated[str, Field(description="who is named as owner of the routine")] = "analytics"

    @property
    def dimensions(self) -> tuple[str, ...]:
        """``slices`` as names."""
        return tuple(name.strip() for name in self.slices.split(",") if name.strip())


class AirflowSettings(_Section):
    """The Airflow that ``appanalytics up`` runs."""

    venv: Annotated[str, Field(description="its virtual environment, made by `make airflow-venv`")] = ".venv-airflow"
    folder: Annotated[str, Field(description="its home: configuration, logs, metadata unless in Postgres")] = (
        "./data/airflow"
    )
    host: Annotated[str, Field(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535, description="port of its web pages and REST API")] = 8080
    password: Annotated[SecretStr | None, Field(description="of its user admin; random without; a secret")] = None
    database: Annotated[
        SecretStr | None, Field(description="metadata database, such as postgresql://…; a secret")
    ] = None
    dags: Annotated[str | None, Field(description="folder of DAGs of your own, beside those of the package")] = None
    executor: Annotated[str, Field(description="LocalExecutor, or one of Airflow's others")] = "LocalExecutor"
    parallelism: Annotated[int, Field(ge=1, le=512, description="tasks at once")] = 2


class PartsSettings(_Section):
    """The parts that ``appanalytics up`` keeps running on this machine."""

    folder: Annotated[str, Field(description="logs and private files of the parts")] = "./data/parts"
    live: Annotated[bool, Field(description="whether the demo goes on with live events")] = True


class RedashSettings(_Section):
    """The Redash that ``appanalytics redash`` fills."""

    url: Annotated[str, Field(description="address of Redash")] = "http://127.0.0.1:5000"
    key: Annotated[SecretStr | None, Field(description="an admin's API key; a secret")] = None
    warehouse: Annotated[
        str | None, Field(description="http(s) address by which Redash reaches the warehouse; default: the server's")
    ] = None
    user: Annotated[str, Field(description="user of the warehouse that Redash asks as")] = "reader"
    password: Annotated[SecretStr | None, Field(description="of that user; a secret")] = None


class DashboardsSettings(_Section):
    """Which dashboards there are besides the shipped ones."""

    specs: Annotated[str | None, Field(description="folder of your own dashboards, one YAML file each")] = None


class SupersetSettings(_Section):
    """Where Superset is, and how this machine runs it."""

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


class Settings(_Section):
    """All settings. Relative folders are taken from ``base``: the settings file's folder, or the working folder."""

    warehouse: WarehouseSettings = WarehouseSettings()
    reporting: ReportingSettings = ReportingSettings()
    catalog: CatalogSettings = CatalogSettings()
    experiments: ExperimentsSettings = ExperimentsSettings()
    server: ServerSettings = ServerSettings()
    collector: CollectorSettings = CollectorSettings()
    messages: MessagesSettings = MessagesSettings()
    alerts: AlertsSettings = AlertsSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    airflow: AirflowSettings = AirflowSettings()
    parts: PartsSettings = PartsSettings()
    redash: RedashSettings = RedashSettings()
    dashboards: DashboardsSettings = DashboardsSettings()
    superset: SupersetSettings = SupersetSettings()
    telegram: TelegramSettings = TelegramSettings()

    @property
    def zone(self) -> ZoneInfo:
        """The reporting time zone."""
        return parse_zone(self.reporting.timezone)
