"""Messages as a job: who gets them, by which channels, and the delivery of what waits.

A job that has something to say writes it with `post_office(app).threads` or `.outbox`, and calls `deliver_messages`.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appanalytics.chats import Chat
from appanalytics.errors import FileError, QuestionError, nearest
from appanalytics.notify import (
    Channel,
    Console,
    Delivery,
    Draft,
    Folder,
    Letter,
    Mask,
    Others,
    Outbox,
    Telegram,
    Terms,
    Threads,
    deliver,
)
from appanalytics.notify.problems import ChannelDown
from appanalytics.warehouse.lock import exclusive

if TYPE_CHECKING:
    from appanalytics.app import App

#: The chat of a machine whose settings name none.
LOCAL = Chat(name="local", channel="folder")


@dataclass(frozen=True)
class PostOffice:
    """An app's outbox, its chats and their channels."""

    app: App
    outbox: Outbox
    chats: tuple[Chat, ...]
    mask: Mask
    folder: Path

    @property
    def locale(self) -> str:
        """Language of chats that have none of their own."""
        return self.app.loaded.settings.reporting.locale

    @property
    def threads(self) -> Threads:
        """Incidents as threads; see `appanalytics.notify.Threads`."""
        return Threads(self.outbox, self.chats, self.locale)

    def chat(self, name: str) -> Chat:
        """The chat of a name; an unknown one is a `QuestionError`."""
        found = {chat.name: chat for chat in self.chats}
        if name not in found:
            raise QuestionError(f"there is no chat {name!r} in the settings", hint=nearest(name, found))
        return found[name]

    def page(self, chat: Chat) -> Path:
        """The page of a chat that is a folder."""
        return self.folder / f"{chat.name}.html"

    def channels(self, terms: Terms) -> dict[str, Channel]:
        """The channels that the chats need."""
        settings = self.app.loaded.settings.telegram
        needed = {chat.channel for chat in self.chats}
        found: dict[str, Channel] = {"console": Console(), "folder": Folder(self.folder, self.app.zone)}
        if "apprise" in needed:
            found["apprise"] = Others(self.mask)
        if "telegram" in needed and settings.token is not None:
            found["telegram"] = Telegram(
                settings.token.get_secret_value(),
                self.outbox,
                base_url=settings.base_url,
                mask=self.mask,
                limits=terms.limits,
            )
        return found


def post_office(app: App) -> PostOffice:
    """Chats of the settings. Without any: the chat of `telegram.chat_id`, else a folder of this machine."""
    settings = app.loaded.settings
    chats = settings.messages.chats
    if not chats and settings.telegram.token and settings.telegram.chat_id:
        chats = (Chat(name="telegram", channel="telegram", to=settings.telegram.chat_id),)
    locale = settings.reporting.locale
    chats = tuple(chat if chat.locale else chat.model_copy(update={"locale": locale}) for chat in chats or (LOCAL,))
    secrets = [settings.telegram.token, *(chat.url for chat in chats)]
    mask = Mask(secret.get_secret_value() for secret in secrets if secret is not None)
    return PostOffice(app, Outbox(app.engine, time.time), chats, mask, app.loaded.path(settings.messages.folder))


def pages(office: PostOffice, name: str | None = None) -> list[tuple[str, Path]]:
    """Chats that are folders with their pages, brought up to date; of one chat if it is named.

    Raises `QuestionError` for a chat without a page, `FileError` where a page cannot be written.
    """
    wanted = [office.chat(name)] if name else [chat for chat in office.chats if chat.channel == "folder"]
    folder, found = Folder(office.folder, office.app.zone), []
    for chat in wanted:
        if chat.channel != "folder":
            raise QuestionError(
                f"{chat.name} is a chat of {chat.channel}", hint="pages are of chats that are folders"
            )
        try:
            found.append((chat.name, folder.show(chat)))
        except ChannelDown as error:
            raise FileError(str(error)) from None
    return found


def deliver_messages(app: App, *, patience: float = 60.0, terms: Terms | None = None) -> Delivery:
    """Deliver what waits; what cannot be delivered now waits for the next run, or is given up.

    One process of all that share the warehouse delivers at a time; the others wait for it.
    """
    office = post_office(app)
    chosen = replace(terms or Terms(attempts=app.loaded.settings.messages.attempts), patience=patience)
    with exclusive(app.engine, "deliver") as lock:
        run = deliver(
            office.outbox, office.chats, office.channels(chosen), terms=chosen, mask=office.mask, fence=lock.check
        )
        return asyncio.run(run)


def send_test(app: App, name: str | None = None) -> Delivery:
    """Send every chat (or one) a message that says that it works."""
    office = post_office(app)
    chats = [office.chat(name)] if name else list(office.chats)
    words = {
        "en": "It works: messages of AppAnalytics arrive here.",
        "ru": "Работает: сообщения AppAnalytics приходят сюда.",
    }
    stamp = f"{app.now():%Y-%m-%dT%H:%M:%S.%f}"
    office.outbox.write(
        [Draft(f"test/{stamp}/{chat.name}", chat.name, Letter(f"✅ {words[chat.locale or 'en']}")) for chat in chats]
    )
    return deliver_messages(app, patience=10.0)
