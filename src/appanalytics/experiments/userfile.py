"""An experiment straight from a CSV or Parquet of users, without a warehouse.

The file is streamed into a work table of an engine in memory; everything after it is what a warehouse's experiment
takes. Rows of one user twice, users of two variants, NaN, texts among numbers and negative denominators are found.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appanalytics.engine import Engine
from appanalytics.errors import ExperimentError
from appanalytics.experiments import checks, read
from appanalytics.experiments.analysis import Analysis, Role
from appanalytics.experiments.definition import Assignment, Experiment, Goal, Variant
from appanalytics.experiments.evaluate import Seen, evaluate
from appanalytics.experiments.methods import Arm, Options
from appanalytics.experiments.metrics import UserMetric
from appanalytics.experiments.observe import Observations, work_table
from appanalytics.experiments.userrows import Columns, UserRows
from appanalytics.progress import Progress, silent
from appanalytics.sqltext import identifier


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What to do with several rows of one user: ``refuse``, ``drop`` all but one of equal rows, or ``sum`` them."""

    treatment: str = "refuse"

    def __post_init__(self) -> None:
        if self.treatment not in ("refuse", "drop", "sum"):
            raise ExperimentError(
                f"unknown treatment of duplicates {self.treatment!r}", hint="refuse, drop or sum"
            )  # fmt: skip


def analyze_file(
    engine: Engine, path: Path, columns: Columns, control: str, treatments: tuple[str, ...], *,
    options: Options | None = None, duplicates: Duplicates | None = None, progress: Progress = silent,
) -> Analysis:  # fmt: skip
    """Analyse a file of users: the variants' names are values of its variant column, equal weights planned.

    The metric is the ratio of the numerator to the denominator, or without one the numerator's mean per user.
    Raises `FileError`, or `ExperimentError` that names column and value.
    """
    experiment, names = _experiment(path, columns, control, treatments, options)
    metric = _metric(columns)
    with _loaded(engine, path, columns, names, metric, progress) as seen:
        added = _duplicates(seen, columns, duplicates or Duplicates())
        counted = read.counts(seen)
        cells = read.cells(seen, metric)
        buckets = read.buckets(seen, metric)
        moments = {name: read.segment_moments(seen, name) for name in columns.by}
        by = {name: read.segment_cells(seen, metric, name) for name in columns.by}
    arms = {name: Arm(cells[name], buckets[name]) for name in experiment.variants}
    missing = [name for name, each in arms.items() if not each.cells.users]
    if missing:
        there = ", ".join(name for name, users in counted.users.items() if users) or "none of those asked for"
        raise ExperimentError(
            f"{path.name}: no user of the variant {names[missing[0]]!r}", hint=f"variants with users: {there}"
        )
    below = float(sum((each.cells.denominators @ each.cells.counts) for each in arms.values()))
    per_value = {
        name: {value: each[metric.name] for value, each in values.items()} for name, values in moments.items()
    }
    known = Seen(metric, Role.PRIMARY, arms, by, per_value, {}, below, per_day=False)
    results = evaluate(experiment, [known], options or Options())
    done = [
        checks.check_sample_ratio(counted.users, experiment.weights),
        checks.check_segment_ratios(
            {f"{name}={value}": {arm: each.count for arm, each in arms_.items()}
             for name, values in per_value.items() for value, arms_ in values.items()},
            experiment.weights,
        ),
        checks.check_two_variants(counted) if columns.user else None,
        *(checks.check_activity(cells[experiment.control], cells[name]) for name in experiment.treatments),
        added,
    ]  # fmt: skip
    return Analysis(experiment, None, counted, tuple(each for each in done if each), results, None)


def _experiment(
    path: Path, columns: Columns, control: str, treatments: tuple[str, ...], options: Options | None
) -> tuple[Experiment, dict[str, str]]:
    values = (control, *treatments)
    if len(set(values)) < len(values):
        raise ExperimentError(f"control and treatment are the same: {control!r}")
    names = dict(zip(("control", *_names(treatments)), values, strict=True))
    experiment = Experiment(
        name="users_file", since="2000-01-01", until="2000-01-02", title={"en": path.name},
        variants={name: Variant(value=value) for name, value in names.items()},
        assignment=Assignment(dimension="file"), primary="metric", segments=(), history_days=0,
        plan=Goal(level=(options or Options()).level),
    )  # fmt: skip
    primary = columns.numerator if columns.denominator is None else f"{columns.numerator} / {columns.denominator}"
    return experiment.model_copy(update={"primary": primary, "segments": columns.by}), names


