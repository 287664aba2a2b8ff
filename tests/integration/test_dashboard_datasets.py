"""Datasets of the dashboards against plain Python: the users with the most, and users whose attributes change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.dashboards import Datasets
from appanalytics.dashboards.stored import p_text as p_text_sql
from appanalytics.engine import Engine
from appanalytics.query import Question, ask
from appanalytics.stats import p_text
from appanalytics.warehouse.rollup import Layout, rollup
from appanalytics.window import Window

from .oracle import Event, insert
from .templates import rows_of

CATALOG = load_catalog()
BERLIN = ZoneInfo("Europe/Berlin")
DATASETS = Datasets(CATALOG, BERLIN).all
#: Days around the ends of months, and within them.
DAYS = [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 14), date(2026, 2, 28)]
DAYS += [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 29), date(2026, 3, 31), date(2026, 4, 1)]


def events(days: Iterable[date], weight: int) -> list[Event]:
    """Users 1 to 6 like posts from evening to midnight (Berlin); the country of some changes between days."""
    made = []
    for place, day in enumerate(days):
        for user in range(1, 7):
            moment = datetime(day.year, day.month, day.day, 23, tzinfo=BERLIN).astimezone(UTC)
            country = "Cyprus" if user > 4 and place % 3 == 0 else "Russia"
            for number in range((user * 7 + place * weight) % 5):
                at = moment + timedelta(minutes=11 * number)
                made.append(Event(at, user, "like" if number % 2 == 0 else "view", country=country))
    return made


def test_users_with_the_most_are_those_of_the_events(engine: Engine) -> None:
    """Under ranges of days and filter, after late events, a day that is gone, and an older version's rollups."""
    loaded: list[Event] = []
    for batch in (events(DAYS[5:], 1), events(DAYS[:5], 2), events(DAYS[2:4], 3)):
        insert(engine, batch)
        loaded += batch
        rollup(engine, CATALOG, BERLIN)
    check_most(engine, loaded)
    engine.execute(
        "DELETE FROM feed_actions WHERE toDate(time, 'Europe/Berlin') = '2026-02-28'", settings={"mutations_sync": 1}
    )
    loaded = [each for each in loaded if each.time.astimezone(BERLIN).date() != date(2026, 2, 28)]
    rollup(engine, CATALOG, BERLIN)
    check_most(engine, loaded)
    engine.execute("DROP TABLE user_month SYNC")
    engine.execute(
        "ALTER TABLE warehouse_meta DELETE WHERE key = 'rollup_user_month'", settings={"mutations_sync": 1}
    )
    assert rollup(engine, CATALOG, BERLIN).days == 0
    check_most(engine, loaded)


#: From where to where: whole months, edges of months, less than a month, everything.
RANGES = [
    (None, None),
    (None, date(2026, 2, 20)),
    (date(2026, 1, 31), None),
    (date(2026, 2, 1), date(2026, 4, 1)),
    (date(2026, 1, 31), date(2026, 3, 31)),
    (date(2026, 2, 15), date(2026, 2, 20)),
    (date(2026, 2, 2), date(2026, 3, 2)),
    (date(2026, 1, 1), date(2026, 2, 1)),
]


def check_most(engine: Engine, loaded: list[Event]) -> None:
    for number, (since, until) in enumerate(RANGES):
        where = {"country": "Cyprus"} if (number + len(loaded)) % 2 else {}
        found = rows_of(engine, DATASETS["top_users"], ["likes"], ["user_id", "country"], where, since, until)
        wanted: Counter[tuple[int, str]] = Counter()
        for event in loaded:
            day = event.time.astimezone(BERLIN).date()
            inside = (since is None or day >= since) and (until is None or day < until)
            if event.action == "like" and inside and where.get("country", event.country) == event.country:
                wanted[event.user, event.country] += 1
        seen = {(row["user_id"], row["country"]): row["likes"] for row in found if row["likes"]}
        assert seen == dict(wanted), (since, until, where)


def test_users_with_the_most_by_day(engine: Engine) -> None:
    loaded = events(DAYS, 1)
    insert(engine, loaded)
    rollup(engine, CATALOG, BERLIN)
    found = rows_of(engine, DATASETS["top_users"], ["likes"], ["user_id", "date"], since=date(2026, 2, 1))
    wanted: Counter[tuple[int, date]] = Counter()
    for event in loaded:
        day = event.time.astimezone(BERLIN).date()
        if event.action == "like" and day >= date(2026, 2, 1):
            wanted[event.user, day] += 1
    assert {(row["user_id"], row["date"]): row["likes"] for row in found if row["likes"]} == dict(wanted)


@pytest.mark.parametrize("changed", ["os", "city"])
def test_users_whose_attributes_change(engine: Engine, changed: str) -> None:
    """What docs/dashboards.md says of them: a small attribute counts a user once for each of its values seen in the
    window, and nobody else; another one changes nothing without a filter by it. `query` counts each user once.
    """
    values = {"os": ("iOS", "Android"), "city": ("Moscow", "Paphos")}[changed]
    first = date(2026, 3, 2)
    loaded = []
    for user in (1, 2, 3):
        for step in (0, 2, 4):
            at = datetime(2026, 3, 2, 12, tzinfo=UTC) + timedelta(days=step)
            value = values[1] if user == 1 and step == 2 else values[0]
            loaded.append(Event(at, user, **{changed: value}))
    insert(engine, loaded)
    rollup(engine, CATALOG, BERLIN)
    window = Window.of(first, first + timedelta(days=5), BERLIN)
    layout = Layout.read(engine, CATALOG, BERLIN)
    exact = {
        r["time"]: r["wau"] for r in ask(engine, layout, Question.of(CATALOG, "wau", window, grain="day")).records
    }
    shown = {
        row["date"].isoformat(): row["wau"]
        for row in rows_of(engine, DATASETS["active"], ["wau"], ["date"])
        if row["date"].isoformat() in exact
    }
    assert exact == dict.fromkeys(exact, 3)
    twice = 1 if changed == "os" else 0
    assert shown == {day: 3 + (twice if day >= "2026-03-04" else 0) for day in exact}
    listed = engine.scalar("SELECT count() FROM mixed_users WHERE compact")
    assert listed == twice, "how many users it touches is told by this count"
    counted = rows_of(engine, DATASETS["users"], ["users"], since=first)
    assert counted == [{"users": 3}], "users of each bucket are exact"


def test_p_values_are_written_as_everywhere(engine: Engine) -> None:
    """Also those that no float can hold."""
    logs = [None, 0.0, -0.3, -0.9999, -1.0, -1.3, -3.99, -4.0, -4.02, -39.4, -308.0001, -1203.5, float("-inf")]
    for log10_p in logs:
        sql = f"SELECT {p_text_sql('x')} AS found FROM (SELECT {{log:Nullable(Float64)}} AS x)"
        if log10_p is not None and log10_p == float("-inf"):
            sql = sql.replace("{log:Nullable(Float64)}", "toNullable(-inf)")
            assert engine.scalar(sql) == p_text(log10_p)
        else:
            assert engine.scalar(sql, {"log": log10_p}) == p_text(log10_p), log10_p
