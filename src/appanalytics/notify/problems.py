"""Why a call of a channel did not deliver, as the outbox needs to know it. Texts are shown and stored: no secrets."""

from __future__ import annotations


class Undelivered(Exception):
    """A call that did not deliver, or may not have."""


class Refused(Undelivered):
    """The channel will never take this message: a blocked bot, a chat that is not there."""


class Postponed(Undelivered):
    """Another attempt may succeed.

    ``certain``: the message was certainly not delivered; otherwise it may have been. ``excused``: the message has no
    part in it. ``after`` is the least time to wait in seconds, ``everyone`` whether the whole channel has to.
    """

    def __init__(
        self, text: str, *, certain: bool, excused: bool = False, after: float = 0.0, everyone: bool = False
    ) -> None:
        super().__init__(text)
        self.certain = certain
        self.excused = excused
        self.after = after
        self.everyone = everyone


class ChannelDown(Undelivered):
    """The channel works for no message: a wrong token. Its messages wait until somebody mends it."""
