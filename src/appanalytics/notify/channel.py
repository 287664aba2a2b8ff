"""What a channel does for the outbox, and the channels of a machine without any: a folder, and the terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from appanalytics.chats import Chat
from appanalytics.markup import plain
from appanalytics.notify.letter import Kind, Letter
from appanalytics.notify.outbox import Receipt


@dataclass(frozen=True, slots=True)
class Order:
    """One message to deliver; ``root`` is the first message of its thread, if that was delivered."""

    key: str
    number: int
    kind: Kind
    letter: Letter
    root: Receipt | None = None


class Calls(Protocol):
    """What a channel tells before and between its calls, so that the log knows of every one."""

    async def begin(self) -> None:
        """A call is about to be made; waits until the limits allow it."""

    async def refused(self, error: str) -> None:
        """The call was refused for certain, and another form of the message will be tried."""


class Channel(Protocol):
    """Delivers messages of chats; raises `Undelivered` and its kinds."""

    async def open(self) -> None:
        """Get ready; raises `ChannelDown` where no message can be delivered, `Postponed` where not now."""

    async def deliver(self, chat: Chat, order: Order, calls: Calls) -> Receipt:
        """Deliver one message and tell where it is. Called again with the same order after a crash."""

    async def close(self) -> None:
        """Release what `open` took."""


class Console:
    """Prints messages; pictures are only mentioned."""

    def __init__(self, write: Callable[[str], object] = print) -> None:
        self._write = write

    async def open(self) -> None:
        """Nothing to do."""

    async def deliver(self, chat: Chat, order: Order, calls: Calls) -> Receipt:
        """Print one message; an answer is indented, an edit says so."""
        await calls.begin()
        mark = {Kind.SEND: "", Kind.EDIT: " (edited)", Kind.REPLY: " (answer)"}[order.kind]
        picture = f"\n[picture, {len(order.letter.picture):,} bytes]" if order.letter.picture else ""
        self._write(f"— {chat.name}{mark} —\n{plain(order.letter.as_text)}{picture}\n")
        return {"number": order.number}

    async def close(self) -> None:
        """Nothing to do."""
