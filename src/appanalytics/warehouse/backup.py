"""Copies of the warehouse that can be put back, made by the engine while it works.

A backup is a folder of files and, beside it, a small JSON file that is written last: a folder without it is of a
backup that did not end. An *incremental* one holds what its base, a full one, has not, and needs it.

The engine takes each table as it is when the backup begins; roll-ups wait until it ends. What is written meanwhile
may be in one table and not yet in another, so whoever restores has the days of the last hour rolled up again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from appanalytics.engine import Engine
from appanalytics.engine.connect import BACKUPS
from appanalytics.errors import EngineError, UserError, nearest
from appanalytics.progress import Progress, silent
from appanalytics.sqltext import identifier, literal
from appanalytics.warehouse.days import mark_doubtful
from appanalytics.warehouse.lock import exclusive
from appanalytics.warehouse.meta import write_meta
from appanalytics.warehouse.migrate import migrate

RESTORED_KEY = "restored"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Tables that live as long as one run.
_PASSING = r"^(lock|rollup_work|load_stage|report_work|quality_work|simulation)_"
_NOT_ALLOWED = (318, 36, 497)
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is whole. ``size`` is what it holds in bytes, ``own`` what it takes itself without its base."""

    name: str
    database: str
    began: datetime
    ended: datetime
    size: int
    own: int
    base: str | None = None

    @property
    def is_full(self) -> bool:
        """True when it needs no other."""
        return self.base is None


def backups(folder: Path) -> list[Backup]:
    """All backups in a folder that are whole, oldest first."""
    found = [_read(file) for file in folder.glob("*.json")] if folder.is_dir() else []
    return sorted((each for each in found if each and (folder / each.name).is_dir()), key=lambda each: each.began)


def find_backup(folder: Path, name: str | None) -> Backup:
    """The backup of that name, or the newest; raises `UserError` when there is none."""
    held = backups(folder)
    if not held:
        raise UserError(f"there is no backup in {folder}", hint="make one with: appanalytics backup")
    if name is None:
        return held[-1]
    named = {each.name: each for each in held}
    if name not in named:
        raise UserError(f"there is no backup {name!r} in {folder}", hint=nearest(name, named))
    return named[name]


