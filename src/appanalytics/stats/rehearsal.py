"""A/A rehearsal: would this method raise an alarm where nothing changed, on these very users?

Users are drawn without replacement into two arms that differ in nothing, many times, and every method is asked. An
honest method says p ≤ 0.05 in 5 % of the draws; one that says it in 20 % lies on this data. All draws of a block are
computed at once; `tests/unit/stats/test_rehearsal.py` holds each to the public function of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from appanalytics.errors import StatisticsError
from appanalytics.stats.batch import METHODS, Draws, tied_tails
from appanalytics.stats.cells import Counts, Floats, RatioCells
from appanalytics.stats.population import Population
from appanalytics.stats.results import Interval, Test, from_tail
from appanalytics.stats.shares import Share, wilson
from appanalytics.stats.tails import kolmogorov_tail

#: Users at a time: small blocks stay in the cache; the bootstrap's weights are dear and serve a larger block.
_BLOCK, _BOOTSTRAP_BLOCK = 128_000, 500_000
_MOST_USERS = 2_000_000  # a larger population is represented by so many of its users


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """What a method said in draws without any difference.

    ``p_values``: one for each draw, NaN where the method had no answer. ``false_positives``: share of answers with
    p ≤ 1 - level, with Wilson's interval. ``uniform``: Kolmogorov–Smirnov test that the p-values are uniform, as an
    honest method's are (discrete p-values, such as a bootstrap's, are not quite).
    """

    method: str
    p_values: Floats
    false_positives: Interval
    uniform: Test

    def is_honest(self, level: float = 0.95) -> bool:
        """The interval of the false-positive rate holds 1 - level, or lies below: no more alarms than promised."""
        low = self.false_positives.low
        return low is not None and low <= 1 - level


def rehearse(
    users: RatioCells | Population, methods: Sequence[str] = (), *, seed: int, draws: int = 10_000,
    users_per_arm: int = 500, level: float = 0.95, alpha: float = 5.0, buckets: int = 50, resamples: int = 2_000,
) -> dict[str, Rehearsal]:  # fmt: skip
    """Ask each method in ``draws`` splits of users of one population into two arms of ``users_per_arm``.

    Without ``methods`` all are asked; CUPED where the population has a history.

    Users without a denominator have no ratio and are left out. For a mean per user give 1 as everyone's denominator.
    ``alpha`` is the smoothing, ``buckets`` the number of buckets, ``resamples`` those of each bootstrap. Draws come
    from shuffles of the population, each cut into as many splits as fit: every draw is a uniform sample without
    replacement. Too few users for one draw, or an unknown method, is a `StatisticsError`.
    """
    population = users if isinstance(users, Population) else Population.of_cells(users)
    methods = methods or [each for each in METHODS if each != "cuped" or population.before]
    cells = population.with_ratio()
    _check(cells, methods, draws, users_per_arm, buckets)
    generator = np.random.Generator(np.random.SFC64(seed))
    found: dict[str, list[Floats]] = {method: [] for method in methods}
    at_a_time = _BOOTSTRAP_BLOCK if "poisson_bootstrap" in methods else _BLOCK
    block = max(1, at_a_time // (2 * users_per_arm))
    tails = tied_tails(cells, users_per_arm) if "kolmogorov_smirnov" in methods else None
    for chosen in shuffles(cells.counts, draws, users_per_arm, generator, block):
        batch = Draws(cells, chosen, generator, alpha=alpha, buckets=buckets, resamples=resamples, tails=tails)
        for method in methods:
            found[method].append(batch.p_values(method))
    return {method: _summary(method, np.concatenate(parts), level) for method, parts in found.items()}


def shuffles(
    counts: Counts, draws: int, users_per_arm: int, generator: np.random.Generator, block: int
) -> Iterator[NDArray[np.intp]]:
    """Blocks of draws: cell numbers of shape (draws, 2 arms, users_per_arm)."""
    population = _population(counts, generator)
    width = 2 * users_per_arm
    at_once = len(population) // width
    pieces: list[NDArray[np.intp]] = []
    waiting = left = 0
    while left < draws:
        generator.shuffle(population)
        taken = min(at_once, draws - left)
        pieces.append(population[: taken * width].reshape(taken, 2, users_per_arm).copy())
        left, waiting = left + taken, waiting + taken
        if waiting >= block or left == draws:
            joined = np.concatenate(pieces)
            for first in range(0, len(joined), block):
                yield joined[first : first + block]
            pieces, waiting = [], 0


def _population(counts: Counts, generator: np.random.Generator) -> NDArray[np.intp]:
    """The cell of each user; of a sample of users where there are very many.

    Numbers of the machine's own width: numpy shuffles and looks up with these twice as fast as with smaller ones.
    """
    users = int(counts.sum())
    if users > _MOST_USERS:
        # numpy takes fewer than 1e9 users here; above, a sample with replacement is not told from one without.
        if users < 1_000_000_000:
            counts = generator.multivariate_hypergeometric(counts, _MOST_USERS, method="marginals")
        else:
            counts = generator.multinomial(_MOST_USERS, counts / users)
    return np.repeat(np.arange(len(counts), dtype=np.intp), counts)


def _summary(method: str, p_values: Floats, level: float) -> Rehearsal:
    known = np.sort(p_values[np.isfinite(p_values)])
    # A bootstrap's p-values are fractions: (1 - 0.95) must hold 0.05 in spite of its last binary digit.
    alarms = int((known <= (1 - level) * (1 + 1e-12)).sum())
    rate = wilson(Share(alarms, len(known)))
    if not len(known):
        return Rehearsal(method, p_values, rate, Test("uniform", None, None, None, note=rate.note))
    steps = np.arange(len(known) + 1) / len(known)
    distance = float(max((steps[1:] - known).max(), (known - steps[:-1]).max()))
    return Rehearsal(method, p_values, rate, from_tail("uniform", distance, kolmogorov_tail(distance, len(known))))


def _check(cells: Population, methods: Sequence[str], draws: int, users_per_arm: int, buckets: int) -> None:
    unknown = [method for method in methods if method not in METHODS]
    if unknown:
        raise StatisticsError(f"no rehearsal of {unknown[0]!r}", hint="known: " + ", ".join(METHODS))
    if "cuped" in methods and not cells.before:
        raise StatisticsError("CUPED needs what users did before", hint="give a Population with history")
    there = cells.users
    if users_per_arm < 2 or draws < 1 or there < 2 * users_per_arm:
        raise StatisticsError(
            f"{draws} draws of 2 × {users_per_arm} of {there} users", hint="draw fewer users per arm, two or more"
        )
    if any(method.startswith("buckets") for method in methods) and not 2 <= buckets <= users_per_arm:
        raise StatisticsError(
            f"{buckets} buckets of {users_per_arm} users", hint="two buckets or more, each with a user"
        )
