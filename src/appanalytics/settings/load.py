"""Settings: defaults, then ``appanalytics.toml``, then the environment, then arguments; each value knows its origin.

In the environment sections and names are joined by two underscores: ``APPANALYTICS_REPORTING__TIMEZONE``. This is
the only room that reads the environment. Secrets come from the environment or from a file that nobody else can
read (mode 600), and are never shown.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from appanalytics.chats import holds_secret, with_environment
from appanalytics.engine.url import WarehouseUrl, masked
from appanalytics.errors import SettingsError, nearest
from appanalytics.settings.sections import Settings
from appanalytics.window import parse_zone

FILE_NAME = "appanalytics.toml"
PREFIX = "APPANALYTICS_"
#: Variables that are not settings themselves.
_OTHER_VARIABLES = frozenset({"APPANALYTICS_CONFIG", "APPANALYTICS_REAL_DATA"})
#: Settings that are secrets: a file that holds one must be readable by its owner alone.
_SECRET = frozenset(
    {
        "telegram.token",
        "airflow.password",
        "airflow.database",
        "redash.key",
        "redash.password",
        "superset.password",
        "superset.metadata",
        "superset.warehouse",
    }
)


@dataclass(frozen=True)
class Loaded:
    """Settings with the place each came from, and the folder that relative paths start in."""

    settings: Settings
    base: Path
    origins: Mapping[str, str] = field(default_factory=dict)
    file: Path | None = None
    #: Values that did not come from the file, by name.
    besides: Mapping[str, str] = field(default_factory=dict, repr=False)  # secrets may be among them

    def warehouse(self) -> WarehouseUrl:
        """The warehouse's URL, parsed; a relative folder starts in `base`."""
        from_file = not self.origins.get("warehouse.url", "").startswith((PREFIX, "--"))
        return WarehouseUrl.parse(self.settings.warehouse.url, base=self.base if from_file else None)

    def backups(self) -> Path:
        """The folder of backups.

        Raises `SettingsError` when it cannot be known: a server at a URL keeps them where it wants.
        """
        if self.settings.warehouse.backups:
            return self.path(self.settings.warehouse.backups)
        folder = self.warehouse().path
        if folder is None:
            hint = "set warehouse.backups to the folder that the server may write backups into"
            raise SettingsError(f"{self.warehouse()} has no folder of backups beside it", hint=hint)
        return folder.with_name(folder.name + ".backups")

    def path(self, text: str) -> Path:
        """A folder or file named in the settings."""
        return (self.base / Path(text).expanduser()).resolve()

    def environment(self) -> dict[str, str]:
        """Variables with which a program that starts in `base` has the same settings. May hold secrets."""
        found = {variable(name): value for name, value in self.besides.items()}
        if self.file is not None:
            found["APPANALYTICS_CONFIG"] = str(self.file.resolve())
        url = self.warehouse()
        if url.path is not None and "warehouse.url" in self.besides:
            found[variable("warehouse.url")] = f"{url}?database={url.database}"  # relative to another folder
        return found

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
    besides = [*_environment_layer(environment), *_override_layer(overrides or {})]
    layers = [*_file_layer(file), *besides]
    tree: dict[str, dict[str, Any]] = {}
    origins = {}
    private = set()
    for name, value, origin in layers:
        section, key = name.split(".")
        tree.setdefault(section, {})[key] = _filled(name, value, origin, environment)
        origins[name] = origin
        if name in _SECRET or (name == "messages.chats" and holds_secret(value)):
            private.add(origin)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise _readable(error, origins) from None
    parse_zone(settings.reporting.timezone)
    if file is not None and str(file) in private:
        _check_mode(file)
    base = file.parent.resolve() if file else (folder or Path.cwd())
    return Loaded(settings, base, origins, file, {name: value for name, value, _ in besides})


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


def system_environment() -> dict[str, str]:
    """The machine's variables (path, proxies, home, …) without our settings, for programs that we start."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}


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
