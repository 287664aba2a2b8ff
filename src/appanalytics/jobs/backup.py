"""Backups as a job: when a full one is due, how many are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from appanalytics.progress import Progress, silent
from appanalytics.warehouse.backup import Backup, backups, find_backup, make_backup, prune, restore_backup
from appanalytics.warehouse.rollup import RollupReport

if TYPE_CHECKING:
    from appanalytics.app import App

#: A backup holds only what changed since the last full one, until that is so old.
FULL_EVERY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made (or was there already), where, and the names of older ones that were removed."""

    backup: Backup
    folder: Path
    gone: tuple[str, ...] = ()
    already: bool = False

    def __str__(self) -> str:
        kind = "full" if self.backup.is_full else f"on {self.backup.base}"
        text = f"{self.backup.name}: {kind}, {self.backup.own / 1e6:,.1f} MB in {self.folder}"
        text += " (it was there already)" if self.already else ""
        return text + (f"; removed {', '.join(self.gone)}" if self.gone else "")


def back_up(
    app: App,
    name: str | None = None,
    *,
    full: bool = False,
    keep: int | None = None,
    progress: Progress = silent,
) -> Made:
    """Make a backup under a name (default: the present time), and remove those beyond the number that is kept."""
    folder = app.allow_backups()
    base = None if full else _base(app, folder)
    made = make_backup(app.engine, folder, name or f"{app.now():%Y-%m-%dT%H%M%SZ}", base=base, progress=progress)
    return Made(made, folder, tuple(prune(folder, keep or app.loaded.settings.warehouse.keep_backups)))


def backup_of_day(app: App, day: date, progress: Progress = silent) -> Made:
    """The backup that a schedule makes after a day. One that is there is left as it is."""
    held = {each.name: each for each in backups(app.loaded.backups())}
    if found := held.get(day.isoformat()):
        return Made(found, app.loaded.backups(), already=True)
    return back_up(app, day.isoformat(), progress=progress)


def restore(
    app: App, name: str | None, *, over: bool = False, progress: Progress = silent
) -> tuple[Backup, RollupReport]:
    """Put a backup (default: the newest) in place of the warehouse, and roll up what it leaves stale."""
    folder = app.allow_backups()
    found = find_backup(folder, name)
    restore_backup(app.engine, folder, found, over=over, progress=progress)
    return found, app.rollup(progress=progress)


def _base(app: App, folder: Path) -> Backup | None:
    """The newest full backup, unless it is old."""
    full = [each for each in backups(folder) if each.is_full and each.database == app.engine.database]
    return full[-1] if full and app.now() - full[-1].began < FULL_EVERY else None
