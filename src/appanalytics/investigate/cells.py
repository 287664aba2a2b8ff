"""What is explained: a table of cells, each one combination of dimension values with its numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from appanalytics.errors import CellsError, nearest

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Cells:
    """The dimensions of a table: one code for each cell and dimension, and what the codes stand for.

    ``codes`` has the shape (cells, dimensions). ``parents`` names, for a dimension that lies inside of another one
    (city in country), the other one; its codes tell cities of one name in two countries apart. Cells are distinct.
    """

    dimensions: tuple[str, ...]
    values: tuple[tuple[Hashable, ...], ...]
    codes: Codes
    parents: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.codes)

    @property
    def parent_of(self) -> dict[int, tuple[int, ...]]:
        """Position of each dimension with all positions above it, the nearest first."""
        above: dict[int, tuple[int, ...]] = {}
        for child in self.parents:
            chain, name = [], child
            while name in self.parents:
                name = self.parents[name]
                chain.append(self.dimensions.index(name))
            above[self.dimensions.index(child)] = tuple(chain)
        return above


@dataclass(frozen=True, eq=False, repr=False)
class Counts(Cells):
    """An additive metric (users, views, likes): what was counted in each cell, and what was expected there.

    ``expected`` is a forecast on the scale of ``actual``. Users add up only over attributes that a user has one
    value of; others (posts, services) would count a user twice. ``dispersion`` is the least ratio of a cell's
    variance to its mean, where it was measured on earlier periods: one user sends many messages.
    """

    actual: Floats = field(default_factory=lambda: np.empty(0))
    expected: Floats = field(default_factory=lambda: np.empty(0))
    dispersion: float = 1.0

    @classmethod
    def of(
        cls,
        dimensions: Mapping[str, Sequence[Hashable]],
        actual: ArrayLike,
        expected: ArrayLike,
        *,
        parents: Mapping[str, str] | None = None,
        dispersion: float = 1.0,
    ) -> Counts:
        """Make a table from columns of one length; rows with the same dimension values are added up."""
        cells, groups = _encode(dimensions, parents or {})
        columns = _columns(groups, {"actual": actual, "expected": expected})
        return cls(
            cells.dimensions, cells.values, cells.codes, cells.parents,
            actual=columns["actual"], expected=columns["expected"], dispersion=dispersion,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"Counts({_shape(self)}; actual {self.actual.sum():,.0f}, expected {self.expected.sum():,.0f})"


@dataclass(frozen=True, eq=False, repr=False)
class Ratios(Cells):
    """A ratio metric (likes of views): numerator and denominator of each cell, now and in calm earlier times.

    The baseline is the sum of both over earlier comparable periods (see :func:`calm_baseline`); its scale does not
    matter, only its rates and its mix.
    """

    numerator: Floats = field(default_factory=lambda: np.empty(0))
    denominator: Floats = field(default_factory=lambda: np.empty(0))
    baseline_numerator: Floats = field(default_factory=lambda: np.empty(0))
    baseline_denominator: Floats = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(
        cls,
        dimensions: Mapping[str, Sequence[Hashable]],
        numerator: ArrayLike,
        denominator: ArrayLike,
        *,
        baseline_numerator: ArrayLike,
        baseline_denominator: ArrayLike,
        parents: Mapping[str, str] | None = None,
    ) -> Ratios:
        """Make a table from columns of one length; rows with the same dimension values are added up."""
        cells, groups = _encode(dimensions, parents or {})
        columns = _columns(
            groups,
            {
                "numerator": numerator,
                "denominator": denominator,
                "baseline_numerator": baseline_numerator,
                "baseline_denominator": baseline_denominator,
            },
        )
        for top, bottom in (("numerator", "denominator"), ("baseline_numerator", "baseline_denominator")):
            if np.any((columns[top] > 0) & (columns[bottom] == 0)):
                raise CellsError(
                    f"{top} is above 0 where {bottom} is 0",
                    hint="both columns must count the same rows",
                )
        if columns["denominator"].sum() == 0:
            raise CellsError("the denominator is 0 in all cells", hint="a ratio of nothing has no change to explain")
        if columns["baseline_denominator"].sum() == 0:
            raise CellsError("the baseline is empty", hint="give the sums of at least one earlier period")
        return cls(
            cells.dimensions, cells.values, cells.codes, cells.parents,
            numerator=columns["numerator"], denominator=columns["denominator"],
            baseline_numerator=columns["baseline_numerator"], baseline_denominator=columns["baseline_denominator"],
        )  # fmt: skip

    @property
    def is_share(self) -> bool:
        """True when the numerator counts a part of the denominator in every cell, so that the ratio is a share."""
        return bool(
            np.all(self.numerator <= self.denominator)
            and np.all(self.baseline_numerator <= self.baseline_denominator)
        )

    def __repr__(self) -> str:
        now = _ratio(self.numerator.sum(), self.denominator.sum())
        before = _ratio(self.baseline_numerator.sum(), self.baseline_denominator.sum())
        return f"Ratios({_shape(self)}; {now} against {before})"


def _ratio(top: float, bottom: float) -> str:
    return f"{top / bottom:.4g}" if bottom else "nothing"


def _shape(cells: Cells) -> str:
    sizes = ", ".join(f"{name} {len(values)}" for name, values in zip(cells.dimensions, cells.values, strict=True))
    return f"{cells.size:,} cells: {sizes}"


def _encode(dimensions: Mapping[str, Sequence[Hashable]], parents: Mapping[str, str]) -> tuple[Cells, Codes]:
    """Codes of the distinct cells, and for each row the cell that it belongs to."""
    names = tuple(dimensions)
    if not names:
        raise CellsError("a table of cells needs at least one dimension")
    lengths = {name: len(column) for name, column in dimensions.items()}
    if len(set(lengths.values())) > 1:
        raise CellsError(f"the dimensions differ in length: {lengths}")
    if not lengths[names[0]]:
        raise CellsError("the table of cells is empty")
    _check_parents(names, parents)
    labels: dict[str, tuple[Hashable, ...]] = {}
    coded: dict[str, list[int]] = {}
    for name in sorted(names, key=lambda name: _depth(name, parents)):
        # Within its parent: two countries may have a city of one name, and these are two places.
        inside = coded[parents[name]] if name in parents else [0] * lengths[name]
        known: dict[tuple[int, Hashable], int] = {}
        coded[name] = [known.setdefault(pair, len(known)) for pair in zip(inside, dimensions[name], strict=True)]
        labels[name] = tuple(label for _, label in known)
    rows = np.array([coded[name] for name in names], dtype=np.int64).T
    codes, groups = np.unique(rows, axis=0, return_inverse=True)
    return Cells(names, tuple(labels[name] for name in names), codes, dict(parents)), groups.ravel()


def _depth(name: str, parents: Mapping[str, str]) -> int:
    depth = 0
    while name in parents:
        name, depth = parents[name], depth + 1
    return depth


def _check_parents(names: tuple[str, ...], parents: Mapping[str, str]) -> None:
    for child, parent in parents.items():
        for name in (child, parent):
            if name not in names:
                raise CellsError(f"{name} in the hierarchy is not a dimension", hint=nearest(name, names))
        seen, name = {child}, child
        while name in parents:
            name = parents[name]
            if name in seen:
                raise CellsError(f"the hierarchy leads from {child} back to {name}")
            seen.add(name)


def _columns(groups: Codes, columns: Mapping[str, ArrayLike]) -> dict[str, Floats]:
    """The numbers of each distinct cell."""
    added: dict[str, Floats] = {}
    for name, given in columns.items():
        column = np.asarray(given, dtype=np.float64)
        if column.shape != groups.shape:
            raise CellsError(f"{name} has the shape {column.shape}, the dimensions have {groups.shape}")
        if not np.all(np.isfinite(column)):
            raise CellsError(
                f"{name} has values that are missing or infinite", hint="leave out cells without numbers"
            )
        if np.any(column < 0):
            raise CellsError(f"{name} has negative values", hint="counts and their forecasts are never below 0")
        added[name] = np.bincount(groups, weights=column).astype(np.float64)
    return added
