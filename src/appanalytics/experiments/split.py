"""The split: which user gets which variant, the same in SQL, in Python and in any language with xxHash64.

    part     = xxHash64(text of user_id and salt) % (sum of the weights)
    variant  = the one whose range of cumulative weights holds the part, in the order of the definition

The text is the user id in decimal digits, followed by the salt, in UTF-8: user 42 with the salt ``feed`` is hashed as
``42feed``, with seed 0. Equal weights of 1 give the original's ``xxHash64(user_id || salt) % k``. docs/experiments.md
has test vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import xxhash

from appanalytics.catalog import Catalog
from appanalytics.catalog.sql import label
from appanalytics.errors import ExperimentError
from appanalytics.experiments.definition import TRAFFIC, Assignment, Experiment
from appanalytics.sqltext import identifier, literal


def part_of(user_id: int | str, salt: str, parts: int) -> int:
    """The part, 0 … parts - 1, that a salted hash puts a user in."""
    return xxhash.xxh64(f"{user_id}{salt}".encode()).intdigest() % parts


def variant_of(user_id: int | str, salt: str, weights: Mapping[str, int]) -> str:
    """The variant of a user: weights are whole numbers, in the order of the definition."""
    if not weights or min(weights.values()) < 1:
        raise ExperimentError("a split needs weights of 1 or more", hint="leave out the variants that get nobody")
    part = part_of(user_id, salt, sum(weights.values()))
    ends = accumulate(weights.values())
    return next(name for name, end in zip(weights, ends, strict=True) if part < end)


def is_in_traffic(user_id: int | str, assignment: Assignment) -> bool:
    """Is the user in the part of the layer that the experiment takes?"""
    if assignment.layer is None:
        return True
    return assignment.traffic[0] <= part_of(user_id, layer_salt(assignment.layer), TRAFFIC) < assignment.traffic[1]


def layer_salt(layer: str) -> str:
    """The salt of a layer's own hash, which no experiment's salt should equal."""
    return f"layer:{layer}"


def assigned(experiment: Experiment, user_id: int | str) -> str | None:
    """The variant of a user under a hashed assignment; None outside of its traffic."""
    salt = experiment.assignment.salt
    if salt is None:
        raise ExperimentError(
            f"{experiment.name}: variants are values of {experiment.assignment.dimension}, not of a hash",
            hint="ask the warehouse: appanalytics query users --by " + str(experiment.assignment.dimension),
        )
    return variant_of(user_id, salt, experiment.weights) if is_in_traffic(user_id, experiment.assignment) else None


# --- the same as SQL ---


def part_sql(salt: str, parts: int, user: str = "user_id") -> str:
    """`part_of` over a column of user ids."""
    return f"xxHash64(concat(toString({user}), {literal(salt)})) % {parts}"


def variant_sql(experiment: Experiment, catalog: Catalog, user: str = "user_id") -> str:
    """A row's variant over `user_day`; '' for users who are not in the experiment."""
    names = list(experiment.variants)
    if experiment.assignment.dimension is not None:
        dimension = catalog.dimension(experiment.assignment.dimension)
        shown = f"toString({label(dimension, identifier(dimension.column))})"
        values = ", ".join(literal(str(each.value)) for each in experiment.variants.values())
        listed = ", ".join(literal(name) for name in names)
        # A number's label is null where it is unknown.
        return f"transform(ifNull({shown}, ''), [{values}], [{listed}], '')"
    chosen = hashed_sql(experiment.assignment.salt or "", experiment.weights, user)
    layer = experiment.assignment.layer
    if layer is None:
        return chosen
    low, high = experiment.assignment.traffic
    part = part_sql(layer_salt(layer), TRAFFIC, user)
    return f"if({part} >= {low} AND {part} < {high}, {chosen}, '')"


def hashed_sql(salt: str, weights: Mapping[str, int], user: str = "user_id") -> str:
    """`variant_of` over a column of user ids."""
    part = part_sql(salt, sum(weights.values()), user)
    steps = [
        f"{part} < {end}, {literal(name)}" for name, end in zip(weights, accumulate(weights.values()), strict=True)
    ]
    return (
        f"multiIf({', '.join(steps[:-1])}, {literal(list(weights)[-1])})"
        if steps[1:]
        else literal(next(iter(weights)))
    )
