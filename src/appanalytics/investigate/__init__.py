"""What explains a change of a metric: over a warehouse (`investigate`), and as a pure function of cells (`explain`).

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
from appanalytics.investigate.findings import Findings
from appanalytics.investigate.forecast import Forecast, forecast
from appanalytics.investigate.run import investigate
from appanalytics.investigate.scan import COUNTS, RATIOS, Scan

__all__ = [
    "COUNTS",
    "RATIOS",
    "Alternative",
    "Counts",
    "Explanation",
    "Findings",
    "Forecast",
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
    "forecast",
    "investigate",
    "strongest",
]
