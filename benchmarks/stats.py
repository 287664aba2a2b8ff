"""Statistics against their peers, side by side in one run: ``python -m benchmarks.stats [--users 1000000]``.

CPU seconds of the whole process, so that other load does not count. What a peer would need long for is measured on
fewer resamples or draws and multiplied; the table says so. tea-tasting is imported when its row is measured; where
it is not installed, its row says so.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from scipy import stats as peer

from appanalytics import stats
from appanalytics.stats import Cells, RatioCells
from benchmarks.measure import cpu_seconds, machine

RESAMPLES, DRAWS, ARM = 10_000, 10_000, 500


def feed(users: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Likes and views of a feed's users: CTR about .21, views with the long tail of a real day."""
    rng = np.random.default_rng(seed)
    views = rng.poisson(rng.gamma(1.6, 25, users)) + 1
    return rng.binomial(views, rng.beta(4, 15, users)), views


def seconds(call: Callable[[], object], repeat: int = 1) -> tuple[float, float]:
    """CPU and wall seconds of a call, the least of several."""
    costs = []
    for _ in range(repeat):
        used, started = cpu_seconds(), time.perf_counter()
        call()
        costs.append((cpu_seconds() - used, time.perf_counter() - started))
    return min(costs)


def line(name: str, ours: tuple[float, float], theirs: float | None, note: str = "") -> None:
    """One row of the table."""
    ratio = "" if theirs is None else f"{theirs:10.2f} {theirs / ours[0]:8.0f}×"
    print(f"{name:44}{ours[0]:9.3f} {ours[1]:9.3f}  {ratio:20} {note}", flush=True)


def tea_tasting_bootstrap(likes: np.ndarray, views: np.ndarray, resamples: int) -> float | None:
    """CPU seconds of tea-tasting's bootstrap of the ratio; None where it is not installed."""
    try:
        import pandas as pd
        import tea_tasting as tt
    except ImportError:
        return None
    frame = pd.DataFrame({"variant": np.arange(len(likes)) % 2, "likes": likes, "views": views})

    def ratio(samples: np.ndarray, axis: int) -> np.ndarray:
        sums = samples.sum(axis=axis)
        return np.asarray(sums[0] / sums[1])

    metric = tt.Bootstrap(("likes", "views"), ratio, n_resamples=resamples, method="percentile", batch=1, rng=1)
    return seconds(lambda: tt.Experiment(ctr=metric).analyze(frame))[0]


def bootstrap(likes: np.ndarray, views: np.ndarray) -> None:
    """Ours from cells against tea-tasting and a plain numpy loop over users."""
    arms = [RatioCells.of(likes[half::2], views[half::2]) for half in (0, 1)]
    ours = seconds(lambda: stats.poisson_bootstrap(*arms, seed=1, resamples=RESAMPLES), repeat=3)
    few, more = tea_tasting_bootstrap(likes, views, 4), tea_tasting_bootstrap(likes, views, 14)
    known = few is not None and more is not None
    theirs = (more - few) / 10 * RESAMPLES if known else None  # type: ignore[operator]
    line(
        "ratio, 10,000 resamples / tea-tasting",
        ours,
        theirs,
        "peer: ×1,000 of 10" if known else "peer: not installed",
    )
    rng = np.random.default_rng(1)

    def loop() -> None:
        for _ in range(10):
            for half in (0, 1):
                weights = rng.poisson(1, len(likes[half::2]))
                weights @ likes[half::2] / (weights @ views[half::2])

    line("ratio, 10,000 resamples / numpy loop", ours, seconds(loop)[0] * RESAMPLES / 10, "peer: ×1,000 of 10")
    many = [RatioCells.counted(arm.numerators, arm.denominators, arm.counts * 100) for arm in arms]
    line("the same with 100 times the users", seconds(lambda: stats.poisson_bootstrap(*many, seed=1), repeat=3), None)


def ranks(likes: np.ndarray, views: np.ndarray) -> None:
    """Rank tests from cells (as ClickHouse returns them) against scipy on users."""
    users = [likes[half::2] / views[half::2] for half in (0, 1)]
    cells = [Cells.of(each) for each in users]
    asked = [
        ("Mann–Whitney", stats.mann_whitney, lambda: peer.mannwhitneyu(*users, method="asymptotic")),
        ("Kolmogorov–Smirnov", stats.kolmogorov_smirnov, lambda: peer.ks_2samp(*users, method="asymp")),
        ("Brown–Forsythe", stats.brown_forsythe, lambda: peer.levene(*users, center="median")),
        ("Welch", stats.welch, lambda: peer.ttest_ind(*users, equal_var=False)),
    ]
    for name, ours, theirs in asked:
        line(f"{name} / scipy", seconds(lambda ours=ours: ours(*cells), repeat=5), seconds(theirs, repeat=3)[0])


