"""How many of the product's branches the tests took: ``python -m tests.branches`` after a run with ``--cov``.

coverage's own total counts lines and branches together, and lines flatter: the promise is about branches alone. Exits
with 1 where fewer than the promised share were taken, and names the files that miss most.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import coverage

AT_LEAST = 0.90
_NAMED = 10


def main() -> int:
    """Read the collected data, print, judge."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "coverage.json"
        collected = coverage.Coverage()
        collected.load()
        collected.json_report(outfile=str(page))
        found = json.loads(page.read_text(encoding="utf-8"))
    taken, of = found["totals"]["covered_branches"], found["totals"]["num_branches"]
    missed = sorted(
        ((file["summary"]["missing_branches"], name) for name, file in found["files"].items()), reverse=True
    )
    print(f"branches: {taken:,} of {of:,} taken ({taken / of:.2%}; at least {AT_LEAST:.0%})")
    print("most missed: " + ", ".join(f"{name} {count}" for count, name in missed[:_NAMED] if count))
    return 0 if taken >= AT_LEAST * of else 1


if __name__ == "__main__":
    raise SystemExit(main())
