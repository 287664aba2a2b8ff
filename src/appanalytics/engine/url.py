"""The warehouse's URL: where the engine is, which database, which user.

* ``chdb:///var/lib/appanalytics``: the embedded engine with its files in that folder
* ``chdb://./warehouse``: the same, relative to the working folder
* ``chdb://memory``: an embedded engine that forgets everything at exit
* ``http://user:password@host:8123/database`` and ``https://…``: a ClickHouse server

The database of an embedded engine is ``appanalytics`` unless ``?database=`` names another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from appanalytics.errors import SettingsError

DEFAULT_DATABASE = "appanalytics"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class WarehouseUrl:
    """A parsed warehouse URL. ``path`` is None for a server and for an engine in memory."""

    scheme: str
    database: str
    path: Path | None = None
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""

    @property
    def is_embedded(self) -> bool:
        """True when the engine runs inside this process."""
        return self.scheme == "chdb"

    @classmethod
    def parse(cls, text: str, *, base: Path | None = None) -> WarehouseUrl:
        """Read a URL; relative folders are taken from ``base`` (default: the working folder)."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise SettingsError(f"cannot read the warehouse URL: {error}", hint=_EXAMPLES) from None
        options = parse_qs(parts.query)
        database = (options.get("database") or [""])[0]
        if parts.scheme == "chdb":
            return cls("chdb", _identifier(database or DEFAULT_DATABASE), _folder(text, base))
        if parts.scheme in ("http", "https") and parts.hostname:
            named = database or parts.path.strip("/") or DEFAULT_DATABASE
            default = 8443 if parts.scheme == "https" else 8123
            return cls(
                parts.scheme,
                _identifier(named),
                None,
                parts.hostname,
                port or default,
                unquote(parts.username or "default"),
                unquote(parts.password or ""),
            )
        raise SettingsError(f"cannot read the warehouse URL {masked(text)!r}", hint=_EXAMPLES)

    def __str__(self) -> str:
        if self.is_embedded:
            return f"chdb://{self.path}" if self.path else "chdb://memory"
        user = f"{self.user}@" if self.user != "default" else ""
        return f"{self.scheme}://{user}{self.host}:{self.port}/{self.database}"


_EXAMPLES = "write chdb:///folder for the embedded engine or http://user:password@host:8123/database"


def masked(text: str) -> str:
    """The same URL with its password, if any, as asterisks; safe to print."""
    try:
        parts = urlsplit(text)
        if not parts.password:
            return text
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:****@{host}"))
    except ValueError:
        return "****"


def _folder(text: str, base: Path | None) -> Path | None:
    location = unquote(text.removeprefix("chdb:").split("?", 1)[0]).removeprefix("//")
    if location in ("memory", ":memory:"):
        return None
    if not location.strip("/"):
        raise SettingsError("the warehouse URL names no folder", hint=_EXAMPLES)
    return ((base or Path.cwd()) / Path(location).expanduser()).resolve()


def _identifier(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} is not a database name", hint="use letters, digits and underscores")
    return name
