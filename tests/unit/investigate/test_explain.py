"""What an explanation says of days whose truth is known."""

from __future__ import annotations

import dataclasses
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appanalytics.investigate import Counts, Explanation, Ratios, Verdict, explain, strongest

PARENTS = {"city": "country"}
CITIES = {
    "Moscow": ("Russia", 2319), "Saint Petersburg": ("Russia", 764), "Novosibirsk": ("Russia", 213),
    "Yekaterinburg": ("Russia", 210), "Chelyabinsk": ("Russia", 195), "Samara": ("Russia", 181),
    "Others": ("Russia", 9000), "Minsk": ("Belarus", 103), "Gomel": ("Belarus", 220), "Kyiv": ("Ukraine", 160),
    "Kharkiv": ("Ukraine", 140), "Odesa": ("Ukraine", 120), "Helsinki": ("Finland", 200), "Oulu": ("Finland", 90),
}  # fmt: skip
SILENT = ("Moscow", "Saint Petersburg", "Novosibirsk", "Yekaterinburg")


def day(
    *,
    seed: int = 1,
    users: float = 1.0,
    **changes: float,
) -> tuple[dict[str, list[str]], np.ndarray, np.ndarray]:
    """Columns, true means of an ordinary day, and the day's draw; ``changes`` are factors, ``os_iOS=.5``."""
    columns: dict[str, list[str]] = {name: [] for name in ("country", "city", "os", "gender", "source")}
    means, factors = [], []
    shares = product(
        {"Android": 0.64, "iOS": 0.36}.items(), {"f": 0.55, "m": 0.45}.items(), {"ads": 0.4, "own": 0.6}.items()
    )
    for (city, (country, size)), traits in product(CITIES.items(), list(shares)):
        values = dict(zip(columns, (country, city, *(name for name, _ in traits)), strict=True))
        for name, value in values.items():
            columns[name].append(value)
        means.append(users * size * np.prod([share for _, share in traits]))
        wanted = (dict(pair.split(":") for pair in key.split("&")) for key in changes)
        factors.append(np.prod([
            factor for where, factor in zip(wanted, changes.values(), strict=True)
            if all(values[name] == value for name, value in where.items())
        ]))  # fmt: skip
    mean = np.array(means)
    return columns, mean, np.random.default_rng(seed).poisson(mean * np.array(factors)).astype(float)


def explained(**changes: float) -> Explanation:
    columns, mean, actual = day(**changes)
    return explain(Counts.of(columns, actual, mean, parents=PARENTS))


def named(found: Explanation) -> set[str]:
    return {segment.name for segment in found.segments}


def test_an_outage_of_four_cities() -> None:
    found = explained(**{f"city:{city}": 0.0 for city in SILENT})
    assert [segment.name for segment in found.segments] == [f"city={city}" for city in SILENT]
    assert found.verdict is Verdict.SEGMENTS
    assert not found.general
    lost = sum(CITIES[city][1] for city in SILENT)
    assert sum(segment.part.contribution for segment in found.segments) == pytest.approx(-lost)
    assert {"country", "os", "gender", "source"} == set(found.ruled_out)
    assert all(segment.part.high is not None and segment.part.high < -0.98 for segment in found.segments)


@pytest.mark.parametrize(
    "changes",
    [
        {"os:iOS": 0.5},
        {"country:Ukraine": 0.4},
        {"source:ads&country:Ukraine": 4.0},
        {"os:Android&gender:f": 0.7},
        {"country:Belarus": 0.2, "city:Moscow": 0.5},
        {"city:Moscow&os:iOS": 0.0},
    ],
)
def test_each_shape_is_named_exactly(changes: dict[str, float]) -> None:
    found = explained(**changes)
    truth = {frozenset(key.split("&")) for key in changes}
    assert {frozenset(name.replace("=", ":").split(", ")) for name in named(found)} == truth


def test_a_general_change_names_no_segment() -> None:
    for factor in (0.8, 1.4):
        columns, mean, actual = day(users=factor)
        found = explain(Counts.of(columns, actual, mean / factor, parents=PARENTS))
        assert found.verdict is Verdict.GENERAL
        assert not found.segments
        assert found.whole.low is not None
        assert found.whole.high is not None
        assert found.whole.low < factor - 1 < found.whole.high
        assert set(found.ruled_out) == {"country", "city", "os", "gender", "source"}
        assert "everything changed alike" in repr(found)


def test_segments_within_a_general_change() -> None:
    columns, mean, actual = day(**{"city:Moscow": 0.05})
    found = explain(Counts.of(columns, actual, mean * 1.5, parents=PARENTS))
    assert named(found) == {"city=Moscow"}
    assert found.general
    assert found.rest.effect == pytest.approx(1 / 1.5 - 1, abs=0.03)


def test_no_segment_is_named_on_days_without_an_effect() -> None:
    verdicts = []
    for seed in range(40):
        columns, mean, actual = day(seed=seed)
        before = np.random.default_rng([seed, 1]).poisson(mean, (4, len(mean))).mean(axis=0)
        verdicts.append(explain(Counts.of(columns, actual, before, parents=PARENTS)).verdict)
    assert set(verdicts) == {Verdict.NOISE}


@given(st.integers(0, 2**31), st.sampled_from([{}, {"os:iOS": 0.3}, {"city:Moscow": 0.0, "source:ads": 1.5}]))
@settings(max_examples=12, deadline=None)
def test_contributions_add_up_and_order_of_rows_does_not_matter(seed: int, changes: dict[str, float]) -> None:
    columns, mean, actual = day(seed=seed, **changes)
    found = explain(Counts.of(columns, actual, mean, parents=PARENTS))
    parts = [segment.part.contribution for segment in found.segments] + [found.rest.contribution]
    assert sum(parts) == pytest.approx(actual.sum() - mean.sum())
    assert found.change == pytest.approx(actual.sum() - mean.sum())
    order = np.random.default_rng(seed).permutation(len(mean))
    shuffled = {name: [column[i] for i in order] for name, column in columns.items()}
    again = explain(Counts.of(shuffled, actual[order], mean[order], parents=PARENTS))
    assert named(again) == named(found)


