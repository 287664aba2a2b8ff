"""Every method on one metric: what each asks, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from appanalytics import stats
from appanalytics.experiments.metrics import UserMetric
from appanalytics.stats import Adjusted, Bootstrap, Cells, Comparison, Interval, JointMoments, Moments, RatioCells

SMOOTHING = 5.0
CAP = 0.99
#: Smoothed CTR in the original's form, each arm towards its own ratio: its published figure, not a valid p-value.
OWN_PRIOR = "smoothed_own_prior"
_DRAWS, _DRAWN = 2_000, 500


class Asks(StrEnum):
    """What a method's effect and p-value are about."""

    SUMS = "sums"  # the app's number: a ratio of sums, or a mean per user
    USERS = "users"  # the average user's own ratio
    SHAPE = "shape"  # the whole distribution of users


ASKS = {
    "delta": Asks.SUMS, "fieller_relative": Asks.SUMS, "cuped": Asks.SUMS, "linearised": Asks.SUMS,
    "poisson_bootstrap": Asks.SUMS, "winsorised": Asks.SUMS, "buckets_welch": Asks.SUMS,
    "buckets_mann_whitney": Asks.SUMS, "always_valid": Asks.SUMS,
    "welch": Asks.USERS, "smoothed": Asks.USERS, OWN_PRIOR: Asks.USERS,
    "mann_whitney": Asks.SHAPE, "kolmogorov_smirnov": Asks.SHAPE, "brown_forsythe": Asks.SHAPE,
}  # fmt: skip


def asks(metric: UserMetric, method: str) -> Asks:
    """The question of a method; of a mean per user, Welch's is the app's number itself."""
    return Asks.SUMS if method == "welch" and not metric.is_ratio else ASKS[method]


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm's observations of one metric: cells, and where there are any, buckets and history."""

    cells: RatioCells
    buckets: Cells | None = None
    history: JointMoments | None = None

    @property
    def users(self) -> Cells:
        """One value per user: his own ratio (users without a denominator have none), or his value of a mean."""
        return self.cells.ratios()


@dataclass(frozen=True, slots=True)
class Answers:
    """The comparisons by method, in the order of the original's seven ways and what was added to them.

    ``false_alarms``: of methods that are not calibrated, their share of p ≤ 1 - level in A/A draws of these very
    users (the arms put together), with Wilson's interval.
    """

    comparisons: dict[str, Comparison]
    bootstrap: Bootstrap
    cuped: Adjusted | None
    false_alarms: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """How methods are run: ``tuning`` is the size at which the sequential interval is narrowest."""

    level: float = 0.95
    resamples: int = 10_000
    seed: int = 1
    tuning: float = 5000.0


def answer(metric: UserMetric, control: Arm, treatment: Arm, options: Options) -> Answers:
    """Ask every method that the observations allow. Effects are treatment less control."""
    level = options.level
    c, t = control.cells, treatment.cells
    users = control.users, treatment.users
    found: dict[str, Comparison] = {"welch": stats.welch(*users, level=level)}
    found["mann_whitney"] = stats.mann_whitney(*users, level=level)
    if metric.is_ratio and c.ratio is not None and t.ratio is not None:
        for name, prior in (("smoothed", (c + t).ratio), (OWN_PRIOR, None)):
            smooth = [stats.smoothed_ratios(arm, alpha=SMOOTHING, prior=prior) for arm in (c, t)]
            found[name] = stats.welch(*smooth, level=level).named(name)
    bootstrap = stats.poisson_bootstrap(c, t, seed=options.seed, resamples=options.resamples, level=level)
    found["poisson_bootstrap"] = bootstrap.comparison
    if control.buckets is not None and treatment.buckets is not None:
        both = control.buckets, treatment.buckets
        found["buckets_welch"] = stats.welch(*both, level=level).named("buckets_welch")
        found["buckets_mann_whitney"] = stats.mann_whitney(*both, level=level).named("buckets_mann_whitney")
    if metric.is_ratio:
        found["linearised"] = stats.linearised_difference(c, t, level=level)
        found["delta"] = stats.ratio_difference(c, t, level=level)
        lines = [stats.linearised(arm.moments) or Moments(0, 0.0, 0.0) for arm in (c, t)]
    else:
        lines = [arm.moments for arm in users]
    found["fieller_relative"] = stats.fieller_relative(*lines, level=level)
    cuped = _cuped(metric, control, treatment, level)
    if cuped is not None:
        found["cuped"] = cuped.comparison.named("cuped")
    capped_c, capped_t, _ = stats.winsorise_ratio(c, t, upper=CAP)
    found["winsorised"] = stats.ratio_difference(capped_c, capped_t, level=level).named("winsorised")
    main = found["delta" if metric.is_ratio else "welch"]
    found["always_valid"] = stats.always_valid(main, c.users + t.users, tuning=options.tuning).named("always_valid")
    found["kolmogorov_smirnov"] = stats.kolmogorov_smirnov(*users, level=level)
    found["brown_forsythe"] = stats.brown_forsythe(*users, level=level)
    return Answers(found, bootstrap, cuped, _false_alarms(c + t, options) if OWN_PRIOR in found else {})


def main_method(metric: UserMetric, wanted: str, found: Answers) -> str:
    """The method whose effect and interval decide: the experiment's, or its form for this kind of metric."""
    plain = "delta" if metric.is_ratio else "welch"
    if wanted == "cuped":
        return "cuped" if "cuped" in found.comparisons else plain
    if wanted in ("poisson_bootstrap", "welch"):
        return wanted
    return wanted if metric.is_ratio else plain


def relative_effect(found: Answers) -> Comparison:
    """The relative difference, treatment / control - 1."""
    return found.comparisons["fieller_relative"]


def _false_alarms(users: RatioCells, options: Options) -> dict[str, Interval]:
    """How often the original's smoothed CTR raises an alarm between these users when nothing differs."""
    per_arm = min(_DRAWN, (users.users - users.undefined) // 2)
    if per_arm < 2:
        return {}
    found = stats.rehearse(
        users,
        [OWN_PRIOR],
        seed=options.seed,
        draws=_DRAWS,
        users_per_arm=per_arm,
        level=options.level,
        alpha=SMOOTHING,
    )
    return {OWN_PRIOR: found[OWN_PRIOR].false_positives}


def _cuped(metric: UserMetric, control: Arm, treatment: Arm, level: float) -> Adjusted | None:
    if control.history is None or treatment.history is None:
        return None
    adjust = stats.cuped_ratio if metric.is_ratio else stats.cuped_mean
    found = adjust(control.history, treatment.history, level=level)
    return found if found.comparison.effect is not None else None
