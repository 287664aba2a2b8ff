"""Nothing lost by kill -9 under four writers: python -m benchmarks.crashes [ROUNDS] [SEED]; writes ``CRASHES.md``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.integration.crashes import crash_rounds

from benchmarks.measure import machine

RESULTS = Path(__file__).with_name("CRASHES.md")


def main() -> None:
    """Print every round, write what came of all, and fail on any loss."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory() as name:
        outcome = crash_rounds(Path(name) / "warehouse", rounds=rounds, writers=4, seed=seed, tell=print)
    print(outcome)
    RESULTS.write_text(_PAGE.format(command=f"{rounds} {seed}", machine=machine(), outcome=outcome), encoding="utf-8")
    raise SystemExit(0 if outcome.is_clean else 1)


_PAGE = """\
# Crashes

Made by `python -m benchmarks.crashes {command}` on {machine}.

Four writers send batches of 1 to 3,000 events and repeat what was not answered. The server rolls up every second and
is killed at a random moment of its first second and a half. After each start the events of every batch are
counted, and the rollups compared with the events.

{outcome}.
"""


if __name__ == "__main__":
    main()
