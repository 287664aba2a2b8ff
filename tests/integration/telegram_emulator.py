"""The Bot API on loopback, as far as messages need it: what Telegram checks is checked, faults come on demand.

Written from the public description of the API. ``calls`` are all requests, ``delivered`` what arrived in chats (also
where no answer was given), ``broken`` the rules that a client broke by calling too fast.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import socket
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from python_multipart.multipart import MultipartParser, parse_options_header

TOKEN = "123456789:AAF-emulated_token_of_the_tests_0123456"
TAGS = {"b", "strong", "i", "em", "u", "ins", "s", "del", "code", "pre", "a", "blockquote", "tg-spoiler", "span"}
PHOTO_BYTES, DOCUMENT_BYTES = 10 * 2**20, 50 * 2**20


class Bad(Exception):
    """An answer of Telegram that is not ok: its code, its words, its parameters."""

    def __init__(self, code: int, text: str, **parameters: Any) -> None:
        super().__init__(text)
        self.code, self.parameters = code, parameters


@dataclass
class Faults:
    """How often calls fail; ``next`` are faults of the next calls, before chance decides."""

    rates: dict[str, float] = field(default_factory=dict)
    next: deque[str] = field(default_factory=deque)
    seed: int = 7

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self.made: Counter[str] = Counter()

    def pick(self) -> str:
        """One of: 429, 500, 502, timeout_before, timeout_after, reset_before, reset_after, or nothing."""
        if found := self.next.popleft() if self.next else self._by_chance():
            self.made[found] += 1
        return found

    def _by_chance(self) -> str:
        roll = self._chance.random()
        for name, rate in self.rates.items():
            if (roll := roll - rate) < 0:
                return name
        return ""


@dataclass
class Emulator:
    """State of the emulated API. ``retry_after`` and ``hang`` are seconds."""

    faults: Faults = field(default_factory=Faults)
    retry_after: float = 1
    hang: float = 3.0
    per_second: int = 30
    spacing: float = 0.0
    per_group: int = 20
    group_seconds: float = 60.0
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    delivered: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    arrivals: list[tuple[float, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    blocked: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    moved: dict[str, int] = field(default_factory=dict)
    refuse_photos: bool = False
    is_down: bool = False
    url: str = ""

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._silent: dict[str, float] = defaultdict(float)
        self._called: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=self.per_group + 1))

    def sent(self, method: str | None = None) -> list[dict[str, Any]]:
        """What arrived, in order; of one method if it is given."""
        return [each for each in self.delivered.values() if method in (None, each["method"])]

    def texts(self) -> Counter[str]:
        """How often each text arrived."""
        return Counter(each["text"] for each in self.delivered.values())

    def answer(self, token: str, method: str, fields: dict[str, Any]) -> tuple[Any, str]:
        """Result of a call and the fault to show instead of it; raises `Bad`."""
        with self._lock:
            self.calls.append((method, {key: value for key, value in fields.items() if key != "token"}))
            if self.is_down:
                raise Bad(502, "Bad Gateway")
            if token != TOKEN:
                raise Bad(401, "Unauthorized")
            if method == "getMe":
                return {"id": 123456789, "is_bot": True, "first_name": "Test", "username": "test_bot"}, ""
            if method == "getUpdates":
                return [], ""
            fault, chat = self.faults.pick(), str(fields.get("chat_id", ""))
            self._watch(chat)
            if fault == "429":
                self._silent[chat] = time.time() + self.retry_after
                raise Bad(429, f"Too Many Requests: retry after {self.retry_after}", retry_after=self.retry_after)
            if fault in ("500", "502"):
                raise Bad(int(fault), "Internal Server Error")
            if fault in ("timeout_before", "reset_before"):
                return None, fault
            self._admit(chat)
            return self._act(method, chat, fields), fault

    def _watch(self, chat: str) -> None:
        now = time.time()
        if now < self._silent[chat]:
            self.broken.append(f"{chat} called while it was asked to wait")
        self.arrivals.append((now, chat))
        if sum(when > now - 1 for when, _ in self.arrivals[-self.per_second - 1 :]) > self.per_second:
            self.broken.append("too many calls in a second")
        mine = self._called[chat]
        mine.append(now)
        if len(mine) > 1 and now - mine[-2] < self.spacing:
            self.broken.append(f"two calls for {chat} within {now - mine[-2]:.3f} s")
        is_group = chat.startswith(("-", "@"))
        if is_group and sum(when > now - self.group_seconds for when in mine) > self.per_group:
            self.broken.append(f"too many calls for the group {chat}")

    def _admit(self, chat: str) -> None:
        if chat in self.moved:
            raise Bad(
                400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=self.moved[chat]
            )
        if chat in self.blocked:
            raise Bad(403, "Forbidden: bot was blocked by the user")
        if chat in self.missing or not chat:
            raise Bad(400, "Bad Request: chat not found")

    def _act(self, method: str, chat: str, fields: dict[str, Any]) -> Any:
        if method in ("sendMessage", "editMessageText"):
            text = _seen(fields["text"], fields.get("parse_mode"), 4096, "message is too long")
            if not text.strip():
                raise Bad(400, "Bad Request: message text is empty")
        elif method == "editMessageMedia":
            media = json.loads(fields["media"])
            text = _seen(media.get("caption", ""), media.get("parse_mode"), 1024, "message caption is too long")
            _checked_file(fields[media["media"].removeprefix("attach://")], PHOTO_BYTES)
        elif method == "sendMediaGroup":
            album = json.loads(fields["media"])
            if not 2 <= len(album) <= 10:
                raise Bad(400, "Bad Request: wrong number of messages")
            return [self._keep("sendMediaGroup", chat, each.get("caption", ""), each, None) for each in album]
        else:
            text = _seen(fields.get("caption", ""), fields.get("parse_mode"), 1024, "message caption is too long")
        if method == "sendPhoto":
            if self.refuse_photos:
                raise Bad(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
            _checked_file(fields["photo"], PHOTO_BYTES)
        if method == "sendDocument":
            _checked_file(fields["document"], DOCUMENT_BYTES)
        number = int(fields["message_id"]) if method.startswith("edit") else None
        return self._keep(method, chat, text, fields, number)

    def _keep(self, method: str, chat: str, text: str, fields: dict[str, Any], number: int | None) -> dict[str, Any]:
        if number is not None:
            held = self.delivered.get((chat, number))
            if held is None:
                raise Bad(400, "Bad Request: message to edit not found")
            if held["text"] == text and method != "editMessageMedia":
                raise Bad(400, "Bad Request: message is not modified")
        answers = json.loads(fields.get("reply_parameters", "{}")).get("message_id")
        key = (chat, number or next(self._numbers))
        entry = {"method": method, "chat": chat, "text": text, "answers": answers, "number": key[1]}
        entry["edits"] = self.delivered[key]["edits"] + 1 if number else 0
        has_picture = method in ("sendPhoto", "sendDocument", "editMessageMedia", "editMessageCaption")
        self.delivered[key] = entry | {"picture": has_picture}
        kind = "supergroup" if chat.startswith("-") else "private"
        where = {
            "id": int(chat) if chat.lstrip("-").isdigit() else -1,
            "type": kind,
            "title": "chat",
            "first_name": "x",
        }
        message: dict[str, Any] = {"message_id": key[1], "date": int(time.time()), "chat": where}
        size = {"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}
        return message | ({"photo": [size], "caption": text} if has_picture else {"text": text})


def _seen(markup: str, mode: str | None, limit: int, complaint: str) -> str:
    """What a reader sees, after Telegram's checks of tags, entities and length."""
    if mode == "HTML":
        opened: list[str] = []
        for closing, name in re.findall(r"<(/?)([\w-]*)[^<>]*>", markup):
            if name not in TAGS:
                raise Bad(400, f"Bad Request: can't parse entities: unsupported start tag {name!r}")
            if not closing:
                opened.append(name)
            elif not opened or opened.pop() != name:
                raise Bad(400, f"Bad Request: can't parse entities: unexpected end tag {name!r}")
        markup = re.sub(r"</?[\w-]+[^<>]*>", "", markup)
        if opened or "<" in markup:
            raise Bad(400, "Bad Request: can't parse entities: a tag is not closed")
        if re.search(r"&(?!(lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)", markup):
            raise Bad(400, "Bad Request: can't parse entities: unknown entity")
        markup = unescape(markup)
    if len(markup.encode("utf-16-le")) // 2 > limit:
        raise Bad(400, f"Bad Request: {complaint}")
    return markup


