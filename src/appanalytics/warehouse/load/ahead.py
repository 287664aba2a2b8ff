"""Read while the engine works: one item ahead, in a thread."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Generator[T]) -> Generator[T]:
    """The same items; the next one is made while the caller uses the current one. Errors come in their place."""
    done = object()
    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="load") as pool:
            coming = pool.submit(next, items, done)
            while (item := coming.result()) is not done:
                coming = pool.submit(next, items, done)
                yield item  # type: ignore[misc]
    finally:
        items.close()
