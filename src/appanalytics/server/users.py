"""Who may ask: users with a role, a hashed password, limits and row filters, kept in one file of mode 600."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, model_validator

from appanalytics.errors import SettingsError, nearest
from appanalytics.server.passwords import Checker, hashed, matches
from appanalytics.server.private import read_private, replace_private, write_private

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,31}")
#: ClickHouse's settings of how many threads a statement takes.
THREADS = ("max_threads", "max_final_threads", "max_parsing_threads", "max_download_threads")
Role = Literal["admin", "writer", "reader"]


class User(BaseModel):
    """One user. A limit of None is no limit; only readers have limits by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role
    password: Annotated[str, Field(description="its scrypt hash; empty: none is asked for (loopback only)")] = ""
    max_seconds: Annotated[int | None, Field(ge=1, description="longest statement")] = None
    max_memory: Annotated[ByteSize | None, Field(ge=1 << 20, description="most memory of a statement, bytes")] = None
    max_rows: Annotated[int | None, Field(ge=1, description="most rows a statement may read")] = None
    max_result_rows: Annotated[int | None, Field(ge=1, description="most rows of a result")] = None
    max_queries: Annotated[int, Field(ge=1, description="statements at once")] = 64
    max_threads: Annotated[
        int | None, Field(ge=1, description="most threads of a statement; a reader's default is the machine's cores")
    ] = None
    rows: Annotated[
        dict[str, str], Field(description="table: condition on its rows; tables without one cannot be read then")
    ] = {}

    @model_validator(mode="after")
    def _rows_are_for_readers(self) -> User:
        if self.rows and self.role != "reader":
            raise ValueError("a condition on rows holds for readers alone")
        return self

    @property
    def reads_only(self) -> bool:
        """Whether the user cannot change anything."""
        return self.role == "reader"

    def limits(self) -> dict[str, int]:
        """ClickHouse's settings of the limits."""
        threads = self.max_threads or (os.cpu_count() if self.reads_only else None)
        named = {
            "max_execution_time": self.max_seconds,
            "max_memory_usage": self.max_memory,
            "max_rows_to_read": self.max_rows,
            "max_result_rows": self.max_result_rows,
            **dict.fromkeys(THREADS, threads),
        }
        return {name: value for name, value in named.items() if value is not None}


#: Users made at the first start.
FIRST = {
    "admin": User(role="admin"),
    "writer": User(role="writer"),
    "reader": User(
        role="reader",
        max_seconds=60,
        max_memory=ByteSize(2 << 30),
        max_rows=10_000_000_000,
        max_result_rows=50_000_000,
        max_queries=16,
    ),
}


class Users:
    """All users, and whether a password is right."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self.users = dict(users)
        self._checker = Checker()

    def find(self, name: str, password: str) -> User | None:
        """The user of that name and password, or None; raises `Problem` (202) when too many wait to be checked."""
        user = self.users.get(name)
        if user is not None and not user.password:
            return user if not password else None
        return user if self._checker.is_right(name, password, user.password if user else "") else None

    def add(self, name: str, user: User, password: str) -> None:
        """Add a user of this process alone."""
        self.users[name] = user.model_copy(update={"password": hashed(password)})
        self.find(name, password)

    def without_password(self) -> list[str]:
        """Names of users that anybody can be."""
        return sorted(name for name, user in self.users.items() if not user.password)


def read_users(file: Path) -> dict[str, User]:
    """Read the users' file; raises `SettingsError` that names file, user and field."""

    def check(name: str) -> None:
        if not _NAME.fullmatch(name):
            raise SettingsError(f"{file}: {name!r} is not a user's name", hint="small letters, digits, underscores")

    return read_private(file, "passwords", User, check)


def make_users(file: Path) -> dict[str, str]:
    """Write the first users with new passwords; returns the passwords, which are nowhere else."""
    passwords = {name: secrets.token_urlsafe(18) for name in FIRST}
    lines = ["# Users of the server. A new password: appanalytics serve --new-password USER", ""]
    for name, user in FIRST.items():
        values = user.model_dump(exclude_none=True, exclude={"rows"}) | {"password": hashed(passwords[name])}
        lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items()), ""]
    lines += [
        "# Rows that a user may see, by table; the other tables are closed to that user then:",
        "# [reader.rows]",
    ]
    lines += ["# feed_actions = \"country = 'Russia'\"", ""]
    write_private(file, "\n".join(lines))
    return passwords


def ensure_user(file: Path, name: str, user: User, password: str) -> bool:
    """Add a user to the file, or give it that password; False when both were so. The file must exist."""
    users = read_users(file)
    if name in users and matches(password, users[name].password):
        return False
    if name in users:
        _set_password(file, name, password)
        return True
    values = user.model_dump(exclude_none=True, exclude={"rows"}) | {"password": hashed(password)}
    lines = [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items()), ""]
    # Sections of a table may follow each other in any order, but a key without a section may not: this one has one.
    with file.open("a", encoding="utf-8") as stream:
        stream.write("\n".join(["", *lines]))
    return True


def renew_password(file: Path, name: str) -> str:
    """Give a user of the file a new password and return it; raises `SettingsError` for an unknown user."""
    users = read_users(file) if file.exists() else {}
    if name not in users:
        raise SettingsError(f"{file} has no user {name!r}", hint=nearest(name, users))
    password = secrets.token_urlsafe(18)
    _set_password(file, name, password)
    return password


def _set_password(file: Path, name: str, password: str) -> None:
    head, section, rest = file.read_text(encoding="utf-8").partition(f"[{name}]\n")
    own, following = re.match(r"((?:(?!\n\[).)*)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    line = f'password = "{hashed(password)}"'
    own, changed = re.subn(r"(?m)^password\s*=.*$", line, own, count=1)
    replace_private(file, head + section + (own if changed else f"{line}\n{own}") + following)


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)