def _checked_file(content: bytes, limit: int) -> None:
    if len(content) > limit:
        raise Bad(413 if limit > PHOTO_BYTES else 400, "Bad Request: file is too big")
    if not content.startswith(b"\x89PNG"):
        raise Bad(400, "Bad Request: IMAGE_PROCESS_FAILED")


def _fields(content_type: str, body: bytes) -> dict[str, Any]:
    """Fields of a form, of JSON, or of a multipart body (files as bytes)."""
    kind, options = parse_options_header(content_type)
    if kind == b"application/json":
        return dict(json.loads(body or b"{}"))
    if kind != b"multipart/form-data":
        return {key: values[-1] for key, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    found: dict[str, Any] = {}
    head, content, headers = bytearray(), bytearray(), {}

    def part_end() -> None:
        _, named = parse_options_header(headers["content-disposition"])
        raw = bytes(content)
        found[named[b"name"].decode()] = raw if b"filename" in named else raw.decode()

    def header(data: bytes, start: int, end: int) -> None:
        head.extend(data[start:end])

    def value(data: bytes, start: int, end: int) -> None:
        name = bytes(head).decode().lower()
        headers[name] = headers.get(name, b"") + data[start:end]

    def begin() -> None:
        content.clear()
        headers.clear()

    callbacks: dict[str, Callable[..., None]] = {
        "on_part_begin": begin, "on_part_end": part_end, "on_header_field": header, "on_header_value": value,
        "on_header_end": head.clear, "on_part_data": lambda data, start, end: content.extend(data[start:end]),
    }  # fmt: skip
    MultipartParser(options[b"boundary"], callbacks).write(body)  # type: ignore[arg-type]
    return found


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    emulator: Emulator

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        _, token, method = self.path.split("?")[0].split("/")
        fields = _fields(self.headers.get("content-type", ""), body)
        try:
            result, fault = self.emulator.answer(token.removeprefix("bot"), method, fields)
        except Bad as bad:
            reply = {"ok": False, "error_code": bad.code, "description": str(bad)}
            self._reply(bad.code, reply | ({"parameters": bad.parameters} if bad.parameters else {}))
            return
        if fault.startswith("timeout"):
            time.sleep(self.emulator.hang)
        if fault.startswith(("timeout", "reset")):
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            self.connection.close()  # with a reset
            return
        self._reply(200, {"ok": True, "result": result})

    do_GET = do_POST  # noqa: N815

    def _reply(self, code: int, reply: dict[str, Any]) -> None:
        raw = json.dumps(reply).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Clients hang up; that is what the tests are about."""


def start(emulator: Emulator) -> ThreadingHTTPServer:
    """Serve an emulator on a free port of loopback; its address is then in ``url``."""
    handler = type("Handler", (_Handler,), {"emulator": emulator})
    server = _Server(("127.0.0.1", 0), handler)
    emulator.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
