"""Rollups against a plain Python computation: late, repeated and out-of-order loads, changing attributes, DST."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import QuestionError
from appanalytics.query import Question, ask
from appanalytics.warehouse.days import mark_changed
from appanalytics.warehouse.migrate import migrate
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Grain, Window, bucket_day, next_bucket_day

from .oracle import Event, Oracle, insert

# Each example runs a real engine; shrinking would take minutes, and a failing example is small as it is.
LIMITS = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
CATALOG = load_catalog()
BERLIN = ZoneInfo("Europe/Berlin")
METRICS = list(Oracle([], BERLIN).values(date(2026, 3, 1), date(2026, 3, 1)))
START = date(2026, 3, 20)  # the clocks of Berlin go forward on 2026-03-29


def answer(engine: Engine, zone: ZoneInfo, window: Window, prefer: str, **more: object) -> list[dict]:
    layout = Layout.read(engine, CATALOG, zone)
    question = Question.of(CATALOG, METRICS, window, **more)
    return [
        {name: value for name, value in record.items() if name != "complete"}
        for record in ask(engine, layout, question, prefer=prefer).records
    ]


def expected(events: list[Event], zone: ZoneInfo, window: Window, grain: Grain, by: str = "") -> list[dict]:
    values = sorted({str(getattr(event, by)) for event in events}) if by else [""]
    records = []
    day = bucket_day(window.first_day, grain)
    while day <= window.last_day:
        after = next_bucket_day(day, grain)
        first, last = max(day, window.first_day), min(after - timedelta(days=1), window.last_day)
        for value in values:
            oracle = Oracle(events, zone, lambda event, v=value: not by or str(getattr(event, by)) == v)
            records.append({"time": day.isoformat(), **({by: value} if by else {}), **oracle.values(first, last)})
        day = after
    return records


def seen(records: list[dict], by: str) -> list[dict]:
    """Slices that have a value in some bucket; others are not part of an answer."""
    alive = {record[by] for record in records if any(record[name] for name in METRICS)}
    return [record for record in records if record[by] in alive]


times = st.builds(
    lambda day, seconds: (
        datetime(START.year, START.month, START.day, tzinfo=BERLIN).astimezone(UTC)
        + timedelta(days=day, seconds=seconds)
    ),
    # Gaps of exactly 7, 28 and 30 days, neighbours of them, and the days around the change of clocks.
    st.sampled_from([0, 1, 2, 6, 7, 8, 9, 10, 27, 28, 29, 30, 31, 37, 38]),
    st.sampled_from([0, 1, 3_599, 3_600, 7_200, 43_200, 82_799, 82_800, 86_399]),
)
events = st.builds(
    Event,
    time=times,
    user=st.integers(1, 4),
    action=st.sampled_from(["view", "view", "like"]),
    post=st.integers(0, 3),
    receiver=st.integers(1, 3),
    country=st.sampled_from(["Russia", "Cyprus"]),
    city=st.sampled_from(["Moscow", "Paphos"]),
    os=st.sampled_from(["iOS", "Android"]),
    age=st.sampled_from([0, 17, 18, 24, 25, 80]),
)
stable_events = st.builds(
    Event, time=times, user=st.integers(1, 5), post=st.integers(0, 3), receiver=st.integers(1, 3)
)


@pytest.fixture
def fresh(warehouse_url: str):
    """Make the same database empty again for each example."""

    def make() -> Engine:
        engine = connect(WarehouseUrl.parse(warehouse_url), create=True)
        engine.execute(f"DROP DATABASE {engine.database} SYNC")
        engine.execute(f"CREATE DATABASE {engine.database} ENGINE = Atomic")
        migrate(engine)
        return engine

    return make


# Small batches: with many events in each, users are active on all days, and a late one changes no link.
@settings(LIMITS, max_examples=8)
@given(batches=st.lists(st.lists(st.one_of(events, stable_events), min_size=1, max_size=10), min_size=1, max_size=3))
def test_rollups_equal_the_events_after_every_load(fresh, batches: list[list[Event]]) -> None:
    engine = fresh()
    loaded: list[Event] = []
    for batch in batches:
        insert(engine, batch)
        loaded += batch
        rollup(engine, CATALOG, BERLIN)
        assert rollup(engine, CATALOG, BERLIN).days == 0
    window = Window.of(START, START + timedelta(days=42), BERLIN)
    assert answer(engine, BERLIN, window, "rollups", grain="day") == expected(loaded, BERLIN, window, Grain.DAY)
    part = Window.of(START + timedelta(days=7), START + timedelta(days=31), BERLIN)
    for by in ("country", "os"):
        found = answer(engine, BERLIN, part, "rollups", grain="week", by=by)
        assert found == seen(expected(loaded, BERLIN, part, Grain.WEEK, by), by)
    engine.close()


@settings(LIMITS, max_examples=6)
@given(batch=st.lists(events, min_size=1, max_size=25))
def test_events_and_rollups_agree_with_filters(fresh, batch: list[Event]) -> None:
    engine = fresh()
    insert(engine, batch)
    rollup(engine, CATALOG, BERLIN)
    window = Window.of(START + timedelta(days=1), START + timedelta(days=40), BERLIN)
    wheres = [{"age_group": ["0-17", "unknown"]}, {"os": "iOS", "gender": "female"}]
    for where, by, grain in zip(wheres, ("city", ("country", "age_group")), ("month", "total"), strict=True):
        if "os" in where and not any(event.os == "iOS" for event in batch):
            with pytest.raises(QuestionError, match="os has no value 'iOS'"):
                answer(engine, BERLIN, window, "rollups", grain=grain, by=by, where=where)
            continue
        rolled = answer(engine, BERLIN, window, "rollups", grain=grain, by=by, where=where)
        assert rolled == answer(engine, BERLIN, window, "events", grain=grain, by=by, where=where)
    engine.close()


def at(day: int, seconds: int = 43_200) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day, seconds=seconds)


post_events = st.builds(
    lambda moment, user, post, action: Event(
        moment, user, action, post, country="Russia" if user % 2 else "Cyprus", os="iOS" if user < 4 else "Android"
    ),
    st.builds(at, st.sampled_from([0, 1, 2, 6, 30, 63, 64, 70, 130]), st.just(60)),
    st.integers(1, 5),
    st.integers(1, 3),
    st.sampled_from(["view", "like"]),
)


@settings(LIMITS, max_examples=6)
@given(
    batches=st.lists(st.lists(post_events, min_size=1, max_size=12), min_size=1, max_size=3),
    removed=st.sampled_from([None, 0, 30, 64]),
)
def test_users_of_every_post(fresh, batches: list[list[Event]], removed: int | None) -> None:
    """Loads in any order, over spans longer than a mask's 64 days, and a day taken away again."""
    engine, zone, start = fresh(), ZoneInfo("UTC"), at(0).date()
    loaded: list[Event] = []
    for batch in batches:
        insert(engine, batch)
        loaded += batch
        rollup(engine, CATALOG, zone)
    if removed is not None:
        engine.execute(
            "DELETE FROM feed_actions WHERE toDate(time) = {day:Date}",
            {"day": start + timedelta(days=removed)},
        )
        loaded = [event for event in loaded if event.time.date() != start + timedelta(days=removed)]
        rollup(engine, CATALOG, zone)
    layout = Layout.read(engine, CATALOG, zone)
    for first, last, country in ((0, 140, None), (1, 64, None), (2, 71, "Cyprus"), (64, 65, None)):
        window = Window.of(start + timedelta(days=first), start + timedelta(days=last), zone)
        chosen = [e for e in loaded if window.start <= e.time < window.end and country in (None, e.country)]
        where = {"country": country} if any(e.country == country for e in loaded) else {}
        if country and not where:
            continue
        question = Question.of(CATALOG, "views,feed_users", window, by="post", where=where)
        found = ask(engine, layout, question, prefer="rollups")
        assert "events" not in found.plan
        assert {r["post"]: (r["views"], r["feed_users"]) for r in found.records} == {
            post: (
                sum(e.action == "view" for e in chosen if e.post == post),
                len({e.user for e in chosen if e.post == post}),
            )
            for post in {e.post for e in chosen}
        }
    engine.close()


