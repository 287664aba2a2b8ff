"""A request as its headers and URL say it: who asks, where, with which parameters and settings."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from appanalytics.server.problems import Problem

#: Names in a URL that the server takes for itself; everything else is a setting of the engine.
_OWN_NAMES = """
query database query_id session_id session_timeout session_check close_session user password quota_key role
compress decompress enable_http_compression http_zlib_compression_level default_format client_protocol_version
buffer_size wait_end_of_query send_progress_in_http_headers http_headers_progress_interval_ms stacktrace framing
add_http_cors_header http_write_exception_in_output_format http_response_headers
cancel_http_readonly_queries_on_client_close
"""
_OWN = frozenset(_OWN_NAMES.split())
_EXTERNAL = re.compile(r"(.+)_(format|types|structure)")
_LONGEST_TIMEOUT = 3600


@dataclass(slots=True)
class External:
    """A table that the request brings along."""

    structure: str = ""
    types: str = ""
    format: str = "TabSeparated"
    data: bytes = b""


@dataclass(slots=True)
class Request:
    """What one request asks of the server, before its body is read."""

    method: str
    headers: Mapping[str, str]
    own: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    roles: list[str] = field(default_factory=list)
    externals: dict[str, External] = field(default_factory=dict)

    def take(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Sort pairs of a URL or of a form into the server's own names, bound parameters and settings."""
        for name, value in pairs:
            if name == "role":
                self.roles.append(value)
            elif name.startswith("param_"):
                self.parameters[name.removeprefix("param_")] = value
            elif name in _OWN:
                self.own[name] = value
            elif name == "run_query_in_background" and value == "0":
                continue  # the engine wants this one per query; off is what it is anyway
            else:
                self.settings[name] = value

    def take_file(self, name: str, data: bytes) -> None:
        """Keep a form's file as an external table; its description is among the URL's pairs."""
        table = External(data=data)
        for setting in list(self.settings):
            found = _EXTERNAL.fullmatch(setting)
            if found and found[1] == name:
                setattr(table, found[2], self.settings.pop(setting))
        self.externals[name] = table

    def flag(self, name: str) -> bool:
        """Whether a switch of the URL is on."""
        return self.own.get(name, "0") not in ("0", "false", "")

    @property
    def progress_seconds(self) -> float | None:
        """Seconds between two headers of progress; None when none are wanted. Raises `Problem` (72)."""
        if not self.flag("send_progress_in_http_headers"):
            return None
        text = self.own.get("http_headers_progress_interval_ms", "100")
        if not text.isdigit() or not text.isascii():
            raise Problem(72, f"Cannot parse a number of milliseconds: '{text[:40]}'", "CANNOT_PARSE_NUMBER")
        return int(text[:9]) / 1000

    @property
    def query_id(self) -> str:
        """The client's name for the query; empty if it gave none."""
        return self.own.get("query_id") or self.headers.get("x-clickhouse-query-id", "")

    @property
    def database(self) -> str:
        """The database asked for; empty for the usual one."""
        return self.own.get("database") or self.headers.get("x-clickhouse-database", "")

    @property
    def default_format(self) -> str:
        """The format of a result whose statement names none."""
        return self.own.get("default_format") or self.headers.get("x-clickhouse-format") or "TabSeparated"

    @property
    def session_timeout(self) -> int:
        """Seconds that a session outlives its last request; raises `Problem` (36)."""
        text = self.own.get("session_timeout", "60")
        if not text.isdigit() or not text.isascii() or int(text) > _LONGEST_TIMEOUT:
            raise Problem(36, f"Invalid session timeout: '{text[:40]}'", "INVALID_SESSION_TIMEOUT")
        return int(text)


def read_request(scope: Mapping[str, Any]) -> Request:
    """Read method, headers and URL of an ASGI scope; raises `Problem` (36) for a URL that is not UTF-8."""
    headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
    request = Request(scope["method"], headers)
    try:
        text = scope["query_string"].decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=10_000, errors="strict")
    except (ValueError, UnicodeError) as error:
        raise Problem(36, f"cannot read the URL: {error}", "BAD_ARGUMENTS") from None
    request.take(pairs)
    return request


def credentials(request: Request) -> tuple[str, str]:
    """Name and password; ``default`` without a password if none are given.

    They come as X-ClickHouse-User and -Key, Basic, ``Bearer name.password``, or in the URL: in one way only.
    Raises `Problem` (516).
    """
    headers = request.headers
    ways = [
        bool(headers.get("x-clickhouse-user") or headers.get("x-clickhouse-key")),
        "authorization" in headers,
        "user" in request.own or "password" in request.own,
    ]
    if sum(ways) > 1:
        raise Problem(
            516, "Invalid authentication: credentials are given in more than one way", "AUTHENTICATION_FAILED"
        )
    if ways[0]:
        return headers.get("x-clickhouse-user") or "default", headers.get("x-clickhouse-key", "")
    if ways[1]:
        return _authorization(headers["authorization"])
    return request.own.get("user") or "default", request.own.get("password", "")


def _authorization(header: str) -> tuple[str, str]:
    kind, _, value = header.strip().partition(" ")
    if kind.lower() == "bearer":
        name, _, password = value.strip().partition(".")
        return name, password
    if kind.lower() == "basic":
        try:
            name, _, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            raise Problem(516, "Invalid authentication: cannot read the header", "AUTHENTICATION_FAILED") from None
        return name or "default", password
    raise Problem(516, f"Invalid authentication: {kind[:20]!r} is not supported", "AUTHENTICATION_FAILED")
