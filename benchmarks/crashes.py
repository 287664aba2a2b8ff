"""Nothing lost by kill -9 under four writers: python -m benchmarks.crashes [ROUNDS] [SEED]"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.integration.crashes import crash_rounds


def main() -> None:
    """Print every round, and fail on any loss."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    with tempfile.TemporaryDirectory() as name:
        outcome = crash_rounds(Path(name) / "warehouse", rounds=rounds, writers=4, seed=seed, tell=print)
    print(outcome)
    raise SystemExit(0 if outcome.is_clean else 1)


if __name__ == "__main__":
    main()
