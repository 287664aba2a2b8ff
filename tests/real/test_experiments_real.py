"""The real experiments of others, analysed from their files: published figures, decisions, dirt that is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats as peer

from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import ExperimentError
from appanalytics.experiments import Analysis, Outcome, Step, decide, page_of
from appanalytics.experiments.checks import Kind, Status
from appanalytics.experiments.judge import Why
from appanalytics.experiments.methods import Options
from appanalytics.experiments.userfile import Duplicates, analyze_file
from appanalytics.experiments.userrows import Columns
from appanalytics.stats import Comparison

pytestmark = pytest.mark.real
FEED = Columns("exp_group", "likes", "views", "user_id")


def file_of(folder: Path, name: str) -> Path:
    path = folder / "experiments" / name
    if not path.is_file():
        pytest.skip(f"no {path.name} in {path.parent}")
    return path


@pytest.fixture(scope="module")
def database(engine_folder: Path) -> Iterator[Engine]:
    opened = connect(WarehouseUrl.parse(f"chdb://{engine_folder}?database=files"), create=True)
    yield opened
    opened.execute("DROP DATABASE files SYNC")
    opened.close()


@pytest.fixture(scope="module")
def feed(database: Engine, real_data: Path) -> Analysis:
    """The original's test of a new ranking: 19,897 users, published by many."""
    return analyze_file(database, file_of(real_data, "feed_ctr_ab_groups_1_2.csv"), FEED, "1", ("2",))


def published(analysis: Analysis, method: str) -> Comparison:
    return analysis.result().answers.comparisons[method]


class TestFeedRanking:
    """Figures published with the original's notebook, to their printed digits (signs: treatment - control)."""

    def test_users(self, feed: Analysis) -> None:
        assert feed.counts.users == {"control": 10_020, "treatment": 9_877}

    def test_welch(self, feed: Analysis) -> None:
        found = published(feed, "welch")
        assert found.statistic == pytest.approx(-0.4051491913, abs=5e-11)
        assert found.p_value == pytest.approx(0.685373331, abs=5e-10)

    def test_mann_whitney(self, feed: Analysis) -> None:
        found = published(feed, "mann_whitney")
        assert found.statistic == 55_189_913.0
        assert found.p_value == pytest.approx(4.632e-45, abs=5e-49)

    def test_smoothed_ctr(self, feed: Analysis) -> None:
        found = published(feed, "smoothed_own_prior")
        assert found.statistic == pytest.approx(-1.9460491517, abs=5e-11)
        assert found.p_value == pytest.approx(0.0516667902, abs=5e-11)
        # It is told with what it is worth, and the common prior is what counts.
        result = feed.result()
        assert str(result.judgement.says["smoothed_own_prior"]) == "uncalibrated"
        rate = result.answers.false_alarms["smoothed_own_prior"]
        assert rate.low is not None
        assert rate.low > 0.05
        assert str(result.judgement.says["smoothed"]) == "none"

    def test_linearised_likes(self, feed: Analysis) -> None:
        found = published(feed, "linearised")
        assert found.statistic == pytest.approx(-5.9363771, abs=5e-8)
        assert found.p_value == pytest.approx(2.98050640386682e-09, rel=1e-9)

    def test_buckets(self, feed: Analysis) -> None:
        welch, ranks = published(feed, "buckets_welch"), published(feed, "buckets_mann_whitney")
        assert welch.statistic == pytest.approx(-5.6148194, abs=5e-8)
        assert welch.p_value == pytest.approx(4.5926e-07, abs=5e-12)
        assert ranks.statistic == 1997.0
        assert ranks.p_value == pytest.approx(2.6576e-07, abs=5e-12)

    def test_bucket_ctrs_are_those_that_were_exported(self, feed: Analysis, real_data: Path) -> None:
        exported = pd.read_csv(file_of(real_data, "feed_ctr_ab_groups_1_2_buckets.csv"))
        result = feed.result()
        for group, arm in ((1, result.control_arm), (2, result.treatment_arm)):
            assert arm.buckets is not None
            theirs = np.sort(exported[exported["exp_group"] == group]["bucket_ctr"])
            ours = np.repeat(arm.buckets.values, arm.buckets.counts)
            assert ours == pytest.approx(theirs, abs=1e-16)

    def test_bootstrap_agrees_with_the_delta_method(self, feed: Analysis) -> None:
        bootstrap, delta = published(feed, "poisson_bootstrap"), published(feed, "delta")
        assert bootstrap.low == pytest.approx(delta.low, abs=2e-4)
        assert bootstrap.high == pytest.approx(delta.high, abs=2e-4)
        assert "2e-4" in bootstrap.p_text or bootstrap.p_value == pytest.approx(2 / 10_001)

    def test_polarisation_is_found_and_nothing_observed_splits_it(self, feed: Analysis) -> None:
        finding = feed.result().finding
        assert finding.whole.is_polarised
        assert finding.whole.index == pytest.approx(0.989, abs=0.001)
        assert finding.split is None
        assert finding.low == pytest.approx((0.0997, 0.4543), abs=1e-3)

    def test_the_judge_names_the_reasons(self, feed: Analysis) -> None:
        judgement = feed.result().judgement
        whys = [reason.why for reason in judgement.reasons]
        assert whys == [Why.POLARISED, Why.RATIO_OR_MEAN, Why.VARIANCES]
        assert judgement.answers == "delta"
        assert not judgement.agree

    def test_do_not_ship_because_of_polarisation(self, feed: Analysis) -> None:
        decision = decide(feed)
        assert (decision.outcome, decision.step) == (Outcome.DO_NOT_SHIP, Step.POLARISATION)
        text = page_of(feed, pictures=False).markdown()
        assert "**DO NOT SHIP** — **likes / views is polarised**" in text
        assert "поляризация" in page_of(feed, locale="ru", pictures=False).markdown()


