"""An investigation over a warehouse: an outage of a city, a campaign, a part of a day; words, records and SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from appanalytics.catalog import load_catalog
from appanalytics.cli.main import run
from appanalytics.document import Picture
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import QuestionError
from appanalytics.investigate import Findings, investigate
from appanalytics.investigate.absent import Absent
from appanalytics.investigate.newcomers import Cohort, Newcomers
from appanalytics.investigate.people import People
from appanalytics.investigate.words_en import ENGLISH
from appanalytics.investigate.words_ru import RUSSIAN
from appanalytics.known_events import parse_known_events
from appanalytics.stats import Interval
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout, rollup

CATALOG = load_catalog()
ZONE = ZoneInfo("UTC")
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, USERS = 24, 4000
OUTAGE, CAMPAIGN, GROUP = 18, 21, 23
CITIES = {"Moscow": "Russia", "Omsk": "Russia", "Kazan": "Russia", "Minsk": "Belarus", "Gomel": "Belarus"}


def day(number: int) -> str:
    return (FIRST + timedelta(days=number)).date().isoformat()


def events() -> pd.DataFrame:
    """Users with attributes; each comes on three days of five for some views. Moscow is silent on the outage's day.

    On the campaign's day 1,000 users of Belarus come from ads and view one post each. On the last day experiment
    group 2 does half of what it usually does, and every third event is about one new post.
    """
    random = np.random.default_rng(5)
    city = random.choice(list(CITIES), USERS, p=[0.3, 0.25, 0.2, 0.15, 0.1])
    users = pd.DataFrame({
        "user_id": np.arange(1, USERS + 1),
        "city": city,
        "country": [CITIES[each] for each in city],
        "os": random.choice(["iOS", "Android"], USERS),
        "source": random.choice(["ads", "organic"], USERS),
        "gender": random.integers(0, 2, USERS),
        "age": random.integers(14, 60, USERS),
        "exp_group": np.arange(USERS) % 3,
    })  # fmt: skip
    parts = []
    for number in range(DAYS):
        came = users[random.random(USERS) < 0.6]
        if number == OUTAGE:
            came = came[came["city"] != "Moscow"]
        parts.append(came.loc[came.index.repeat(random.integers(1, 4, len(came)))].assign(day=number))
    more = users.sample(1000, random_state=1).assign(
        user_id=np.arange(5001, 6001), country="Belarus", source="ads", day=CAMPAIGN, exp_group=0,
        city=random.choice(["Minsk", "Gomel"], 1000),
    )  # fmt: skip
    made = pd.concat([*parts, more], ignore_index=True)
    made["hour"] = random.integers(8, 20, len(made))
    made = made[(made["day"] != GROUP) | (made["exp_group"] != 2) | (random.random(len(made)) < 0.5)]
    made["post_id"] = random.integers(1, 21, len(made))
    made.loc[(made["day"] == GROUP) & (random.random(len(made)) < 0.33), "post_id"] = 99
    made["action"] = np.where(random.random(len(made)) < 0.25, "like", "view")
    return made


def write(engine: Engine, frame: pd.DataFrame) -> None:
    times = [
        FIRST + timedelta(days=int(day), hours=int(hour), seconds=place % 3600)
        for place, (day, hour) in enumerate(zip(frame["day"], frame["hour"], strict=True))
    ]
    table = {
        "time": pa.array(times, pa.timestamp("ms", "UTC")),
        "user_id": pa.array(frame["user_id"], pa.uint64()),
        "post_id": pa.array(frame["post_id"], pa.uint64()),
        "action": pa.array(frame["action"]),
        "exp_group": pa.array(frame["exp_group"], pa.int8()),
        "age": pa.array(frame["age"], pa.uint8()),
        "gender": pa.array(frame["gender"], pa.int8()),
        **{name: pa.array(frame[name]) for name in ("os", "country", "city", "source")},
    }
    engine.insert("feed_actions", pa.table(table))
    rollup(engine, CATALOG, ZONE)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return events()


@pytest.fixture(scope="module")
def engine(engine_folder: Path, frame: pd.DataFrame) -> Iterator[Engine]:
    opened = connect(WarehouseUrl.parse(f"chdb://{engine_folder}?database=investigated"), create=True)
    migrate(opened)
    write(opened, frame)
    yield opened
    opened.execute(f"DROP DATABASE {opened.database} SYNC")
    opened.close()


@pytest.fixture(scope="module")
def layout(engine: Engine) -> Layout:
    return Layout.read(engine, CATALOG, ZONE)


@pytest.fixture(scope="module")
def outage(engine: Engine, layout: Layout) -> Findings:
    return investigate(engine, layout, "dau", day(OUTAGE))


def test_an_outage_is_its_city_and_nothing_else(outage: Findings, frame: pd.DataFrame) -> None:
    assert outage.is_unusual
    assert [each.name for each in outage.segments] == ["city=Moscow"]
    assert set(outage.ruled_out) >= {"country", "os", "gender", "source"}
    part = outage.segments[0].part
    usual = frame[(frame["city"] == "Moscow") & (frame["day"] < OUTAGE)].groupby("day")["user_id"].nunique().mean()
    assert part.actual == 0
    assert part.expected == pytest.approx(usual, rel=0.08)
    assert outage.actual == frame[frame["day"] == OUTAGE]["user_id"].nunique()


@pytest.fixture(scope="module")
def campaign(engine: Engine, layout: Layout) -> Findings:
    return investigate(engine, layout, "users", day(CAMPAIGN))


def test_a_campaign_is_its_country_and_source(campaign: Findings) -> None:
    found = campaign
    assert [each.name for each in found.segments] == ["country=Belarus, source=ads"]
    assert found.segments[0].part.contribution == pytest.approx(1000, rel=0.15)
    assert found.relative is not None
    assert found.relative > 0.25


def test_the_absent_are_those_of_the_city(outage: Findings, frame: pd.DataFrame) -> None:
    """Each of the city's users comes on three days of five, whatever he did before."""
    missed = outage.people.absent
    assert missed is not None
    known = frame[(frame["city"] == "Moscow") & (frame["day"] < OUTAGE)]["user_id"].unique()
    assert missed.expected == pytest.approx(0.6 * len(known), rel=0.03)
    assert missed.came == 0
    assert [each.value for each in missed.places] == ["Moscow"]
    assert sum(each.missing for each in missed.first_days) == pytest.approx(missed.missing, rel=0.05)
    assert missed.back_next is not None
    back = frame[(frame["day"] == OUTAGE + 1) & frame["user_id"].isin(known)]["user_id"].nunique()
    assert missed.back_next.estimate == pytest.approx(back / len(known))
    assert missed.back_week is None  # the data end before


