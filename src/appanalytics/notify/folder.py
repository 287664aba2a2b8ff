"""A chat that is a folder: each message a file, and a page that looks like the chat and refreshes itself.

A message's file is named by its number, so delivering it again writes the same file: nothing comes twice here.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appanalytics.chats import Chat
from appanalytics.notify.channel import Calls, Order
from appanalytics.notify.letter import Kind
from appanalytics.notify.outbox import Receipt
from appanalytics.notify.page import chat_page
from appanalytics.notify.problems import ChannelDown

#: Messages on the page; older ones stay in the folder.
SHOWN = 200


@dataclass(frozen=True)
class Folder:
    """Messages as ``<chat>/<number>.json`` (and ``.png``) in a folder, and ``<chat>.html`` to look at."""

    root: Path
    zone: ZoneInfo

    async def open(self) -> None:
        """Make the folder; it is for its owner alone, because numbers are."""
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ChannelDown(f"cannot make the folder {self.root}: {error.strerror}") from None

    async def close(self) -> None:
        """Nothing to do."""

    def page(self, chat: Chat) -> Path:
        """The page of a chat."""
        return self.root / f"{chat.name}.html"

    def show(self, chat: Chat) -> Path:
        """The page of a chat, made anew from the messages in the folder, also while there are none.

        Raises `ChannelDown` where it cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(self.page(chat), self._page(chat).encode("utf-8"))
        except OSError as error:
            raise ChannelDown(f"cannot write in {self.root}: {error.strerror}") from None
        return self.page(chat)

    async def deliver(self, chat: Chat, order: Order, calls: Calls) -> Receipt:
        """Write the message and its page; an edit writes over the thread's first message."""
        await calls.begin()
        is_edit = order.kind is Kind.EDIT and order.root is not None
        number = int(order.root["number"]) if is_edit and order.root else order.number
        where = self.root / chat.name
        try:
            where.mkdir(exist_ok=True, mode=0o700)
            picture = f"{number}-{order.number}.png" if order.letter.picture else ""
            if picture:
                _write(where / picture, order.letter.picture)
            _write(where / f"{number}.json", json.dumps(self._entry(order, number, picture, is_edit)).encode())
            _write(self.page(chat), self._page(chat).encode("utf-8"))
        except OSError as error:
            raise ChannelDown(f"cannot write in {where}: {error.strerror}") from None
        return {"number": number}

    def _entry(self, order: Order, number: int, picture: str, is_edit: bool) -> dict[str, Any]:
        letter = order.letter
        answers = order.root["number"] if order.root and order.kind is Kind.REPLY else None
        return {
            "key": order.key,
            "html": letter.as_caption if picture else letter.as_text,
            "picture": picture,
            "time": datetime.fromtimestamp(number / 1e9, self.zone).isoformat(timespec="seconds"),
            "edited": datetime.fromtimestamp(order.number / 1e9, self.zone).strftime("%H:%M") if is_edit else "",
            "answers": answers,
        }

    def _page(self, chat: Chat) -> str:
        files = sorted((self.root / chat.name).glob("*.json"), key=lambda file: int(file.stem))[-SHOWN:]
        entries = {int(file.stem): json.loads(file.read_text(encoding="utf-8")) for file in files}
        return chat_page(chat.name, chat.locale or "en", entries)


def _write(path: Path, content: bytes) -> None:
    """All of it or nothing, so that a page that is being looked at is never half."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)  # noqa: PTH105 (atomic over an existing file)
