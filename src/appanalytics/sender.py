"""Send events to a collector from Python, each once, over outages of the network and the server.

>>> from appanalytics.sender import Sender
>>> with Sender("http://127.0.0.1:8123", key) as sender:            # doctest: +SKIP
...     sender.send([{"service": "messages", "time": "2026-11-28T09:30:00Z", "user_id": 7, "receiver_id": 9}])
Sent(accepted=1, rejected=0, errors=())

It needs nothing of the rest of the library but its errors, so that it can be taken along into an app's backend.
"""

from __future__ import annotations

import gzip
import json
import random
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import urllib3

from appanalytics.errors import AccessDenied, UserError, WarehouseUnavailable

#: Events of one request; more are sent as several.
MOST_EVENTS = 10_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0
_AGAIN = frozenset([408, 425, 429, 500, 502, 503, 504])


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that is refused for good: its place in what was sent (from 0), and why."""

    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the events: numbers stored and refused, and the refusals (of each request the first 1,000)."""

    accepted: int
    rejected: int
    errors: tuple[Refusal, ...] = ()


class Sender:
    """Sends events to one collector under one app's key; also from several threads.

    ``patience`` is for how many seconds a request is tried again while the collector cannot be reached or has too
    much to do; ``timeout`` how long one attempt may take.
    """

    def __init__(self, url: str, key: str, *, patience: float = 120, timeout: float = 60) -> None:
        self._url = f"{url.rstrip('/')}/v1/events"
        self._key = key
        self._patience = patience
        self._http = urllib3.PoolManager(retries=False, timeout=timeout)

    def send(self, events: Sequence[Mapping[str, Any]], batch: str = "") -> Sent:
        """Send events; returns when they are durable. Times may be `datetime` with a zone.

        Under the same ``batch`` (1 to 100 visible ASCII characters) the same events can be sent again, by another
        process too, and are stored once; without it only the attempts of this call are one batch. Raises
        `AccessDenied` for the key, `UserError` for a request that makes no sense, and `WarehouseUnavailable` when
        patience is over, after which the batch may be stored or not.
        """
        name = batch or uuid.uuid4().hex
        accepted = rejected = 0
        errors: list[Refusal] = []
        for start in range(0, len(events), MOST_EVENTS):
            part = events[start : start + MOST_EVENTS]
            told = self._post(part, name if len(events) <= MOST_EVENTS else f"{name}/{start}")
            accepted += told["accepted"]
            rejected += told["rejected"]
            errors += [Refusal(start + error["index"], error["reason"]) for error in told["errors"]]
        return Sent(accepted, rejected, tuple(errors))

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _post(self, events: Sequence[Mapping[str, Any]], batch: str) -> Any:
        body = gzip.compress(json.dumps(events, default=_plain, separators=(",", ":")).encode(), 1, mtime=0)
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Idempotency-Key": batch,
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }
        end, pause = time.monotonic() + self._patience, _FIRST_PAUSE
        while True:
            status, told, asked = self._attempt(body, headers)
            if status in (200, 207, 422):
                return told
            if status and status not in _AGAIN:
                raise _refused(status, told, self._url)
            wait = max(asked, pause * random.uniform(0.5, 1))  # noqa: S311  # apart from other clients
            if time.monotonic() + wait > end:
                text = f"the collector at {self._url} takes no events: {_detail(told)}"
                raise WarehouseUnavailable(text, hint=f"send batch {batch} again")
            time.sleep(wait)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    def _attempt(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any, float]:
        """Status (0: no answer), what was told, and how many seconds the collector asks to wait."""
        try:
            answer = self._http.request("POST", self._url, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            return 0, {"title": str(error)}, 0.0
        asked = answer.headers.get("Retry-After", "0")
        try:
            told = answer.json()
        except ValueError:
            told = {"title": f"an answer that is no JSON (status {answer.status})"}
            return (answer.status if answer.status >= 400 else 404), told, 0.0
        return answer.status, told, float(asked) if asked.isdigit() else 0.0


def _refused(status: int, told: Any, url: str) -> UserError:
    if status in (401, 403):
        return AccessDenied(f"the collector at {url} refuses the key", hint="appanalytics serve --new-key APP")
    if status == 404:
        return WarehouseUnavailable(f"there is no collector at {url}", hint="start one: appanalytics serve")
    return UserError(f"the collector at {url} refuses the request: {_detail(told)}")


def _detail(told: Any) -> str:
    title, detail = (
        (told.get(name, "") for name in ("title", "detail")) if isinstance(told, dict) else (str(told), "")
    )
    return f"{title} ({detail})" if detail else str(title)


def _plain(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.isoformat()
    raise UserError(f"an event cannot hold {value!r}", hint="numbers, texts, and times with a zone")
