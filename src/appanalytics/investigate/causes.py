"""Several causes of one change: take the best, set its leaves aside, look again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from appanalytics.investigate.candidates import Candidate, Ranking
from appanalytics.investigate.cells import Codes, Floats
from appanalytics.investigate.evidence import Evidence
from appanalytics.investigate.lattice import ANY, Lattice, Mask
from appanalytics.investigate.raking import MEDIAN_CHI2, TINY

#: Smallest ratio of two effects that count as one.
LIKE = 0.6


@dataclass(frozen=True, eq=False)
class Claim:
    """A segment of a cause and the leaves that it takes: its own that no earlier cause had taken."""

    segment: int
    leaves: Mask
    cause: int
    effect: float
    chance: float


@dataclass(frozen=True, eq=False)
class Causes:
    """What a search found, in the order of finding.

    ``general`` says that in between the whole changed alike, too. ``ranked`` are the candidates of the first look,
    ``rest`` masks the leaves that no cause took.
    """

    claims: tuple[Claim, ...]
    general: bool
    ranked: tuple[Candidate, ...]
    lattice: Lattice
    rest: Mask


def find_causes(evidence: Evidence, lattice: Lattice) -> Causes:
    """Look for causes until the next one could be noise, or is small beside the first."""
    scan = evidence.scan
    claims: list[Claim] = []
    general, first, cause = False, 0.0, 0
    ranked: tuple[Candidate, ...] = ()
    mass = evidence.mass
    rest = np.ones(lattice.members.shape[1], dtype=bool)
    while cause < scan.causes and rest.any():
        looked = Ranking(evidence, lattice.without(~rest))
        candidates = looked.candidates(with_whole=not general)
        ranked = ranked or tuple(candidates)
        named = _first_beyond_noise(looked, candidates, max(scan.threshold, scan.least_gain * first))
        if named is None:
            break
        if named[0].is_whole:
            general, evidence = True, evidence.moved()
            continue
        best = looked.refined(named[0])
        first = first or best.gain
        taken = lattice.leaves(*best.segments)
        for segment in best.segments:
            effect = float(looked.effect[segment])
            claims = _merged(claims, Claim(segment, lattice.leaves(segment) & rest, cause, effect, named[1]), lattice)
        evidence = evidence.without(taken[rest])
        rest &= ~taken
        cause += 1
    for gathered in _families(claims, lattice, mass, scan.covers):
        claims = _merged(claims, gathered, lattice)
        rest &= ~gathered.leaves
    return Causes(tuple(claims), general, ranked, lattice, rest)


def _families(claims: list[Claim], lattice: Lattice, mass: Floats, covers: float) -> Iterator[Claim]:
    """Countries nearly all of whose cities were claimed and changed alike, as claims of their own.

    A set of cities of several countries may hold all of one; within one country the search does not make such sets.
    """
    families: dict[tuple[int, ...], list[Claim]] = {}
    for claim in claims:
        above = np.where(lattice.keys[claim.segment] == ANY, lattice.lineage[claim.segment], ANY)
        if (above != ANY).any():
            families.setdefault((int(lattice.cuboid[claim.segment]), *map(int, above)), []).append(claim)
    for members in (family for family in families.values() if len(family) > 1):
        effects = [abs(each.effect) for each in members]
        keys = lattice.keys[[each.segment for each in members]]
        parent = lattice.parent(np.array([each.segment for each in members]))
        if parent is None or (keys != keys[0]).any(axis=0).sum() > 1 or min(effects) < LIKE * max(effects):
            continue
        held = np.any([lattice.leaves(each.segment) for each in members], axis=0)
        whole = lattice.leaves(parent)
        if mass[held & whole].sum() >= covers * mass[whole].sum():
            first = members[0]
            yield Claim(parent, whole & ~_others(claims, members), first.cause, first.effect, first.chance)


def _others(claims: list[Claim], members: list[Claim]) -> Mask:
    """Leaves of all claims but these."""
    taken = np.zeros(len(members[0].leaves), dtype=bool)
    for each in claims:
        if each not in members:
            taken |= each.leaves
    return taken


def _merged(claims: list[Claim], new: Claim, lattice: Lattice) -> list[Claim]:
    """Add a claim; earlier ones that are parts of its segment and changed alike become part of it.

    Two large cities of a country may be found before the country is; what is left of it then says that it was all
    of it.
    """
    held = lattice.leaves(new.segment)
    kept: list[Claim] = []
    leaves, cause, chance = new.leaves, new.cause, new.chance
    for old in claims:
        ratio = old.effect / new.effect if new.effect else 0.0
        if LIKE <= ratio <= 1 / LIKE and not np.any(lattice.leaves(old.segment) & ~held):
            leaves, cause, chance = leaves | old.leaves, min(cause, old.cause), min(chance, old.chance)
        else:
            kept.append(old)
    return [*kept, Claim(new.segment, leaves, cause, new.effect, chance)]


def _first_beyond_noise(
    ranking: Ranking, candidates: list[Candidate], least: float
) -> tuple[Candidate, float] | None:
    """The best candidate with its chance, if it is no noise.

    Where it is the whole table, and that changed little or by chance, the best segment stands in.
    """
    actual, expected, _ = ranking.evidence.moments.sum(axis=0)
    for candidate in candidates:
        if candidate.is_whole and abs(actual - expected) < ranking.evidence.scan.general * expected:
            continue
        # What the whole drifts by is part of its gain already.
        wander = 0.0 if candidate.is_whole else segment_drift(ranking, candidate)
        chance = _chance(ranking, candidate, wander)
        if chance <= ranking.evidence.scan.chance and candidate.gain >= least:
            return candidate, chance
        if not candidate.is_whole:
            break
    return None


def segment_drift(
    ranking: Ranking, candidate: Candidate, *, least: float = 0.01, most: float = 0.1, otherwise: float = 0.03
) -> float:
    """Standard deviation of the logarithm of segments' own drifts: what forecasts of segments are wrong by.

    Method of moments on the most precise segments of one and two dimensions, without the leaves of the candidate: the
    drift at which the median of squared standardised residuals, each around its cuboid's median, is as small as that
    of a χ² may be by chance. The median does not mind a few other segments that really changed.
    """
    lattice, moments = ranking.lattice, ranking.evidence.moments
    if not candidate.is_whole:
        moments = np.where(lattice.leaves(*candidate.segments)[:, None], 0.0, moments)
    actual, expected, noise = lattice.sums(moments).T
    variance = noise / np.maximum(expected, TINY) ** 2
    precise = (expected > 0) & (actual > 0) & (variance < 0.01) & (lattice.order >= 1) & (lattice.order <= 2)
    cells = np.flatnonzero(precise)
    cells = np.sort(cells[np.argsort(variance[cells], kind="stable")[:200]])
    if len(cells) < 10:
        return otherwise
    logs = np.log(actual[cells] / expected[cells])
    starts = np.flatnonzero(np.diff(lattice.cuboid[cells], prepend=-1))
    residuals = np.concatenate([part - np.median(part) for part in np.split(logs, starts[1:])])
    large = np.repeat(np.diff(np.append(starts, len(cells))) >= 5, np.diff(np.append(starts, len(cells))))
    if large.sum() < 10:
        return otherwise
    return min(max(_spread(residuals[large], variance[cells][large]), least), most)


def _spread(residuals: Floats, variances: Floats) -> float:
    """Solve median(r² / (v + τ²)) = median of χ² plus a standard error for τ, by halving."""
    # The density of χ² at its median is .47; segments overlap, so a third of them counts.
    target = MEDIAN_CHI2 + 1 / (2 * 0.47 * np.sqrt(len(residuals) / 3))
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        if np.median(residuals**2 / (variances + middle**2)) > target:
            low = middle
        else:
            high = middle
    return low


def _chance(ranking: Ranking, candidate: Candidate, wander: float) -> float:
    """Weighted Bonferroni bound of the strongest member alone, its gain tempered by the drift of segments.

    Segments of one, two and three dimensions share the error evenly, so that few are not charged for many.
    """
    segments: Codes = np.array(candidate.segments)
    _, expected, noise = ranking.lattice.sums(ranking.evidence.moments)[segments].T
    # Where nobody was expected, there was no forecast to be wrong by some per cent.
    gains = ranking.gains[segments] * (noise + TINY) / (noise + TINY + (wander * expected) ** 2)
    order = ranking.lattice.order
    looked_at = int(((ranking.mass > 0) & (order == order[segments[0]])).sum()) * int(order.max())
    return min(1.0, looked_at * math.erfc(math.sqrt(max(float(gains.max()), 0.0))))