def loops(likes: np.ndarray, views: np.ndarray) -> dict[str, Callable[[np.ndarray, np.ndarray], object]]:
    """What one A/A draw costs by hand with scipy, for two arrays of users."""
    ctr = likes / views
    rng = np.random.default_rng(2)

    def student(a: np.ndarray, b: np.ndarray) -> object:
        return peer.ttest_ind(a, b, equal_var=False)

    def smooth(arm: np.ndarray) -> np.ndarray:
        prior = likes[arm].sum() / views[arm].sum()
        return np.asarray((likes[arm] + 5 * prior) / (views[arm] + 5))

    def delta(arm: np.ndarray) -> np.ndarray:
        value = likes[arm].sum() / views[arm].sum()
        return np.asarray(value + (likes[arm] - value * views[arm]) / views[arm].mean())

    def linear(a: np.ndarray, b: np.ndarray) -> object:
        value = likes[a].sum() / views[a].sum()
        return student(likes[a] - value * views[a], likes[b] - value * views[b])

    def buckets(arm: np.ndarray) -> np.ndarray:
        return np.asarray(likes[arm].reshape(50, -1).sum(axis=1) / views[arm].reshape(50, -1).sum(axis=1))

    def resampled(arm: np.ndarray) -> np.ndarray:
        weights = rng.poisson(1, (2000, len(arm)))
        return np.asarray((weights @ likes[arm]) / (weights @ views[arm]))

    return {
        "welch": lambda a, b: student(ctr[a], ctr[b]),
        "mann_whitney": lambda a, b: peer.mannwhitneyu(ctr[a], ctr[b]),
        "smoothed_own_prior": lambda a, b: student(smooth(a), smooth(b)),
        "delta": lambda a, b: student(delta(a), delta(b)),
        "linearised": linear,
        "buckets_welch": lambda a, b: student(buckets(a), buckets(b)),
        "buckets_mann_whitney": lambda a, b: peer.mannwhitneyu(buckets(a), buckets(b), method="asymptotic"),
        "poisson_bootstrap": lambda a, b: (resampled(b) > resampled(a)).mean(),
    }


def rehearsals(likes: np.ndarray, views: np.ndarray) -> None:
    """10,000 A/A draws of 500 against 500, for each method, with the false-positive rate found."""
    users = RatioCells.of(likes, views)
    rng = np.random.default_rng(3)
    for method, one in loops(likes, views).items():
        ours = seconds(lambda method=method: stats.rehearse(users, [method], seed=1), repeat=3)
        rate = stats.rehearse(users, [method], seed=2)[method].false_positives
        tries = 20 if method == "poisson_bootstrap" else 500

        def loop(one: Callable[[np.ndarray, np.ndarray], object] = one, tries: int = tries) -> None:
            for _ in range(tries):
                chosen = rng.choice(len(likes), 2 * ARM, replace=False)
                one(chosen[:ARM], chosen[ARM:])

        note = f"p ≤ .05 in {rate.estimate:.2%} ({rate.low:.2%}…{rate.high:.2%}); peer: ×{DRAWS // tries}"
        line(f"A/A {method} / scipy loop", ours, seconds(loop)[0] * DRAWS / tries, note)
    line("A/A, all together", seconds(lambda: stats.rehearse(users, seed=1)), None)


def coverage(draws: int = 10_000, users: int = 500) -> None:
    """How often 95 % intervals hold the truth that the users were made with."""
    rng = np.random.default_rng(4)
    held: dict[str, int] = {}
    for _ in range(draws):
        taste, views = rng.beta(4, 15, (2, users)), rng.poisson(rng.gamma(1.6, 25, (2, users))) + 1
        likes, before = rng.binomial(views, taste), rng.binomial(30, taste)
        arms = [stats.JointMoments.of(likes[arm], views[arm]) for arm in (0, 1)]
        history = [stats.JointMoments.of(likes[arm] / views[arm], before[arm]) for arm in (0, 1)]
        shares = [stats.Share(int((likes[arm] > 5).sum()), users) for arm in (0, 1)]
        intervals = {
            "welch": stats.welch(history[0][0], history[1][0]),
            "delta": stats.ratio_difference(*arms),
            "delta_relative": stats.ratio_relative(*arms),
            "cuped_mean": stats.cuped_mean(*history).comparison,
            "newcombe": stats.share_difference(*shares),
            "brunner_munzel": stats.brunner_munzel(likes[0], likes[1]),
            "median difference": stats.quantile_difference(views[0], views[1], 0.5),
        }
        for name, found in intervals.items():
            held[name] = held.get(name, 0) + bool(found.low <= 0 <= found.high)  # type: ignore[operator]
    for name, number in held.items():
        rate = stats.wilson(stats.Share(number, draws))
        print(f"95 % interval {name:30} covers {rate.estimate:.2%} ({rate.low:.2%}…{rate.high:.2%})", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    users = parser.parse_args().users
    likes, views = feed(users)
    print(f"{machine()}; {users:,} users, {len(RatioCells.of(likes, views).counts):,} cells of likes and views")
    stats.kolmogorov_smirnov([1.0, 2.0], [2.0, 3.0])  # imports are not measured
    print(f"{'':44}{'ours CPU':>9} {'wall s':>9}  {'peer CPU':>10} {'ratio':>9}")
    bootstrap(likes, views)
    ranks(likes, views)
    rehearsals(likes[:10_000], views[:10_000])
    coverage()


if __name__ == "__main__":
    main()