def ratios(fall: float = 0.0, *, ads: float = 0.4, seed: int = 1) -> Ratios:
    """Likes of views; ads like less often, and their share of today's views is ``ads``."""
    rng = np.random.default_rng(seed)
    columns, mean, _ = day(users=30)
    rate = np.where(np.array(columns["source"]) == "ads", 0.1, 0.25)
    mixed = mean * np.where(np.array(columns["source"]) == "ads", ads / 0.4, (1 - ads) / 0.6)
    views, before = rng.poisson(mixed), rng.poisson(mean * 7)
    now = rate * np.where(np.array(columns["os"]) == "iOS", 1 - fall, 1.0)
    return Ratios.of(
        columns, rng.binomial(views, now), views,
        baseline_numerator=rng.binomial(before, rate), baseline_denominator=before, parents=PARENTS,
    )  # fmt: skip


def test_rate_and_mix_are_told_apart() -> None:
    table = ratios(0.3)
    found = explain(table)
    assert named(found) == {"os=iOS"}
    assert found.rate_and_mix is not None
    assert found.rate_and_mix.rate + found.rate_and_mix.mix == pytest.approx(found.change)
    assert found.rate_and_mix.rate == pytest.approx(-0.3 * 0.36 * 0.19, abs=0.001)
    assert abs(found.rate_and_mix.mix) < 0.0015

    mixed = explain(ratios(ads=0.6))
    assert not mixed.segments
    assert mixed.rate_and_mix is not None
    # 20 % of views moved from .25 to .1
    assert mixed.rate_and_mix.mix == pytest.approx(-0.03, abs=0.0015)
    assert {(each.dimension, each.value) for each in mixed.rate_and_mix.moved[:2]} == {
        ("source", "ads"),
        ("source", "own"),
    }


def test_contributions_and_mix_of_a_ratio_add_up() -> None:
    table = ratios(0.3, ads=0.6)
    found = explain(table)
    now = table.numerator.sum() / table.denominator.sum()
    before = table.baseline_numerator.sum() / table.baseline_denominator.sum()
    assert found.rate_and_mix is not None
    parts = [segment.part.contribution for segment in found.segments] + [found.rest.contribution]
    assert sum(parts) + found.rate_and_mix.mix == pytest.approx(now - before)
    assert "mix effect" in repr(found)


def test_ratios_that_are_no_shares() -> None:
    """Views per user: one segment's users view twice as much."""
    rng = np.random.default_rng(3)
    columns, users, _ = day()
    users, before = np.maximum(rng.poisson(users), 1.0), np.maximum(rng.poisson(users * 7), 1.0)
    twice = np.where(np.array(columns["gender"]) == "m", 2.0, 1.0)
    table = Ratios.of(
        columns, rng.poisson(users * 12 * twice), users,
        baseline_numerator=rng.poisson(before * 12), baseline_denominator=before, parents=PARENTS,
    )  # fmt: skip
    assert not table.is_share
    found = explain(table)
    assert named(found) == {"gender=m"}
    assert found.segments[0].part.effect == pytest.approx(1.0, abs=0.05)


def test_a_city_is_named_with_its_country_only_where_that_is_needed() -> None:
    columns = {
        "country": ["A"] * 8 + ["B"] * 8,
        "city": (["x"] * 4 + ["y"] * 4) + (["x"] * 4 + ["z"] * 4),
        "os": ["i", "a", "w", "m"] * 4,
    }
    expected = np.full(16, 500.0)
    for gone, name in (("x", "country=A, city=x"), ("y", "city=y")):
        actual = np.where((np.array(columns["country"]) == "A") & (np.array(columns["city"]) == gone), 100.0, 500.0)
        assert named(explain(Counts.of(columns, actual, expected, parents=PARENTS))) == {name}


def test_a_value_that_nobody_was_expected_in() -> None:
    found = explain(Counts.of({"os": ["i", "a", "new"], "g": ["m", "f", "f"]}, [400, 900, 500], [400, 910, 0]))
    assert named(found) == {"os=new"}
    assert found.segments[0].part.effect is None
    assert found.segments[0].part.contribution == 500


def test_values_are_frozen_and_read_well() -> None:
    found = explained(**{"city:Moscow": 0.0})
    text = repr(found)
    assert "explained by 1 segment\n" in text
    assert "city=Moscow" in text
    assert "0 against 2,319" in text
    assert "ruled out: " in text
    for value in (found, found.segments[0], found.rest, found.rulings[0], found.alternatives[0]):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, dataclasses.fields(value)[0].name, 1)
    assert found.alternatives[0].name == "city=Moscow"


def test_candidates_are_ranked_even_where_nothing_is_beyond_noise() -> None:
    columns, mean, actual = day()
    table = Counts.of(columns, actual, mean, parents=PARENTS)
    ranked = strongest(table, most=3)
    assert len(ranked) == 3
    assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)
    assert not explain(table).segments


@pytest.mark.parametrize("actual", [[0, 0], [5, 7], [0, 9]])
def test_tiny_tables_do_not_break(actual: list[float]) -> None:
    for expected in ([0, 0], [5, 7], [0, 7]):
        found = explain(Counts.of({"os": ["i", "a"]}, actual, expected))
        assert repr(found)
        assert found.change == sum(actual) - sum(expected)
