"""The collector's part of the server: ``/v1/events``, its description, its counters."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from appanalytics.server.body import Gone, Receive
from appanalytics.server.collector.collect import Collector, Receipt, Unfinished
from appanalytics.server.collector.decode import MOST_EVENTS, TooMany, decode
from appanalytics.server.collector.events import Limits
from appanalytics.server.collector.keys import Keys
from appanalytics.server.collector.openapi import describe
from appanalytics.server.collector.pieces import Malformed
from appanalytics.server.compression import decompressed
from appanalytics.server.problems import Problem
from appanalytics.server.reply import Send

log = logging.getLogger("appanalytics.collector")
PREFIX = "/v1/"
_METHODS = {"/v1/events": "POST", "/v1/openapi.json": "GET", "/v1/status": "GET"}
_ENCODINGS = frozenset(["", "identity", "gzip", "deflate", "br", "zstd", "lz4"])
_BATCH = re.compile(r"[\x21-\x7e]{1,128}")
_ASKED_HEADERS = "authorization, content-type, content-encoding, idempotency-key, x-api-key"
_SHOWN_ERRORS = 1000
_PATIENCE_SECONDS = 30
_SMALL = 16 << 10  # bytes that are decoded at once, without a thread


@dataclass(frozen=True)
class CollectorOptions:
    """How events are taken.

    ``keys`` is the file of the apps' keys (default: ``keys.toml`` in the server's folder), ``origins`` are those of
    web pages that may send events (``*``: any), ``late_days`` is how old an event may be. ``memory`` bounds the
    bodies that wait, ``longest`` one of them, in bytes.
    """

    keys: Path | None = None
    origins: tuple[str, ...] = ()
    late_days: int = 30
    ahead: timedelta = timedelta(hours=1)
    memory: int = 256 << 20
    longest: int = 64 << 20


class Refused(Exception):
    """A request that is answered with a problem."""

    def __init__(self, status: int, title: str, detail: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.detail = status, title, detail
        self.headers = headers or {}


@dataclass
class CollectorEndpoint:
    """Serves the collector's paths. ``known_user`` finds the name of a user of the server that may write."""

    collector: Collector
    keys: Keys
    known_user: Callable[[str, str], str | None]
    options: CollectorOptions
    threads: ThreadPoolExecutor
    _held: int = 0
    _document: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._document = json.dumps(describe(self.collector.services, self.options.longest)).encode()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        extra = self._cors(headers)
        try:
            status, body = await self._answer(scope, headers, receive)
        except Refused as refused:
            extra |= refused.headers | {"content-type": "application/problem+json"}
            problem = {"title": refused.title, "status": refused.status, "detail": refused.detail}
            status, body = refused.status, json.dumps(problem).encode()
        except Gone:
            return
        except Exception:
            log.exception("a request failed")
            extra |= {"retry-after": "1", "content-type": "application/problem+json"}
            status, body = 503, b'{"title": "a failure of the server", "status": 503}'
        lines = {"content-type": "application/json", "content-length": str(len(body))} | extra
        encoded = [(key.encode("latin-1"), value.encode("latin-1")) for key, value in lines.items()]
        await send({"type": "http.response.start", "status": status, "headers": encoded})
        await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})

    async def _answer(self, scope: dict[str, Any], headers: dict[str, str], receive: Receive) -> tuple[int, bytes]:
        path, method = scope["path"], scope["method"]
        if path not in _METHODS:
            raise Refused(404, "there is nothing here", "see /v1/openapi.json")
        if method == "OPTIONS":
            return 204, b""
        if method != _METHODS[path] and (method, _METHODS[path]) != ("HEAD", "GET"):
            raise Refused(405, f"use {_METHODS[path]}", headers={"allow": f"{_METHODS[path]}, OPTIONS"})
        if path == "/v1/openapi.json":
            return 200, self._document
        app, services = await self._who(headers)
        if path == "/v1/status":
            return 200, self._status()
        receipt = await self._events(headers, receive, app, services)
        return _status_of(receipt), _told(receipt)

    async def _who(self, headers: dict[str, str]) -> tuple[str, frozenset[str]]:
        kind, _, token = headers.get("authorization", "").strip().partition(" ")
        key = headers.get("x-api-key") or (token.strip() if kind.lower() == "bearer" else "")
        found = self.keys.find(key) if key else None
        if found is None and "." in key:
            name, _, password = key.partition(".")
            try:
                user = await asyncio.get_running_loop().run_in_executor(None, self.known_user, name, password)
            except Problem as problem:
                raise Refused(429, problem.message, "send it again", {"retry-after": "1"}) from None
            found = (user, frozenset()) if user else None
        if found is None:
            title = "unknown key" if key else "no key"
            detail = "send the app's key as Authorization: Bearer KEY"
            raise Refused(401, title, detail, {"www-authenticate": "Bearer"})
        return found

    async def _events(self, headers: dict[str, str], receive: Receive, app: str, services: frozenset[str]) -> Receipt:
        batch = headers.get("idempotency-key", "")
        if "idempotency-key" in headers and not _BATCH.fullmatch(batch):
            raise Refused(400, "Idempotency-Key is 1 to 128 visible ASCII characters")
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            known = ", ".join(sorted(_ENCODINGS - {""}))
            raise Refused(415, f"unknown encoding {encoding[:20]!r}", f"one of {known}", {"accept-encoding": known})
        kept = [0]
        waits: asyncio.Future[Receipt] | None = None
        try:
            body = await self._body(headers, receive, encoding, kept)
            parsed = await self._parsed(body, services)
            if not parsed.accepted and not parsed.rejects:
                return Receipt(batch, 0, 0)
            waits = asyncio.wrap_future(self.collector.submit(parsed, batch, app))
            return await asyncio.wait_for(asyncio.shield(waits), _PATIENCE_SECONDS)
        except Malformed as error:
            raise Refused(400, "the body is not JSON", str(error)) from None
        except TooMany:
            raise Refused(413, f"more than {MOST_EVENTS:,} events", "send them in several requests") from None
        except (Unfinished, TimeoutError, OSError):
            detail = "send the batch again with the same Idempotency-Key"
            raise Refused(503, "not stored yet, or not for sure", detail, {"retry-after": "2"}) from None
        finally:
            self._let_go(waits, kept[0])

    def _let_go(self, waits: asyncio.Future[Receipt] | None, size: int) -> None:
        """A batch takes memory until it is stored, even if its client was told to come back."""

        def done(future: asyncio.Future[Receipt] | None) -> None:
            self._held -= size
            if future is not None and not future.cancelled():
                future.exception()  # seen: the client was answered

        if waits is None or waits.done():
            done(waits)
        else:
            waits.add_done_callback(done)

    async def _body(self, headers: dict[str, str], receive: Receive, encoding: str, kept: list[int]) -> bytes:
        length = headers.get("content-length", "0")
        self._room(int(length) if length.isdigit() and length.isascii() else 0)
        pieces: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            piece = message.get("body", b"")
            pieces.append(piece)
            size += len(piece)
            self._keep(len(piece), kept)
            if size > self.options.longest:
                raise self._too_long()
            more = message.get("more_body", False)
        if encoding in ("", "identity"):
            return b"".join(pieces)
        work = asyncio.get_running_loop().run_in_executor(self.threads, self._plain, pieces, encoding)
        body = await work
        self._keep(len(body), kept)
        return body

    def _plain(self, pieces: list[bytes], encoding: str) -> bytes:
        parts, size = [], 0
        try:
            for part in decompressed(pieces, encoding):
                parts.append(part)
                size += len(part)
                if size > self.options.longest:
                    raise self._too_long()
        except Problem as problem:
            raise Refused(400, f"the body is not {encoding}", problem.message) from None
        return b"".join(parts)

    def _too_long(self) -> Refused:
        title = f"the body is longer than {self.options.longest >> 20} MiB"
        return Refused(413, title, "send it in several requests", {"connection": "close"})

    def _room(self, size: int) -> None:
        if size > self.options.longest:
            raise self._too_long()
        self._bounded(size)

    @property
    def _all_held(self) -> int:
        return self._held + self.collector.held

    def _bounded(self, more: int = 0) -> None:
        if self._all_held + more > self.options.memory:
            raise Refused(429, "too much waits to be stored", "send it again", {"retry-after": "1"})

    def _keep(self, size: int, kept: list[int]) -> None:
        self._held += size
        kept[0] += size
        self._bounded()

    async def _parsed(self, body: bytes, services: frozenset[str]) -> Any:
        now = datetime.fromtimestamp(time.time(), UTC)
        limits = Limits(now - timedelta(days=self.options.late_days), now + self.options.ahead, services)
        if len(body) <= _SMALL:
            return decode(body, self.collector.services, limits)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, decode, body, self.collector.services, limits)

    def _status(self) -> bytes:
        totals = self.collector.totals
        counts = {name: getattr(totals, name) for name in ("requests", "events", "rejected")}
        counts["inserts"] = self.collector.inserts
        last = totals.last.isoformat() if totals.last else None
        waits = {"waiting": self.collector.waiting, "held": self._all_held, "memory": self.options.memory}
        return json.dumps({**counts, **waits, "unsure": self.collector.unsure, "last": last}).encode()

    def _cors(self, headers: dict[str, str]) -> dict[str, str]:
        origin = headers.get("origin", "")
        if not origin or not ("*" in self.options.origins or origin in self.options.origins):
            return {}
        return {
            "access-control-allow-origin": origin,
            "access-control-allow-methods": "POST, GET, OPTIONS",
            "access-control-allow-headers": _ASKED_HEADERS,
            "access-control-expose-headers": "retry-after",
            "access-control-max-age": "86400",
            "vary": "Origin",
        }


def _status_of(receipt: Receipt) -> int:
    if not receipt.rejected:
        return 200
    return 207 if receipt.accepted else 422


def _told(receipt: Receipt) -> bytes:
    errors = [{"index": each.index, "reason": each.reason} for each in receipt.rejects[:_SHOWN_ERRORS]]
    told = {
        "batch": receipt.batch,
        "accepted": receipt.accepted,
        "rejected": receipt.rejected,
        "known": receipt.known,
        "errors": errors,
    }
    return json.dumps(told).encode()
