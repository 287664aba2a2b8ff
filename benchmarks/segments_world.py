"""A made-up day of a social app as a table of cells, with outages and campaigns whose segments are known."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from appanalytics.investigate import Counts, Ratios

Floats = NDArray[np.float64]
Where = frozenset[tuple[str, str]]

COUNTRIES = {
    "Russia": 0.85, "Ukraine": 0.03, "Belarus": 0.027, "Kazakhstan": 0.025, "Finland": 0.018, "Azerbaijan": 0.014,
    "Turkey": 0.013, "Latvia": 0.008, "Estonia": 0.006, "Cyprus": 0.005, "Switzerland": 0.004,
}  # fmt: skip
OTHERS = {
    "os": {"Android": 0.64, "iOS": 0.36},
    "gender": {"female": 0.55, "male": 0.45},
    "source": {"organic": 0.58, "ads": 0.42},
    "age": {"-17": 0.15, "18-24": 0.3, "25-34": 0.28, "35-44": 0.15, "45-54": 0.08, "55+": 0.04},
}
PARENTS = {"city": "country"}


@dataclass(frozen=True)
class Noise:
    """Beyond Poisson: scatter of leaves, drifts of cities, of other values, and of everything; all relative sds."""

    leaf: float = 0.0
    city: float = 0.0
    value: float = 0.0
    common: float = 0.0


CALM = Noise()
RESTLESS = Noise(leaf=0.15, city=0.03, value=0.01, common=0.03)


@dataclass(frozen=True)
class World:
    """Leaves with their true means; everything else is drawn."""

    columns: dict[str, list[str]]
    mean: Floats
    rate: Floats = field(repr=False)

    @classmethod
    def of(cls, rng: np.random.Generator, users: float) -> World:
        """Cities by rank within countries; traits differ a little between cities."""
        columns: dict[str, list[str]] = {"country": [], "city": [], **{name: [] for name in OTHERS}}
        mean, rate = [], []
        tilt = {value: rng.normal(0, 0.15) for values in OTHERS.values() for value in values}
        for country, share in COUNTRIES.items():
            count = max(4, int(60 * share**0.5))
            ranks = 1 / np.arange(1.0, count + 1) ** 1.1
            for number, weight in enumerate(ranks / ranks.sum()):
                crossed = [("", share * weight, 0.2 * np.exp(rng.normal(0, 0.1)))]
                for values in OTHERS.values():
                    own = np.array(list(values.values())) * np.exp(rng.normal(0, 0.15, len(values)))
                    own /= own.sum()
                    crossed = [
                        (f"{path}|{value}", mass * part, ctr * np.exp(tilt[value]))
                        for path, mass, ctr in crossed
                        for value, part in zip(values, own, strict=True)
                    ]
                for path, mass, ctr in crossed:
                    columns["country"].append(country)
                    columns["city"].append(f"{country} {number + 1}")
                    for name, value in zip(OTHERS, path.split("|")[1:], strict=True):
                        columns[name].append(value)
                    mean.append(mass)
                    rate.append(min(ctr, 0.6))
        level = np.array(mean)
        return cls(columns, level / level.sum() * users, np.array(rate))

    def mask(self, where: Where) -> NDArray[np.bool_]:
        """Leaves of a segment."""
        found = np.ones(len(self.mean), dtype=bool)
        for name, value in where:
            found &= np.array(self.columns[name]) == value
        return found

    def day(self, rng: np.random.Generator, noise: Noise, factor: Floats | float = 1.0) -> Floats:
        """Users of each leaf on one day."""
        mean = self.mean * factor * self.drift(rng, noise)
        if noise.leaf:
            mean = mean * rng.gamma(1 / noise.leaf**2, noise.leaf**2, len(mean))
        return rng.poisson(mean).astype(float)

    def drift(self, rng: np.random.Generator, noise: Noise) -> Floats:
        """Multiplier of each leaf: its values' drifts of the day."""
        logs = np.full(len(self.mean), rng.normal(0, noise.common) if noise.common else 0.0)
        for name, column in self.columns.items():
            size = noise.city if name == "city" else noise.value
            if size:
                values, codes = np.unique(column, return_inverse=True)
                logs += rng.normal(0, size, len(values))[codes]
        return np.exp(logs)


