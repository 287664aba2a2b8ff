"""Experiments straight from files of users: equal to peers, and a clear answer or a clear error for odd ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats as peer

from appanalytics.cli.main import run
from appanalytics.engine import Engine
from appanalytics.errors import ExperimentError, FileError
from appanalytics.experiments import Analysis, Outcome, Step, decide, page_of
from appanalytics.experiments.analysis import Role
from appanalytics.experiments.checks import Check, Kind, Status
from appanalytics.experiments.definition import Stopping
from appanalytics.experiments.methods import Options
from appanalytics.experiments.userfile import Duplicates, analyze_file
from appanalytics.experiments.userrows import Columns
from appanalytics.stats import Comparison, non_inferiority

from .one_database import one_database

COLUMNS = Columns("arm", "likes", "views", "user")


def users(number: int = 600, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    views = random.poisson(12, number) + 1
    likes = random.binomial(views, 0.2)
    arm = np.where(np.arange(number) % 2, "b", "a")
    os = np.where(np.arange(number) % 3, "Android", "iOS")
    return pd.DataFrame({"user": np.arange(number), "arm": arm, "likes": likes, "views": views, "os": os})


def analyzed(
    engine: Engine, folder: Path, frame: pd.DataFrame, columns: Columns = COLUMNS, suffix: str = "csv", **more: object
) -> Analysis:
    path = folder / f"users.{suffix}"
    frame.to_parquet(path) if suffix == "parquet" else frame.to_csv(path, index=False)
    return analyze_file(engine, path, columns, "a", ("b",), options=Options(resamples=500), **more)


def test_the_numbers_are_those_of_scipy(engine: Engine, tmp_path: Path) -> None:
    frame = users()
    found = analyzed(engine, tmp_path, frame).result().answers.comparisons
    ratio = frame["likes"] / frame["views"]
    a, b = ratio[frame["arm"] == "a"], ratio[frame["arm"] == "b"]
    theirs = peer.ttest_ind(b, a, equal_var=False)
    assert found["welch"].statistic == pytest.approx(theirs.statistic, rel=1e-9)
    assert found["welch"].p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    ranks = peer.mannwhitneyu(b, a)
    assert found["mann_whitney"].p_value == pytest.approx(ranks.pvalue, rel=1e-9)
    spread = peer.levene(a, b, center="median")
    assert found["brown_forsythe"].statistic == pytest.approx(spread.statistic, rel=1e-9)
    distance = peer.ks_2samp(a, b)
    assert abs(found["kolmogorov_smirnov"].statistic or 0) == pytest.approx(distance.statistic, rel=1e-9)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "parquet"])
def test_kinds_of_files_and_of_users_give_the_same(engine: Engine, tmp_path: Path, suffix: str) -> None:
    frame = users()
    plain = analyzed(engine, tmp_path, frame)
    other = analyzed(engine, tmp_path, frame, suffix=suffix)
    assert other.records() == plain.records()
    named = analyzed(engine, tmp_path, frame.assign(user="u" + frame["user"].astype(str)), suffix=suffix)
    same = [each for each in plain.records() if "bucket" not in each["method"]]
    assert [each for each in named.records() if "bucket" not in each["method"]] == same
    assert named.result().answers.comparisons["buckets_welch"].p_value is not None


def test_buckets_are_hashes_of_the_user(engine: Engine, tmp_path: Path) -> None:
    import xxhash

    frame = users()
    found = analyzed(engine, tmp_path, frame).result().control_arm.buckets
    bucket = [xxhash.xxh64(int(user).to_bytes(4, "little")).intdigest() % 50 for user in frame["user"]]
    sums = frame.assign(bucket=bucket)[frame["arm"] == "a"].groupby("bucket")[["likes", "views"]].sum()
    assert found is not None
    assert np.repeat(found.values, found.counts) == pytest.approx(np.sort(sums["likes"] / sums["views"]))


def test_a_mean_without_a_denominator(engine: Engine, tmp_path: Path) -> None:
    frame = users()
    main = analyzed(engine, tmp_path, frame, Columns("arm", "likes", user="user")).result().main
    assert main.method == "welch"
    means = frame.groupby("arm")["likes"].mean()
    assert (main.control, main.treatment) == pytest.approx((means["a"], means["b"]))


def test_a_polarised_treatment_is_split_by_the_segment_that_explains_it(engine: Engine, tmp_path: Path) -> None:
    frame = users(20_000)
    random = np.random.default_rng(5)
    moved = np.where(frame["os"] == "iOS", 0.36, 0.12)
    shifted = random.binomial(frame["views"], moved)
    frame["likes"] = np.where(frame["arm"] == "b", shifted, frame["likes"])
    found = analyzed(engine, tmp_path, frame, Columns("arm", "likes", "views", "user", ("os",)))
    split = found.result().finding.split
    assert split is not None
    assert (split.dimension, split.winners, split.losers) == ("os", ("iOS",), ("Android",))
    assert decide(found).step is Step.POLARISATION
    text = page_of(found, pictures=False).markdown()
    assert "It is split by **os**: up for iOS, down for Android" in text


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        ({"likes": np.nan}, "1 values of 'likes' are missing, NaN or infinite"),
        ({"likes": np.inf}, "1 values of 'likes' are missing, NaN or infinite"),
        ({"views": -1}, "'views' is negative"),
        ({"user": 4}, "1 rows repeat a user in one variant"),
    ],
)
def test_broken_rows_are_refused(engine: Engine, tmp_path: Path, breaks: dict[str, float], said: str) -> None:
    frame = users().astype({"likes": float})
    for name, value in breaks.items():
        frame.loc[0, name] = value
    with pytest.raises(ExperimentError, match=said):
        analyzed(engine, tmp_path, frame)


def test_rows_of_other_variants_are_left_out(engine: Engine, tmp_path: Path) -> None:
    frame = pd.concat([users(), pd.DataFrame({"user": [9999], "arm": ["c"], "likes": [np.nan], "views": [-3]})])
    assert analyzed(engine, tmp_path, frame).counts.users == {"control": 300, "treatment": 300}


def test_users_of_two_variants_count_nowhere_and_are_told(engine: Engine, tmp_path: Path) -> None:
    frame = users()
    frame.loc[1, "user"] = 0  # user 0 is now in both
    found = analyzed(engine, tmp_path, frame)
    assert found.counts.users == {"control": 299, "treatment": 299}
    check = found.check(Kind.TWO_VARIANTS)
    assert check is not None
    assert (check.numbers["users"], check.status) == (1, Status.WARNING)


def test_several_rows_of_a_user_can_be_added_up(engine: Engine, tmp_path: Path) -> None:
    frame = users()
    twice = pd.concat([frame, frame])
    summed = analyzed(engine, tmp_path, twice, duplicates=Duplicates("sum")).result()
    once = analyzed(engine, tmp_path, frame).result()
    assert summed.main.effect == pytest.approx(once.main.effect)
    assert summed.control_arm.cells.denominators.max() == 2 * once.control_arm.cells.denominators.max()
    with pytest.raises(ExperimentError, match="rows that differ"):
        analyzed(engine, tmp_path, pd.concat([frame, frame.assign(likes=0)]), duplicates=Duplicates("drop"))


def test_a_sample_ratio_that_is_off_is_not_trusted(engine: Engine, tmp_path: Path) -> None:
    frame = users(4_000)
    found = analyzed(engine, tmp_path, frame[(frame["arm"] == "a") | (frame["user"] % 4 == 1)])
    assert decide(found).step is Step.TRUST
    assert Kind.SAMPLE_RATIO in [each.kind for each in found.failed]


@pytest.mark.parametrize(
    ("frame", "note"),
    [
        (users(2), "fewer than two users"),
        (users(60).assign(likes=1, views=4), "no user differs"),
        (users(60).assign(likes=0, views=lambda f: np.where(f["arm"] == "b", 0, 4)), "denominator is zero"),
    ],
    ids=["one user an arm", "all equal", "a variant with zero views"],
)
def test_degenerate_users_get_a_clear_answer(engine: Engine, tmp_path: Path, frame: pd.DataFrame, note: str) -> None:
    found = analyzed(engine, tmp_path, frame)
    assert note in str(found.result().main.note)
    assert decide(found).outcome is not Outcome.SHIP
    for locale in ("en", "ru"):
        assert page_of(found, locale=locale).html()


def test_no_user_of_a_variant_is_an_error(engine: Engine, tmp_path: Path) -> None:
    frame = users()
    with pytest.raises(ExperimentError, match="no user of the variant 'b'"):
        analyzed(engine, tmp_path, frame[frame["arm"] == "a"])


def test_p_values_below_the_smallest_float_and_large_means_keep_their_digits(engine: Engine, tmp_path: Path) -> None:
    frame = users(2_000)
    apart = frame.assign(likes=np.where(frame["arm"] == "b", frame["likes"] + 40, frame["likes"]) + 1e9)
    main = analyzed(engine, tmp_path, apart, Columns("arm", "likes", user="user")).result().main
    near = frame.assign(likes=apart["likes"] - 1e9)
    same = analyzed(engine, tmp_path, near, Columns("arm", "likes", user="user")).result().main
    assert main.effect == pytest.approx(same.effect, abs=1e-6)
    assert main.standard_error == pytest.approx(same.standard_error, rel=1e-6)
    assert same.log10_p is not None
    assert same.log10_p < -308
    assert same.p_text.startswith(("1e-", "2e-", "3e-", "4e-", "5e-", "6e-", "7e-", "8e-", "9e-"))


def test_errors_name_the_column_and_the_nearest_one(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match="no column 'viewz'") as refusal:
        analyzed(engine, tmp_path, users(), Columns("arm", "likes", "viewz", "user"))
    assert "views" in (refusal.value.hint or "")
    with pytest.raises(ExperimentError, match="values that are no numbers"):
        analyzed(engine, tmp_path, users(), Columns("arm", "os", user="user"))
    with pytest.raises(FileError, match="there is no file"):
        analyze_file(engine, tmp_path / "none.csv", COLUMNS, "a", ("b",))
    (tmp_path / "users.parquet").write_text("no parquet")
    with pytest.raises(FileError, match="cannot read"):
        analyze_file(engine, tmp_path / "users.parquet", COLUMNS, "a", ("b",))


def test_no_work_table_stays(engine: Engine, tmp_path: Path) -> None:
    analyzed(engine, tmp_path, users())
    with pytest.raises(ExperimentError):
        analyzed(engine, tmp_path, users().assign(likes="x"))
    assert not engine.rows("SHOW TABLES LIKE 'experiment_work%'")


# --- the rule over such an analysis ---


def compared(effect: float, error: float = 0.01, *, level: float = 0.95) -> Comparison:
    """A difference with a normal interval around it."""
    reach, p = 1.96 * error, 0.001 if abs(effect) > 1.96 * error else 0.6
    return Comparison("delta", 0.2, 0.2 + effect, effect, effect - reach, effect + reach, effect / error, p, level,
                      standard_error=error)  # fmt: skip


@pytest.fixture(scope="module")
def plain(engine_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Analysis]:
    """Users of two arms between which there is nothing."""
    with one_database(engine_folder, "rule_of_decisions") as opened:
        yield analyzed(opened, tmp_path_factory.mktemp("rule"), users())


def changed(
    plain: Analysis, effect: float, guardrail: float | None = None, *, secondary: float | None = None,
    plan: dict[str, object] | None = None, checks: tuple[Check, ...] = (), always: float | None = None,
    stopping: Stopping = Stopping.FIXED,
) -> Analysis:  # fmt: skip
    """The analysis with other effects: of the primary metric, of a guardrail with a margin of 0.05, of a third."""
    main = plain.result()
    answers = replace(main.answers, comparisons={**main.answers.comparisons, "always_valid": compared(always or 0.0)})
    results = [replace(main, main=compared(effect), adjusted=compared(effect), relative=compared(effect),
                       answers=answers)]  # fmt: skip
    if guardrail is not None:
        held = non_inferiority(compared(guardrail), 0.05)
        always_valid = replace(answers, comparisons={**answers.comparisons, "always_valid": compared(guardrail)})
        metric = replace(main.metric, name="views")
        results.append(replace(main, metric=metric, role=Role.GUARDRAIL, guardrail=held, answers=always_valid))
    if secondary is not None:
        metric = replace(main.metric, name="sent")
        results.append(replace(main, metric=metric, role=Role.SECONDARY, adjusted=compared(secondary)))
    goal = plain.experiment.plan.model_copy(update=plan or {})
    experiment = plain.experiment.model_copy(update={"plan": goal, "stopping": stopping})
    return replace(plain, experiment=experiment, results=tuple(results), checks=checks)


FEW = (Check(Kind.PLANNED_SIZE, Status.WARNING),)
EARLY = (Check(Kind.PLANNED_END, Status.WARNING),)
VALID = Stopping.ALWAYS_VALID


@pytest.mark.parametrize(
    ("how", "outcome", "step"),
    [
        ({"effect": 0.1}, "ship", "gain"),
        ({"effect": 0.1, "guardrail": 0.0}, "ship", "gain"),
        ({"effect": 0.1, "guardrail": -0.2}, "do_not_ship", "harm"),
        ({"effect": 0.1, "guardrail": -0.05}, "go_on", "open_guardrail"),
        ({"effect": -0.1, "guardrail": -0.05}, "do_not_ship", "loss"),
        ({"effect": 0.0}, "do_not_ship", "nothing"),
        ({"effect": 0.0, "checks": FEW}, "go_on", "not_enough"),
        ({"effect": 0.0, "plan": {"effect": 0.5}}, "do_not_ship", "too_small"),
        ({"effect": 0.0, "plan": {"effect": 0.001}}, "do_not_ship", "nothing"),
        ({"effect": 0.1, "checks": EARLY}, "go_on", "time"),
        ({"effect": 0.1, "checks": EARLY, "guardrail": -0.2}, "do_not_ship", "harm"),
        ({"effect": 0.1, "checks": EARLY, "guardrail": 0.0, "always": 0.1, "stopping": VALID}, "ship", "gain"),
        ({"effect": 0.1, "checks": EARLY, "guardrail": -0.05, "always": 0.1, "stopping": VALID}, "go_on", "time"),
        ({"effect": 0.1, "checks": EARLY, "always": -0.1, "stopping": VALID}, "do_not_ship", "loss"),
        ({"effect": 0.1, "checks": EARLY, "always": 0.0, "stopping": VALID}, "go_on", "time"),
    ],
)
def test_the_first_step_that_applies_decides(plain: Analysis, how: dict[str, Any], outcome: str, step: str) -> None:
    found = decide(changed(plain, **how))
    assert (found.outcome.value, found.step.value) == (outcome, step)


def test_what_to_watch_besides(plain: Analysis) -> None:
    found = decide(changed(plain, 0.1, secondary=-0.1, checks=FEW))
    assert {"secondary_worse:sent", f"check:{Kind.PLANNED_SIZE}"} <= set(found.risks)
    assert not any(each.startswith("secondary") for each in decide(changed(plain, 0.1, secondary=0.1)).risks)


# --- the command ---


def test_a_treatment_that_is_the_control_is_refused_before_anything_is_read(engine: Engine) -> None:
    with pytest.raises(ExperimentError, match="control and treatment are the same: 'a'"):
        analyze_file(engine, Path("absent.csv"), COLUMNS, "a", ("a",))


def test_rows_without_a_column_of_users_and_two_treatments(engine: Engine, tmp_path: Path) -> None:
    """Each row is a user of its own; treatments are numbered."""
    frame = users(900)
    frame["arm"] = np.where(frame["user"] % 3 == 0, "c", frame["arm"])
    path = tmp_path / "users.csv"
    frame.drop(columns="user").to_csv(path, index=False)
    columns = Columns("arm", "likes", "views", None, ())
    found = analyze_file(engine, path, columns, "a", ("b", "c"), options=Options(resamples=100))
    assert list(found.experiment.variants) == ["control", "treatment_1", "treatment_2"]
    assert dict(found.counts.users) == {
        "control": 300, "treatment_1": 300, "treatment_2": 300,
    }  # fmt: skip
    assert found.check(Kind.TWO_VARIANTS) is None


def test_a_user_that_is_missing_is_told(engine: Engine, tmp_path: Path) -> None:
    frame = users().astype({"user": "Int64"})
    frame.loc[3, "user"] = pd.NA
    with pytest.raises(ExperimentError, match="1 rows have no 'user'"):
        analyzed(engine, tmp_path, frame)


def test_the_command_gives_records_of_the_contract_and_pages(
    engine: Engine, warehouse_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = tmp_path / "users.csv"
    users().to_csv(path, index=False)
    words = ["experiment", "analyze", "--users", str(path), "--variant", "arm", "--control", "a", "--treatment", "b",
             "--numerator", "likes", "--denominator", "views", "--user", "user",
             "--warehouse", warehouse_url]  # fmt: skip
    assert run([*words, "--format", "json", "--out", str(tmp_path / "pages")]) == 0
    out, _ = capsys.readouterr()
    records = json.loads(out)
    names = ["metric", "method", "control", "treatment", "effect", "low", "high", "statistic", "p_value"]
    assert list(records[0])[:9] == names
    assert {"welch", "mann_whitney", "smoothed", "smoothed_own_prior", "poisson_bootstrap", "buckets_welch",
            "buckets_mann_whitney", "linearised", "delta"} <= {each["method"] for each in records}  # fmt: skip
    (own,) = [each for each in records if each["method"] == "smoothed_own_prior"]
    assert own["says"] == "uncalibrated"
    assert own["false_positives"] > 0.05
    assert {each.name for each in (tmp_path / "pages").iterdir()} >= {"users_file.md", "users_file.html"}
    assert run([*words, "--locale", "ru"]) == 0
    out, _ = capsys.readouterr()
    assert "ВЫКАТЫВАТЬ" in out
    for wrong, said in (
        (["--control", "zzz"], "no user of the variant 'zzz'"),
        (["--as-of", "2026-01-01"], "--as-of goes with an experiment"),
        (["--duplicates", "ignore"], "unknown treatment of duplicates"),
    ):
        assert run([*words, *wrong]) == 2
        assert said in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)
    assert run(["experiment", "list", "--warehouse", warehouse_url]) == 0
    told = capsys.readouterr()
    assert "no experiments in" in told.out + told.err
    assert run(["experiment", "list", "--format", "json", "--warehouse", warehouse_url]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["experiment", "analyze", "--warehouse", warehouse_url]) == 2
    assert "name an experiment, or give --users FILE" in capsys.readouterr().err
