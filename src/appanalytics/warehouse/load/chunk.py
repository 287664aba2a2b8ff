"""What a reader of any format hands over: its columns, how they are staged, and chunks of rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from appanalytics.warehouse.load.parameters import Parameters

Numbers = npt.NDArray[np.int64]


class CellKind(StrEnum):
    """What a staged cell is. A text that is empty is missing; the others are missing when null."""

    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    TIME = "time"  # an instant
    NAIVE_TIME = "naive time"  # a clock's reading, staged as if it were UTC


@dataclass(frozen=True, slots=True)
class Cell:
    """SQL of one column of the file in the staging query, and its kind."""

    sql: str
    kind: CellKind


@dataclass(frozen=True, slots=True)
class Staging:
    """How a reader's rows look in the engine.

    ``columns`` are those of the staging table beside ``row`` with their types; ``select`` is a query over the
    table ``{stage}`` that gives ``row`` and the cells; ``problems`` are (condition, reason) of a whole row.
    """

    columns: tuple[tuple[str, str], ...]
    select: str
    cells: Mapping[str, Cell]
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of rows of a file, the same for the same content and chunk size.

    ``cells`` has ``row`` (index in the chunk) and the staged columns of the rows that could be cut into cells;
    ``broken`` are the others with their reasons. ``raw`` shows rows as text. ``position`` is how many bytes of
    the file on disk were read by then.
    """

    number: int
    rows: int
    cells: pa.Table
    lines: Numbers
    broken: Numbers
    broken_reasons: tuple[str, ...]
    raw: Callable[[Numbers], list[str]]
    position: int


class Reader(Protocol):
    """One file. ``names`` are its columns as they are written in it; ``chunk_size`` what it is cut by."""

    path: Path
    size: int
    names: tuple[str, ...]
    open_ended: bool  # rows may have columns that `names` does not know

    def staging(self, used: tuple[str, ...], compact: Collection[str], parameters: Parameters) -> Staging:
        """Plan how the ``used`` columns are staged; ``compact`` ones have few distinct values."""

    def chunks(self, staging: Staging, size: int) -> Generator[Chunk]:
        """Read the file from its start."""
