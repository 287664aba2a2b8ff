"""What explains a change of a metric. For now: which segments do, as a pure function over a table of cells.

Example:
    >>> from appanalytics.investigate import Counts, explain
    >>> table = Counts.of({"os": ["iOS", "Android"]}, actual=[40, 900], expected=[400, 910])
    >>> explain(table).segments[0].name
    'os=iOS'

"""

from appanalytics.investigate.baseline import calm_baseline
from appanalytics.investigate.cells import Counts, Ratios
from appanalytics.investigate.explain import explain, strongest
from appanalytics.investigate.explanation import (
    Alternative,
    Explanation,
    Mixing,
    Part,
    RateAndMix,
    Ruling,
    Segment,
    Verdict,
)
from appanalytics.investigate.scan import COUNTS, RATIOS, Scan

__all__ = [
    "COUNTS",
    "RATIOS",
    "Alternative",
    "Counts",
    "Explanation",
    "Mixing",
    "Part",
    "RateAndMix",
    "Ratios",
    "Ruling",
    "Scan",
    "Segment",
    "Verdict",
    "calm_baseline",
    "explain",
    "strongest",
]
