"""Retention against a plain Python computation: every kind, grain, service and event, on a real engine."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from appanalytics.catalog import load_catalog
from appanalytics.cli.main import run
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError, UserError
from appanalytics.known_events import parse_known_events
from appanalytics.query import read_coverage
from appanalytics.retention import RetentionQuestion, Triangle, Verdict, compare, conclusion, retention
from appanalytics.stats import Share, wilson
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window, bucket_day

from .one_database import one_database, refilled
from .oracle import Event

LIMITS = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
CATALOG = load_catalog()
BERLIN = ZoneInfo("Europe/Berlin")
START = date(2026, 3, 20)  # the clocks of Berlin go forward on 2026-03-29
DAYS = 45
AFTER = START + timedelta(days=400)
COUNTRIES = ("Russia", "Belarus")


def moment(day: int, hour: int = 12) -> datetime:
    return datetime(START.year, START.month, START.day, hour, tzinfo=UTC) + timedelta(days=day)


events_of_users = st.lists(
    st.builds(
        lambda user, day, hour, kind, country: Event(
            moment(day, hour), user, action="like" if kind == 1 else "view", post=0 if kind == 2 else 1,
            country=country,
        ),
        st.integers(1, 9), st.integers(0, DAYS - 1), st.integers(0, 23), st.integers(0, 2),
        st.sampled_from(COUNTRIES),
    ),
    min_size=1, max_size=60,
)  # fmt: skip


@pytest.fixture(scope="module")
def engine(engine_folder: Path) -> Iterator[Engine]:
    with one_database(engine_folder, "retention") as opened:
        yield opened


def fill(engine: Engine, events: list[Event]) -> None:
    refilled(engine, events, CATALOG, BERLIN, [START + timedelta(days=day) for day in range(-1, DAYS + 1)])


def ask(engine: Engine, window: Window | None = None, today: date = AFTER, **how: object) -> Triangle:
    layout = Layout.read(engine, CATALOG, BERLIN)
    coverage = read_coverage(engine, layout)
    first, last = (each.astimezone(BERLIN).date() for each in (coverage.first, coverage.last))
    window = window or Window.of(first, last + timedelta(days=1), BERLIN)
    question = RetentionQuestion.of(CATALOG, window, **how)
    return retention(engine, layout, coverage, question, today=today)


class Life:
    """Each user's first day, attribute and days, from the events."""

    def __init__(self, events: list[Event], service: str, event: str) -> None:
        inside = sorted((e for e in events if service in ("any", e.service)), key=lambda e: e.time)
        wanted: Callable[[Event], bool] = {
            "any": lambda e: True, "likes": lambda e: e.post != 0 and e.action == "like",
            "messages": lambda e: e.post == 0,
        }[event]  # fmt: skip
        returns = [e for e in events if wanted(e) and (event != "any" or service in ("any", e.service))]
        self.first = {}
        self.country = {}
        for each in inside:
            self.first.setdefault(each.user, day_of(each))
            self.country.setdefault(each.user, each.country)
        self.days = {user: {day_of(e) for e in returns if e.user == user} for user in self.first}

    def steps(self, user: int, grain: Grain, step: Grain) -> set[int]:
        born, found = self.first[user], set()
        for day in self.days[user]:
            if day < born:
                continue
            if step is Grain.DAY:
                found.add((day - born).days)
            elif grain is Grain.WEEK:
                found.add((bucket_day(day, grain) - bucket_day(born, grain)).days // 7)
            else:
                found.add((day.year - born.year) * 12 + day.month - born.month)
        return found


def day_of(event: Event) -> date:
    return event.time.astimezone(BERLIN).date()


def test_wilson_records_of_a_small_world(engine: Engine) -> None:
    events = [Event(moment(day), user) for user, days in {1: (0, 1), 2: (0, 2), 3: (0, 1), 4: (1, 2)}.items()
              for day in days]  # fmt: skip
    fill(engine, events)
    found = ask(engine)
    assert found.relation == "retention_day"
    cells = {(r["cohort"], r["offset"]): r for r in found.records}
    one = cells[START.isoformat(), 1]
    assert (one["size"], one["users"], one["share"], one["complete"]) == (3, 2, 2 / 3, True)
    expected = wilson(Share(2, 3))
    assert (one["low"], one["high"]) == (expected.low, expected.high)
    assert [(p.place, p.size, p.users, p.cohorts) for p in found.curve()] == [
        (0, 4, 4, 2),
        (1, 4, 3, 2),
        (2, 3, 1, 1),
    ]
    assert list(found.records[0]) == found.columns
    mark_changed(engine, [START])
    with pytest.raises(UserError, match="rollup"):
        ask(engine)


SHAPES = list(itertools.product(
    [("day", None), ("week", None), ("month", None), ("week", "day")],
    ["exact", "unbounded", "rolling", "bracket"],
    [("any", "any"), ("feed", "any"), ("messages", "any"), ("any", "likes"), ("feed", "messages")],
))  # fmt: skip


@settings(LIMITS, max_examples=3)
@given(
    events=events_of_users,
    shapes=st.lists(st.sampled_from(SHAPES), min_size=6, max_size=6),
    by=st.booleans(),
    steady=st.booleans(),
)
def test_every_kind_is_what_plain_python_counts(
    engine: Engine, events: list[Event], shapes: list, by: bool, steady: bool
) -> None:  # fmt: skip
    if steady:  # nobody's attributes change, so that days simply add up
        events = [replace(event, country=COUNTRIES[event.user % 2]) for event in events]
        shapes = [*shapes[:3], *(shape for shape in SHAPES if shape[0] == ("day", None) and shape[1] == "exact")]
    fill(engine, events)
    for (grain, step), kind, (service, event) in shapes:
        brackets = "0,1-3,4-9" if kind == "bracket" else ""
        how = {"grain": grain, "step": step, "kind": kind, "service": service, "event": event, "brackets": brackets,
               "span": 3, "by": "country" if by else ()}  # fmt: skip
        check(ask(engine, **how), Life(events, service, event), by=by)


def check(found: Triangle, life: Life, *, by: bool) -> None:
    question = found.question
    for cell in found.cells:
        members = [
            user for user, day in life.first.items()
            if bucket_day(day, question.grain) == cell.cohort and (not by or life.country[user] == cell.slice[0])
        ]  # fmt: skip
        steps = question.steps_of(cell.place)
        back = [
            user for user in members
            if any(steps.first <= at <= steps.last for at in life.steps(user, question.grain, question.step))
        ]  # fmt: skip
        assert (cell.size, cell.users) == (len(members), len(back)), (cell, question)
    assert sum(cell.size for cell in found.cells if cell.place == 0) == len(life.first)


def test_filters_are_those_of_the_first_event(engine: Engine) -> None:
    events = [Event(moment(0), 1, country="Russia"), Event(moment(1), 1, country="Belarus"), Event(moment(1), 2)]
    fill(engine, events)
    found = ask(engine, where={"country": "Russia"})
    assert found.relation == "user_day"
    sizes = {(r["cohort"], r["offset"]): (r["size"], r["users"]) for r in found.records}
    assert sizes[START.isoformat(), 1] == (1, 1)
    assert not ask(engine, where={"country": "Belarus"}).records
    with pytest.raises(QuestionError, match="has no value"):
        ask(engine, where={"country": "Rusia"})


def test_what_is_not_over_is_marked_and_not_averaged(engine: Engine) -> None:
    fill(engine, [Event(moment(day), user) for user, days in {1: (0, 1, 2), 2: (1, 2)}.items() for day in days])
    today = START + timedelta(days=2)
    found = ask(engine, today=today)
    complete = {(c.cohort, c.place): c.complete for c in found.cells if c.size}
    second = START + timedelta(days=1)
    assert complete == {(START, 0): True, (START, 1): True, (START, 2): False, (second, 0): True, (second, 1): False}
    assert [(p.place, p.size) for p in found.curve()] == [(0, 2), (1, 1)]
    weeks = ask(engine, grain="week", today=today)
    assert not any(cell.complete for cell in weeks.cells)
    assert not weeks.curve()
    cut = ask(engine, Window.of(second, second + timedelta(days=1), BERLIN), grain="week")
    assert not any(cell.complete for cell in cut.cells)  # a day of the week's cohort is outside of the window


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"grain": "hour"}, "no cohorts of hour"),
        ({"grain": "day", "step": "week"}, "steps"),
        ({"kind": "exakt"}, "exact"),
        ({"service": "fed"}, "feed"),
        ({"event": "like"}, "likes"),
        ({"event": "ctr"}, "no event"),
        ({"brackets": "1-"}, "cannot read"),
        ({"brackets": "5-2"}, "before it begins"),
        ({"kind": "rolling", "brackets": "1"}, "bracket"),
        ({"periods": 0}, "1 or more"),
        ({"span": 0}, "1 or more"),
        ({"by": "sourse"}, "source"),
        ({"by": "post"}, "cannot be sliced"),
    ],
)
def test_mistakes_are_named(how: dict, said: str) -> None:
    with pytest.raises(QuestionError) as caught:
        RetentionQuestion.of(CATALOG, Window.of(START, AFTER, BERLIN), **how)
    assert said in str(caught.value)


