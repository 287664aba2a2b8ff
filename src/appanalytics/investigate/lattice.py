"""Every cell of every cuboid: the candidates that a search looks at, and sums over them in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from appanalytics.investigate.cells import Cells, Codes, Floats

Mask = NDArray[np.bool_]

#: The code of a dimension that a segment leaves open.
ANY = -1


@dataclass(frozen=True, eq=False)
class Lattice:
    """All segments of up to some number of dimensions.

    A *cuboid* is a choice of dimensions, the first one being the empty choice: its only segment is the whole table.
    ``members`` (cuboids, leaves) says which segment of each cuboid a leaf belongs to; ``keys`` (segments, dimensions)
    holds the codes that define a segment, ``ANY`` where it leaves a dimension open; ``cuboid`` (segments) the
    cuboid; ``lineage`` the keys with the country of each city filled in.
    """

    members: Codes
    keys: Codes
    cuboid: Codes
    lineage: Codes

    @classmethod
    def of(cls, cells: Cells, most: int) -> Lattice:
        """Build it for choices of up to ``most`` dimensions, never a dimension together with one above it.

        A city lies in one country: asking for both says no more than asking for the city.
        """
        above = cells.parent_of
        choices = [
            choice
            for count in range(most + 1)
            for choice in combinations(range(len(cells.dimensions)), count)
            if not any(parent in choice for child in choice for parent in above.get(child, ()))
        ]
        members, keys, cuboid, lineage, found = [], [], [], [], 0
        for number, choice in enumerate(choices):
            groups = _groups(cells.codes, choice)
            key = np.full((groups.max() + 1, len(cells.dimensions)), ANY, dtype=np.int64)
            for position in choice:
                key[groups, position] = cells.codes[:, position]
            members.append(groups + found)
            keys.append(key)
            line = key.copy()
            for position in (parent for child in choice for parent in above.get(child, ())):
                line[groups, position] = cells.codes[:, position]
            lineage.append(line)
            cuboid.append(np.full(len(key), number, dtype=np.int64))
            found += len(key)
        return cls(np.stack(members), np.concatenate(keys), np.concatenate(cuboid), np.concatenate(lineage))

    @cached_property
    def size(self) -> int:
        """Number of segments."""
        return len(self.keys)

    @cached_property
    def order(self) -> Codes:
        """Number of dimensions that each segment fixes."""
        fixed: Codes = (self.keys != ANY).sum(axis=1)
        return fixed

    def sums(self, values: Floats) -> Floats:
        """Sum over every segment of one value for each leaf, or of several: (leaves) or (leaves, kinds)."""
        flat, cuboids = self.members.ravel(), len(self.members)
        if values.ndim == 1:
            summed: Floats = np.bincount(flat, weights=np.tile(values, cuboids), minlength=self.size).astype(
                np.float64
            )
            return summed
        return np.stack([self.sums(column) for column in values.T], axis=1)

    def sums_each(self, values: Floats) -> Floats:
        """Sum over every segment of values that differ by cuboid: (cuboids, leaves)."""
        summed: Floats = np.bincount(self.members.ravel(), weights=values.ravel(), minlength=self.size).astype(
            np.float64
        )
        return summed

    def leaves(self, *segments: int) -> Mask:
        """Mask of the leaves of all these segments together."""
        rows = self.members[np.unique(self.cuboid[list(segments)])]
        return np.asarray(np.isin(rows, segments).any(axis=0), dtype=np.bool_)

    def parent(self, segments: Codes) -> int | None:
        """The segment that holds what all of these have in common: their country, or in the end the whole table."""
        line, keys = self.lineage[segments], self.keys[segments]
        common = np.where((line == line[0]).all(axis=0), line[0], ANY)
        own = np.where((keys == keys[0]).all(axis=0), keys[0], ANY)
        for key in (common, own):
            found = self._segment(key)
            if found is not None:
                return found
        return None

    def _segment(self, key: Codes) -> int | None:
        """The segment with this key."""
        order, numbers = self._sorted
        at = int(np.searchsorted(numbers, key @ self._radix))
        if at < len(order) and (self.keys[order[at]] == key).all():
            return int(order[at])
        return None

    @cached_property
    def _radix(self) -> Codes:
        # Wraps around for very many values; a wrong hit is told by its key, and costs no more than a merge.
        sizes = self.keys.max(axis=0) + 2
        radix: Codes = np.cumprod(np.concatenate([[1], sizes[:-1]])).astype(np.int64)
        return radix

    @cached_property
    def _sorted(self) -> tuple[Codes, Codes]:
        numbers = self.keys @ self._radix
        order = np.argsort(numbers, kind="stable")
        return order, numbers[order]

    def without(self, leaves: Mask) -> Lattice:
        """The same segments over fewer leaves; segments that lost all of theirs stay, empty."""
        return Lattice(np.ascontiguousarray(self.members[:, ~leaves]), self.keys, self.cuboid, self.lineage)


def _groups(codes: Codes, choice: tuple[int, ...]) -> Codes:
    """Number the distinct combinations of the chosen dimensions from 0: one number for each leaf."""
    number, radix = np.zeros(len(codes), dtype=np.int64), 1
    for position in choice:
        size = int(codes[:, position].max()) + 1
        if radix * size > 4 * len(codes) + 1024:
            number, radix = _renumber(number, radix)
        number, radix = number * size + codes[:, position], radix * size
    return _renumber(number, radix)[0]


def _renumber(number: Codes, radix: int) -> tuple[Codes, int]:
    """Close the gaps in the numbers used, and say how many there are."""
    if radix > 8 * len(number) + 1024:
        used, inverse = np.unique(number, return_inverse=True)
        return inverse.ravel(), len(used)
    present = np.zeros(radix, dtype=np.int64)
    present[number] = 1
    return (np.cumsum(present) - 1)[number], int(present.sum())
