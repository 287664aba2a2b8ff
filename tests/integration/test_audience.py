"""The audience against a plain Python computation with sets, on a real engine; sums that must hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from appanalytics.audience import (
    Audience,
    AudienceQuestion,
    Split,
    active_days,
    audience,
    loyal_users,
    migration,
    user_days,
)
from appanalytics.catalog import load_catalog
from appanalytics.cli.main import run
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError, UserError
from appanalytics.query import read_coverage
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.rollup import Layout
from appanalytics.window import Grain, Window, bucket_day, next_bucket_day

from .one_database import one_database, refilled
from .oracle import Event

LIMITS = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
CATALOG = load_catalog()
BERLIN = ZoneInfo("Europe/Berlin")
START = date(2026, 3, 20)
DAYS = 50
AFTER = START + timedelta(days=400)
WINDOW = Window.of(START, START + timedelta(days=DAYS), BERLIN)


def moment(day: int, hour: int = 12) -> datetime:
    return datetime(START.year, START.month, START.day, hour, tzinfo=UTC) + timedelta(days=day)


def day_of(event: Event) -> date:
    return event.time.astimezone(BERLIN).date()


some_events = st.lists(
    st.builds(
        lambda user, day, hour, post, country: Event(moment(day, hour), user, post=post, country=country),
        st.integers(1, 9), st.integers(0, DAYS - 2), st.integers(0, 23), st.integers(0, 1),
        st.sampled_from(("Russia", "Belarus")),
    ),
    min_size=1, max_size=70,
)  # fmt: skip


@pytest.fixture(scope="module")
def engine(engine_folder: Path) -> Iterator[Engine]:
    with one_database(engine_folder, "audience") as opened:
        yield opened


def fill(engine: Engine, events: list[Event]) -> None:
    refilled(engine, events, CATALOG, BERLIN, [START + timedelta(days=day) for day in range(-1, DAYS + 1)])


def ask(engine: Engine, today: date = AFTER, window: Window = WINDOW, **how: object) -> Audience:
    layout = Layout.read(engine, CATALOG, BERLIN)
    question = AudienceQuestion.of(CATALOG, window, **how)
    return audience(engine, layout, read_coverage(engine, layout), question, today=today)


def check(found: Audience, events: list[Event], service: str, by: str) -> None:
    inside = sorted((e for e in events if service in ("any", e.service)), key=lambda e: e.time)
    own: dict[int, str] = {}
    for event in inside:
        own.setdefault(event.user, getattr(event, by) if by else "")
    grain = found.question.periods.grain
    periods: dict[date, set[int]] = {}
    born: dict[int, date] = {}
    for event in inside:
        periods.setdefault(bucket_day(day_of(event), grain), set()).add(event.user)
        born.setdefault(event.user, bucket_day(day_of(event), grain))
    for split in found.splits:
        members = {user for user in own if not by or own[user] == split.slice[0]}
        now = periods.get(split.start, set()) & members
        then = periods.get(bucket_day(split.start - timedelta(days=1), grain), set()) & members
        new = {user for user in now if born[user] == split.start}
        assert (split.new, split.retained, split.returning, split.gone, split.active) == (
            len(new), len(now & then), len(now - then - new), len(then - now), len(now)
        ), (split, service, by)  # fmt: skip
        assert split.active == split.new + split.retained + split.returning
        assert split.active - split.before == split.new + split.returning - split.gone
    assert sum(split.new for split in found.splits) == len(own)


@settings(LIMITS, max_examples=3)
@given(events=some_events, steady=st.booleans())
def test_splits_are_what_plain_python_counts(engine: Engine, events: list[Event], steady: bool) -> None:
    if steady:  # nobody's attributes change, so that the small rollup answers
        events = [Event(e.time, e.user, post=e.post, country=("Russia", "Belarus")[e.user % 2]) for e in events]
    fill(engine, events)
    for grain in ("day", "week", "month"):
        for service, by in (("any", ""), ("any", "country"), ("feed", "country"), ("messages", "city"), ("feed", "")):
            found = ask(engine, grain=grain, service=service, by=by or ())
            check(found, events, service, by)
            if steady:
                assert found.relation == ("user_day" if by == "city" else "active_link")
    check_moves(engine, events)


def check_moves(engine: Engine, events: list[Event]) -> None:
    layout = Layout.read(engine, CATALOG, BERLIN)
    coverage = read_coverage(engine, layout)
    for grain in (Grain.DAY, Grain.WEEK, Grain.MONTH):
        used: dict[date, dict[int, set[str]]] = {}
        for event in events:
            period = used.setdefault(bucket_day(day_of(event), grain), {})
            period.setdefault(event.user, set()).add(event.service)
        expected: dict[tuple[date, str, str], int] = {}
        known: set[int] = set()
        start, last = min(used), max(used)
        then: dict[int, set[str]] = {}
        while start <= last:
            now = used.get(start, {})
            for user in {*now, *then}:
                before = "+".join(sorted(then[user])) if user in then else "away" if user in known else "new"
                key = (start, before, "+".join(sorted(now[user])) if user in now else "away")
                expected[key] = expected.get(key, 0) + 1
            known |= set(now)
            then, start = now, next_bucket_day(start, grain)
        found = migration(engine, layout, coverage, WINDOW, grain, today=AFTER)
        last_seen = max(day_of(event) for event in events)
        moves = {(m.start, m.before, m.now): m.users for m in found.moves if m.start <= last_seen}
        assert moves == expected
        overlap = {(r["time"], r["services"]): r["users"] for r in found.overlap()}
        for day, users in used.items():
            assert sum(n for (time, _), n in overlap.items() if time == day.isoformat()) == len(users)


def test_what_is_incomplete_is_marked(engine: Engine) -> None:
    fill(engine, [Event(moment(day), 1) for day in range(12)])  # from Friday, 20 March, to Tuesday, 31 March
    days = {
        each.start: each.complete
        for each in ask(engine, grain="day", window=Window.of(START, START + timedelta(days=12), BERLIN)).splits
    }
    assert days == {START + timedelta(days=n): n > 0 for n in range(12)}
    weeks = ask(engine, grain="week").splits
    assert [each.complete for each in weeks] == [False, False, False]
    assert [each.complete for each in ask(engine, grain="day", today=START + timedelta(days=3)).splits][:4] == [
        False,
        True,
        True,
        False,
    ]
    # Weeks are shown whole, whatever part of them was asked for.
    part = ask(engine, grain="week", window=Window.of(START + timedelta(days=5), START + timedelta(days=6), BERLIN))
    assert [(each.start, each.active, each.retained) for each in part.splits] == [(date(2026, 3, 23), 1, 1)]
    mark_changed(engine, [START])
    with pytest.raises(UserError, match="rollup"):
        ask(engine)


def test_quick_ratio() -> None:
    assert Split(START, (), new=3, retained=5, returning=1, before=7, complete=True).quick_ratio == 2.0
    assert Split(START, (), new=3, retained=5, returning=1, before=5, complete=True).quick_ratio is None


def people() -> list[Event]:
    """User 1 comes on three days, user 2 on two with more events, user 3 writes on two."""
    events = [Event(moment(day), 1, age=30, gender=0) for day in (0, 1, 5)]
    events += [Event(moment(day), 2, action=action) for day in (0, 3) for action in ("view", "view", "like")]
    return [*events, *(Event(moment(day), 3, post=0) for day in (2, 2, 2, 4))]


def test_single_users(engine: Engine) -> None:
    fill(engine, people())
    layout = Layout.read(engine, CATALOG, BERLIN)
    coverage = read_coverage(engine, layout)
    records = loyal_users(engine, layout, coverage, WINDOW, today=AFTER, most=2)
    assert records == [
        {"user_id": 1, "gender": "male", "age": 30, "days": 3, "first_seen": "2026-03-20", "last_seen": "2026-03-25",
         "views": 3, "likes": 0, "messages": 0},
        {"user_id": 2, "gender": "female", "age": 20, "days": 2, "first_seen": "2026-03-20",
         "last_seen": "2026-03-23", "views": 4, "likes": 2, "messages": 0},
    ]  # fmt: skip
    (writer,) = loyal_users(engine, layout, coverage, WINDOW, today=AFTER, service="messages", show=())
    assert (writer["user_id"], writer["messages"]) == (3, 4)
    young = loyal_users(engine, layout, coverage, WINDOW, today=AFTER, where={"age_group": "18-24"}, show="os")
    assert [each["user_id"] for each in young] == [2, 3]
    messages = user_days(engine, layout, coverage, WINDOW, "messages", today=AFTER)
    assert (messages.values, messages.users) == ((1, 3), (1, 1))
    assert (messages.mean, messages.mode, messages.quantile(0.5), messages.quantile(0.9)) == (2.0, 1, 1, 3)
    days = active_days(engine, layout, coverage, WINDOW, today=AFTER)
    assert dict(zip(days.values, days.users, strict=True)) == {2: 2, 3: 1}
    with pytest.raises(QuestionError, match="views"):
        user_days(engine, layout, coverage, WINDOW, "viws", today=AFTER)
    with pytest.raises(QuestionError, match="1 to"):
        loyal_users(engine, layout, coverage, WINDOW, today=AFTER, most=0)


def test_on_the_command_line(
    engine: Engine, engine_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("APPANALYTICS_REPORTING__TIMEZONE", "Europe/Berlin")
    fill(engine, people())
    url = f"chdb://{engine_folder}?database=audience"

    def records(*words: str) -> list[dict]:
        assert run(["audience", *words, "--format", "json", "--warehouse", url]) == 0
        return json.loads(capsys.readouterr().out)

    found = records("--grain", "day", "--by", "gender")
    assert {(r["time"], r["gender"]): r["new"] for r in found if r["new"]} == {
        ("2026-03-20", "male"): 1, ("2026-03-20", "female"): 1, ("2026-03-22", "female"): 1,
    }  # fmt: skip
    assert [(r["services"], r["users"]) for r in records("overlap", "--grain", "month")] == [
        ("feed", 2),
        ("messages", 1),
    ]
    assert [r["user_id"] for r in records("loyal", "--limit", "1")] == [1]
    assert records("histogram", "likes") == [{"value": 1, "users": 2, "share": 1.0}]
    assert run(["audience", "migration", "--grain", "month", "--warehouse", url]) == 0
    assert "feed" in capsys.readouterr().out
    assert run(["audience", "--locale", "ru", "--out", str(tmp_path), "--by", "gender", "--warehouse", url]) == 0
    page = (tmp_path / "audience-ru.md").read_text(encoding="utf-8")
    assert "Аудитория" in page
    assert len(list(tmp_path.glob("*.png"))) == 2
    capsys.readouterr()
    assert run(["audience", "--explain", "--warehouse", url]) == 0
    explained = capsys.readouterr().out
    assert explained.startswith("-- from ")
    assert "SELECT" in explained
    for words, name in ((("overlap", "--grain", "month"), "overlap"), (("histogram", "likes"), "histogram-likes")):
        assert run(["audience", *words, "--out", str(tmp_path / "pictures"), "--warehouse", url]) == 0
        assert (tmp_path / "pictures" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert run(["audience", "--grain", "hour", "--warehouse", url]) == 2
    assert "no audience of hour" in capsys.readouterr().err
