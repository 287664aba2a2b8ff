"""The outbox: messages written before they are sent, and a log of what became of each. Nothing is ever changed."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

from appanalytics.engine import Engine
from appanalytics.notify.letter import Draft, Kind, Letter, Pending
from appanalytics.sqltext import render
from appanalytics.warehouse.meta import read_meta, write_meta

MOVED_KEY = "notify.moved"
#: Where a message is, inside its channel: Telegram's chat and number, a folder's file.
Receipt = Mapping[str, Any]


class State(StrEnum):
    """Entries of the log; see the table ``outbox_log``."""

    TRYING = "trying"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    SENT = "sent"
    DEAD = "dead"
    DROPPED = "dropped"
    REVIVED = "revived"


@dataclass(frozen=True, slots=True)
class Summary:
    """How many messages are in which state; ``last_error`` is that of the newest message in trouble.

    ``repeated``: sent after an attempt whose end nobody knows; only those may have arrived twice.
    """

    waiting: int
    sent: int
    dead: int
    dropped: int
    repeated: int
    last_error: str = ""

    def __str__(self) -> str:
        found = f"{self.waiting} waiting, {self.sent} sent, {self.dead} dead"
        return found + (f", {self.repeated} perhaps twice" if self.repeated else "")


class Outbox:
    """Messages and their log in a warehouse. ``clock`` gives seconds since 1970."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self.engine = engine
        self.clock = clock
        self._last = 0

    def mark(self) -> int:
        """A time in nanoseconds, later than every one before it."""
        self._last = max(int(self.clock() * 1e9), self._last + 1)
        return self._last

    # --- write ---

    def write(self, drafts: Sequence[Draft]) -> int:
        """Write messages whose keys are new, as one block; returns how many."""
        wanted = {draft.key: draft for draft in drafts}
        known = self.engine.rows(_sql("known"), {"keys": list(wanted)}) if wanted else []
        new = [draft for key, draft in wanted.items() if key not in {row["key"] for row in known}]
        if not new:
            return 0
        # Two writers of one block at the same moment: the engine keeps the first.
        token = {"insert_deduplication_token": "\n".join(sorted(draft.key for draft in new))}
        self.engine.insert("outbox", self._rows(new), token)
        return len(new)

    def _rows(self, drafts: Sequence[Draft]) -> pa.Table:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return pa.table(
            {
                "key": [draft.key for draft in drafts],
                "chat": [draft.chat for draft in drafts],
                "number": pa.array([self.mark() for _ in drafts], pa.uint64()),
                "kind": [draft.kind.value for draft in drafts],
                "thread": [draft.thread for draft in drafts],
                "html": [draft.letter.html for draft in drafts],
                "caption": [draft.letter.caption for draft in drafts],
                "picture": pa.array([draft.letter.picture for draft in drafts], pa.binary()),
                "written": pa.array([now] * len(drafts), pa.timestamp("ms", "UTC")),
            }
        )

    def log(
        self,
        message: Pending,
        state: State,
        *,
        error: str = "",
        retry_at: float = 0.0,
        excused: bool = False,
        receipt: Receipt | None = None,
    ) -> None:
        """Append one entry about a message; see the table ``outbox_log``."""
        row = {"key": message.key, "chat": message.chat, "thread": message.thread, "state": state.value,
               "error": error, "receipt": json.dumps(receipt) if receipt else ""}  # fmt: skip
        columns: dict[str, Any] = {name: [value] for name, value in row.items()}
        columns["mark"] = pa.array([self.mark()], pa.uint64())
        columns["excused"] = [excused]
        columns["retry_at"] = pa.array([retry_at], pa.float64())
        self.engine.insert("outbox_log", pa.table(columns))

    def revive(self, keys: Iterable[str] | None = None) -> list[str]:
        """Have dead messages tried again, all of them or those of ``keys``; returns their keys."""
        wanted = None if keys is None else set(keys)
        dead = [row for row in self.listing("dead", 100_000) if wanted is None or row["key"] in wanted]
        for row in dead:
            message = Pending(row["key"], row["chat"], 0, Kind.SEND, row["thread"], 0, 0, 0.0)
            self.log(message, State.REVIVED)
        return [row["key"] for row in dead]

    def move(self, old: str, new: str) -> None:
        """Remember that Telegram gave a chat another id (a group that became a supergroup)."""
        write_meta(self.engine, MOVED_KEY, json.dumps({**self.moved(), old: new}))

    # --- read ---

    def moved(self) -> dict[str, str]:
        """Chats that have another id now, by the old one."""
        found: dict[str, str] = json.loads(read_meta(self.engine, MOVED_KEY) or "{}")
        return found

    def pending(self) -> list[Pending]:
        """Messages that are neither sent nor given up, by chat in their order."""
        return [
            Pending(row["key"], row["chat"], row["number"], Kind(row["kind"]), row["thread"], row["tries"],
                    row["unsettled"], row["retry_at"])
            for row in self.engine.rows(_sql("pending"))
        ]  # fmt: skip

    def letter(self, message: Pending) -> Letter:
        """What a message says."""
        (row,) = self.engine.rows(
            _sql("letter"), {"chat": message.chat, "number": message.number, "key": message.key}
        )
        return _letter(row)

    def root(self, chat: str, thread: str) -> Receipt | None:
        """Receipt of a thread's first message in a chat (of what took its place, if it had to be sent again)."""
        rows = self.engine.rows(_sql("root"), {"chat": chat, "thread": thread})
        if not rows:
            return None
        found: Receipt = json.loads(rows[0]["receipt"])
        return found

    def thread(self, thread: str) -> list[tuple[str, Letter]]:
        """Chats and messages of a thread, each chat's in their order."""
        return [(row["chat"], _letter(row)) for row in self.engine.rows(_sql("thread"), {"thread": thread})]

    def recent(self, seconds: float) -> list[tuple[str, float]]:
        """Calls of channels in the last seconds, oldest first: chat and time."""
        since = int((self.clock() - seconds) * 1e9)
        return [(row["chat"], row["mark"] / 1e9) for row in self.engine.rows(_sql("recent"), {"since": since})]

    def listing(self, state: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """The newest messages: key, chat, kind, written, state, tries, error; of one state if it is given."""
        return self.engine.rows(_sql("listing"), {"state": state or "", "limit": limit})

    def summary(self) -> Summary:
        """Numbers of messages by state."""
        (row,) = self.engine.rows(_sql("summary"))
        return Summary(**row)


def _letter(row: Mapping[str, Any]) -> Letter:
    return Letter(row["html"], base64.b64decode(row["picture"]), row["caption"])


def _sql(name: str) -> str:
    return render("appanalytics.notify", name, states=render("appanalytics.notify", "states"))
