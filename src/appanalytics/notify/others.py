"""Every other channel by apprise: Slack, Mattermost, Discord, e-mail, webhooks, a hundred more, each by a URL."""

from __future__ import annotations

import warnings
from typing import Any

from appanalytics.chats import Chat
from appanalytics.errors import SettingsError
from appanalytics.markup import plain
from appanalytics.notify.channel import Calls, Order
from appanalytics.notify.letter import Kind
from appanalytics.notify.masks import Mask, guard_logs
from appanalytics.notify.outbox import Receipt
from appanalytics.notify.problems import Postponed, Refused


class Others:
    """apprise answers only yes or no, knows no edits and no answers.

    A change of an incident is therefore not sent, its recovery is a message of its own.
    """

    def __init__(self, mask: Mask) -> None:
        guard_logs(mask)
        self._mask = mask

    async def open(self) -> None:
        """See that the library is there."""
        _library()

    async def close(self) -> None:
        """Nothing to do."""

    async def deliver(self, chat: Chat, order: Order, calls: Calls) -> Receipt:
        """Send one message; without its picture where it is refused with it."""
        if order.kind is Kind.EDIT and order.root:
            return order.root
        service = self._service(chat)
        title, _, body = order.letter.as_text.partition("\n")
        parts = {"title": plain(title), "body": body.strip("\n") or title, "body_format": "html"}
        if order.letter.picture:
            await calls.begin()
            if await service.async_notify(**parts, attach=_attachment(order.letter.picture)):
                return {"number": order.number}
            await calls.refused("refused with the picture")
        await calls.begin()
        if await service.async_notify(**parts):
            return {"number": order.number}
        raise Postponed(f"{chat.name}: the service did not take the message", certain=False)

    def _service(self, chat: Chat) -> Any:
        address = chat.url.get_secret_value() if chat.url else ""
        service = _library().Apprise()
        if not service.add(address + ("&" if "?" in address else "?") + "overflow=split"):
            raise Refused(f"{chat.name}: apprise does not understand the URL (see docs/messages.md)")
        return service


def _library() -> Any:
    try:
        import apprise
    except ImportError as error:
        hint = "pip install 'appanalytics[notify]'"
        raise SettingsError(f"channels other than Telegram need apprise ({error})", hint=hint) from None
    # Its plugins are loaded late, and one of them imports a module that Python drops later.
    warnings.filterwarnings("ignore", "'imghdr'", DeprecationWarning)
    return apprise


def _attachment(picture: bytes) -> Any:
    from apprise.attachment.memory import AttachMemory

    made: Any = AttachMemory
    return made(content=picture, name="chart.png", mimetype="image/png")
