"""Settings: defaults, then ``appanalytics.toml``, then the environment, then arguments; each value knows its origin.

In the environment sections and names are joined by two underscores: ``APPANALYTICS_REPORTING__TIMEZONE``. This is
the only module that reads the environment. Secrets come from the environment or from a file that nobody else can
read (mode 600), and are never shown.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator

from appanalytics.chats import Chat, holds_secret, read_chats, with_environment
from appanalytics.engine.url import WarehouseUrl, masked
from appanalytics.errors import SettingsError, nearest
from appanalytics.sections import DashboardsSettings, ScheduleSettings, SupersetSettings
from appanalytics.window import parse_zone

FILE_NAME = "appanalytics.toml"
PREFIX = "APPANALYTICS_"
#: Variables that are not settings themselves.
_OTHER_VARIABLES = frozenset({"APPANALYTICS_CONFIG", "APPANALYTICS_REAL_DATA"})


#: Settings whose file must be readable by its owner alone.
_SECRETS = frozenset({"telegram.token", "superset.password", "superset.metadata", "superset.warehouse"})


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _bytes(size: str) -> int:
    """A size with its unit in bytes; K, M, G and T are powers of 1024."""
    number, unit = re.fullmatch(r"([\d.]+)\s*([KMGT]?)i?B?", size).groups()  # type: ignore[union-attr]
    return int(float(number) * 1024 ** " KMGT".index(unit or " "))


class WarehouseSettings(_Section):
    """Where events and rollups are."""

    url: Annotated[
        str, Field(description="chdb:///folder for the embedded engine, http(s)://user:password@host:port/database")
    ] = "chdb://./data/warehouse"
    max_memory: Annotated[
        str, Field(pattern=r"^\d+(\.\d+)?\s*[KMGT]?i?B?$", description="most memory of one statement, such as 4GiB")
    ] = "4GiB"
    backups: Annotated[
        str | None, Field(description="folder of backups; default: FOLDER.backups beside the data")
    ] = None

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

    metrics: Annotated[str, Field(description="metrics that are watched, by commas: counts, users and shares")] = (
        "views, likes, ctr, feed_users, messages, messenger_users"
    )
    dimensions: Annotated[str, Field(description="their slices that are watched, dimensions by commas")] = (
        "source, os, country, city, gender, age_group"
    )
    minutes: Annotated[int, Field(description="length of a bin: 5, 10, 15, 20, 30 or 60")] = 15
    method: Annotated[str, Field(description="detector; see docs/anomalies.md")] = "seasonal"
    min_size: Annotated[float, Field(gt=0, description="least expected events of a bin that is judged")] = 30
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


class Settings(_Section):
    """All settings. Relative folders are taken from ``base``: the settings file's folder, or the working folder."""

    warehouse: WarehouseSettings = WarehouseSettings()
    reporting: ReportingSettings = ReportingSettings()
    catalog: CatalogSettings = CatalogSettings()
    experiments: ExperimentsSettings = ExperimentsSettings()
    server: ServerSettings = ServerSettings()
    collector: CollectorSettings = CollectorSettings()
    messages: MessagesSettings = MessagesSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    telegram: TelegramSettings = TelegramSettings()
    alerts: AlertsSettings = AlertsSettings()
    dashboards: DashboardsSettings = DashboardsSettings()
    superset: SupersetSettings = SupersetSettings()

    @property
    def zone(self) -> ZoneInfo:
        """The reporting time zone."""
        return parse_zone(self.reporting.timezone)


