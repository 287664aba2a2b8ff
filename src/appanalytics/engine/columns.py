"""Columns of an answer as arrays of numpy. pyarrow's own way imports pandas, a third of a second of a command."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa


def numbers(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """A column of numbers, read-only; days become days since 1970-01-01. Missing ones are NaN."""
    kind = column.type
    if pa.types.is_date32(kind):
        return _joined([chunk.view(pa.int32()) for chunk in column.chunks], pa.int32())
    if column.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    return _joined(column.chunks, kind)


def _joined(chunks: list[pa.Array], kind: pa.DataType) -> np.ndarray[Any, Any]:
    parts = [np.from_dlpack(chunk) for chunk in chunks]
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, kind.to_pandas_dtype()), *parts])
