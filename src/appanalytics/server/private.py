"""Files that their owner alone may read: sections of TOML with names, each of the fields of a model."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from appanalytics.errors import SettingsError

M = TypeVar("M", bound=BaseModel)


def read_private(file: Path, what: str, model: type[M], check_name: Callable[[str], None]) -> dict[str, M]:
    """The sections by name. ``what`` the file holds, such as passwords, is told in errors.

    Raises `SettingsError` for a file that others can read or that is none of TOML, and names file, section and field
    of a value that is wrong; ``check_name`` raises it for a name.
    """
    try:
        if os.name == "posix" and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(f"{file} holds {what} and others can read it", hint=f"chmod 600 {file}")
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"cannot read the {what} of {file}: {error}") from None
    sections = {}
    for name, values in tree.items():
        check_name(name)
        try:
            sections[name] = model.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in (name, *first["loc"]))
            raise SettingsError(f"{file}: {where}: {first['msg'].lower()}") from None
    return sections


def replace_private(file: Path, text: str) -> None:
    """Put a new content in place of the old one at once, so that a crash leaves either."""
    partial = file.with_name(file.name + ".partial")
    _write(partial, text, os.O_TRUNC)
    partial.replace(file)


def write_private(file: Path, text: str) -> None:
    """Write a file that is not there yet; raises `FileExistsError`."""
    _write(file, text, os.O_EXCL)


def _write(file: Path, text: str, how: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | how, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
