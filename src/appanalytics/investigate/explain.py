"""Which segments explain a change: a pure function over a table of cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from appanalytics.investigate.baseline import baseline_rate
from appanalytics.investigate.candidates import Candidate, Ranking
from appanalytics.investigate.causes import Claim, find_causes
from appanalytics.investigate.cells import Cells, Counts, Ratios
from appanalytics.investigate.evidence import CountEvidence, Evidence, ShareEvidence
from appanalytics.investigate.explanation import Alternative, Explanation, Segment, Verdict, Where
from appanalytics.investigate.lattice import ANY, Lattice
from appanalytics.investigate.mix import rate_and_mix
from appanalytics.investigate.parts import Ledger
from appanalytics.investigate.raking import noise
from appanalytics.investigate.rulings import rulings
from appanalytics.investigate.scan import COUNTS, RATIOS, Scan


def explain(table: Counts | Ratios, scan: Scan | None = None, *, alternatives: int = 5) -> Explanation:
    """Find the segments that changed in their own way, or say that the change is general, or only noise.

    The method and where it fails: docs/investigate.md. Deterministic; a table of some thousand cells takes a few
    tenths of a second.
    """
    scan = scan or (COUNTS if isinstance(table, Counts) else RATIOS)
    evidence, ledger = _weigh(table, scan)
    causes = find_causes(evidence, Lattice.of(table, scan.dimensions))
    segments = tuple(
        sorted(
            (
                Segment(where(table, causes.lattice, claim), ledger.part(claim.leaves), claim.cause, claim.chance)
                for claim in causes.claims
            ),
            key=lambda each: (each.cause, -abs(each.part.contribution)),
        )
    )
    whole, rest = ledger.part(np.ones(table.size, dtype=bool)), ledger.part(causes.rest)
    general = causes.general or ledger.is_beyond(causes.rest, scan.general)
    verdict = Verdict.SEGMENTS if segments else Verdict.GENERAL if general else Verdict.NOISE
    judged = rulings(table, ledger, causes.rest, {name for each in segments for name, _ in each.where})
    judged = judged if verdict is not Verdict.NOISE else ()
    return Explanation(
        verdict=verdict,
        change=ledger.change,
        whole=whole,
        baseline=ledger.baseline,
        segments=segments,
        rest=rest,
        general=general,
        ruled_out=tuple(each.dimension for each in judged if each.ruled_out),
        rulings=judged,
        alternatives=_alternatives(table, causes.lattice, causes.ranked[:alternatives]),
        rate_and_mix=rate_and_mix(table, ledger) if isinstance(table, Ratios) else None,
    )


def strongest(table: Counts | Ratios, scan: Scan | None = None, *, most: int = 5) -> tuple[Alternative, ...]:
    """Only the ranked candidates for the strongest cause, whether or not they are beyond noise."""
    scan = scan or (COUNTS if isinstance(table, Counts) else RATIOS)
    lattice = Lattice.of(table, scan.dimensions)
    ranked = Ranking(_weigh(table, scan)[0], lattice).candidates()
    return _alternatives(table, lattice, ranked[:most])


def _alternatives(table: Cells, lattice: Lattice, ranked: Sequence[Candidate]) -> tuple[Alternative, ...]:
    return tuple(
        Alternative(tuple(definition(table, lattice, segment) for segment in each.segments), each.score, each.gain)
        for each in ranked
    )


def _weigh(table: Counts | Ratios, scan: Scan) -> tuple[Evidence, Ledger]:
    """The likelihood that suits the table, and the numbers that are reported."""
    if isinstance(table, Counts):
        spread = noise(table, table.actual, table.expected, np.ones(table.size), scan.scatter)
        return CountEvidence.of(table, scan), Ledger.of_counts(table, spread)
    rate = baseline_rate(table, scan.shrinkage, rounds=scan.raking)
    inflation = 1 - rate if table.is_share else np.ones(table.size)
    spread = noise(table, table.numerator, table.denominator * rate, inflation, scan.scatter)
    ledger = Ledger.of_ratios(table, rate, spread)
    if table.is_share:
        return ShareEvidence.of(table, rate, scan), ledger
    return CountEvidence.of_ratios(table, rate, scan), ledger


def where(cells: Cells, lattice: Lattice, claim: Claim) -> Where:
    """Definition of a segment's claim.

    Where earlier causes took so much that all of what is left has one value of a further dimension, that is said,
    too: after all of the ads, young users are organic young users.
    """
    shown = definition(cells, lattice, claim.segment)
    own, left = cells.codes[lattice.leaves(claim.segment)], cells.codes[claim.leaves]
    said = lattice.lineage[claim.segment] != ANY
    above = {parent for child in np.flatnonzero(said) for parent in cells.parent_of.get(int(child), ())}
    for position, name in enumerate(cells.dimensions):
        narrowed = (left[:, position] == left[0, position]).all() and (own[:, position] != own[0, position]).any()
        if narrowed and not said[position] and position not in above:
            shown += ((name, cells.values[position][left[0, position]]),)
    return tuple(sorted(shown, key=lambda pair: cells.dimensions.index(pair[0])))


def definition(cells: Cells, lattice: Lattice, segment: int) -> Where:
    """Definition of a segment; a city's country is said, too, where another country has a city of that name."""
    key, line = lattice.keys[segment], lattice.lineage[segment]
    shown: dict[int, Hashable] = {}
    for position, labels in enumerate(cells.values):
        if key[position] == ANY:
            continue
        label = labels[key[position]]
        shown[position] = label
        if position in cells.parent_of and Counter(labels)[label] > 1:
            for parent in cells.parent_of[position]:
                shown[parent] = cells.values[parent][line[parent]]
    return tuple((cells.dimensions[position], shown[position]) for position in sorted(shown))
