"""Telegram, by python-telegram-bot: one photo with its caption, edits, answers, and what follows a refusal."""

from __future__ import annotations

import warnings
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from appanalytics.chats import Chat
from appanalytics.errors import SettingsError
from appanalytics.markup import plain
from appanalytics.notify.channel import Calls, Order
from appanalytics.notify.letter import Kind, Letter
from appanalytics.notify.masks import Mask, guard_logs
from appanalytics.notify.outbox import Outbox, Receipt
from appanalytics.notify.pace import Limits
from appanalytics.notify.problems import ChannelDown, Postponed, Refused

if TYPE_CHECKING:
    from telegram import Message
    from telegram.ext import ExtBot

PHOTO_BYTES = 10 * 1024 * 1024
DOCUMENT_BYTES = 50 * 1024 * 1024
_NAME = "chart.png"
Call = Callable[[], Awaitable[Any]]


class Telegram:
    """The Bot API. ``timeout`` is in seconds, for each step of a call; pictures have three times as long."""

    def __init__(
        self, token: str, outbox: Outbox, *, base_url: str, mask: Mask, limits: Limits, timeout: float = 20.0
    ) -> None:
        guard_logs(mask)
        self._outbox, self._mask = outbox, mask
        self._bot = _bot(token, base_url, limits, timeout)
        guard_logs(mask)  # the libraries' loggers are there now
        self._moved: dict[str, str] = {}

    async def open(self) -> None:
        """Ask who we are, which also proves the token."""
        from telegram.warnings import PTBDeprecationWarning

        # A 429 would warn of a coming change of its attribute's type, which `_seconds` reads either way.
        warnings.filterwarnings("ignore", "(?s).*retry_after", PTBDeprecationWarning)
        self._moved = self._outbox.moved()
        await self._call(self._bot.initialize, "telegram")

    async def close(self) -> None:
        """Close the connections."""
        await self._bot.shutdown()

    async def deliver(self, chat: Chat, order: Order, calls: Calls) -> Receipt:
        """Send, edit or answer; a picture that is refused becomes a document or is left out, never the text."""
        if order.kind is Kind.EDIT and order.root:
            return await self._edit(chat, order, order.root, calls)
        return await self._send(chat, order, calls)

    # --- send ---

    async def _send(self, chat: Chat, order: Order, calls: Calls) -> Receipt:
        letter = order.letter
        root = order.root.get("message") if order.root and order.kind is Kind.REPLY else None
        forms = [self._text_form(letter, root, is_html=True), self._text_form(letter, root, is_html=False)]
        if letter.picture and len(letter.picture) <= DOCUMENT_BYTES:
            forms.insert(0, self._document_form(letter, root))
        if letter.picture and len(letter.picture) <= PHOTO_BYTES:
            forms.insert(0, self._photo_form(letter, root))
        return await self._first_accepted(chat, forms, calls)

    async def _first_accepted(self, chat: Chat, forms: list[Any], calls: Calls) -> Receipt:
        """Try one form after another while Telegram refuses the form (and not the chat)."""
        for at, form in enumerate(forms):
            await calls.begin()
            try:
                sent: Message = await self._to(chat, form)
            except _FormRefused as error:
                if at == len(forms) - 1:
                    raise Refused(f"{chat.name}: Telegram refused the message: {error}") from None
                await calls.refused(str(error))
                continue
            return {
                "chat": str(sent.chat_id),
                "message": sent.message_id,
                "picture": bool(sent.photo or sent.document),
            }
        raise AssertionError  # pragma: no cover

    def _photo_form(self, letter: Letter, root: int | None) -> Callable[[str], Call]:
        caption = letter.as_caption
        return lambda to: (
            lambda: self._bot.send_photo(
                to, letter.picture, caption=caption, parse_mode="HTML", filename=_NAME, **_answer(root)
            )
        )

    def _document_form(self, letter: Letter, root: int | None) -> Callable[[str], Call]:
        caption = letter.as_caption
        return lambda to: (
            lambda: self._bot.send_document(
                to, letter.picture, caption=caption, parse_mode="HTML", filename=_NAME, **_answer(root)
            )
        )

    def _text_form(self, letter: Letter, root: int | None, *, is_html: bool) -> Callable[[str], Call]:
        text = letter.as_text if is_html else plain(letter.as_text)
        mode = "HTML" if is_html else None
        preview = _no_preview()
        return lambda to: (
            lambda: self._bot.send_message(to, text, parse_mode=mode, link_preview_options=preview, **_answer(root))
        )

    # --- edit ---

    async def _edit(self, chat: Chat, order: Order, root: Receipt, calls: Calls) -> Receipt:
        """Change the thread's first message; where it is gone (or its group moved), send a new one in its place."""
        from telegram.error import ChatMigrated

        if root["chat"] in self._moved:
            return await self._send(chat, order, calls)
        await calls.begin()
        try:
            await self._call(lambda: self._edited(order.letter, root), chat.name)
        except _FormRefused as error:
            if "not modified" in str(error).lower():  # an earlier attempt arrived
                return root
            await calls.refused(str(error))
            return await self._send(chat, order, calls)
        except ChatMigrated as error:
            self._remember(root["chat"], error.new_chat_id)
            await calls.refused("the group moved")
            return await self._send(chat, order, calls)
        return root

    async def _edited(self, letter: Letter, root: Receipt) -> None:
        from telegram import InputMediaPhoto

        place = {"chat_id": root["chat"], "message_id": root["message"]}
        if root["picture"] and letter.picture and len(letter.picture) <= PHOTO_BYTES:
            media = InputMediaPhoto(letter.picture, letter.as_caption, parse_mode="HTML", filename=_NAME)
            await self._bot.edit_message_media(media, **place)
        elif root["picture"]:
            await self._bot.edit_message_caption(**place, caption=letter.as_caption, parse_mode="HTML")
        else:
            await self._bot.edit_message_text(
                letter.as_text, **place, parse_mode="HTML", link_preview_options=_no_preview()
            )

    # --- calls ---

    async def _to(self, chat: Chat, form: Callable[[str], Call]) -> Any:
        from telegram.error import ChatMigrated

        to = self._moved.get(chat.to, chat.to)
        try:
            return await self._call(form(to), chat.name)
        except ChatMigrated as error:
            self._remember(chat.to, error.new_chat_id)
        return await self._call(form(self._moved[chat.to]), chat.name)

    def _remember(self, old: str, new: int) -> None:
        self._moved[old] = str(new)
        self._outbox.move(old, str(new))

    async def _call(self, call: Call, name: str) -> Any:
        """Make one call and tell its failure in our terms, without the token."""
        from telegram import error as errors

        try:
            return await call()
        except errors.ChatMigrated:
            raise
        except errors.RetryAfter as error:
            after = _seconds(error.retry_after)
            text = f"{name}: Telegram asks to wait {after:.0f} s (429)"
            raise Postponed(text, certain=True, excused=True, after=after, everyone=True) from None
        except errors.InvalidToken:
            text = "Telegram does not know this bot's token; @BotFather gives one for APPANALYTICS_TELEGRAM__TOKEN"
            raise ChannelDown(text) from None
        except errors.Forbidden as error:
            raise Refused(f"{name}: the bot may not write there: {self._mask(error)}") from None
        except errors.BadRequest as error:
            if "chat not found" in str(error).lower():
                hint = "is the id right, and is the bot a member?"
                raise Refused(f"{name}: there is no such chat for this bot; {hint}") from None
            raise _FormRefused(self._mask(error)) from None
        except errors.NetworkError as error:
            raise self._network(error, name) from None
        except errors.TelegramError as error:
            raise Postponed(f"{name}: {self._mask(error)}", certain=False) from None

    def _network(self, error: Exception, name: str) -> Postponed:
        import httpx

        cause = error.__cause__
        if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            text = f"{name}: Telegram cannot be reached: {self._mask(cause) or type(cause).__name__}"
            return Postponed(text, certain=True, excused=True, everyone=True)
        return Postponed(f"{name}: no answer from Telegram: {self._mask(error)}", certain=False)