def _names(treatments: tuple[str, ...]) -> tuple[str, ...]:
    if len(treatments) == 1:
        return ("treatment",)
    return tuple(f"treatment_{place + 1}" for place in range(len(treatments)))


def _metric(columns: Columns) -> UserMetric:
    above = {"en": columns.numerator}
    if columns.denominator is None:
        return UserMetric(columns.numerator, "above", None, "", "up", above, above)
    name = f"{columns.numerator} / {columns.denominator}"
    return UserMetric(name, "above", "below", "", "up", {"en": name}, above, {"en": columns.denominator})


@contextlib.contextmanager
def _loaded(
    engine: Engine, path: Path, columns: Columns, names: dict[str, str], metric: UserMetric, progress: Progress
) -> Iterator[Observations]:
    source = UserRows(path, columns, {value: name for name, value in names.items()})
    declared = [
        f"user_id {source.user_type}", "variant LowCardinality(String)", "m_above Float64", "m_below Float64",
        *(f"{identifier('seg_' + name)} LowCardinality(String)" for name in columns.by),
    ]  # fmt: skip
    with work_table(engine, declared) as work:
        for some in source:
            if some.num_rows:
                engine.insert(work, some)
            progress("reading users", source.rows, 0, "rows")
        yield Observations(
            engine, work, (metric,), columns.by, tuple(names), has_history=False, user_type=source.user_type
        )


def _duplicates(seen: Observations, columns: Columns, what: Duplicates) -> checks.Check | None:
    """Find rows of one user; leave one row for each user, or refuse."""
    if columns.user is None:
        return None
    engine, work = seen.engine, seen.table
    counted = engine.rows(
        f"SELECT count() AS rows, uniqExact(user_id) AS users, uniqExact(user_id, variant) AS pairs FROM {work}"
    )[0]
    extra = counted["rows"] - counted["pairs"]
    mixed = counted["pairs"] > counted["users"]
    if extra and what.treatment == "refuse":
        raise ExperimentError(
            f"{extra:,} rows repeat a user in one variant ({counted['rows']:,} rows of the variants,"
            f" {counted['users']:,} users)",
            hint="--duplicates drop keeps one of equal rows, sum adds rows up",
        )
    if extra or mixed:
        _one_row_each(seen, what)
    if not extra:
        return checks.Check(checks.Kind.DUPLICATES, checks.Status.OK, {"rows": 0, "treated": ""})
    return checks.Check(checks.Kind.DUPLICATES, checks.Status.WARNING, {"rows": extra, "treated": what.treatment})


def _one_row_each(seen: Observations, what: Duplicates) -> None:
    """Users of two variants get the variant ''; other rows are added up, or one of equal ones is kept."""
    engine, work = seen.engine, seen.table
    if what.treatment == "drop":
        differing = engine.scalar(
            f"SELECT count() FROM (SELECT user_id FROM {work} GROUP BY user_id, variant"
            " HAVING uniqExact(m_above, m_below) > 1)"
        )
        if differing:
            raise ExperimentError(
                f"{differing:,} users have rows that differ, so none can be dropped",
                hint="--duplicates sum, or mend the file",
            )
    how = "sum" if what.treatment == "sum" else "any"
    segments = "".join(f", any({identifier('seg_' + name)})" for name in seen.segments)
    engine.execute(f"CREATE TABLE {work}_once AS {work}")
    try:
        below = "any(m_below)" if seen.metrics[0].below is None else f"{how}(m_below)"
        engine.execute(
            f"INSERT INTO {work}_once SELECT user_id, if(uniqExact(variant) = 1, any(variant), ''),"
            f" {how}(m_above), {below}{segments} FROM {work} GROUP BY user_id"
        )
        engine.execute(f"EXCHANGE TABLES {work} AND {work}_once")
    finally:
        engine.execute(f"DROP TABLE IF EXISTS {work}_once SYNC")
