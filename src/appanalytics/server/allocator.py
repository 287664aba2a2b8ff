"""The C library's allocator, told to give memory back.

By itself glibc keeps a pool for each thread, up to eight for each core, and learns from the largest piece that was
freed (up to 32 MB) to keep pieces of that size instead of returning them. So one thread after another that hashes a
password (16 MB) or reads a large body would keep that much for ever. The engine and Arrow have allocators of their
own, which this does not touch.
"""

from __future__ import annotations

import ctypes
import platform

#: mallopt's names of what it sets, from malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
#: Pieces of so many bytes are mapped and returned each; so much may lie free at the end of a pool.
_LARGE = 1 << 20
_FREE = 4 << 20
_POOLS = 4


def bound_pools() -> bool:
    """Set the bounds for this process; False where the C library is another one, which is left as it is."""
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    bounds = ((_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _FREE), (_ARENA_MAX, _POOLS))
    return all(mallopt(name, value) == 1 for name, value in bounds)
