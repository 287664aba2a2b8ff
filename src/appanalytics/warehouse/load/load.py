"""Load files into an event table, each once."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from appanalytics.engine import Engine
from appanalytics.errors import FileError, MappingError, nearest
from appanalytics.progress import Progress, silent
from appanalytics.warehouse.load.ahead import ahead
from appanalytics.warehouse.load.chunk import Chunk, Reader
from appanalytics.warehouse.load.content import digest
from appanalytics.warehouse.load.keep import keep_chunk, refuse_hopeless
from appanalytics.warehouse.load.ledger import (
    ChunkEntry,
    LoadEntry,
    find_loads,
    load_id,
    read_chunks,
    write_load,
)
from appanalytics.warehouse.load.mapping import Mapping
from appanalytics.warehouse.load.open import open_file
from appanalytics.warehouse.load.parquetfile import ParquetFile
from appanalytics.warehouse.load.plan import Plan, make_plan
from appanalytics.warehouse.load.report import FileReport, LoadReport
from appanalytics.warehouse.load.stage import Job, Judged, Stage, check, judge_chunk, stage, sweep
from appanalytics.warehouse.load.target import TargetTable, read_target

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """How files are cut: text by bytes of content, Parquet by rows. It bounds the memory that a load takes."""

    text_bytes: int = 16 << 20
    parquet_rows: int = 1_000_000

    def of(self, reader: Reader) -> int:
        """The size that applies to a file."""
        return self.parquet_rows if isinstance(reader, ParquetFile) else self.text_bytes


def load_files(
    engine: Engine,
    source: str,
    paths: Sequence[Path],
    mapping: Mapping | None = None,
    progress: Progress = silent,
    *,
    zone: ZoneInfo = _UTC,
    target: TargetTable | None = None,
    again: bool = False,
    chunk_size: ChunkSize = ChunkSize(),
) -> LoadReport:
    """Load files into a source's event table.

    A file that was loaded before adds nothing, whatever its name; a load that was interrupted goes on where it
    stopped. ``zone`` is the reporting time zone, whose days are marked as changed. ``again`` loads a file once
    more although its content is in already. All files are checked before the first row of any is loaded:
    `MappingError` and `FileError` mean that nothing changed.
    """
    if not paths:
        raise FileError("there is no file to load")
    table = target or read_target(engine, source)
    if mapping is not None and mapping.source not in (None, source):
        raise MappingError(
            f"the mapping is for {mapping.source!r}, not for {source!r}", hint=nearest(source, [source])
        )
    sweep(engine)
    files = [_prepare(engine, source, path, mapping, table, progress, again, chunk_size) for path in paths]
    reports: list[FileReport] = []
    for file in files:
        seen = next((report for report in reports if report.load == file.entry.load), None)
        if seen:
            reports.append(replace(seen, path=file.reader.path, loaded=0, already=seen.loaded + seen.already))
        else:
            reports.append(_load(engine, source, file, zone, progress))
    return LoadReport(source, table.name, tuple(reports))


@dataclass(frozen=True, slots=True)
class _File:
    reader: Reader
    plan: Plan
    content: str
    entry: LoadEntry
    begun: bool


def _prepare(
    engine: Engine,
    source: str,
    path: Path,
    mapping: Mapping | None,
    target: TargetTable,
    progress: Progress,
    again: bool,
    chunk_size: ChunkSize,
) -> _File:
    content = digest(path, progress)
    reader = open_file(path, mapping)
    plan = make_plan(mapping, reader, target)
    check(engine, plan)
    canonical = mapping.canonical() if mapping else ""
    loads = find_loads(engine, content, source)
    other = next((load for load in loads if load.mapping != canonical), None)
    if other and not again and all(load.mapping != canonical for load in loads):
        raise MappingError(
            f"the content of {path} was loaded with another mapping (as {other.file})",
            hint="its events would be there twice; ask for it to be loaded again if that is what you want",
        )
    same = [load for load in loads if load.mapping == canonical]
    entry = same[-1] if same and not (again and same[-1].done) else None
    if entry:
        return _File(reader, plan, content, entry, begun=True)
    load = load_id(content, canonical, source, len(same))
    fresh = LoadEntry(load, canonical, chunk_size.of(reader), done=False, file=str(path))
    return _File(reader, plan, content, fresh, begun=False)


def _load(engine: Engine, source: str, file: _File, zone: ZoneInfo, progress: Progress) -> FileReport:
    before = read_chunks(engine, file.entry.load) if file.begun else {}
    if file.entry.done:
        return _report(file, before, {})
    job = Job(file.entry.load, source, str(file.reader.path), file.plan, zone)
    loaded = _run(engine, file, job, before, progress)
    write_load(engine, replace(file.entry, done=True), file.content, source)
    return _report(file, before, loaded)


def _run(
    engine: Engine, file: _File, job: Job, before: dict[int, ChunkEntry], progress: Progress
) -> dict[int, ChunkEntry]:
    loaded: dict[int, ChunkEntry] = {}
    fresh = not file.begun
    with (
        stage(engine, job.plan, file.reader.size) as made,
        closing(ahead(file.reader.chunks(file.plan.staging, file.entry.chunk_size))) as chunks,
        closing(ahead(_judged(chunks, job, made, before))) as judged,
    ):
        for chunk, verdict in judged:
            if verdict:
                if fresh:
                    refuse_hopeless(verdict.entry, job.file)
                    write_load(engine, file.entry, file.content, job.source)
                    fresh = False
                keep_chunk(engine, job, verdict)
                loaded[chunk.number] = verdict.entry
            progress(f"loading {file.reader.path.name}", chunk.position, file.reader.size, "B")
    return loaded


def _judged(
    chunks: Generator[Chunk], job: Job, made: Stage, before: dict[int, ChunkEntry]
) -> Generator[tuple[Chunk, Judged | None]]:
    """Every chunk, judged unless its events are in."""
    for chunk in chunks:
        yield chunk, None if chunk.number in before else judge_chunk(job, made, chunk)


def _report(file: _File, before: dict[int, ChunkEntry], loaded: dict[int, ChunkEntry]) -> FileReport:
    entries = [*before.values(), *loaded.values()]
    reasons: dict[str, int] = {}
    for entry in entries:
        for reason, count in entry.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    return FileReport(
        path=file.reader.path,
        load=file.entry.load,
        rows=sum(entry.rows for entry in entries),
        loaded=sum(entry.loaded for entry in loaded.values()),
        already=sum(entry.loaded for entry in before.values()),
        skipped=sum(entry.skipped for entry in entries),
        rejected=sum(entry.rejected for entry in entries),
        first=min((entry.first for entry in entries if entry.first), default=None),
        last=max((entry.last for entry in entries if entry.last), default=None),
        reasons=reasons,
    )
