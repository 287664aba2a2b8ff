"""Who gets which messages: one chat's settings. Addresses with passwords are secrets and never shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator


class Severity(StrEnum):
    """How urgent a message is; a chat gets those of its own severity and above."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the least urgent."""
        return list(Severity).index(self)


class Chat(BaseModel):
    """One chat, channel, mailbox or folder.

    ``to`` is Telegram's chat id or ``@name``; ``url`` an apprise URL, or ``$NAME`` for one in the environment.
    ``locale`` falls back to the reporting locale. ``metrics`` (empty: all) limit reports and alerts, ``contents`` is
    a report's own YAML, ``severity`` the least urgent alert that is sent.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[\w-]{1,40}$")]
    channel: Literal["telegram", "apprise", "folder", "console"]
    to: Annotated[str, BeforeValidator(str)] = ""
    url: SecretStr | None = None
    locale: Literal["en", "ru"] | None = None
    contents: str | None = None
    metrics: tuple[str, ...] = ()
    severity: Severity = Severity.INFO
    reports: bool = True
    alerts: bool = True

    @model_validator(mode="after")
    def _has_an_address(self) -> Chat:
        if self.channel == "telegram" and not self.to:
            raise ValueError(f"chat {self.name}: a telegram chat needs `to`, its id or @name")
        if self.channel == "apprise" and self.url is None:
            raise ValueError(f"chat {self.name}: an apprise chat needs `url`")
        return self

    def wants(self, metric: str) -> bool:
        """True when the chat did not limit its metrics, or named this one."""
        return not self.metrics or metric in self.metrics

    def __str__(self) -> str:
        where = f" {self.to}" if self.to else ""
        return f"{self.name} ({self.channel}{where}{f', {self.locale}' if self.locale else ''})"


def read_chats(given: Any) -> Any:
    """Chats from a settings file are tables; in the environment they are a JSON list."""
    if not isinstance(given, str):
        return given
    try:
        read = json.loads(given or "[]")
    except ValueError:
        raise ValueError('a list of chats in JSON is expected: [{"name": "team", "channel": "folder"}]') from None
    if not isinstance(read, list):
        raise ValueError("a list of chats is expected")
    return read


def with_environment(given: Any, environ: Mapping[str, str]) -> Any:
    """The same chats with ``$NAME`` in ``url`` replaced by the variable; raises `KeyError` with an absent name."""

    def filled(chat: Any) -> Any:
        url = chat.get("url") if isinstance(chat, dict) else None
        if isinstance(url, str) and url.startswith("$"):
            return {**chat, "url": environ[url.removeprefix("$").strip("{}")]}
        return chat

    read = read_chats(given)
    return [filled(chat) for chat in read] if isinstance(read, list) else read


def holds_secret(given: Any) -> bool:
    """True when a chat's address is written out, so that the file that holds it must be private."""
    read = given if isinstance(given, list) else []
    return any(isinstance(chat, dict) and chat.get("url") and not str(chat["url"]).startswith("$") for chat in read)
