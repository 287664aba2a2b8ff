"""Before the start and between: plan, A/A and split from history against pandas; the daily job; the commands."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from scipy import stats as peer

from appanalytics.app import App
from appanalytics.cli.main import run
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import ExperimentError, QuestionError, StatisticsError
from appanalytics.experiments import Experiment, OpenExperiment, parse_experiment, variant_of
from appanalytics.experiments.checks import Kind, Status
from appanalytics.jobs.registry import job
from appanalytics.settings import load_settings
from appanalytics.stats import METHODS
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout

from .test_experiments import CATALOG, definition, events, write


@pytest.fixture(scope="module")
def url(engine_folder: Path) -> str:
    return f"chdb://{engine_folder}?database=before_the_start"


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    opened = connect(WarehouseUrl.parse(url), create=True)
    migrate(opened)
    yield opened
    opened.execute(f"DROP DATABASE {opened.database} SYNC")
    opened.close()


@pytest.fixture(scope="module")
def frame(engine: Engine) -> pd.DataFrame:
    made = events()
    write(engine, made)
    return made


_ticks = itertools.count()


def at(engine: Engine, experiment: Experiment, others: dict[str, Experiment] | None = None) -> OpenExperiment:
    layout = Layout.read(engine, CATALOG, ZoneInfo("UTC"))
    clock = lambda: datetime(2026, 4, 1, tzinfo=UTC) + timedelta(seconds=next(_ticks))  # noqa: E731
    return OpenExperiment(engine, layout, experiment, date(2026, 3, 1), date(2026, 3, 6), clock, others or {})


def salted(**changes: object) -> Experiment:
    """A hashed experiment that starts after the last day of events."""
    raw: dict[str, object] = {
        "name": "salted", "since": "day 6", "until": "day 8", "assignment": {"salt": "s"}, "exposure": "views",
        "variants": {"a": {"weight": 2}, "b": {"weight": 1}}, "primary": "ctr", "segments": ["os"],
        "guardrails": {"views": 0.2}, "plan": {"effect": 0.1, "power": 0.8}, "history_days": 2,
    }  # fmt: skip
    return parse_experiment(raw | changes, "test")


def last_days(frame: pd.DataFrame, number: int) -> pd.DataFrame:
    """The oracle: users of the last days with the hashed variant."""
    inside = frame[frame["day"] >= 6 - number]
    first = inside[inside["action"] == "view"].groupby("user")["day"].min()
    kept = inside[inside["user"].isin(first.index)]
    kept = kept[kept["day"] >= kept["user"].map(first)]
    table = kept.assign(likes=kept["action"] == "like", views=kept["action"] == "view")
    found = table.groupby("user").agg(likes=("likes", "sum"), views=("views", "sum"), os=("os", "first"))
    found["variant"] = [variant_of(int(user), "s", {"a": 2, "b": 1}) for user in found.index]
    return found


class TestPower:
    def test_users_and_smallest_effects_are_those_of_pandas(self, engine: Engine, frame: pd.DataFrame) -> None:
        plan = at(engine, salted()).power(days=4)
        ctr = plan.metrics[0]
        assert [each.days for each in ctr.lengths] == [1, 2, 3, 4]
        users = last_days(frame, 3)
        length = ctr.lengths[2]
        counts = users["variant"].value_counts()
        assert (length.users_control, length.users_treatment) == (counts["a"], counts["b"])
        value = users["likes"].sum() / users["views"].sum()
        linear = (users["likes"] - value * users["views"]) / users["views"].mean()
        assert length.value == pytest.approx(value, rel=1e-12)
        assert length.variance == pytest.approx(linear.var(), rel=1e-9)
        # The normal approximation of the textbook is near the noncentral t at so many users.
        error = np.sqrt(linear.var() * (1 / counts["a"] + 1 / counts["b"]))
        reach = (peer.norm.ppf(0.975) + peer.norm.ppf(0.8)) * error / value
        assert length.smallest == pytest.approx(reach, rel=0.01)

    def test_what_is_enough_is_seen_and_one_day_less_is_not(self, engine: Engine, frame: pd.DataFrame) -> None:
        for metric in at(engine, salted()).power(effect=0.26).metrics:
            found = {each.days: each for each in metric.lengths}
            if metric.enough is not None:
                assert found[metric.enough].smallest <= 0.26
                assert found[metric.enough].power >= 0.8
                assert all(each.smallest > 0.26 for days, each in found.items() if days < metric.enough)
        margins = {each.metric.name: each.effect for each in at(engine, salted()).power().metrics}
        assert margins == {"ctr": 0.1, "views": 0.2}

    def test_history_makes_effects_smaller_where_it_explains_something(
        self, engine: Engine, frame: pd.DataFrame
    ) -> None:
        (plan,) = at(engine, salted()).power(metrics=["views"], days=4).metrics
        length = next(each for each in plan.lengths if each.days == 2)
        assert plan.reduction is not None
        assert length.smallest_cuped == pytest.approx(length.smallest * np.sqrt(1 - plan.reduction), rel=1e-3)

    def test_without_history_it_says_so(self, engine: Engine, frame: pd.DataFrame) -> None:
        with pytest.raises(ExperimentError, match="no whole day of events before"):
            at(engine, salted(since="day 0", until="day 2")).power()
        with pytest.raises(QuestionError, match="unknown metric"):
            at(engine, salted()).power(metrics=["ctrr"])


class TestRehearsal:
    def test_every_method_is_asked_on_the_users_of_history(self, engine: Engine, frame: pd.DataFrame) -> None:
        found = at(engine, salted()).rehearse(draws=200, users_per_arm=100, days=3)
        assert found.population == len(last_days(frame, 3))
        assert [each.method for each in found.methods] == [
            each for each in METHODS if each not in ("welch_relative", "delta_relative")
        ]
        rates = {each["method"]: each["false_positives"] for each in found.records()}
        # With few views each arm's own prior pulls the arms apart, and the rehearsal is there to say so.
        assert rates.pop("smoothed_own_prior") > 0.15
        assert all(rate < 0.1 for rate in rates.values()), rates
        users = last_days(frame, 3)
        sums = users.groupby("variant")[["likes", "views"]].sum()
        ratios = sums["likes"] / sums["views"]
        assert found.split["b"].effect == pytest.approx(ratios["b"] - ratios["a"], rel=1e-9)

    def test_a_mean_and_too_few_users(self, engine: Engine, frame: pd.DataFrame) -> None:
        found = at(engine, salted()).rehearse(metric="likes", methods=["welch"], draws=200, users_per_arm=50)
        assert found.records()[0]["verdict"] in ("honest", "cautious")
        with pytest.raises(StatisticsError, match="draw fewer users") as error:
            at(engine, salted()).rehearse(users_per_arm=5000)
        assert error.value.hint


class TestSplit:
    def test_sizes_and_balance_are_those_of_pandas(self, engine: Engine, frame: pd.DataFrame) -> None:
        found = at(engine, salted()).split(days=3)
        users = last_days(frame, 3)
        assert found.users == users["variant"].value_counts().to_dict()
        expected = peer.chisquare(list(found.users.values()), [len(users) * 2 / 3, len(users) / 3])
        assert found.ratio.test.p_value == pytest.approx(expected.pvalue, rel=1e-9)
        (balance,) = found.balances
        table = pd.crosstab(users["os"], users["variant"])
        assert dict(balance.users.items()) == table.to_dict("index")
        assert balance.test.p_value == pytest.approx(peer.chi2_contingency(table, correction=False).pvalue, rel=1e-9)

    def test_who_is_in_another_experiment(self, engine: Engine, frame: pd.DataFrame) -> None:
        others = {
            "groups": definition(name="groups", since="day 6", until="day 9"),
            "same": salted(name="same"),
            "later": salted(name="later", since="day 90", until="day 91", assignment={"salt": "t"}),
        }
        found = {each.experiment: each for each in at(engine, salted(), others).split(days=3).overlaps}
        users = last_days(frame, 3)
        groups = frame[frame["day"] >= 3].groupby("user")["group"].agg(["nunique", "first"])
        groups = groups[(groups["nunique"] == 1) & groups.index.isin(users.index)]
        assert found["groups"].shared == len(groups)
        assert found["groups"].together
        assert found["groups"].test.p_value > 1e-3
        assert found["same"].shared == len(users)
        assert found["same"].test.p_value < 1e-9
        assert not found["later"].together

    def test_an_analysis_tells_of_experiments_that_were_started(self, engine: Engine, frame: pd.DataFrame) -> None:
        ranking = definition(name="of_groups")
        apart = salted(name="apart", since="day 2", until="day 6", assignment={"salt": "apart"})
        twin = definition(name="twin")
        alone = at(engine, ranking, {"apart": apart, "twin": twin}).analyze(resamples=100)
        assert alone.check(Kind.OTHER_EXPERIMENTS) is None
        at(engine, apart).start()
        check = (
            at(engine, ranking, {"apart": apart, "twin": twin}).analyze(resamples=100).check(Kind.OTHER_EXPERIMENTS)
        )
        assert check is not None
        assert check.status is Status.OK
        assert str(check.numbers["text"]).startswith("apart: ")
        at(engine, twin).start()
        found = at(engine, ranking, {"apart": apart, "twin": twin}).analyze(resamples=100)
        check = found.check(Kind.OTHER_EXPERIMENTS)
        assert check is not None
        assert check.status is Status.WARNING
        assert "twin: " in found.page("ru", pictures=False).markdown()
        for experiment in (apart, twin):
            at(engine, experiment).stop()

    def test_experiments_of_one_layer_share_nobody(self, engine: Engine, frame: pd.DataFrame) -> None:
        one = salted(assignment={"salt": "s", "layer": "feed", "traffic": [0, 50]})
        other = salted(name="other", assignment={"salt": "o", "layer": "feed", "traffic": [50, 100]})
        found = at(engine, one, {"other": other}).split(days=3)
        assert not found.overlaps
        assert found.outside + sum(found.users.values()) == len(last_days(frame, 3))


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "ranking.yaml").write_text(
        "{since: day 2, until: day 6, assignment: {dimension: exp_group}, exposure: views, primary: ctr,\n"
        " variants: {control: {value: 1}, treatment: {value: 2}}, segments: [os], history_days: 2}\n"
    )
    (tmp_path / "appanalytics.toml").write_text(f"[experiments]\nfolder = '{folder}'\n")
    return folder


class TestJob:
    def results(self, engine: Engine) -> list[tuple[str, ...]]:
        rows = engine.rows("SELECT * EXCEPT analysed FROM experiment_results WHERE experiment = 'ranking'")
        # Threads add up in any order: the last digits are free.
        return sorted(
            tuple(f"{value:.9g}" if isinstance(value, float) else str(value) for value in row.values())
            for row in rows
        )

    def test_running_experiments_have_results_whatever_the_order_of_days(
        self, engine: Engine, frame: pd.DataFrame, registry: Path
    ) -> None:
        app = App(load_settings(registry.parent / "appanalytics.toml"), engine)
        work = job("experiments_daily")
        day = date(2026, 3, 5)
        assert work.run(app, day) == f"{day}: no running experiment"
        app.experiment("ranking").start()
        assert work.run(app, day) == f"{day}: ranking"
        first = self.results(engine)
        work.run(app, day)
        assert self.results(engine) == first
        work.run(app, date(2026, 3, 4))
        assert self.results(engine) == first, "an older day must not bring older results back"
        work.run(app, date(2026, 3, 6))
        assert len(self.results(engine)) > len(first)
        assert work.run(app, date(2026, 3, 1)).endswith("no running experiment")

        # The registry's file is gone: the ledger has the definition. It is changed: it is named, and nothing hidden.
        path = registry / "ranking.yaml"
        text = path.read_text()
        path.unlink()
        assert work.run(app, day) == f"{day}: ranking"
        path.write_text(text.replace("primary: ctr", "primary: likes"))
        with pytest.raises(ExperimentError, match=r"ranking: ranking was registered on .*: changed primary"):
            work.run(app, day)
        path.write_text(text)
        app.experiment("ranking").stop()
        assert work.run(app, day).endswith("no running experiment")

    def test_a_decision_by_the_command(
        self, engine: Engine, url: str, frame: pd.DataFrame, registry: Path, tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        (registry / "ranking.yaml").rename(registry / "by_hand.yaml")
        common = ["--warehouse", url, "--config", str(tmp_path / "appanalytics.toml"), "--format", "json"]
        assert run(["experiment", "decide", "by_hand", "--dry-run", *common]) == 0
        (record,) = json.loads(capsys.readouterr().out)
        assert record["decision"] in ("ship", "do_not_ship", "go_on")
        decisions = "SELECT count() FROM decisions WHERE experiment = 'by_hand'"
        assert engine.scalar(decisions) == 0
        assert (
            run(["experiment", "decide", "by_hand", "--locale", "ru", "--out", str(tmp_path / "out"), *common]) == 0
        )
        assert json.loads(capsys.readouterr().out) == [record]
        assert engine.scalar(decisions) == 1
        assert {path.suffix for path in (tmp_path / "out").iterdir()} == {".md", ".html", ".png"}
        assert run(["experiment", "decide", "by_hand", "--treatment", "c", *common]) == 2
        assert "no treatment 'c'" in capsys.readouterr().err

    def test_the_commands_before_the_start(
        self, engine: Engine, url: str, frame: pd.DataFrame, registry: Path, tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        (registry / "salt.yaml").write_text(
            "{since: day 6, until: day 8, assignment: {salt: feed}, variants: {a: {}, b: {}}, primary: ctr}\n"
        )
        common = ["--warehouse", url, "--config", str(tmp_path / "appanalytics.toml")]

        def records(*words: str) -> list[dict[str, object]]:
            assert run(["experiment", *words, *common, "--format", "json"]) == 0
            found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
            return found

        assert set(records("split", "salt")[0]) == {
            "part",
            "name",
            "value",
            "variant",
            "users",
            "expected",
            "p_value",
        }
        told = records("split", "salt", "--user", "42")
        assert told == [{"user": "42", "variant": "a", "part": 0, "layer_part": None}]
        assert {each["effect"] for each in records("power", "salt", "--effect", "0.2")} == {0.2}
        (aa,) = records("aa", "salt", "--draws", "200", "--users", "50", "--method", "welch")
        assert (aa["method"], aa["draws"], aa["users_per_arm"]) == ("welch", 200, 50)
        assert run(["experiment", "split", "salt", "--sql", *common]) == 0
        expression = capsys.readouterr().out.strip()
        rows = engine.rows(f"SELECT user_id, any({expression}) AS variant FROM user_day GROUP BY user_id")
        assert {row["user_id"]: row["variant"] for row in rows} == {
            row["user_id"]: variant_of(row["user_id"], "feed", {"a": 1, "b": 1}) for row in rows
        }
        out = tmp_path / "out"
        for words in (["aa", "--draws", "200", "--users", "50"], ["power"], ["split"]):
            name = words.pop(0)
            assert run(["experiment", name, "salt", *words, "--locale", "ru", "--out", str(out), *common]) == 0
        shown = capsys.readouterr().out
        for text in ("A/A-репетиция", "Планирование", "Разбиение"):
            assert text in shown
        names = {path.name for path in out.iterdir()}
        assert names >= {"salt-aa-ru-aa.png", "salt-plan-ru-plan-ctr.png", "salt-split-ru.html"}
