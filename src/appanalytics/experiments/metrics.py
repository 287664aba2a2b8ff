"""How a metric of the catalog becomes a value per user: a mean, or a ratio of two sums."""

from __future__ import annotations

from dataclasses import dataclass, field

from appanalytics.catalog import Catalog, Measure, Ratio
from appanalytics.errors import ExperimentError
from appanalytics.sqltext import identifier
from appanalytics.warehouse.rollup.layout import Layout, events_column


@dataclass(frozen=True, slots=True)
class UserMetric:
    """A metric as users have it.

    ``above`` and ``below`` name columns of the observations (``likes``, ``views``). Without ``below`` the metric is
    a mean per exposed user. ``unit``, ``good`` and ``labels`` are the catalog's, as are the labels of numerator and
    denominator.
    """

    name: str
    above: str
    below: str | None
    unit: str
    good: str
    labels: dict[str, str] = field(default_factory=dict)
    above_labels: dict[str, str] = field(default_factory=dict)
    below_labels: dict[str, str] = field(default_factory=dict)

    @property
    def is_ratio(self) -> bool:
        """A ratio of two sums, not a mean per user."""
        return self.below is not None

    def label(self, locale: str) -> str:
        """Name for people."""
        return self.labels.get(locale) or self.labels.get("en") or self.name

    def above_label(self, locale: str) -> str:
        """Name of the numerator for people."""
        return self.above_labels.get(locale) or self.above_labels.get("en") or self.above

    def below_label(self, locale: str) -> str:
        """Name of the denominator for people; empty for a mean."""
        return self.below_labels.get(locale) or self.below_labels.get("en") or self.below or ""


def user_metric(catalog: Catalog, name: str) -> UserMetric:
    """The metric of that name; an `ExperimentError` where it has no value per user."""
    found = catalog.quantity(name)
    if isinstance(found, Measure):
        _check_leaf(catalog, found.name, name)
        unit = "share" if found.unique else f"{found.unit} per user"
        return UserMetric(name, name, None, unit, found.good, dict(found.labels), dict(found.labels))
    if isinstance(found, Ratio):
        for part in found.ratio:
            _check_leaf(catalog, part, name)
        above, below = found.ratio
        labels = [dict(catalog.quantity(part).labels) for part in found.ratio]
        return UserMetric(name, above, below, found.unit, found.good, dict(found.labels), *labels)
    raise ExperimentError(
        f"{name} counts users of a rolling window and has no value per user",
        hint="use sums, numbers of users of a source, or ratios of them: likes, ctr, messages_per_user",
    )


def leaves(metrics: tuple[UserMetric, ...]) -> tuple[str, ...]:
    """Names of the columns that metrics need, each once."""
    both = [leaf for metric in metrics for leaf in (metric.above, metric.below) if leaf is not None]
    return tuple(dict.fromkeys(both))


def leaf_sql(layout: Layout, name: str, condition: str) -> str:
    """Aggregate of a user's rows of `user_day`: a sum, or for numbers of users whether the user is one of them."""
    measure = layout.catalog.measures[name]
    if measure.unique:
        return f"maxIf({identifier(events_column(measure.source or ''))} > 0, {condition})"
    return f"sumIf({identifier(layout.column_of(measure))}, {condition})"


def running(layout: Layout, name: str) -> str:
    """The aggregate that joins a user's days: whether he was there once is not a sum."""
    return "max" if layout.catalog.measures[name].unique else "sum"


def leaf_type(layout: Layout, name: str) -> str:
    """Type of a leaf's column: whole numbers stay whole."""
    measure = layout.catalog.measures[name]
    return "Float64" if not measure.unique and layout.counters[layout.column_of(measure)] == "Float64" else "Int64"


def row_condition(layout: Layout, name: str) -> str:
    """True for a row of `user_day` in which the measure has an event; what exposes a user."""
    measure = layout.catalog.measures.get(name)
    if measure is None or measure.source is None or not (measure.is_additive or measure.unique == "user"):
        raise ExperimentError(f"{name!r} cannot expose users", hint="name a measure of one source, such as views")
    column = layout.column_of(measure) if measure.is_additive else events_column(measure.source)
    return f"{identifier(column)} > 0"


def _check_leaf(catalog: Catalog, leaf: str, of: str) -> None:
    measure = catalog.measures.get(leaf)
    if measure is None:
        raise ExperimentError(f"{of}: {leaf!r} is itself a metric", hint="an experiment takes ratios of two measures")
    if measure.is_additive:
        return
    if measure.unique != "user" or measure.source is None or measure.condition:
        raise ExperimentError(
            f"{of}: {leaf!r} has no value per user",
            hint="use sums, numbers of users of a source, or ratios of them: likes, ctr, messages_per_user",
        )