def check_days(engine: Engine, loaded: list[Event], days: int, zone: ZoneInfo) -> None:
    window = Window.of(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=days), zone)
    rollup(engine, CATALOG, zone)
    wanted = expected(loaded, zone, window, Grain.DAY)
    assert answer(engine, zone, window, "rollups", grain="day") == wanted
    assert answer(engine, zone, window, "events", grain="day") == wanted


def test_gaps_of_exactly_a_window_and_their_neighbours(engine: Engine, utc: ZoneInfo) -> None:
    """Each gap has two users of its own, and the windows of all are over before the end."""
    loaded = [
        event
        for gap in (1, 6, 7, 8, 27, 28, 29, 30, 31)
        for event in (Event(at(0), gap), Event(at(gap), gap), Event(at(gap + 1), 100 + gap))
    ]
    insert(engine, loaded)
    check_days(engine, loaded, 31 + 35, utc)


def test_a_single_event_and_empty_days(engine: Engine, utc: ZoneInfo) -> None:
    loaded = [Event(at(3), 1, action="like")]
    insert(engine, loaded)
    check_days(engine, loaded, 6, utc)


def test_an_event_before_all_others_moves_first_days(engine: Engine, utc: ZoneInfo) -> None:
    loaded = [Event(at(10), 1), Event(at(12), 1), Event(at(12), 2)]
    insert(engine, loaded)
    rollup(engine, CATALOG, utc)
    late = [Event(at(4), 1, post=0)]
    insert(engine, late)
    report = rollup(engine, CATALOG, utc)
    assert (report.days, report.relinked) == (1, 2)
    rows = engine.rows(
        "SELECT user_id, toString(day) AS d, toString(first_day) AS f, toString(prev_day) AS p"
        " FROM user_day ORDER BY user_id, day"
    )
    assert [(row["user_id"], row["d"], row["f"], row["p"]) for row in rows] == [
        (1, "2026-01-05", "2026-01-05", "1970-01-01"),
        (1, "2026-01-11", "2026-01-05", "2026-01-05"),
        (1, "2026-01-13", "2026-01-05", "2026-01-11"),
        (2, "2026-01-13", "2026-01-13", "1970-01-01"),
    ]
    check_days(engine, loaded + late, 20, utc)