@dataclass(frozen=True)
class Loaded:
    """Settings with the place each came from, and the folder that relative paths start in."""

    settings: Settings
    base: Path
    origins: Mapping[str, str] = field(default_factory=dict)

    def warehouse(self) -> WarehouseUrl:
        """The warehouse's URL, parsed; a relative folder starts in `base`."""
        from_file = not self.origins.get("warehouse.url", "").startswith((PREFIX, "--"))
        return WarehouseUrl.parse(self.settings.warehouse.url, base=self.base if from_file else None)

    def path(self, text: str) -> Path:
        """A folder or file named in the settings."""
        return (self.base / Path(text).expanduser()).resolve()

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Name, value (secrets masked) and origin of every setting."""
        for name, value in _flat(self.settings):
            yield name, _shown(value), self.origins.get(name, "default")


def load_settings(
    config: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Loaded:
    """Read all settings; raises `SettingsError` that names file or variable, key and the nearest valid name.

    ``overrides`` are values of command-line options by dotted name. Without ``config`` the file is looked for in
    ``$APPANALYTICS_CONFIG``, the working folder and ``~/.config/appanalytics``.
    """
    environment = dict(os.environ if environ is None else environ)
    file = find_file(config, environment, folder or Path.cwd())
    layers = [*_file_layer(file), *_environment_layer(environment), *_override_layer(overrides or {})]
    tree: dict[str, dict[str, Any]] = {}
    origins = {}
    private = set()
    for name, value, origin in layers:
        section, key = name.split(".")
        tree.setdefault(section, {})[key] = _filled(name, value, origin, environment)
        origins[name] = origin
        if name in _SECRETS or (name == "messages.chats" and holds_secret(value)):
            private.add(origin)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise _readable(error, origins) from None
    parse_zone(settings.reporting.timezone)
    if file is not None and str(file) in private:
        _check_mode(file)
    return Loaded(settings, file.parent.resolve() if file else (folder or Path.cwd()), origins)


def process_environment() -> dict[str, str]:
    """The environment of this process, for programs that it starts."""
    return dict(os.environ)


def find_file(config: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    """The settings file in use, or None. One that was asked for by name must exist."""
    named = config or (Path(environ["APPANALYTICS_CONFIG"]) if environ.get("APPANALYTICS_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise SettingsError(f"there is no settings file {named}", hint="make one with: appanalytics init")
        return named
    home = environ.get("XDG_CONFIG_HOME") or (Path(environ["HOME"]) / ".config" if environ.get("HOME") else None)
    places = [folder / FILE_NAME, *([Path(home) / "appanalytics" / FILE_NAME] if home else [])]
    return next((place for place in places if place.is_file()), None)


def names() -> list[str]:
    """Dotted names of all settings."""
    return [name for name, _ in _flat(Settings())]


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.replace(".", "__").upper()


def template(values: Mapping[str, str]) -> str:
    """Text of a new settings file: every setting with its meaning, those of ``values`` set, the rest as comments."""
    lines = ["# Settings of AppAnalytics. Every value can also come from the environment, for example"]
    lines += [f"# {variable('reporting.timezone')}=Europe/Moscow. Show what is in force: appanalytics config show"]
    defaults = Settings()
    for section in Settings.model_fields:
        lines += ["", f"[{section}]"]
        part = getattr(defaults, section)
        for key, info in type(part).model_fields.items():
            name = f"{section}.{key}"
            value = values.get(name, getattr(part, key))
            lines.append(f"# {info.description}")
            shown = '""' if value is None else "[]" if isinstance(value, tuple) else _quoted(str(value))
            lines.append(f"{key} = {shown}" if name in values else f"# {key} = {shown}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _file_layer(file: Path | None) -> list[tuple[str, Any, str]]:
    if file is None:
        return []
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read the settings file {file}: {error}") from None
    found = []
    for section, values in tree.items():
        if not isinstance(values, dict):
            hint = nearest(section, Settings.model_fields)
            raise SettingsError(f"{file}: {section!r} is not a section", hint=hint)
        for key, value in values.items():
            found.append((_known(f"{section}.{key}", str(file)), value, str(file)))
    return found


def _environment_layer(environ: Mapping[str, str]) -> list[tuple[str, Any, str]]:
    found = []
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX) and name not in _OTHER_VARIABLES:
            dotted = name.removeprefix(PREFIX).lower().replace("__", ".", 1)
            found.append((_known(dotted, f"environment variable {name}"), value, name))
    return found


def _override_layer(overrides: Mapping[str, str]) -> list[tuple[str, Any, str]]:
    return [(name, value, f"--{name.split('.')[0]}") for name, value in overrides.items()]


def _known(name: str, where: str) -> str:
    if name not in names():
        raise SettingsError(f"{where}: unknown setting {name!r}", hint=nearest(name, names()))
    return name


def _readable(error: ValidationError, origins: Mapping[str, str]) -> SettingsError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    origin = origins.get(".".join(str(part) for part in first["loc"][:2]), "settings")
    return SettingsError(f"{origin}: {name}: {first['msg'].removeprefix('Value error, ').lower()}")


def _filled(name: str, value: Any, origin: str, environ: Mapping[str, str]) -> Any:
    """Chats with their addresses from the environment; a list that cannot be read is told by its validator."""
    if name != "messages.chats":
        return value
    try:
        return with_environment(value, environ)
    except KeyError as error:
        raise SettingsError(f"{origin}: {name}: there is no environment variable {error.args[0]}") from None
    except ValueError as error:
        raise SettingsError(f"{origin}: {name}: {error}") from None


def _check_mode(file: Path) -> None:
    """A file with a secret must be readable by its owner alone."""
    if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"{file} holds a secret and others can read it", hint=f"chmod 600 {file}")


def _flat(settings: Settings) -> Iterator[tuple[str, Any]]:
    for section in Settings.model_fields:
        part = getattr(settings, section)
        for key in type(part).model_fields:
            yield f"{section}.{key}", getattr(part, key)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    return "****" if isinstance(value, SecretStr) else masked(str(value))