def make_backup(
    engine: Engine, folder: Path, name: str, *, base: Backup | None = None, progress: Progress = silent
) -> Backup:
    """Make a backup, full or on a base. Whoever else works with the warehouse goes on; roll-ups wait.

    Raises `UserError` when one of this name is there, or when the engine may not write into the folder.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"a backup cannot be called {name!r}", hint="letters, digits, dots, dashes; at most 64")
    if any(each.name == name for each in backups(folder)):
        raise UserError(f"there is a backup {name!r} already", hint="nothing was changed")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with exclusive(engine, "backup", progress=progress), exclusive(engine, "rollup", progress=progress):
        shutil.rmtree(folder / name, ignore_errors=True)  # of a run that did not end
        began = datetime.fromtimestamp(time.time(), UTC)
        options = f" SETTINGS base_backup = {_place(base.name)}" if base else ""
        sql = f"BACKUP DATABASE {identifier(engine.database)} TO {_place(name)}{options} ASYNC"
        done = _run(engine, sql, _place(name), "back up", progress)
    if not (folder / name / ".backup").is_file():
        raise UserError(f"the server wrote no backup into {folder}", hint="set warehouse.backups to its folder")
    os.sync()  # the engine leaves the files to the system's cache
    ended = datetime.fromtimestamp(time.time(), UTC)
    made = Backup(name, engine.database, began, ended, done["total"], done["own"], base.name if base else None)
    _write(folder / f"{name}.json", made)
    return made


def prune(folder: Path, keep: int) -> list[str]:
    """Remove all but the newest ``keep`` backups, and those that they need; returns the names of what is gone."""
    held = backups(folder)
    kept = held[-keep:]
    needed = {each.name for each in kept} | {each.base for each in kept}
    gone = [each.name for each in held if each.name not in needed]
    for name in gone:
        (folder / f"{name}.json").unlink()  # first: half a backup must not look like one
        shutil.rmtree(folder / name)
    return gone


def restore_backup(
    engine: Engine, folder: Path, backup: Backup, *, over: bool = False, progress: Progress = silent
) -> None:
    """Put a backup in place of the warehouse's database, at one moment, and mark the days that must be rolled up.

    A database with events is only replaced with ``over``. Raises `UserError` when it has some, or when the backup
    or its base is not there; then nothing is changed.
    """
    if backup.base is not None:
        find_backup(folder, backup.base)
    own = engine.database
    if not over and _has_events(engine):
        raise UserError(f"the warehouse {engine.url} holds events", hint="--over puts the backup in their place")
    with exclusive(engine, "backup", progress=progress), exclusive(engine, "rollup", progress=progress):
        made = _run_restore(engine, backup, progress)
        _swap(engine, own, made)
    migrate(engine)
    mark_doubtful(engine)
    write_meta(engine, RESTORED_KEY, json.dumps({"backup": backup.name, "began": backup.began.isoformat()}))


def _run_restore(engine: Engine, backup: Backup, progress: Progress) -> str:
    made = f"{engine.database}_restored"
    engine.execute(f"DROP DATABASE IF EXISTS {identifier(made)} SYNC")
    place = _place(backup.name)
    sql = f"RESTORE DATABASE {identifier(backup.database)} AS {identifier(made)} FROM {place} ASYNC"
    try:
        _run(engine, sql, place, "restore", progress)
    except EngineError:
        engine.execute(f"DROP DATABASE IF EXISTS {identifier(made)} SYNC")
        raise
    passing = "SELECT name FROM system.tables WHERE database = {database:String} AND match(name, {names:String})"
    for row in engine.rows(passing, {"database": made, "names": _PASSING}):
        engine.execute(f"DROP TABLE IF EXISTS {identifier(made)}.{identifier(row['name'])} SYNC")
    return made


def _swap(engine: Engine, own: str, made: str) -> None:
    """Rename twice; if the second fails, the first is taken back."""
    before = f"{own}_before"
    engine.execute(f"DROP DATABASE IF EXISTS {identifier(before)} SYNC")
    engine.execute(f"RENAME DATABASE {identifier(own)} TO {identifier(before)}")
    try:
        engine.execute(f"RENAME DATABASE {identifier(made)} TO {identifier(own)}")
    except EngineError:
        engine.execute(f"RENAME DATABASE {identifier(before)} TO {identifier(own)}")
        raise
    engine.execute(f"DROP DATABASE IF EXISTS {identifier(before)} SYNC")


def _has_events(engine: Engine) -> bool:
    sql = """
        SELECT sum(total_rows) FROM system.tables
        WHERE database = currentDatabase() AND name IN ('feed_actions', 'message_actions')
    """
    return bool(engine.scalar(sql))


def _place(name: str) -> str:
    return f"Disk({literal(BACKUPS)}, {literal(name)})"


def _run(engine: Engine, sql: str, place: str, step: str, progress: Progress) -> dict[str, Any]:
    """Start it and watch it: a request that lasted as long as a backup would be cut by time limits."""
    with _explained():
        engine.execute(sql)
    while True:
        rows = engine.rows(_STATE, {"name": place})
        state: dict[str, Any] = rows[0] if rows else dict(_NOT_YET)
        progress(step, state["done"], state["total"], "bytes")
        if state["status"] in ("BACKUP_CREATED", "RESTORED"):
            return state
        if state["status"].endswith(("FAILED", "CANCELLED")):
            with _explained():
                raise _failure(state["error"])
        time.sleep(_PAUSE)


_NOT_YET = {"status": "", "total": 0, "own": 0, "done": 0, "error": ""}
_STATE = """
    SELECT toString(status) AS status, total_size AS total, compressed_size AS own, error,
           if(status IN ('CREATING_BACKUP', 'BACKUP_CREATED'), uncompressed_size, bytes_read) AS done
    FROM system.backups WHERE name = {name:String} ORDER BY start_time DESC LIMIT 1
"""


def _failure(text: str) -> EngineError:
    found = re.match(r"Code:\s*(\d+)\.\s*(?:DB::Exception:\s*)?(.*)", text, re.DOTALL)
    message = " ".join((found[2] if found else text).partition("Stack trace")[0].split())
    return EngineError(message[:600], code=int(found[1]) if found else 0)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        if error.code in _NOT_ALLOWED:
            hint = "is warehouse.backups what it was when the server or this process opened the warehouse?"
            raise UserError(f"the engine may not use this folder: {error.message}", hint=hint) from error
        raise


def _read(file: Path) -> Backup | None:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        made = Backup(**raw)
        return replace(
            made,
            name=file.stem,  # a folder may be copied under another name
            began=datetime.fromisoformat(raw["began"]),
            ended=datetime.fromisoformat(raw["ended"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(file: Path, backup: Backup) -> None:
    values = asdict(backup) | {"began": backup.began.isoformat(), "ended": backup.ended.isoformat()}
    partial = file.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(values, indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
