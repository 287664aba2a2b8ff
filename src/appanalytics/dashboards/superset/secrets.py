"""What must stay secret: Superset's key, the admin's password, the password of its account in the warehouse."""

from __future__ import annotations

import json
import os
import secrets
import stat
from dataclasses import asdict, dataclass
from pathlib import Path

from appanalytics.errors import SettingsError

_FILE = "secrets.json"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made once, kept in a file of mode 600. ``made`` is True when that was just now."""

    secret_key: str
    admin_password: str
    warehouse_password: str
    made: bool = False

    def __repr__(self) -> str:
        return "Secrets(****)"


def keep_secrets(folder: Path, admin_password: str | None = None) -> Secrets:
    """The secrets of a folder, made at the first call; ``admin_password`` is taken instead of a random one.

    Raises `SettingsError` for a file that others may read or that is broken.
    """
    file = folder / _FILE
    if file.exists():
        return _read(file)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = Secrets(
        secrets.token_urlsafe(42), admin_password or secrets.token_urlsafe(15), secrets.token_urlsafe(24), made=True
    )
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        kept = {name: value for name, value in asdict(made).items() if name != "made"}
        json.dump(kept, stream, indent=1)
    return made


def _read(file: Path) -> Secrets:
    if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SettingsError(f"{file} holds secrets and others can read it", hint=f"chmod 600 {file}")
    try:
        return Secrets(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise SettingsError(f"{file} is broken", hint="remove the folder of Superset to set it up afresh") from None