@dataclass(frozen=True)
class Case:
    """A table and the segments that truly changed."""

    table: Counts | Ratios
    truth: frozenset[Where]
    lost: float = 0.0


def segments(world: World, rng: np.random.Generator, kind: str, least: float) -> list[Where]:
    """Draw one cause: one segment, or some cities together; each holds ``least`` users or more."""

    def one(*names: str, **fixed: str) -> Where:
        for _ in range(200):
            leaf = rng.choice(len(world.mean), p=world.mean / world.mean.sum())
            where = frozenset((name, fixed.get(name, world.columns[name][leaf])) for name in names)
            if world.mean[world.mask(where)].sum() >= least:
                return where
        raise ValueError("no segment is large enough")

    if kind == "campaign":
        choices = [("source", "country"), ("source", "age"), ("country",), ("city",), ("source", "city")]
        return [one(*choices[rng.integers(len(choices))], source="ads")]
    shapes = [("city",), ("country",), ("os",), ("source",), ("os", "country"), ("age", "source"), ("gender", "city")]
    shape = shapes[rng.integers(len(shapes))]
    if shape != ("city",):
        return [one(*shape)]
    return list({one("city") for _ in range(rng.integers(1, 5))})


def count_case(
    seed: int, kind: str, *, users: float = 16_500, noise: Noise | None = None, general: float = 1.0
) -> Case:
    """A day of active users against the mean of four days before: ``outage``, ``campaign`` or ``none``."""
    rng = np.random.default_rng([seed, {"outage": 1, "campaign": 2, "none": 3}[kind]])
    world = World.of(rng, users)
    noise = noise or (RESTLESS if seed % 2 else CALM)
    factor, truth = np.full(len(world.mean), general), set()
    for _ in range(0 if kind == "none" else 1 + (rng.random() < 0.25)):
        size = rng.uniform(0, 0.5) if kind == "outage" else rng.uniform(1.5, 4)
        drawn = segments(world, rng, kind, least=users * 0.009)
        if all(np.all(factor[world.mask(where)] == general) for where in drawn):
            truth.update(drawn)
            for where in drawn:
                factor[world.mask(where)] *= size
    expected = np.mean([world.day(rng, noise) for _ in range(4)], axis=0)
    actual = world.day(rng, noise, factor)
    lost = float(((1 - factor) * world.mean).sum())
    return Case(Counts.of(world.columns, actual, expected, parents=PARENTS), frozenset(truth), lost)


def ratio_case(seed: int, fall: float, *, views: float = 500_000, general: float = 1.0) -> Case:
    """A day of likes and views against seven days before; the rate of one segment fell by ``fall``.

    Views of one user are alike: a leaf's rate scatters as beta with the correlation .02 of its users' rates.
    """
    rng = np.random.default_rng([seed, 4])
    world = World.of(rng, views)
    noise = RESTLESS if seed % 2 else CALM
    factor, truth = np.full(len(world.mean), general), set()
    if fall:
        truth.update(segments(world, rng, "outage", least=views * 0.009))
        for where in truth:
            factor[world.mask(where)] *= 1 - fall

    def likes(count: Floats, factor: Floats) -> Floats:
        rate = np.clip(
            world.rate * factor * world.drift(rng, Noise(city=noise.city / 2, common=noise.common)), 0, 0.9
        )
        people = np.maximum(count / 30, 1)
        own = rng.beta(rate * people * 10, (1 - rate) * people * 10) if noise.leaf else rate
        return rng.binomial(count.astype(int), own).astype(float)

    days = [world.day(rng, noise) for _ in range(7)]
    before = [likes(day, np.ones_like(factor)) for day in days]
    rows = world.day(rng, noise)
    table = Ratios.of(
        world.columns,
        likes(rows, factor),
        rows,
        baseline_numerator=np.sum(before, axis=0),
        baseline_denominator=np.sum(days, axis=0),
        parents=PARENTS,
    )
    return Case(table, frozenset(truth))
