"""What has no part in the change: dimensions whose values all did the same outside of the named segments."""

from __future__ import annotations

import numpy as np

from appanalytics.investigate.cells import Cells
from appanalytics.investigate.explanation import Ruling
from appanalytics.investigate.lattice import Mask
from appanalytics.investigate.parts import Ledger

#: Two-sided 99 % of the normal distribution.
Z99 = 2.5758293035489004
#: A dimension is ruled out when none of its values may explain more of the change.
NEGLIGIBLE = 0.1


def rulings(cells: Cells, ledger: Ledger, rest: Mask, named: set[str]) -> tuple[Ruling, ...]:
    """Judge every dimension that is not ``named``, the clearest first; none where nothing is left or changed."""
    expected = float(ledger.expected[rest].sum())
    change = abs(ledger.change) * ledger.scale
    if expected <= 0 or change <= 0:
        return ()
    common = float(ledger.actual[rest].sum()) / expected
    judged = [
        _judge(cells, position, ledger, rest, common, change)
        for position, name in enumerate(cells.dimensions)
        if name not in named
    ]
    return tuple(sorted(judged, key=lambda ruling: ruling.bound))


def _judge(cells: Cells, position: int, ledger: Ledger, rest: Mask, common: float, change: float) -> Ruling:
    """Each value's numbers against those it would have, had it done what the rest did together."""
    codes, labels = cells.codes[rest, position], cells.values[position]
    actual, expected, variance = (
        np.bincount(codes, weights=column[rest], minlength=len(labels))
        for column in (ledger.actual, ledger.expected, ledger.variance)
    )
    apart = actual - common * expected
    # A value is a part of the rest that it is compared with.
    held = expected / expected.sum()
    noise = common * ((1 - held) ** 2 * variance + held**2 * (variance.sum() - variance))
    bound = (np.abs(apart) + Z99 * np.sqrt(noise)) / change
    most = int(np.abs(apart).argmax())
    return Ruling(
        dimension=cells.dimensions[position],
        value=labels[most],
        share=float(np.abs(apart[most])) / change,
        bound=float(bound.max()),
        ruled_out=bool(bound.max() <= NEGLIGIBLE),
    )
