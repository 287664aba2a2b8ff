"""What a load did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileReport:
    """One file: ``rows = loaded + already + skipped + rejected``.

    ``loaded`` events came in now, ``already`` in an earlier run; ``skipped`` rows were not asked for, ``rejected``
    ones are in the table ``rejects`` under ``load``; ``reasons`` counts them. ``first`` and ``last`` are the times
    of the file's first and last event, None without events.
    """

    path: Path
    load: str
    rows: int = 0
    loaded: int = 0
    already: int = 0
    skipped: int = 0
    rejected: int = 0
    first: datetime | None = None
    last: datetime | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.rows:,} rows", f"{self.loaded:,} loaded"]
        parts += [f"{self.already:,} loaded before"] if self.already else []
        parts += [f"{self.skipped:,} skipped"] if self.skipped else []
        parts += [f"{self.rejected:,} rejected"] if self.rejected else []
        span = f", {self.first:%Y-%m-%d %H:%M} … {self.last:%Y-%m-%d %H:%M} UTC" if self.first and self.last else ""
        reasons = "".join(f"\n  {count:,} × {reason}" for reason, count in _by_count(self.reasons))
        return f"{self.path.name}: {', '.join(parts)}{span}{reasons}"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """All files of one call, in the order in which they were given, and their totals."""

    source: str
    table: str
    files: tuple[FileReport, ...]

    @property
    def rows(self) -> int:
        """Rows read, empty lines and headers not counted."""
        return sum(each.rows for each in self.files)

    @property
    def loaded(self) -> int:
        """Events that this call added."""
        return sum(each.loaded for each in self.files)

    @property
    def already(self) -> int:
        """Events of these files that were in before."""
        return sum(each.already for each in self.files)

    @property
    def skipped(self) -> int:
        """Rows that the mapping leaves out."""
        return sum(each.skipped for each in self.files)

    @property
    def rejected(self) -> int:
        """Rows that could not be loaded."""
        return sum(each.rejected for each in self.files)

    @property
    def reasons(self) -> Mapping[str, int]:
        """Why rows were rejected, most frequent first."""
        total: Counter[str] = Counter()
        for each in self.files:
            total.update(each.reasons)
        return dict(_by_count(total))

    @property
    def first(self) -> datetime | None:
        """Time of the first event of these files."""
        return min((each.first for each in self.files if each.first), default=None)

    @property
    def last(self) -> datetime | None:
        """Time of the last event of these files."""
        return max((each.last for each in self.files if each.last), default=None)

    def __str__(self) -> str:
        lines = [str(each) for each in self.files]
        if len(self.files) != 1:
            lines.append(
                f"{len(self.files)} files into {self.table}: {self.rows:,} rows, {self.loaded:,} loaded, "
                f"{self.already:,} loaded before, {self.skipped:,} skipped, {self.rejected:,} rejected"
            )
        return "\n".join(lines)


def _by_count(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