def test_years_without_events_cost_nothing(engine: Engine, utc: ZoneInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven years lie between two days, and a late event changes the first; months between have no statements."""
    loaded = [Event(at(0), 1), Event(at(4_000), 1), Event(at(4_000), 2)]
    late = [Event(at(0), 2, os="Android"), Event(at(1), 1)]
    genuine = type(engine).execute
    for batch in (loaded, late):
        insert(engine, batch)
        statements: list[str] = []

        def counting(self: Engine, sql: str, *more: object, statements=statements, **named: object) -> None:
            statements.append(sql)
            genuine(self, sql, *more, **named)

        monkeypatch.setattr(type(engine), "execute", counting)
        rollup(engine, CATALOG, utc)
        monkeypatch.setattr(type(engine), "execute", genuine)
        assert 20 < len(statements) < 120
    for first in (0, 3_998):
        window = Window.of(at(first).date(), at(first + 40).date(), utc)
        found = answer(engine, utc, window, "rollups", grain="day")
        assert found == expected(loaded + late, utc, window, Grain.DAY)


def test_a_late_event_links_later_days_of_its_post(engine: Engine, utc: ZoneInfo) -> None:
    """The user was active on that day anyway, so no row of users changes; only the post's later day does."""
    insert(engine, [Event(at(2), 1, post=2), Event(at(5), 1, post=1)])
    rollup(engine, CATALOG, utc)
    insert(engine, [Event(at(2, 50_000), 1, post=1)])
    rollup(engine, CATALOG, utc)
    question = Question.of(CATALOG, "feed_users", Window.of("2026-01-02", "2026-01-08", utc), by="post")
    found = ask(engine, Layout.read(engine, CATALOG, utc), question, prefer="rollups")
    assert "from post_link" in found.plan
    assert {row["post"]: row["feed_users"] for row in found.records} == {1: 1, 2: 1}


def test_new_users_ask_whether_older_days_changed(engine: Engine, utc: ZoneInfo) -> None:
    """A late event of an older day makes nobody new on a later one, also before the roll-up has seen it."""
    insert(engine, [Event(at(5), 1), Event(at(6), 2)])
    rollup(engine, CATALOG, utc)
    insert(engine, [Event(at(2), 1)])
    mark_changed(engine, [at(2).date()])
    question = Question.of(CATALOG, "new_users", Window.of("2026-01-06", "2026-01-08", utc), grain="day")
    found = ask(engine, Layout.read(engine, CATALOG, utc), question)
    assert found.column("new_users") == [0, 1]
    assert "2026-01-03 changed after the last roll-up" in found.plan


def test_events_that_are_deleted_leave_the_rollups(engine: Engine, utc: ZoneInfo) -> None:
    loaded = [Event(at(0), 1), Event(at(1), 1), Event(at(2), 1), Event(at(2), 2)]
    insert(engine, loaded)
    rollup(engine, CATALOG, utc)
    engine.execute(
        "ALTER TABLE feed_actions DELETE WHERE toDate(time) = '2026-01-02'", settings={"mutations_sync": 1}
    )
    check_days(engine, [loaded[0], *loaded[2:]], 5, utc)


def test_the_edge_of_a_day_belongs_to_the_reporting_zone(engine: Engine) -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    loaded = [Event(at(0, 54_000), 1), Event(at(0, 53_999), 2), Event(at(1, 53_999), 3), Event(at(1, 54_000), 4)]
    insert(engine, loaded)
    check_days(engine, loaded, 4, tokyo)


def test_another_time_zone_starts_the_rollups_afresh(engine: Engine, utc: ZoneInfo) -> None:
    loaded = [Event(at(day, 80_000), user) for day in range(3) for user in range(day, 4)]
    insert(engine, loaded)
    check_days(engine, loaded, 5, utc)
    check_days(engine, loaded, 5, ZoneInfo("Pacific/Auckland"))
    check_days(engine, loaded, 5, utc)


def test_a_roll_up_that_dies_is_done_again(engine: Engine, utc: ZoneInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop before every statement of a run in turn; the next run must end with the right numbers."""
    loaded = [Event(at(0), 1), Event(at(1), 1), Event(at(1), 2)]
    insert(engine, loaded)
    rollup(engine, CATALOG, utc)
    late = [Event(at(0), 2), Event(at(2), 3, post=0)]
    insert(engine, late)
    genuine = type(engine).execute
    for stop_at in range(1, 60, 4):
        calls = iter(range(1, 1000))

        def dying(self: Engine, *arguments: object, stop: int = stop_at, calls=calls, **named: object) -> None:
            if next(calls) == stop:
                raise RuntimeError("power cut")
            genuine(self, *arguments, **named)

        monkeypatch.setattr(type(engine), "execute", dying)
        try:
            rollup(engine, CATALOG, utc)
        except RuntimeError:
            monkeypatch.setattr(type(engine), "execute", genuine)
            engine.execute(
                "DROP TABLE IF EXISTS lock_rollup SYNC"
            )  # void where its owner is dead; this process is not
            # What the planner trusts must be true at any moment: stale days are answered from events.
            window = Window.of("2026-01-01", "2026-01-05", utc)
            assert answer(engine, utc, window, "auto", grain="day") == expected(loaded + late, utc, window, Grain.DAY)
        else:
            break
    else:
        pytest.fail("the roll-up has more statements than were tried")
    monkeypatch.setattr(type(engine), "execute", genuine)
    check_days(engine, loaded + late, 6, utc)
