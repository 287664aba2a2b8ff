"""Nothing lost by faults and kills of the delivery: python -m benchmarks.delivery [MESSAGES] [KILLS] [SEED]

Rate limits are Telegram's own, so 10,000 messages take about six minutes at the very least.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.integration.deliveries import Load, delivery_rounds


def main() -> None:
    """Print every kill, and fail on any loss."""
    given = [int(word) for word in sys.argv[1:]]
    load = Load(**dict(zip(("messages", "kills", "seed"), given, strict=False)))
    with tempfile.TemporaryDirectory() as name:
        outcome = delivery_rounds(Path(name) / "warehouse", load, tell=partial(print, flush=True))
    print(outcome)
    for line in outcome.broken[:20]:
        print(line)
    raise SystemExit(0 if outcome.is_clean else 1)


if __name__ == "__main__":
    main()
