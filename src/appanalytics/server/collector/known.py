"""The batches that were taken, so that one that is sent again is not stored again: many, in little memory."""

from __future__ import annotations

from collections import deque
from hashlib import blake2b

#: Of half a million names two have the same hash once in 10¹⁷ times.
_BYTES = 12
_BITS = 32


class KnownBatches:
    """The last ``most`` batches by name, each with what was accepted and rejected of it: 140 bytes a batch."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: dict[bytes, int] = {}
        self._order: deque[bytes] = deque()

    def __len__(self) -> int:
        return len(self._counts)

    def find(self, name: str) -> tuple[int, int] | None:
        """What was accepted and rejected of a batch; None for one that is not known."""
        counts = self._counts.get(_short(name))
        return None if counts is None else divmod(counts, 1 << _BITS)

    def add(self, name: str, accepted: int, rejected: int) -> None:
        """Know a batch, and forget the oldest when there are too many."""
        key = _short(name)
        if key not in self._counts:
            self._order.append(key)
        self._counts[key] = (accepted << _BITS) + rejected
        if len(self._order) > self._most:
            del self._counts[self._order.popleft()]


def _short(name: str) -> bytes:
    return blake2b(name.encode("utf-8", "surrogateescape"), digest_size=_BYTES).digest()
