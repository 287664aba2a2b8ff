"""The split before the start: sizes and balance by dimension on users of history, and who is in other experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from appanalytics import stats
from appanalytics.engine import Engine
from appanalytics.experiments.definition import Experiment, Period
from appanalytics.experiments.history import days_before, observed_before
from appanalytics.experiments.metrics import row_condition
from appanalytics.experiments.observe import Observations
from appanalytics.experiments.show import Shown
from appanalytics.experiments.split import variant_sql
from appanalytics.sqltext import identifier
from appanalytics.stats import SampleRatio, Test
from appanalytics.warehouse.rollup import Layout

if TYPE_CHECKING:
    from appanalytics.document import Document


@dataclass(frozen=True, slots=True)
class Balance:
    """Users of each arm by value of a dimension; ``test`` asks whether arms are alike, ``adjusted_p`` by Holm."""

    dimension: str
    users: dict[str, dict[str, int]]
    test: Test
    adjusted_p: float | None


@dataclass(frozen=True, slots=True)
class Overlap:
    """Users who are in another experiment, too. ``users``: arm here → arm there → users.

    ``together`` is False where no day is common. ``test`` asks whether the two splits are independent: where they
    are, the other experiment is the same in every arm and does no harm.
    """

    experiment: str
    users: dict[str, dict[str, int]]
    test: Test
    together: bool

    @property
    def shared(self) -> int:
        """Users of both."""
        return sum(sum(row.values()) for row in self.users.values())


@dataclass(frozen=True, repr=False)
class Sizes(Shown):
    """The split of the users of the days ``past``."""

    experiment: Experiment
    past: Period
    users: dict[str, int]
    outside: int
    ratio: SampleRatio
    balances: tuple[Balance, ...]
    overlaps: tuple[Overlap, ...]

    def page(self, locale: str = "en", *, pictures: bool = True) -> Document:
        """The page for people, in English or Russian; it has no pictures."""
        from appanalytics.experiments.page_before import split_page

        return split_page(self, locale=locale)

    def records(self) -> list[dict[str, Any]]:
        """Flat records: part ``arm``, ``dimension`` (one for each value and arm) and ``experiment`` (overlaps)."""
        total, weights = sum(self.users.values()), self.experiment.weights
        rows = [
            _row("arm", "", "", arm, users, total * weights[arm] / sum(weights.values()), self.ratio.test.p_value)
            for arm, users in self.users.items()
        ]
        for each in self.balances:
            for value, arms in each.users.items():
                whole = sum(arms.values())
                rows += [
                    _row(
                        "dimension",
                        each.dimension,
                        value,
                        arm,
                        users,
                        whole * self.users[arm] / total if total else None,
                        each.adjusted_p,
                    )
                    for arm, users in arms.items()
                ]
        for other in self.overlaps:
            for arm, there in other.users.items():
                rows += [
                    _row("experiment", other.experiment, variant, arm, users, None, other.test.p_value)
                    for variant, users in there.items()
                ]
        return rows


def _row(
    part: str, name: str, value: str, arm: str, users: int, expected: float | None, p: float | None
) -> dict[str, Any]:
    return {
        "part": part,
        "name": name,
        "value": value,
        "variant": arm,
        "users": users,
        "expected": expected,
        "p_value": p,
    }


def sizes(
    engine: Engine, layout: Layout, experiment: Experiment, period: Period, first_day: date | None,
    last_day: date | None, *, days: int | None = None, dimensions: Sequence[str] | None = None,
    others: Mapping[str, tuple[Experiment, Period]] | None = None,
) -> Sizes:  # fmt: skip
    """Split the users of history as the experiment will.

    ``days``: of history, the experiment's own length unless given. ``dimensions``: those of the definition, or of
    users, unless given. ``others``: the registry's other experiments by name.
    """
    past = days_before(period, first_day, last_day, days or period.days, experiment.name)
    asked = tuple(dimensions) if dimensions is not None else experiment.segments
    with observed_before(engine, layout, experiment, past, first_day, (experiment.primary,), asked) as seen:
        users = {name: _count(seen, name) for name in seen.variants}
        tables = {name: _table(seen, identifier(f"seg_{name}")) for name in asked}
        overlaps = overlaps_of(seen, layout, experiment, past, others or {}, period)
        outside = _outside(engine, layout, experiment, past) if experiment.assignment.layer else 0
    tests = [
        stats.balance([[row.get(arm, 0) for row in table.values()] for arm in seen.variants])
        for table in tables.values()
    ]
    adjusted = stats.holm([test.p_value for test in tests])
    balances = tuple(
        Balance(name, table, test, p) for (name, table), test, p in zip(tables.items(), tests, adjusted, strict=True)
    )
    ratio = stats.sample_ratio(list(users.values()), list(experiment.weights.values()))
    return Sizes(experiment, past, users, outside, ratio, balances, tuple(overlaps))


def overlaps_of(
    seen: Observations, layout: Layout, experiment: Experiment, days: Period,
    others: Mapping[str, tuple[Experiment, Period]], planned: Period | None = None,
) -> list[Overlap]:  # fmt: skip
    """Users of other experiments among the observed ones of ``days``.

    ``planned``: the days of the experiment itself, when those observed are earlier; then all experiments are told,
    otherwise those of the same days alone.
    """
    found = []
    for other, when in others.values():
        together = _common(planned or days, when)
        if other.name != experiment.name and (together or planned):
            found.append(overlap(seen, layout, other, days, together=together))
    return [each for each in found if each is not None]


def overlap(seen: Observations, layout: Layout, other: Experiment, past: Period, *, together: bool) -> Overlap | None:
    """Observed users by arm here and arm in another experiment; None where nobody is in both.

    A dimension's groups are those in which a user was seen in the period; who was in several is in none.
    """
    variant = variant_sql(other, layout.catalog)
    if other.assignment.dimension is None:
        source = f"SELECT variant, {variant} AS there FROM {seen.table} WHERE variant != ''"
        given: dict[str, date] = {}
    else:
        source = (
            "SELECT here.variant AS variant, there"
            f" FROM (SELECT user_id, variant FROM {seen.table} WHERE variant != '') AS here"
            f" INNER JOIN (SELECT user_id, any({variant}) AS there FROM user_day WHERE day >= {{since:Date}}"
            f" AND day < {{until:Date}} AND {variant} != '' GROUP BY user_id HAVING uniqExact({variant}) = 1) AS of"
            " USING (user_id)"
        )
        given = {"since": past.since, "until": past.until}
    rows = seen.engine.rows(
        f"SELECT variant, there, count() AS users FROM ({source}) WHERE there != '' GROUP BY variant, there", given
    )
    if not rows:
        return None
    counts = {(row["variant"], row["there"]): int(row["users"]) for row in rows}
    users = {arm: {name: counts.get((arm, name), 0) for name in other.variants} for arm in seen.variants}
    # Users outside of the other experiment belong to the table: more of them in one arm is a dependence, too.
    everybody = {arm: _count(seen, arm) for arm in seen.variants}
    table = [[*row.values(), everybody[arm] - sum(row.values())] for arm, row in users.items()]
    return Overlap(other.name, users, stats.balance(table), together)


def _common(one: Period, other: Period) -> bool:
    return one.since < other.until and other.since < one.until


def _count(seen: Observations, variant: str) -> int:
    return int(
        seen.engine.scalar(f"SELECT count() FROM {seen.table} WHERE variant = {{name:String}}", {"name": variant})
    )


def _table(seen: Observations, column: str) -> dict[str, dict[str, int]]:
    """Users by value and arm, the values with the most users first."""
    rows = seen.engine.rows(
        f"SELECT {column} AS value, variant, count() AS users FROM {seen.table} WHERE variant != ''"
        " GROUP BY value, variant"
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["value"], dict.fromkeys(seen.variants, 0))[row["variant"]] = int(row["users"])
    totals = np.array([sum(each.values()) for each in found.values()])
    return {list(found)[place]: list(found.values())[place] for place in np.argsort(-totals, kind="stable")}


def _outside(engine: Engine, layout: Layout, experiment: Experiment, past: Period) -> int:
    """Users of the days who are not in the experiment's part of its layer."""
    condition = row_condition(layout, experiment.exposure) if experiment.exposure else "1"
    sql = (
        "SELECT uniqExact(user_id) FROM user_day WHERE day >= {since:Date} AND day < {until:Date}"
        f" AND {condition} AND {variant_sql(experiment, layout.catalog)} = ''"
    )
    return int(engine.scalar(sql, {"since": past.since, "until": past.until}))