def test_parts_of_the_audience_add_up(outage: Findings, frame: pd.DataFrame) -> None:
    parts = {each.name: each.actual for each in outage.people.audience}
    assert parts["new"] + parts["retained"] + parts["returned"] == outage.actual
    today, before = (set(frame[frame["day"] == day]["user_id"]) for day in (OUTAGE, OUTAGE - 1))
    assert parts["retained"] == len(today & before)
    assert parts["gone"] == len(before - today)
    assert {each.name for each in outage.people.audience if each.is_unusual} >= {"retained", "gone"}


def test_newcomers_of_the_campaign_did_not_come_back(campaign: Findings) -> None:
    came = campaign.people.newcomers
    assert came is not None
    assert came.dimension == "source"
    cohort = came.of("segment")
    assert cohort is not None
    assert cohort.users == 1000
    assert cohort.next_day is not None
    assert cohort.next_day.estimate == 0
    assert cohort.next_day.high == pytest.approx(0.0038, abs=0.0001)  # Wilson, 0 of 1000


def test_other_metrics_that_moved(outage: Findings) -> None:
    odd = {each.metric for each in outage.moved if each.is_unusual}
    assert {"feed_users", "views", "likes"} <= odd
    assert not odd & {"ctr", "views_per_user", "likes_per_user"}
    assert "users" not in {each.metric for each in outage.moved}  # it is DAU by another name


