"""An experiment over a warehouse, against pandas: exposure, arms, history, days, segments; states and decisions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import ExperimentError
from appanalytics.experiments import Experiment, OpenExperiment, Outcome, State, Step, parse_experiment, variant_of
from appanalytics.experiments.checks import Kind
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout, rollup

CATALOG = load_catalog()
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
USERS = 320


def events(seed: int = 3) -> pd.DataFrame:
    """Views and likes of 320 users in groups 1 and 2 over six days; every tenth user is in both groups."""
    random = np.random.default_rng(seed)
    rows = []
    for user in range(1, USERS + 1):
        for day in range(6):
            if random.random() < 0.3:
                continue
            group = 1 + (user % 2 if user % 10 or day < 4 else 1 - user % 2)
            for _ in range(random.integers(1, 9)):
                action = "like" if random.random() < 0.25 else "view"
                rows.append((user, day, action, group, "iOS" if user % 4 < 2 else "Android"))
    return pd.DataFrame(rows, columns=["user", "day", "action", "group", "os"])


def write(engine: Engine, frame: pd.DataFrame) -> None:
    times = [START + timedelta(days=int(day), seconds=place) for place, day in enumerate(frame["day"])]
    number = len(frame)
    table = {
        "time": pa.array(times, pa.timestamp("ms", "UTC")),
        "user_id": pa.array(frame["user"], pa.uint64()),
        "post_id": pa.array(np.ones(number), pa.uint64()),
        "action": pa.array(frame["action"]),
        "exp_group": pa.array(frame["group"], pa.int8()),
        "os": pa.array(frame["os"]),
        "country": pa.array(["Russia"] * number),
        "city": pa.array(["Moscow"] * number),
        "age": pa.array(np.full(number, 20), pa.uint8()),
        "gender": pa.array(np.ones(number), pa.int8()),
        "source": pa.array(["ads"] * number),
    }
    engine.insert("feed_actions", pa.table(table))
    rollup(engine, CATALOG, ZoneInfo("UTC"))


def definition(**changes: object) -> Experiment:
    raw: dict[str, object] = {
        "name": "ranking", "since": "day 2", "until": "day 6", "assignment": {"dimension": "exp_group"},
        "variants": {"control": {"value": 1}, "treatment": {"value": 2}}, "exposure": "views", "primary": "ctr",
        "secondary": ["likes"], "guardrails": {"views": 0.2}, "segments": ["os"], "history_days": 2,
    }  # fmt: skip
    return parse_experiment(raw | changes, "test")


@pytest.fixture(scope="module")
def engine(engine_folder: Path) -> Iterator[Engine]:
    """One warehouse for the module: experiments of different names do not meet."""
    opened = connect(WarehouseUrl.parse(f"chdb://{engine_folder}?database=experiments_of_pandas"), create=True)
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


def tick() -> datetime:
    """A clock that goes on by a second whenever it is asked."""
    return datetime(2026, 4, 1, tzinfo=UTC) + timedelta(seconds=next(_ticks))


def opened(engine: Engine, experiment: Experiment, last: date = date(2026, 3, 6)) -> OpenExperiment:
    layout = Layout.read(engine, CATALOG, ZoneInfo("UTC"))
    return OpenExperiment(engine, layout, experiment, date(2026, 3, 1), last, tick)


def per_user(frame: pd.DataFrame, days: range, *, until: int = 6) -> pd.DataFrame:
    """The oracle: users of one group only, from the day of their first view in the period on."""
    inside = frame[frame["day"].isin(days)]
    groups = inside.groupby("user")["group"].nunique()
    first = inside[inside["action"] == "view"].groupby("user")["day"].min()
    kept = inside[inside["user"].isin(groups[groups == 1].index) & inside["user"].isin(first.index)]
    kept = kept[kept["day"] >= kept["user"].map(first)]
    table = kept.assign(
        likes=(kept["action"] == "like").astype(int), views=(kept["action"] == "view").astype(int)
    )  # fmt: skip
    found = table.groupby("user").agg(group=("group", "first"), os=("os", "first"), likes=("likes", "sum"),
                                      views=("views", "sum"))  # fmt: skip
    before = frame[frame["day"].isin(range(2))].assign(one=1)
    found["likes_before"] = before[before["action"] == "like"].groupby("user")["one"].sum()
    found["views_before"] = before[before["action"] == "view"].groupby("user")["one"].sum()
    return found.fillna(0)


def test_arms_are_those_of_pandas(engine: Engine, frame: pd.DataFrame) -> None:
    analysis = opened(engine, definition()).analyze(resamples=200)
    users = per_user(frame, range(2, 6))
    sums = users.groupby("group")[["likes", "views"]].sum()
    main = analysis.result().main
    assert analysis.counts.users == {
        "control": int((users["group"] == 1).sum()),
        "treatment": int((users["group"] == 2).sum()),
    }
    assert (main.control, main.treatment) == pytest.approx(tuple(sums["likes"] / sums["views"]), rel=1e-12)
    means = users.groupby("group")["likes"].mean()
    likes = analysis.result("likes").main
    assert (likes.control, likes.treatment) == pytest.approx(tuple(means), rel=1e-12)


def test_users_of_two_variants_and_never_exposed_ones_are_told(engine: Engine, frame: pd.DataFrame) -> None:
    analysis = opened(engine, definition()).analyze(resamples=200)
    inside = frame[frame["day"].isin(range(2, 6))]
    exposed = inside[inside["action"] == "view"]["user"].unique()
    both = inside[inside["user"].isin(exposed)].groupby("user")["group"].nunique()
    assert analysis.counts.conflicting == int((both > 1).sum()) > 5
    assert analysis.counts.unexposed == inside["user"].nunique() - len(exposed)
    assert Kind.TWO_VARIANTS in [each.kind for each in analysis.failed]


def test_history_gives_cuped_the_same_as_numpy(engine: Engine, frame: pd.DataFrame) -> None:
    found = opened(engine, definition()).analyze(resamples=200).result("likes").answers.cuped
    users = per_user(frame, range(2, 6))
    assert found is not None
    assert found.reduction is not None
    c, t = users[users["group"] == 1], users[users["group"] == 2]
    design = [np.column_stack([each["likes_before"], each["likes_before"] > 0]).astype(float) for each in (c, t)]
    pooled = sum(np.cov(part.T) * (len(part) - 1) for part in design)
    with_y = sum(
        (part - part.mean(0)).T @ (each["likes"] - each["likes"].mean())
        for part, each in zip(design, (c, t), strict=True)
    )
    theta = np.linalg.solve(pooled, with_y)
    effect = t["likes"].mean() - c["likes"].mean() - (design[1].mean(0) - design[0].mean(0)) @ theta
    assert found.comparison.effect == pytest.approx(effect, rel=1e-6)


def test_running_days_are_the_analyses_as_of_those_days(engine: Engine, frame: pd.DataFrame) -> None:
    study = opened(engine, definition())
    days = study.analyze(resamples=200).result().days
    assert [each.day for each in days] == [date(2026, 3, day) for day in range(3, 7)]
    for place, each in enumerate(days):
        users = per_user(frame, range(2, 3 + place))
        both = set(per_user(frame, range(2, 6)).index)  # users of two groups by the end are left out of every day
        sums = users[users.index.isin(both)].groupby("group")[["likes", "views"]].sum()
        assert each.plain.control == pytest.approx((sums["likes"] / sums["views"])[1], rel=1e-12)
    look = study.analyze(as_of=date(2026, 3, 4), resamples=200)
    sums = per_user(frame, range(2, 4)).groupby("group")[["likes", "views"]].sum()
    assert look.result().main.control == pytest.approx((sums["likes"] / sums["views"])[1], rel=1e-12)
    assert look.is_look


def test_segments_add_up_to_the_whole(engine: Engine, frame: pd.DataFrame) -> None:
    segment = opened(engine, definition()).analyze(resamples=200).result("likes").segments[0]
    users = per_user(frame, range(2, 6))
    means = users.groupby(["os", "group"])["likes"].mean()
    assert {value: (each.control, each.treatment) for value, each in segment.effects} == {
        os: pytest.approx((means[os, 1], means[os, 2])) for os in ("Android", "iOS")
    }


def test_a_salted_split_in_the_engine_is_the_one_of_python(engine: Engine, frame: pd.DataFrame) -> None:
    hashed = definition(assignment={"salt": "feed"}, variants={"a": {"weight": 2}, "b": {"weight": 1}})
    analysis = opened(engine, hashed).analyze(resamples=200)
    exposed = frame[frame["day"].isin(range(2, 6)) & (frame["action"] == "view")]["user"].unique()
    expected = pd.Series([variant_of(int(user), "feed", {"a": 2, "b": 1}) for user in exposed]).value_counts()
    assert analysis.counts.users == expected.to_dict()


def test_states_hold_the_definition(engine: Engine, frame: pd.DataFrame) -> None:
    study = opened(engine, definition(name="states", guardrails={}, segments=[]))
    assert study.state is State.DRAFT
    study.start()
    with pytest.raises(ExperimentError, match="is running already"):
        study.start()
    changed = opened(engine, definition(name="states", guardrails={}, segments=[], primary="likes", secondary=[]))
    with pytest.raises(ExperimentError, match="with another definition: changed primary, secondary"):
        changed.analyze(resamples=200)
    study.stop()
    assert study.state is State.STOPPED
    changed.start(again=True)
    assert changed.analyze(resamples=200).state == "running"
    with pytest.raises(ExperimentError, match="another definition"):
        study.analyze(resamples=200)


def test_a_catalog_that_changed_is_noticed(engine: Engine, frame: pd.DataFrame) -> None:
    study = opened(engine, definition(name="catalogs"))
    study.start()
    likes = CATALOG.measures["likes"].model_copy(update={"count": {"action": "view"}})
    other = CATALOG.model_copy(update={"measures": {**CATALOG.measures, "likes": likes}})
    layout = Layout.read(engine, other, ZoneInfo("UTC"))
    later = OpenExperiment(
        engine, layout, definition(name="catalogs"), date(2026, 3, 1), date(2026, 3, 6), study.clock
    )
    with pytest.raises(ExperimentError, match="another definition of its metrics in the catalog"):
        later.analyze(resamples=200)


def test_a_decision_is_recorded_with_its_page_and_results(engine: Engine, frame: pd.DataFrame) -> None:
    study = opened(engine, definition(name="decided"))
    study.start()
    made = study.decide(resamples=200)
    assert (made.decision.outcome, made.decision.step) == (Outcome.DO_NOT_SHIP, Step.TRUST)
    (row,) = engine.rows("SELECT * FROM decisions WHERE experiment = 'decided'")
    assert (row["experiment"], row["decision"], row["step"], row["metric"]) == (
        "decided",
        "do_not_ship",
        "trust",
        "ctr",
    )
    assert "# Experiment: decided" in row["page"]
    assert row["effect"] == made.decision.result.main.effect
    assert study.state is State.DECIDED
    sql = "SELECT * EXCEPT analysed FROM experiment_results WHERE experiment = 'decided' ORDER BY ALL"
    before = engine.rows(sql)
    assert len(before) > 30
    study.decide(resamples=200)
    # The same again replaces, and does not append. (Threads add moments in any order: the last digit is free.)
    for row, old in zip(engine.rows(sql), before, strict=True):
        assert row == {
            name: pytest.approx(value, rel=1e-9, nan_ok=True) if isinstance(value, float) else value
            for name, value in old.items()
        }
    assert engine.scalar("SELECT count() FROM decisions WHERE experiment = 'decided'") == 2
    shares = engine.rows(
        "SELECT variant, sum(share) AS total FROM experiment_distributions WHERE metric = 'ctr' GROUP BY 1"
    )
    assert {row["variant"]: row["total"] for row in shares} == pytest.approx({"control": 1, "treatment": 1})


def test_a_look_is_only_a_look(engine: Engine, frame: pd.DataFrame) -> None:
    arms = {"control": {"weight": 1}, "treatment": {"weight": 1}}
    study = opened(engine, definition(name="look", until="day 20", assignment={"salt": "look"}, variants=arms))
    study.start()
    made = study.decide(resamples=200)
    assert (made.decision.outcome, made.decision.step) == (Outcome.GO_ON, Step.TIME)
    assert "a look is only a look" in str(made)
    assert study.state is State.RUNNING


def test_before_its_first_day_there_is_nothing(engine: Engine, frame: pd.DataFrame) -> None:
    with pytest.raises(ExperimentError, match="begins on 2026-03-11"):
        opened(engine, definition(since="day 10", until="day 12")).analyze()


def test_the_example_fits_the_catalog() -> None:
    from appanalytics.experiments import read_experiment

    folder = Path(__file__).resolve().parents[2] / "examples" / "experiments"
    for path in folder.glob("*.yaml"):
        read_experiment(path).check(CATALOG)
