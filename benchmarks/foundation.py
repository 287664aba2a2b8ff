"""Making a warehouse and asking it: ``python -m benchmarks.foundation [FOLDER]``; writes ``WAREHOUSE.md``.

FOLDER is where the warehouse is made (by default a temporary one, removed in the end). A folder that holds one
already is used as it is; then making it is not measured.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from appanalytics.app import App, open_app
from appanalytics.progress import Progress
from benchmarks import dashboards, loading, questions, warehouse
from benchmarks.measure import machine, peak_gib

RESULTS = Path(__file__).with_name("WAREHOUSE.md")
UNTIL = date(2026, 11, 1)


def main() -> None:
    """Run all parts, print lines as they come, write the page."""
    with ExitStack() as stack:
        folder = sys.argv[1] if len(sys.argv) > 1 else stack.enter_context(tempfile.TemporaryDirectory())
        app = stack.enter_context(open_app(f"chdb://{Path(folder).resolve()}", create=True))
        sections = list(_sections(app))
    RESULTS.write_text("\n".join([_HEAD.format(machine=machine()), *sections]), encoding="utf-8")
    print(f"wrote {RESULTS.parent.name}/{RESULTS.name}")


_HEAD = """\
# The warehouse

Made by `python -m benchmarks.foundation` on {machine}. CPU is that of the whole process, so that
a busy machine changes ratios little; wall times are those of this run.
The story is the demo's at full scale: 141,000 users, 75 days.
"""


def _sections(app: App) -> Iterator[str]:
    if app.days_with_events() is None:
        yield _made(app)
    yield _sizes(app)
    yield _compared(app)
    yield _dashboards(app)
    yield _loads(app)
    yield f"Largest size of the process over the whole run: {peak_gib():.1f} GiB.\n"


def _made(app: App) -> str:
    lines = (
        [step.name, f"{step.events:,}", f"{step.wall_seconds:.1f}", f"{step.cpu_seconds:.1f}", f"{step.peak_gib:.2f}"]
        for step in warehouse.make(app, UNTIL, _told())
    )
    return _section(
        "Making the warehouse", ["Step", "Events", "Wall, s", "CPU, s", "Largest size so far, GiB"], lines
    )


def _sizes(app: App) -> str:
    sizes, events = warehouse.sizes(app), warehouse.events(app)
    lines = [[f"`{each.table}`", f"{each.rows:,}", f"{each.bytes:,}", f"{each.bytes / events:.3f}"] for each in sizes]
    total = sum(each.bytes for each in sizes)
    lines.append(["**all**", "", f"{total:,}", f"**{total / events:.2f}**"])
    return _section("Bytes on disk", ["Table", "Rows", "Bytes", "Bytes an event"], lines)


def _compared(app: App) -> str:
    lines = (
        [
            row.name,
            f"{row.raw.cpu_ms:,.0f}",
            f"{row.ours.cpu_ms:.1f}",
            f"{row.ratio:,.0f}×",
            f"{row.call.cpu_ms:.0f}" if row.call else "",
        ]
        for row in questions.rows(app)
    )
    heads = ["Question", "Events, CPU ms", "Rollups, CPU ms", "Ratio", "Whole call, CPU ms"]
    return _section("Events against rollups, the same question", heads, lines)


def _dashboards(app: App) -> str:
    lines = (
        [row.name, row.relations, f"{row.engine.wall_ms:.0f}", f"{row.engine.cpu_ms:.0f}", f"{row.whole.wall_ms:.0f}"]
        for row in dashboards.rows(app)
    )
    heads = ["Question", "Answered by", "Engine, ms", "Engine, CPU ms", "Whole call, ms"]
    return _section("What dashboards ask", heads, lines)


def _loads(app: App) -> str:
    lines = (
        [
            row.name,
            f"{row.rows:,}",
            f"{row.size / 1e6:.0f}",
            f"{row.rows_per_second:,.0f}",
            f"{row.cpu_per_million:.2f}",
        ]
        for row in loading.rows(app)
    )
    heads = ["File", "Rows", "MB", "Rows a second", "CPU s a million rows"]
    return _section("Loading files", heads, lines)


def _section(title: str, heads: list[str], lines: Iterable[list[str]]) -> str:
    print(f"\n{title}: {' | '.join(heads)}", flush=True)
    text = [f"## {title}", "", f"| {' | '.join(heads)} |", f"| {' | '.join(['---', *['---:'] * (len(heads) - 1)])} |"]
    for line in lines:
        print("  " + " | ".join(line), flush=True)
        text.append(f"| {' | '.join(line)} |")
    return "\n".join([*text, ""])


def _told() -> Progress:
    """Progress as a line for each tenth of a step."""
    last: dict[str, int] = {}

    def tell(step: str, done: float, total: float, unit: str = "") -> None:
        tenth = int(10 * done / total) if total else 0
        if last.get(step) != tenth:
            last[step] = tenth
            print(f"  {step}: {done:,.0f} {unit}", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    main()