def test_the_service_of_what_moved_is_named(outage: Findings) -> None:
    assert outage.services == ("feed",)  # the only one with events
    assert "News feed" in outage.page(pictures=False).markdown()


def test_experiments_of_the_day_are_named(engine: Engine, layout: Layout) -> None:
    spans = {"ranking": (3, 10), "other": (12, 20)}
    for name, (since, until) in spans.items():
        engine.execute(
            "INSERT INTO experiments"
            " SELECT {name:String}, 'running', '', '', '', {since:Date}, {until:Date}, toDateTime64(0, 6)",
            {"name": name, "since": day(since), "until": day(until)},
        )
    assert [each.name for each in investigate(engine, layout, "ctr", day(12)).experiments] == ["other"]


def test_an_experiment_group_and_a_post_are_found_by_themselves(
    engine: Engine, layout: Layout, frame: pd.DataFrame, outage: Findings
) -> None:
    found = investigate(engine, layout, "views", day(GROUP))
    (group,) = found.group_segments
    assert group.name == "exp_group=2"
    assert group.part.effect == pytest.approx(-0.5, abs=0.06)
    (posts,) = found.items
    seen = frame[(frame["day"] == GROUP) & (frame["action"] == "view")]["post_id"].value_counts()
    assert (posts.first, posts.stands_out) == ("99", True)
    assert posts.share == pytest.approx(seen[99] / seen.sum())
    assert (posts.changed[0].value, posts.changed[0].actual, posts.changed[0].before) == ("99", seen[99], 0)
    assert "experiment group 2" in found.sentence()
    assert "99 alone has" in found.sentence()
    assert "группа эксперимента 2" in found.page("ru", pictures=False).markdown()
    parts = [each["part"] for each in found.records()]
    assert parts.count("group") == 1
    assert parts.count("item") == 5
    # An outage of a city is no group's, and no single post's.
    assert not outage.group_segments
    assert not investigate(engine, layout, "views", day(OUTAGE)).items[0].stands_out


def test_an_ordinary_day_names_nothing(engine: Engine, layout: Layout) -> None:
    for metric in ("dau", "views", "ctr"):
        found = investigate(engine, layout, metric, day(16))
        assert not found.is_unusual, metric
        assert not found.segments, metric
        assert not found.ruled_out, metric


def test_parts_of_a_day_and_rolling_windows(engine: Engine, layout: Layout, frame: pd.DataFrame) -> None:
    hour = investigate(engine, layout, "views", f"{day(OUTAGE)}T12:00")
    inside = frame[(frame["day"] == OUTAGE) & (frame["hour"] == 12) & (frame["action"] == "view")]
    assert hour.actual == len(inside)
    week = investigate(engine, layout, "wau", day(CAMPAIGN))
    assert week.actual == frame[frame["day"].between(CAMPAIGN - 6, CAMPAIGN)]["user_id"].nunique()
    assert [each.name for each in week.segments] == ["country=Belarus, source=ads"]


def test_a_slice_leaves_its_dimension_out(engine: Engine, layout: Layout) -> None:
    found = investigate(engine, layout, "dau", day(OUTAGE), where={"country": "Russia"})
    assert [each.name for each in found.segments] == ["city=Moscow"]
    assert "country" not in {each.dimension for each in found.rulings}
    assert "country=Russia" in found.sentence()


def test_what_does_not_add_up_says_so(engine: Engine, layout: Layout) -> None:
    found = investigate(engine, layout, "likes_per_post", day(OUTAGE))
    assert found.explanation is None
    assert "Posts viewed" in found.sentence()


def test_known_events_are_named_and_no_history(engine: Engine, layout: Layout) -> None:
    text = f"events: [{{name: Power cut, kind: incident, start: {day(OUTAGE)}, labels: {{ru: Сбой питания}}}}]"
    calendar = parse_known_events(text, CATALOG, ZONE)
    found = investigate(engine, layout, "dau", day(OUTAGE), events=calendar)
    assert "Power cut" in found.sentence()
    assert "Сбой питания" in found.sentence("ru")
    after = investigate(engine, layout, "dau", day(OUTAGE + 1), events=calendar)
    assert not after.events
    assert not after.is_unusual


