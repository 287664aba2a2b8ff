"""Known batches: what is remembered, and what is forgotten."""

from __future__ import annotations

import tracemalloc

from appanalytics.server.collector.known import KnownBatches


def test_the_last_ones_are_known_with_their_numbers() -> None:
    known = KnownBatches(3)
    for number in range(5):
        known.add(f"app/{number}", number, 100_000)
        known.add(f"app/{number}", number, 100_000)  # once more changes nothing
    assert [known.find(f"app/{number}") for number in range(5)] == [
        None,
        None,
        (2, 100_000),
        (3, 100_000),
        (4, 100_000),
    ]
    assert len(known) == 3
    known.add("app/3", 7, 0)
    assert known.find("app/3") == (7, 0)
    assert known.find("app/2") == (2, 100_000)


def test_they_take_little_memory() -> None:
    tracemalloc.start()
    known = KnownBatches(50_000)
    for number in range(100_000):
        known.add(f"app/{number}", 1_000, 0)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken / len(known) < 250  # a table that has just grown is half empty
