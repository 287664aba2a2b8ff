"""Statistics of product experiments: pure functions of arrays, of cells (distinct values with counts) or of moments.

Nothing in here knows a database, a clock or a file. What each method means and where it comes from is written at its
function and summed up in ``docs/statistics.md``.
"""

from appanalytics.stats.batch import METHODS
from appanalytics.stats.bootstrap import Bootstrap, poisson_bootstrap
from appanalytics.stats.cells import Cells, RatioCells, Sample
from appanalytics.stats.counts import ALARM, SampleRatio, balance, sample_ratio, sample_ratio_by_segment
from appanalytics.stats.cuped import Adjusted, cuped_mean, cuped_ratio
from appanalytics.stats.guardrails import Guardrail, Verdict, non_inferiority
from appanalytics.stats.means import mean, welch, welch_relative
from appanalytics.stats.moments import JointMoments, Moments
from appanalytics.stats.multiple import benjamini_hochberg, corrected, holm
from appanalytics.stats.population import Population
from appanalytics.stats.power import (
    Plan,
    achieved_power,
    cuped_variance,
    detectable,
    ratio_variance,
    share_users_needed,
    share_variance,
    users_needed,
)
from appanalytics.stats.ranks import brunner_munzel, kolmogorov_smirnov, mann_whitney
from appanalytics.stats.ratios import (
    fieller_relative,
    linearised,
    linearised_difference,
    ratio,
    ratio_difference,
    ratio_fieller,
    ratio_relative,
)
from appanalytics.stats.rehearsal import Rehearsal, rehearse
from appanalytics.stats.results import Comparison, Interval, Note, Test
from appanalytics.stats.sequential import always_valid, obrien_fleming, pocock, spending_bounds
from appanalytics.stats.shares import Share, share_difference, share_ratio, wilson
from appanalytics.stats.spread import (
    Polarisation,
    brown_forsythe,
    polarisation,
    quantile_difference,
    quantile_differences,
)
from appanalytics.stats.strata import interaction, inverse_variance, mantel_haenszel
from appanalytics.stats.tails import p_text
from appanalytics.stats.transforms import (
    Caps,
    bucket_ratios,
    linearised_values,
    smoothed_ratios,
    top_share,
    winsorise,
    winsorise_ratio,
)

__all__ = [
    "ALARM", "METHODS", "Adjusted", "Bootstrap", "Caps", "Cells", "Comparison", "Guardrail", "Interval",
    "JointMoments", "Moments", "Note", "Plan", "Polarisation", "Population", "RatioCells", "Rehearsal",
    "Sample", "SampleRatio", "Share", "Test", "Verdict", "achieved_power", "always_valid", "balance",
    "benjamini_hochberg", "brown_forsythe", "brunner_munzel", "bucket_ratios", "corrected", "cuped_mean",
    "cuped_ratio", "cuped_variance", "detectable", "fieller_relative", "holm", "interaction",
    "inverse_variance", "kolmogorov_smirnov", "linearised", "linearised_difference", "linearised_values",
    "mann_whitney", "mantel_haenszel", "mean", "non_inferiority", "obrien_fleming", "p_text", "pocock",
    "poisson_bootstrap", "polarisation", "quantile_difference", "quantile_differences", "ratio",
    "ratio_difference", "ratio_fieller", "ratio_relative", "ratio_variance", "rehearse", "sample_ratio",
    "sample_ratio_by_segment", "share_difference", "share_ratio", "share_users_needed", "share_variance",
    "smoothed_ratios", "spending_bounds", "top_share", "users_needed", "welch", "welch_relative", "wilson",
    "winsorise", "winsorise_ratio",
]  # fmt: skip
