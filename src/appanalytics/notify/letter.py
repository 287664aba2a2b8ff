"""What one message says, before anybody knows how it will travel."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from appanalytics.markup import CAPTION_LIMIT, MESSAGE_LIMIT, shorten


class Kind(StrEnum):
    """A new message, a change of a thread's first message, or an answer to it."""

    SEND = "send"
    EDIT = "edit"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in Telegram's subset of HTML, with a picture (PNG) or without (empty).

    ``html`` is cut to 4096 characters where it is longer, ``caption`` (``html`` unless given) to the 1024 that fit
    under a picture. The letter is sent as one photo with its caption; as text where the picture is refused.
    """

    html: str
    picture: bytes = field(default=b"", repr=False)
    caption: str = ""

    @property
    def as_text(self) -> str:
        """What is sent without the picture."""
        return shorten(self.html, MESSAGE_LIMIT)

    @property
    def as_caption(self) -> str:
        """What stands under the picture."""
        return shorten(self.caption or self.html, CAPTION_LIMIT)


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter to one chat. ``key`` names it for good: writing the same key again writes nothing."""

    key: str
    chat: str
    letter: Letter
    kind: Kind = Kind.SEND
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that is neither sent nor given up.

    ``tries`` counts calls of the channel since it was written or revived; ``unsettled`` those of them that may have
    delivered it without our knowing (the process died, or no answer came), so the next call may repeat it.
    """

    key: str
    chat: str
    number: int
    kind: Kind
    thread: str
    tries: int
    unsettled: int
    retry_at: float
