"""How things are measured: CPU of the whole process, so that other load on the machine does not count."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """CPU and elapsed milliseconds of one call: the median of several."""

    cpu_ms: float
    wall_ms: float


def cpu_seconds() -> float:
    """CPU seconds of this process so far, all threads, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def cost(call: Callable[[], object], *, repeat: int = 5, warm: int = 1) -> Cost:
    """Median cost of a call after ``warm`` unmeasured ones."""
    for _ in range(warm):
        call()
    cpu, wall = [], []
    for _ in range(repeat):
        started, used = time.perf_counter(), cpu_seconds()
        call()
        cpu.append((cpu_seconds() - used) * 1000)
        wall.append((time.perf_counter() - started) * 1000)
    return Cost(statistics.median(cpu), statistics.median(wall))


def peak_gib() -> float:
    """Largest resident size of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def machine() -> str:
    """Kind of the machine, without its name."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}"
