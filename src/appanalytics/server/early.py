"""Headers that are sent while a statement still runs.

ClickHouse begins an answer with its status and adds an ``X-ClickHouse-Progress`` header from time to time, so that
nothing between client and server thinks the connection dead. ASGI knows only all headers at once, so the HTTP
protocol's transport is wrapped: it can begin a head early, and leaves out the status of the one that follows.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: The scope's extension: a function that sends one header, in the event loop.
EARLY = "appanalytics.early_header"
_STATUS = b"HTTP/1.1 "


class _Transport:
    """A transport whose answers may begin before their head is complete."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._begun = False
        for name in ("is_closing", "get_extra_info", "pause_reading", "resume_reading", "close"):
            setattr(self, name, getattr(transport, name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def early_header(self, name: bytes, value: bytes) -> None:
        """Send one header; the first also sends the status, which is 200 then, whatever comes."""
        if self._transport.is_closing():
            return
        start = b"" if self._begun else _STATUS + b"200 OK\r\n"
        self._begun = True
        self._transport.write(start + name + b": " + value + b"\r\n")

    def write(self, data: bytes) -> None:
        """See `asyncio.WriteTransport.write`."""
        if self._begun and data.startswith(_STATUS):
            self._begun = False
            data = data[data.index(b"\r\n") + 2 :]
        self._transport.write(data)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol with early headers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection."""
        super().connection_made(_Transport(transport))  # type: ignore[arg-type]

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {EARLY: self.transport.early_header}  # type: ignore[attr-defined]