class _FormRefused(Exception):
    """Telegram refuses this form of the message: its picture, its markup, the message to edit."""


def _bot(token: str, base_url: str, limits: Limits, timeout: float) -> ExtBot[None]:
    try:
        from telegram.error import InvalidToken
        from telegram.ext import AIORateLimiter, ExtBot
        from telegram.request import HTTPXRequest
    except ImportError as error:
        raise SettingsError(
            f"Telegram needs its library ({error})", hint="pip install 'appanalytics[notify]'"
        ) from None
    request = HTTPXRequest(
        connection_pool_size=16, connect_timeout=min(timeout, 5.0), read_timeout=timeout, write_timeout=timeout,
        pool_timeout=timeout, media_write_timeout=3 * timeout,
    )  # fmt: skip
    limiter: Any = AIORateLimiter(
        overall_max_rate=limits.per_second, group_max_rate=limits.per_group, group_time_period=limits.group_seconds,
        max_retries=0,
    )  # fmt: skip
    base = base_url.rstrip("/")
    try:
        return ExtBot(
            token, base_url=f"{base}/bot", base_file_url=f"{base}/file/bot", request=request, rate_limiter=limiter
        )
    except InvalidToken:
        raise SettingsError("telegram.token is not a bot's token", hint="@BotFather gives one: 123456:ABC…") from None


def _answer(root: int | None) -> dict[str, Any]:
    from telegram import ReplyParameters

    if root is None:
        return {}
    return {"reply_parameters": ReplyParameters(root, allow_sending_without_reply=True)}


def _no_preview() -> Any:
    from telegram import LinkPreviewOptions

    return LinkPreviewOptions(is_disabled=True)


def _seconds(after: Any) -> float:
    return float(after.total_seconds() if hasattr(after, "total_seconds") else after)
