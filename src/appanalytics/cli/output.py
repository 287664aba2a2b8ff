"""Printing: tables for people, JSON and CSV for programs, progress bars on the error stream."""

from __future__ import annotations

import csv
import json
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from appanalytics.cli.state import options
from appanalytics.errors import AppAnalyticsError, UserError
from appanalytics.progress import Progress as Watcher

if TYPE_CHECKING:
    from appanalytics.document import Document

Row = Mapping[str, Any]
#: Work that is over sooner shows no bar.
_PATIENCE_SECONDS = 0.5


def console() -> Console:
    """The terminal; as wide as needed when output goes to a file or a pipe."""
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=not sys.stdout.isatty())


def say(text: str = "") -> None:
    """Print a line for people; kept out of JSON and CSV by going to the error stream."""
    Console(stderr=options.format != "table", highlight=False, soft_wrap=True).print(text, markup=False)


def tell(error: AppAnalyticsError) -> None:
    """Print an error: what, and on a second line what to try."""
    terminal = Console(stderr=True, highlight=False, soft_wrap=True)
    terminal.print(f"[bold red]error:[/] {escape(error.message)}")
    if error.hint:
        terminal.print(f"[dim]hint:[/] {escape(error.hint)}")


def print_records(
    records: Sequence[Row],
    columns: Sequence[str],
    *,
    cells: Sequence[Sequence[str]] | None = None,
    numbers: Sequence[str] = (),
    title: str | None = None,
) -> None:
    """Print records in the chosen format. ``cells`` are the same as text for the table."""
    if options.format == "json":
        print(json.dumps([dict(record) for record in records], ensure_ascii=False, indent=2, default=_plain))
    elif options.format == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_csv(record.get(name)) for name in columns] for record in records)
    else:
        texts = cells or [[_text(record.get(name)) for name in columns] for record in records]
        _print_table(texts, columns, numbers, title)


def save_page(page: Document, folder: Path | None, name: str) -> list[Path]:
    """Write a page's Markdown, HTML and pictures into a folder (None: nowhere) and say so; returns the files."""
    if folder is None:
        return []
    try:
        written = page.save(folder, name if page.language == "en" else f"{name}-{page.language}")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
    say(f"written: {', '.join(str(path) for path in written if path.suffix != '.png')}")
    return written


def _print_table(
    cells: Sequence[Sequence[str]], columns: Sequence[str], numbers: Sequence[str], title: str | None
) -> None:
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in cells:
        table.add_row(*(escape(value) for value in row))
    console().print(table)


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def _csv(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if isinstance(value, float) else str(value)


@contextmanager
def progress() -> Iterator[Watcher]:
    """Progress bars on the error stream, one for each step, once the work has taken half a second."""
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    tasks: dict[str, TaskID] = {}

    def watch(step: str, done: float, total: float, unit: str = "") -> None:
        amount = f"{done:,.0f} {unit}".rstrip()
        if step not in tasks:
            tasks[step] = bars.add_task(step, total=total or None, amount=amount)
        bars.update(tasks[step], completed=done, total=total or None, amount=amount)

    shown = threading.Timer(_PATIENCE_SECONDS, bars.start)
    shown.daemon = True
    shown.start()
    try:
        yield watch
    finally:
        shown.cancel()
        shown.join()
        if bars.live.is_started:
            bars.stop()
