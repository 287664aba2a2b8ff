"""How large another process is, sampled while it works: does it grow without end?

Pages of files, which are mostly the engine's own code and come in as they are first used, are told apart from memory
that the process took (*anonymous*).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

#: Over so many last seconds the slope is taken.
_LAST_SECONDS = 300


@dataclass(frozen=True)
class Size:
    """Seconds since the beginning; resident MB in all, and of anonymous memory alone; threads."""

    second: float
    resident: float
    anonymous: float
    threads: int


@dataclass
class Sizes:
    """A process's sizes in the order of time."""

    all: list[Size] = field(default_factory=list)

    def slope(self, seconds: float = _LAST_SECONDS) -> float:
        """MB a minute of the straight line through the last seconds' resident sizes (least squares)."""
        last = self._last(seconds)
        if len(last) < 2:
            return float("nan")
        return float(np.polyfit([size.second / 60 for size in last], [size.resident for size in last], 1)[0])

    def told(self, seconds: float = _LAST_SECONDS) -> Iterator[str]:
        """A line for each minute, and what became of the last seconds."""
        yield "minute  resident MB  of it anonymous MB  threads"
        for minute in range(int(self.all[-1].second // 60) + 1):
            size = min(self.all, key=lambda each: abs(each.second - 60 * minute))
            yield f"{size.second / 60:6.1f}  {size.resident:11.0f}  {size.anonymous:18.0f}  {size.threads:7}"
        last = self._last(seconds)
        span = last[-1].second - last[0].second
        halves = [
            float(np.mean([size.resident for size in half]))
            for half in (last[: len(last) // 2], last[len(last) // 2 :])
            if half
        ]
        slope = self.slope(seconds)
        yield (
            f"the last {span / 60:.1f} minutes: slope {slope:+.2f} MB a minute, "
            f"{slope * span / 60 / halves[0]:+.1%} in all; their halves {halves[0]:.0f}, {halves[-1]:.0f} MB; "
            f"largest of the whole run {max(size.resident for size in self.all):.0f} MB"
        )

    def _last(self, seconds: float) -> list[Size]:
        return [size for size in self.all if size.second >= self.all[-1].second - seconds]


def size_now(pid: int, second: float = 0.0) -> Size:
    """The size of a process as the kernel tells it."""
    lines = (line.partition(":") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    fields = {name: value.split()[0] for name, _, value in lines if name in ("VmRSS", "RssAnon", "Threads")}
    resident, anonymous = (int(fields[name]) * 1024 / 1e6 for name in ("VmRSS", "RssAnon"))
    return Size(second, resident, anonymous, int(fields["Threads"]))


@contextmanager
def sampled(pid: int, every: float = 10.0) -> Iterator[Sizes]:
    """Sample a process's size every so many seconds, at the beginning and at the end too."""
    sizes, over, began = Sizes(), threading.Event(), time.monotonic()

    def work() -> None:
        while True:
            try:
                sizes.all.append(size_now(pid, time.monotonic() - began))
            except (OSError, KeyError):
                return  # the process has ended
            if over.wait(every):
                return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield sizes
    finally:
        over.set()
        thread.join()
        with suppress(OSError, KeyError):
            sizes.all.append(size_now(pid, time.monotonic() - began))
