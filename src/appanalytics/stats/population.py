"""Users of one population with what they did before, for the A/A rehearsal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from appanalytics.errors import StatisticsError
from appanalytics.stats.cells import Counts, Floats, RatioCells
from appanalytics.stats.moments import finite, whole_counts


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Cells of users: numerator, denominator, what was before, number of users.

    ``before``: nothing; or one column, a mean's value before the start (CUPED adds whether there was any); or two,
    a ratio's numerator and denominator before.
    """

    numerators: Floats
    denominators: Floats
    before: tuple[Floats, ...]
    counts: Counts

    @classmethod
    def of(
        cls, numerators: ArrayLike, denominators: ArrayLike, *before: ArrayLike, counts: ArrayLike | None = None
    ) -> Population:
        """From one entry for each user, or with ``counts`` for each cell. Columns of other lengths are refused."""
        columns = [finite(each) for each in (numerators, denominators, *before)]
        number = len(columns[0])
        if len(before) > 2 or any(len(each) != number for each in columns):
            raise StatisticsError("a population takes up to four columns of one length")
        if number and columns[1].min() < 0:
            raise StatisticsError("a denominator is negative", hint="a ratio's denominator counts something")
        users = np.ones(number, dtype=np.int64) if counts is None else whole_counts(counts, number)
        return cls(columns[0], columns[1], tuple(columns[2:]), users)

    @classmethod
    def of_cells(cls, cells: RatioCells) -> Population:
        """Cells without any history."""
        return cls(cells.numerators, cells.denominators, (), cells.counts)

    @property
    def users(self) -> int:
        """Number of users."""
        return int(self.counts.sum())

    def with_ratio(self) -> Population:
        """Users with a denominator, in the order of their ratio (so that ranks rise with cell numbers)."""
        some = np.flatnonzero(self.denominators > 0)
        order = some[np.argsort(self.numerators[some] / self.denominators[some], kind="stable")]
        before = tuple(each[order] for each in self.before)
        return Population(self.numerators[order], self.denominators[order], before, self.counts[order])
