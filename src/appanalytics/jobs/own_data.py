"""A folder of an app's own files: which of them hold which events, loaded and rolled up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appanalytics.errors import FileError
from appanalytics.progress import Progress, silent
from appanalytics.warehouse.load import load_files, read_mapping

if TYPE_CHECKING:
    from appanalytics.app import App

_EVENTS = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet")
_PACKED = (".gz",)


@dataclass(frozen=True)
class OwnFiles:
    """Files of one service, and the mapping that says what their columns mean (None: ours)."""

    source: str
    files: tuple[Path, ...]
    mapping: Path | None


def own_files(path: Path, sources: list[str]) -> list[OwnFiles]:
    """Files of a folder (or one file) by the service that they are named after: ``feed.csv``, ``messages-1.parquet``.

    ``feed.yaml`` beside them is the mapping of all files of the feed. Raises `FileError` where nothing is found.
    """
    if not path.exists():
        raise FileError(f"there is no {path}")
    folder, there = (path, sorted(path.iterdir())) if path.is_dir() else (path.parent, [path])
    found = []
    for source in sources:
        files = tuple(each for each in there if _named_after(source, each) and _holds_events(each))
        mapping = folder / f"{source}.yaml"
        if files:
            found.append(OwnFiles(source, files, mapping if mapping.exists() else None))
    if not found:
        names = " or ".join(f"{source}….csv" for source in sources)
        raise FileError(
            f"no file of {path} is named after a service",
            hint=f"name them {names} (also .parquet, .jsonl, .gz), a mapping feed.yaml; or: appanalytics load",
        )
    return found


def load_own_data(app: App, found: list[OwnFiles], progress: Progress = silent) -> Iterator[str]:
    """Load and roll up; yields what to print. Files that were loaded before add nothing."""
    for each in found:
        mapping = read_mapping(each.mapping) if each.mapping else None
        yield str(load_files(app.engine, each.source, list(each.files), mapping, progress, zone=app.zone))
    yield str(app.rollup(progress=progress))


def _named_after(source: str, path: Path) -> bool:
    rest = path.name.removeprefix(source)
    return rest != path.name and not rest[0].isalpha()


def _holds_events(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    return path.is_file() and bool(suffixes) and suffixes[-1] in _EVENTS
