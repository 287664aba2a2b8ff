"""The apps' keys: one for each app that sends events, kept as hashes in a file of mode 600.

A key is 24 random bytes, so a plain hash keeps it: there is nothing to guess. It may be published with an app; who
has it can add events of that app and nothing else.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from appanalytics.errors import SettingsError
from appanalytics.server.private import read_private, replace_private

_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_HEAD = "# Keys of the apps that send events. A new key: appanalytics serve --new-key APP\n"


class Key(BaseModel):
    """One app's key. Without ``services`` it may send events of every service."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Annotated[str, Field(pattern=r"^sha256\$[0-9a-f]{64}$", description="hash of the key")]
    services: Annotated[list[str], Field(description="services that the app may send events of")] = []


class Keys:
    """All keys; finds the app of one."""

    def __init__(self, keys: dict[str, Key]) -> None:
        self._apps = {key.key: (name, frozenset(key.services)) for name, key in keys.items()}

    def find(self, key: str) -> tuple[str, frozenset[str]] | None:
        """Name of the app and the services it is limited to (none: no limit), or None for an unknown key."""
        return self._apps.get(_hashed(key))


def read_keys(file: Path) -> dict[str, Key]:
    """Read the keys' file; raises `SettingsError` that names file, app and field."""
    return read_private(file, "keys", Key, _check_name)


def new_key(file: Path, app: str) -> str:
    """Give an app a key, or another one in place of its old one; returns it, for it is nowhere else."""
    _check_name(app)
    keys = read_keys(file) if file.exists() else {}
    key = f"aa_{secrets.token_urlsafe(24)}"
    services = keys[app].services if app in keys else []
    keys[app] = Key(key=_hashed(key), services=services)
    lines = [_HEAD]
    for name, each in keys.items():
        lines += [f"[{name}]", f'key = "{each.key}"']
        lines += [f"services = {each.services}".replace("'", '"')] if each.services else []
        lines.append("")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    replace_private(file, "\n".join(lines))
    return key


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} is not an app's name", hint="small letters, digits, underscores, dashes")


def _hashed(key: str) -> str:
    return "sha256$" + hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