def test_on_the_command_line(
    engine: Engine, engine_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPANALYTICS_REPORTING__TIMEZONE", "Europe/Berlin")
    fill(engine, [Event(moment(day), user) for user, days in {1: (0, 1), 2: (0,)}.items() for day in days])
    url = f"chdb://{engine_folder}?database=retention"
    assert run(["retention", "--by", "country", "--format", "json", "--warehouse", url]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [(r["cohort"], r["country"], r["offset"], r["size"], r["users"]) for r in records] == [
        (START.isoformat(), "Russia", 0, 2, 2), (START.isoformat(), "Russia", 1, 2, 1),
    ]  # fmt: skip
    assert run(["retention", "--warehouse", url]) == 0
    assert "50.00%" in capsys.readouterr().out
    assert run(["retention", "--grain", "week", "--kind", "bracket", "--explain", "--warehouse", url]) == 0
    statements = [text for text in capsys.readouterr().out.split(";\n") if text.strip()]
    assert all(text.splitlines()[-1].startswith("SET param_") for text in statements[:-1])
    assert "FROM user_day" in statements[-1]
    assert run(["retention", "--kind", "exakt", "--warehouse", url]) == 2
    assert "did you mean exact" in capsys.readouterr().err


# --- two groups ---


def campaign_world() -> list[Event]:
    """Twelve days of newcomers: Belarus returns more often, and on day 5 a crowd from Russia never does."""
    generator = random.Random(4)
    events, user = [], 0
    for day in range(12):
        for country, size, share in (
            ("Russia", 30, 0.3),
            ("Belarus", 30, 0.5),
            ("Russia", 120 if day == 5 else 0, 0.0),
        ):
            for _ in range(size):
                user += 1
                later = [at for at in range(day + 1, 14) if generator.random() < share]
                events += [Event(moment(at), user, country=country) for at in (day, *later)]
    return events


def test_groups_are_compared_and_the_driving_cohort_named(
    engine: Engine, engine_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("APPANALYTICS_REPORTING__TIMEZONE", "Europe/Berlin")
    events = campaign_world()
    fill(engine, events)
    layout = Layout.read(engine, CATALOG, BERLIN)
    coverage = read_coverage(engine, layout)
    window = Window.of(START, START + timedelta(days=14), BERLIN)
    question = RetentionQuestion.of(CATALOG, window, by="country")
    calendar = parse_known_events(
        f"events: [{{name: Fair, kind: campaign, start: {START + timedelta(days=5)}, labels: {{ru: Ярмарка}}}}]",
        CATALOG, BERLIN,
    )  # fmt: skip
    found = compare(engine, layout, coverage, question, "Russia", "Belarus", today=AFTER, known=calendar)
    assert (found.control, found.verdict) == ("Russia", Verdict.HIGHER)
    (driver,) = found.drivers
    assert (driver.cohort, driver.group, driver.users) == (START + timedelta(days=5), "Russia", 150)
    assert found.without.effect < found.overall.effect
    assert found.without.low < 0.2 < found.without.high

    life = Life(events, "any", "any")
    arms = {name: [user for user, country in life.country.items() if country == name] for name in COUNTRIES}
    for stratum in found.strata:
        last = (START + timedelta(days=14) - stratum.cohort).days - 1
        assert stratum.steps == last
        for name, arm in zip(("Russia", "Belarus"), (stratum.control, stratum.treatment), strict=True):
            totals = [
                len(life.steps(user, Grain.DAY, Grain.DAY) - {0}) for user in arms[name]
                if life.first[user] == stratum.cohort
            ]  # fmt: skip
            assert (arm.users, arm.total, arm.squares) == (len(totals), sum(totals), sum(n * n for n in totals))

    text, russian = ("\n".join(conclusion(found, locale=locale)) for locale in ("en", "ru"))
    assert "Belarus newcomers come back more often than Russia ones" in text
    assert "возвращаются чаще" in russian
    page = found.page(locale="ru").markdown()
    assert "Ярмарка" in page
    assert page.count("![") == 4
    url = f"chdb://{engine_folder}?database=retention"
    words = ["retention", "compare", "--by", "country", "--a", "Russia", "--b", "Belarus", "--warehouse", url]
    assert run([*words, "--format", "json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert records[0]["scope"] == "overall"
    assert records[0]["effect"] == pytest.approx(found.overall.effect)
    assert [r["cohort"] for r in records if r["scope"] == "driving_cohort"] == [driver.cohort.isoformat()]
    assert run([*words, "--out", str(tmp_path), "--locale", "ru"]) == 0
    assert "возвращаются чаще" in capsys.readouterr().out
    assert (tmp_path / "retention-compare-ru.html").exists()
    assert run([*words[:7], "Finland", *words[8:]]) == 2
    assert "Finland" in capsys.readouterr().err


def test_nothing_to_compare(engine: Engine) -> None:
    fill(engine, [Event(moment(0), 1), Event(moment(0), 2, country="Belarus")])
    layout = Layout.read(engine, CATALOG, BERLIN)
    question = RetentionQuestion.of(CATALOG, Window.of(START, START + timedelta(days=1), BERLIN), by="country")
    found = compare(engine, layout, read_coverage(engine, layout), question, "Russia", "Belarus", today=AFTER)
    assert found.verdict is Verdict.NOTHING_TO_COMPARE
    assert "Nothing can be compared" in repr(found)
    assert found.records[0]["effect"] is None
