"""Messages by apprise to a service that really listens: with a picture, without, refused."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from appanalytics.chats import Chat, read_chats
from appanalytics.notify import Kind, Letter, Mask
from appanalytics.notify.channel import Order
from appanalytics.notify.others import Others
from appanalytics.notify.problems import Postponed, Refused
from appanalytics.pictures import new_figure, png

LETTER = Letter("<b>DAU fell</b>\nby 20 %")


class Hook:
    """What came, and whether it is taken: pictures alone, everything, or nothing."""

    def __init__(self) -> None:
        self.took: list[dict[str, Any]] = []
        self.pictures, self.texts = True, True


class Calls:
    """Counts the calls, and what was said of a refused form."""

    def __init__(self) -> None:
        self.begun, self.said = 0, list[str]()

    async def begin(self) -> None:
        self.begun += 1

    async def refused(self, error: str) -> None:
        self.said.append(error)


@pytest.fixture
def hook() -> Iterator[tuple[Hook, Chat]]:
    held = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            taken = held.pictures if body.get("attachments") else held.texts
            if taken:
                held.took.append(body)
            self.send_response(200 if taken else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield held, Chat(name="office", channel="apprise", url=f"json://127.0.0.1:{server.server_port}/hook")  # type: ignore[arg-type]
    server.shutdown()
    server.server_close()


def deliver(chat: Chat, order: Order) -> tuple[dict[str, Any], Calls]:
    calls, channel = Calls(), Others(Mask([]))

    async def work() -> dict[str, Any]:
        await channel.open()
        try:
            return dict(await channel.deliver(chat, order, calls))
        finally:
            await channel.close()

    return asyncio.run(work()), calls


def test_a_text_has_its_first_line_as_title(hook: tuple[Hook, Chat]) -> None:
    held, chat = hook
    receipt, calls = deliver(chat, Order("k", 7, Kind.SEND, LETTER))
    assert (receipt, calls.begun) == ({"number": 7}, 1)
    assert (held.took[0]["title"], "20 %" in held.took[0]["message"]) == ("DAU fell", True)


def test_a_picture_is_sent_and_left_out_where_it_is_refused(hook: tuple[Hook, Chat]) -> None:
    held, chat = hook
    letter = Letter(LETTER.html, png(new_figure(40, 30)))
    _, calls = deliver(chat, Order("k", 1, Kind.SEND, letter))
    assert (calls.begun, len(held.took[0]["attachments"])) == (1, 1)
    held.pictures = False
    _, calls = deliver(chat, Order("k", 2, Kind.SEND, letter))
    assert (calls.begun, calls.said) == (2, ["refused with the picture"])
    assert not held.took[1]["attachments"]


def test_a_service_that_takes_nothing_is_asked_again_later(hook: tuple[Hook, Chat]) -> None:
    held, chat = hook
    held.texts = False
    with pytest.raises(Postponed, match="office: the service did not take the message"):
        deliver(chat, Order("k", 1, Kind.SEND, LETTER))


def test_a_change_of_a_message_is_not_sent_again(hook: tuple[Hook, Chat]) -> None:
    held, chat = hook
    assert deliver(chat, Order("k", 9, Kind.EDIT, LETTER, {"number": 7}))[0] == {"number": 7}
    assert held.took == []


def test_an_address_of_no_service_is_refused() -> None:
    chat = Chat(name="office", channel="apprise", url="nothing://x")  # type: ignore[arg-type]
    with pytest.raises(Refused, match="office: apprise does not understand the URL"):
        deliver(chat, Order("k", 1, Kind.SEND, LETTER))


def test_chats_without_an_address_and_lists_that_are_none() -> None:
    with pytest.raises(ValueError, match="an apprise chat needs `url`"):
        Chat(name="office", channel="apprise")
    for text, said in (('{"name": "x"}', "a list of chats is expected"), ("[", "a list of chats in JSON")):
        with pytest.raises(ValueError, match=said):
            read_chats(text)