class TestCookieCats:
    """A game's gate moved from level 30 to 40; 90,189 players. Shares, p-values and SRM as published."""

    @pytest.mark.parametrize(
        ("column", "shares", "p_value"),
        [("retention_1", (0.44819, 0.44228), 0.0744), ("retention_7", (0.1902, 0.1820), 0.00155)],
    )
    def test_retention(
        self, database: Engine, real_data: Path, column: str, shares: tuple[float, float], p_value: float
    ) -> None:
        path = file_of(real_data, "cookie_cats.csv.gz")
        found = analyze_file(database, path, Columns("version", column, user="userid"), "gate_30", ("gate_40",),
                             options=Options(resamples=1_000))  # fmt: skip
        main = found.result().main
        assert (main.control, main.treatment) == pytest.approx(shares, abs=5e-5)
        assert main.p_value == pytest.approx(p_value, rel=5e-3)
        check = found.check(Kind.SAMPLE_RATIO)
        assert check is not None
        assert check.numbers["p_value"] == pytest.approx(0.0086, abs=5e-5)
        assert check.status is Status.OK  # the alarm is at 0.001
        frame = pd.read_csv(path)
        arms = [frame[frame["version"] == arm][column].astype(float) for arm in ("gate_40", "gate_30")]
        theirs = peer.ttest_ind(*arms, equal_var=False)
        assert main.statistic == pytest.approx(theirs.statistic, rel=1e-9)

    def test_a_dirty_copy_is_refused(self, database: Engine, real_data: Path) -> None:
        path = file_of(real_data, "cookie_cats_dirty.csv.gz")
        columns = Columns("ab_group", "retention_1", user="user_id")
        with pytest.raises(ExperimentError, match="15,234 rows repeat a user in one variant") as refusal:
            analyze_file(database, path, columns, "ctrl", ("test",))
        assert "--duplicates drop" in (refusal.value.hint or "")
        mended = analyze_file(
            database, path, columns, "ctrl", ("test",), duplicates=Duplicates("drop"), options=Options(resamples=200)
        )  # fmt: skip
        check = mended.check(Kind.DUPLICATES)
        assert check is not None
        assert (check.status, check.numbers["rows"]) == (Status.WARNING, 15_234)
        assert sum(mended.counts.users.values()) == pd.read_csv(path)["user_id"].nunique()
