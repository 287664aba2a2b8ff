"""Exact Poisson numbers in bulk, for many resamples of many cells.

A table of 65,536 equal slots answers almost every draw with one look-up of 16 random bits; what the slots cannot
hold of the probabilities is kept in a rest that is drawn by inversion (the table method of Marsaglia 1963, with its
remainder). The numbers have Poisson's probabilities to double precision: nothing is rounded to the table.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SLOTS = 65_536
_BLOCK = 32_768  # numbers at a time: they stay in the processor's cache, and BLAS starts no threads
_MOST_CELLS = 4096
#: Above this mean numpy's own generator is taken: a table would hold little, and such cells are few.
LARGEST = 1_000_000


class PoissonTable:
    """Draws Poisson numbers of one mean (a whole number of identical users, 1 … `LARGEST`)."""

    __slots__ = ("_first", "_rest", "_slots", "_used")

    def __init__(self, mean: int) -> None:
        self._first, chances = _probabilities(mean)
        counts = np.floor(chances * _SLOTS).astype(np.int64)
        self._used = int(counts.sum())
        last = self._first + len(chances) - 1
        numbers = np.arange(self._first, last + 1).astype(np.min_scalar_type(last))  # small ones are read faster
        self._slots = np.repeat(numbers, [*counts[:-1], counts[-1] + _SLOTS - self._used])
        rest = np.cumsum(chances - counts / _SLOTS)
        self._rest = rest / rest[-1]

    def scratch(self) -> NDArray[np.unsignedinteger]:
        """Memory that `fill` may write to."""
        return np.empty(_BLOCK, dtype=self._slots.dtype)

    def fill(
        self, numbers: NDArray[np.float64], scratch: NDArray[np.unsignedinteger], generator: np.random.Generator
    ) -> None:
        """Fill an array (at most one block) with independent numbers."""
        size = len(numbers)
        bits = generator.bit_generator.random_raw(-(-size // 4)).view(np.uint16)[:size]
        # With mode="raise", numpy would copy through memory of its own; 16 bits never leave 65,536 slots.
        numbers[:] = self._slots.take(bits, out=scratch[:size], mode="clip")
        open_ = np.flatnonzero(bits >= self._used)
        if len(open_):
            numbers[open_] = self._first + np.searchsorted(self._rest, generator.random(len(open_)), side="right")

    def draw(self, generator: np.random.Generator, size: int) -> NDArray[np.float64]:
        """That many independent numbers, as floats."""
        numbers, scratch = np.empty(size), self.scratch()
        for first in range(0, size, _BLOCK):
            self.fill(numbers[first : first + _BLOCK], scratch, generator)
        return numbers


def weighted_sums(
    counts: NDArray[np.int64], columns: NDArray[np.float64], resamples: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Σ over cells of Poisson(count) · column, for each resample: shape (columns, resamples).

    A user's weight in a Poisson bootstrap is Poisson(1); ``count`` users with equal values weigh Poisson(count)
    together. ``columns`` has one row for each column and one entry for each cell.
    """
    sums = np.zeros((len(columns), resamples))
    order = np.argsort(counts, kind="stable")
    counts, columns = counts[order], columns[:, order]
    means, starts = np.unique(counts, return_index=True)
    for mean, start, end in zip(means.tolist(), starts, [*starts, len(counts)][1:], strict=True):
        values = columns[:, start:end]
        if mean > LARGEST:
            for one in values.T:
                sums += np.outer(one, generator.poisson(mean, size=resamples))
        elif mean:
            _add(PoissonTable(mean), values, sums, generator)
    return sums


def _add(
    table: PoissonTable, values: NDArray[np.float64], sums: NDArray[np.float64], generator: np.random.Generator
) -> None:
    numbers, scratch = np.empty(_BLOCK), table.scratch()
    for left in range(0, values.shape[1], _MOST_CELLS):
        some = np.ascontiguousarray(values[:, left : left + _MOST_CELLS])
        cells = some.shape[1]
        step = _BLOCK // cells
        for first in range(0, sums.shape[1], step):
            rows = min(step, sums.shape[1] - first)
            table.fill(numbers[: rows * cells], scratch, generator)
            weights = numbers[: rows * cells].reshape(rows, cells)
            for total, column in zip(sums, some, strict=True):
                total[first : first + rows] += weights[:, 0] * column[0] if cells == 1 else weights @ column


def _probabilities(mean: int) -> tuple[int, NDArray[np.float64]]:
    """First number and probabilities of all that matter: beyond, less than 1e-20 is left."""
    reach = 10 * mean**0.5 + 30
    first, last = max(0, int(mean - reach)), int(mean + reach)
    # Ratios from the mode outwards lose fewer digits than the formula with its large logarithms.
    numbers = np.arange(first, last + 1, dtype=np.float64)
    steps = np.log(mean / numbers[1:])
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    logs -= logs[mean - first]
    chances = np.exp(logs)
    return first, chances / chances.sum()