def test_words_records_and_sql(outage: Findings, engine: Engine) -> None:
    assert "below the expected" in outage.sentence()
    assert "Исключены" in outage.sentence("ru")
    assert "Moscow" in outage.page("ru").html()
    assert outage.picture("ru").startswith(b"\x89PNG")
    records = outage.records()
    assert [each["part"] for each in records][:3] == ["total", "segment", "rest"]
    json.dumps(records)
    for step in outage.steps:
        *settings, statement = step.sql.split(";\n")
        parameters = dict(each.removeprefix("SET param_").split(" = ", 1) for each in settings)
        assert set(parameters)
        assert re.sub(r"--.*\n", "", statement).startswith("SELECT")
    total = sum(each["contribution"] for each in records if each["part"] in ("segment", "rest"))
    assert total == pytest.approx(records[0]["contribution"], rel=1e-6)


def test_the_page_of_newcomers_shows_their_return(campaign: Findings) -> None:
    """With a picture of both shares, and one row of the table for each cohort."""
    page = campaign.page("en", sql=True)
    text = page.markdown()
    assert "| newcomers of country Belarus, traffic source ads | 1,000 | 0" in text
    assert {"series", "segments", "return"} <= {each.name for each in page.blocks if isinstance(each, Picture)}
    assert text.count("```sql") == len(campaign.steps)
    rows = {each["name"]: each["actual"] for each in campaign.records() if each["part"] == "cohort"}
    assert rows["segment next_day"] == 0
    assert RUSSIAN["h_newcomers"] in campaign.page("ru", pictures=False).markdown()


def cohort(kind: str, value: str | None, back: tuple[float, float, float] | None) -> Cohort:
    share = None if back is None else Interval("wilson", *back, 0.95)
    return Cohort(kind, value, 100, share, None)


def told(found: Findings, **changes: Any) -> str:
    """The page's text with other people or metrics in the findings."""
    return replace(found, **changes).page(pictures=False).markdown()


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ((0.1, 0.08, 0.12), "returned otherwise than usual: organic 10.0% against 52.0%."),
        ((0.5, 0.45, 0.55), "returned as usual: organic 50.0% against 52.0%."),
    ],
)
def test_others_of_the_day_are_compared_with_ordinary_ones(
    campaign: Findings, others: tuple[float, float, float], text: str
) -> None:
    """Intervals that do not touch say that newcomers outside of the campaign were harmed, too."""
    cohorts = (
        cohort("others", "organic", others), cohort("ordinary", "organic", (0.52, 0.5, 0.54)),
        cohort("others", "none", None), cohort("ordinary", "none", (0.5, 0.4, 0.6)),
    )  # fmt: skip
    came = Newcomers((), "source", cohorts)
    assert text in told(campaign, people=People(newcomers=came))


def test_newcomers_beyond_the_usual_number_are_compared_with_usual_ones(campaign: Findings) -> None:
    cohorts = (
        cohort("segment", None, (0.1, 0.08, 0.12)), cohort("beyond", None, (0.05, 0.04, 0.06)),
        cohort("ordinary", "ads", (0.4, 0.38, 0.42)), cohort("ordinary", "organic", (0.5, 0.48, 0.52)),
    )  # fmt: skip
    came = Newcomers((("country", "Belarus"), ("source", "ads")), "source", cohorts)
    found = replace(campaign, people=People(newcomers=came))
    text = found.page(pictures=False).markdown()
    assert "100 newcomers came as country Belarus, traffic source ads; 5.00%" in text
    assert "ordinary newcomers (ads) 40.0%" in text
    assert "beyond next_day" in {each["name"] for each in found.records()}


def test_cohorts_whose_days_are_not_over_have_no_share(campaign: Findings) -> None:
    came = Newcomers((), None, (cohort("others", None, None),))
    page = replace(campaign, people=People(newcomers=came)).page()
    assert "return" not in {each.name for each in page.blocks if isinstance(each, Picture)}
    assert "–" in page.markdown()


