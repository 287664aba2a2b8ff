"""Measure everything, or some topics, and write ``RESULTS.md``: ``make bench``, ``python -m benchmarks [TOPIC…]``.

``--folder FOLDER`` is where the full demo's warehouse is or will be (by default a temporary one, removed in the end);
``--page`` only puts the page together.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.topics import FOLDER, PAGE, assemble, chosen


def main() -> None:
    """Run the topics, one after the other, and write the page after each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("topics", nargs="*", help="what to measure; everything unless given")
    parser.add_argument("--folder", type=Path, help="the full demo's warehouse")
    parser.add_argument("--page", action="store_true", help="measure nothing")
    given = parser.parse_args()
    failed = []
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        topics = [] if given.page else chosen(given.topics)
        if not given.folder and any(FOLDER in word for topic in topics[1:] for word in topic.command):
            topics = [
                *chosen(["warehouse"]),
                *(topic for topic in topics if topic.name != "warehouse"),
            ]  # makes the demo
        for topic in topics:
            failed += [] if topic.run(folder.resolve()) else [topic.name]
            PAGE.write_text(assemble(), encoding="utf-8")
    PAGE.write_text(assemble(), encoding="utf-8")
    print(f"wrote {PAGE.parent.name}/{PAGE.name}")
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
