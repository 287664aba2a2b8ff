"""How fast messages may go, held over any stretch of time, also across a process that died.

Leaky buckets (python-telegram-bot's AIORateLimiter) let a full bucket and its refill through in one minute, which is
twice the limit. Here the calls of the last stretch are counted, and those before this process began are known too.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Telegram's: 30 messages a second overall, one a second in a chat, 20 a minute in a group.

    ``margin`` seconds are added to each stretch, because a call arrives later than it leaves.
    """

    per_second: int = 30
    spacing: float = 1.0
    per_group: int = 20
    group_seconds: float = 60.0
    margin: float = 0.25

    @property
    def longest(self) -> float:
        """The longest stretch that is looked at, in seconds."""
        return max(1.0, self.spacing, self.group_seconds) + self.margin


class Pace:
    """Lets calls begin no faster than the limits. ``clock`` gives seconds since 1970."""

    def __init__(self, limits: Limits, clock: Callable[[], float], earlier: Iterable[tuple[str, float]] = ()) -> None:
        self._limits = limits
        self._clock = clock
        self._all: deque[float] = deque()
        self._chats: dict[str, deque[float]] = defaultdict(deque)
        for address, when in earlier:
            self._note(address, when)

    def delay(self, address: str) -> float:
        """Seconds until a call to this chat may begin; 0 or less: now."""
        now, limits = self._clock(), self._limits
        chat = self._chats[address]
        waits = [_room(self._all, limits.per_second, 1.0 + limits.margin, now)]
        waits.append(_room(chat, 1, limits.spacing + limits.margin if limits.spacing else 0.0, now))
        if address.startswith(("-", "@")):
            waits.append(_room(chat, limits.per_group, limits.group_seconds + limits.margin, now))
        return max(waits)

    def note(self, address: str) -> None:
        """Count a call that begins now. Nothing may come between a `delay` of 0 and this."""
        self._note(address, self._clock())

    def _note(self, address: str, when: float) -> None:
        self._all.append(when)
        self._chats[address].append(when)


def _room(calls: deque[float], most: int, seconds: float, now: float) -> float:
    """Seconds until fewer than ``most`` of the calls lie within the last ``seconds``."""
    if len(calls) > 4096:
        calls.popleft()
    return calls[-most] + seconds - now if len(calls) >= most else 0.0
