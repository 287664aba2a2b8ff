"""Analyse an experiment of a warehouse: observe, read cells and moments, evaluate, check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from appanalytics.engine import Engine
from appanalytics.experiments import checks, read
from appanalytics.experiments.analysis import Analysis, Role
from appanalytics.experiments.definition import Experiment, Period, State
from appanalytics.experiments.evaluate import Seen, evaluate
from appanalytics.experiments.ledger import Entry
from appanalytics.experiments.methods import Arm, Options
from appanalytics.experiments.metrics import UserMetric, leaf_sql, row_condition, user_metric
from appanalytics.experiments.observe import Observations, observed
from appanalytics.experiments.sizes import overlaps_of
from appanalytics.progress import Progress, silent
from appanalytics.stats import JointMoments
from appanalytics.warehouse.rollup import Layout

STEP = "experiment"


def options_of(experiment: Experiment, *, resamples: int = 10_000, seed: int = 1) -> Options:
    """Options of the methods as the experiment's plan wants them."""
    tuning = float(experiment.plan.users) if experiment.plan.users else 5000.0
    return Options(experiment.plan.level, resamples, seed, tuning)


def role_of(experiment: Experiment, metric: str) -> Role:
    """Why the experiment looks at a metric."""
    if metric == experiment.primary:
        return Role.PRIMARY
    return Role.GUARDRAIL if metric in experiment.guardrails else Role.SECONDARY


def analyze(
    engine: Engine, layout: Layout, experiment: Experiment, period: Period, last_day: date, *,
    options: Options | None = None, catalog_hash: str = "", held: Entry | None = None,
    others: Mapping[str, tuple[Experiment, Period]] | None = None, progress: Progress = silent,
) -> Analysis:  # fmt: skip
    """Analyse the days of ``period`` that are over; ``last_day`` is the last whole day of data.

    ``held`` is the ledger's entry, None for a draft. ``others`` are experiments that may run at the same time.

    Raises `ExperimentError` where the definition does not fit the catalog, `WarehouseMissing` where its days are not
    rolled up.
    """
    experiment.check(layout.catalog)
    metrics = tuple(user_metric(layout.catalog, name) for name in experiment.metrics)
    steps = len(metrics) * 2 + 1
    progress(STEP, 0, steps, "steps")
    over = Period(period.since, min(period.until, last_day + timedelta(days=1)))
    with observed(engine, layout, experiment, metrics, over) as seen:
        counted = read.counts(seen)
        moments = {name: read.segment_moments(seen, name) for name in experiment.segments}
        progress(STEP, 1, steps, "steps")
        overlaps = overlaps_of(seen, layout, experiment, over, others or {})
        known = []
        for number, metric in enumerate(metrics):
            known.append(_read(layout, experiment, seen, metric, moments))
            progress(STEP, 2 + number, steps, "steps")
    results = evaluate(
        experiment, known, options or options_of(experiment),
        lambda number: progress(STEP, 1 + len(metrics) + number, steps, "steps"),
    )  # fmt: skip
    progress(STEP, steps, steps, "steps")
    done = _checks(experiment, period, last_day, counted, known[0], moments)
    if (mixed := checks.check_other_experiments(overlaps)) is not None:
        done = (*done, mixed)
    if held is not None:
        done = (*done, checks.check_definition(held.written.date()))
    state = held.state if held is not None else State.DRAFT
    return Analysis(experiment, period, counted, done, results, last_day, catalog_hash, str(state))


def _read(
    layout: Layout, experiment: Experiment, seen: Observations, metric: UserMetric,
    moments: dict[str, dict[str, dict[str, dict[str, JointMoments]]]],
) -> Seen:  # fmt: skip
    role = role_of(experiment, metric.name)
    cells, buckets = read.cells(seen, metric), read.buckets(seen, metric)
    history = read.history_moments(seen, metric) if seen.has_history else {}
    arms = {name: Arm(cells[name], buckets[name], history.get(name)) for name in experiment.variants}
    is_primary = role is Role.PRIMARY
    return Seen(
        metric, role, arms,
        {name: read.segment_cells(seen, metric, name) for name in experiment.segments} if is_primary else {},
        {name: {value: each[metric.name] for value, each in values.items()} for name, values in moments.items()},
        read.by_day(seen, layout, metric) if is_primary else {},
        app_below(layout, experiment, seen, metric),
    )  # fmt: skip


def app_below(layout: Layout, experiment: Experiment, seen: Observations, metric: UserMetric) -> float | None:
    """Denominators of all users of the app per day of the period (views); of a mean, users of the period per day."""
    if seen.period is None:
        return None
    condition = row_condition(layout, experiment.exposure) if experiment.exposure else "1"
    where = "WHERE day >= {since:Date} AND day < {until:Date}"
    if metric.below is None:
        sql = f"SELECT uniqExact(user_id) FROM user_day {where} AND {condition}"
    else:
        below = leaf_sql(layout, metric.below, "1")
        sql = f"SELECT sum(below) FROM (SELECT {below} AS below FROM user_day {where} GROUP BY user_id)"
    found = seen.engine.scalar(sql, {"since": seen.period.since, "until": seen.period.until})
    days = seen.engine.scalar(
        f"SELECT uniqExact(day) FROM user_day {where}", {"since": seen.period.since, "until": seen.period.until}
    )
    return float(found) / float(days) if days else None


def _checks(
    experiment: Experiment, period: Period, last_day: date, counted: read.Counts, primary: Seen,
    moments: dict[str, dict[str, dict[str, dict[str, JointMoments]]]],
) -> tuple[checks.Check, ...]:  # fmt: skip
    by_value = {
        f"{dimension}={value}": {name: each.count for name, each in arms[experiment.primary].items()}
        for dimension, values in moments.items()
        for value, arms in values.items()
    }
    control = primary.arms[experiment.control].cells
    found = [
        checks.check_sample_ratio(counted.users, experiment.weights),
        checks.check_segment_ratios(by_value, experiment.weights),
        checks.check_two_variants(counted),
        *(checks.check_activity(control, primary.arms[name].cells) for name in experiment.treatments),
        checks.check_unexposed(counted) if experiment.exposure else None,
        checks.check_end(experiment, period, last_day),
        checks.check_size(experiment, sum(counted.users.values())),
    ]
    return tuple(each for each in found if each is not None)