def test_what_is_not_known_of_the_absent_is_left_out(outage: Findings) -> None:
    nobody = Absent(10.0, 4, None, 0, None, (), (), None, None, None, None)
    text = told(outage, people=People(absent=nobody))
    assert "6" in text
    full = told(outage)
    assert len(full) > len(text)


def test_metrics_that_all_stayed_in_their_bands(outage: Findings) -> None:
    calm = tuple(each for each in outage.moved if not each.is_unusual)
    text = told(outage, moved=calm)
    assert ENGLISH["moved_none"] in text
    assert ENGLISH["h_moved"] not in told(outage, moved=())


def test_a_period_that_is_not_over_and_one_without_history_say_so(outage: Findings) -> None:
    assert ENGLISH["incomplete"] in told(outage, complete=False)
    assert RUSSIAN["incomplete"] in replace(outage, complete=False).page("ru", pictures=False).markdown()
    nothing = np.full(len(outage.forecast.actual), np.nan)
    unknown = replace(outage, forecast=replace(outage.forecast, expected=nothing), explanation=None)
    assert "expected" not in unknown.sentence()
    assert unknown.change is None
    assert [each["part"] for each in unknown.records()][:2] != ["total", "segment"]


def test_a_usual_value_is_told_with_its_band(engine: Engine, layout: Layout) -> None:
    found = investigate(engine, layout, "ctr", day(16))
    assert "is within what was expected" in found.sentence()
    page = found.page()
    assert "segments" not in {each.name for each in page.blocks if isinstance(each, Picture)}


def test_a_known_event_is_shaded_in_the_picture(outage: Findings) -> None:
    """The picture differs by the event inside of the series; one outside of it changes nothing."""
    calendar = {
        name: parse_known_events(f"events: [{{name: Fair, kind: holiday, start: {at}}}]", CATALOG, ZONE)
        for name, at in (("inside", day(4)), ("outside", "2020-01-01"))
    }
    plain = outage.picture()
    assert replace(outage, calendar=calendar["inside"]).picture() != plain
    assert replace(outage, calendar=calendar["outside"]).picture() == plain


def test_the_command_prints_page_records_and_sql(
    engine: Engine, engine_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    url = f"chdb://{engine_folder}?database=investigated"
    words = ["investigate", "views", "--at", day(OUTAGE), "--warehouse", url]
    assert run([*words, "--out", "pages"]) == 0
    out = capsys.readouterr().out
    assert "city Moscow" in out
    assert (tmp_path / "pages" / f"views-{day(OUTAGE)}.html").is_file()
    assert run([*words, "--sql"]) == 0
    assert "SELECT" in capsys.readouterr().out
    assert run([*words, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["part"] == "total"


@pytest.mark.parametrize(
    ("metric", "at", "grain", "text"),
    [
        ("dauu", day(5), None, "unknown metric"),
        ("dau", day(-5), None, "outside of the data"),
        ("dau", day(1), None, "earlier days"),
        ("dau", day(5), "week", "cannot be investigated"),
    ],
)
def test_mistakes_are_told(
    engine: Engine, layout: Layout, metric: str, at: str, grain: str | None, text: str
) -> None:
    with pytest.raises(QuestionError, match=text):
        investigate(engine, layout, metric, at, grain=grain)


def test_segments_alone_are_those_of_the_whole(outage: Findings, engine: Engine, layout: Layout) -> None:
    """What the daily report asks for: the same cause from fewer statements."""
    alone = investigate(engine, layout, "dau", day(OUTAGE), segments_only=True)
    assert [(each.where, each.part.actual) for each in alone.segments] == [
        (each.where, each.part.actual) for each in outage.segments
    ]
    assert alone.explanation is not None
    assert outage.explanation is not None
    assert alone.explanation.change == pytest.approx(outage.explanation.change)
    assert not any((alone.groups, alone.items, alone.moved, alone.experiments, alone.people.audience))
    assert {each.name for each in alone.steps} == {"history", "cells"}
