"""Candidates for one cause: single segments and sets of them, ranked by gain less what their complexity costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from appanalytics.investigate.cells import Codes, Floats
from appanalytics.investigate.evidence import Evidence
from appanalytics.investigate.lattice import ANY, Lattice, Mask

#: The segment that is the whole table, in every lattice.
WHOLE = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One or several segments of one cuboid that may have changed together, the strongest first.

    ``gain`` is the log-likelihood ratio against a drift of the whole, ``score`` the gain less its price.
    """

    segments: tuple[int, ...]
    gain: float
    score: float

    @property
    def is_whole(self) -> bool:
        """True when everything changed alike."""
        return self.segments == (WHOLE,)


@dataclass(frozen=True, eq=False)
class Ranking:
    """Everything that one look at all segments tells."""

    evidence: Evidence
    lattice: Lattice

    @cached_property
    def statistics(self) -> Floats:
        """(segments, kinds)."""
        return self.lattice.sums(self.evidence.statistics)

    @cached_property
    def _inside(self) -> tuple[Floats, Floats]:
        return self.evidence.inside(self.lattice)

    @property
    def effect(self) -> Floats:
        """Effect inside each segment, with its sign."""
        return self._inside[1]

    @cached_property
    def excess(self) -> Floats:
        """Actual minus expected of each segment."""
        return self.lattice.sums(self.evidence.excess)

    @cached_property
    def mass(self) -> Floats:
        """Size of each segment."""
        return self.lattice.sums(self.evidence.mass)

    def gain_of(self, segments: Codes) -> Floats:
        """Gain of disjoint segments that each have an effect of their own: (…, members) to (…)."""
        total = self.statistics[WHOLE]
        apart = self.evidence.outside(total - self.statistics[segments].sum(axis=-2))
        gains: Floats = self._inside[0][segments].sum(axis=-1) + apart - self.evidence.outside(total)
        return gains

    @cached_property
    def gains(self) -> Floats:
        """Gain of each segment alone."""
        return self.gain_of(np.arange(self.lattice.size)[:, None])

    def candidates(self, *, with_whole: bool = True) -> list[Candidate]:
        """Candidates of one direction, the best first; empty when nothing changed.

        It is the direction of the whole table's change, unless the best of the other one scores twice as much.
        """
        along = 1 if self.excess[WHOLE] >= 0 else -1
        with_it, against = self._ranked(along, with_whole), self._ranked(-along, with_whole)
        if not with_it or (against and against[0].score > 2 * with_it[0].score):
            return against
        return with_it

    def _ranked(self, sign: int, with_whole: bool) -> list[Candidate]:
        excess = sign * self.excess
        fits = (sign * self.effect > 0) & (excess > 0)
        fits[WHOLE] &= with_whole
        if not fits.any():
            return []
        fits &= excess >= self.evidence.scan.least_excess * excess[fits].max()
        best = float(self.gains[fits].max())
        scan = self.evidence.scan
        price = scan.per_dimension[0] + scan.per_dimension[1] * best
        scores = self.gains - price * np.maximum(self.lattice.order - 1, 0)
        scores[WHOLE] += scan.whole * best
        found = []
        for cells in self._best_of_cuboids(fits):
            found += [Candidate((int(cell),), float(self.gains[cell]), float(scores[cell])) for cell in cells]
            found += self._sets(cells, best, price)
        return sorted(found, key=lambda candidate: -candidate.score)

    def _best_of_cuboids(self, fits: Mask) -> list[Codes]:
        """The strongest segments of each cuboid, the best first."""
        cells = np.flatnonzero(fits)
        cells = cells[np.lexsort((-self.gains[cells], self.lattice.cuboid[cells]))]
        starts = np.flatnonzero(np.diff(self.lattice.cuboid[cells], prepend=-1))
        return [part[: self.evidence.scan.kept] for part in np.split(cells, starts[1:])]

    def _sets(self, cells: Codes, best: float, price: float) -> list[Candidate]:
        """Grow a set from the strongest segment while each further member pays for itself, and one step more."""
        scan, order = self.evidence.scan, int(self.lattice.order[cells[0]])
        cost = scan.per_member[0] + scan.per_member[1 if order == 1 else 2] * best
        members, found, score = cells[:1], [], float(self.gains[cells[0]]) - price * (order - 1)
        while len(members) < scan.members:
            further = self._joinable(cells, members)
            if not len(further):
                break
            sets = np.column_stack([np.tile(members, (len(further), 1)), further])
            gains = self.gain_of(sets)
            members, gain = sets[gains.argmax()], float(gains.max())
            before, score = score, gain - price * (order - 1) - cost * (len(members) - 1)
            if not self._is_its_parent(members):
                found.append(Candidate(tuple(map(int, members)), gain, score))
            if score <= before:
                break
        return found

    def refined(self, candidate: Candidate) -> Candidate:
        """Narrow members of a set by one more dimension each, where that gains more than the dimension costs.

        A single segment competes with its own parts in the ranking; a member of a set does not.
        """
        if len(candidate.segments) < 2:
            return candidate
        keys, order = self.lattice.keys, self.lattice.order
        scan, members, gain = self.evidence.scan, np.array(candidate.segments), candidate.gain
        price = scan.per_dimension[0] + scan.per_dimension[1] * max(candidate.gain, 0.0)
        for position, member in enumerate(candidate.segments):
            fixed = keys[member] != ANY
            parts = np.flatnonzero((keys[:, fixed] == keys[member][fixed]).all(axis=1) & (order == order[member] + 1))
            parts = parts[np.sign(self.effect[parts]) == np.sign(self.effect[member])]
            if not len(parts):
                continue
            sets = np.tile(members, (len(parts), 1))
            sets[:, position] = parts
            gains = self.gain_of(sets)
            if gains.max() > gain + price:
                members, gain = sets[gains.argmax()], float(gains.max())
        return Candidate(tuple(map(int, members)), gain, candidate.score)

    def _joinable(self, cells: Codes, members: Codes) -> Codes:
        """Segments that differ from all members in the value of one dimension, and whose effect is alike."""
        keys = self.lattice.keys
        apart = (keys[cells][:, None, :] != keys[members][None, :, :]).sum(axis=2)
        strength = np.abs(self.effect[members])
        other = np.abs(self.effect[cells])
        alike = np.minimum(other, strength.min()) >= self.evidence.scan.least_effect * np.maximum(
            other, strength.max()
        )
        joinable: Codes = cells[(apart == 1).all(axis=1) & alike]
        return joinable

    def _is_its_parent(self, members: Codes) -> bool:
        """True when the set is nearly all of what its members have in common."""
        parent = self.lattice.parent(members)
        held = self.mass[members].sum()
        return parent is not None and bool(held >= self.evidence.scan.covers * self.mass[parent])
