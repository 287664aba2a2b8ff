"""The synthetic history in a real engine: the same for a seed, resumable, and with its story in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import UserError
from appanalytics.progress import Progress
from appanalytics.simulate import GroundTruth, World, simulate
from appanalytics.simulate.chunks import cut, fill_scratch, write_chunk
from appanalytics.warehouse.days import day_states
from appanalytics.warehouse.migrate import migrate

SMALL = World(until=date(2026, 11, 10), zone=ZoneInfo("Europe/Moscow"), users=400, days=20)
WHOLE = dataclasses.replace(SMALL, until=date(2026, 11, 23), users=4_000, days=75)


def fingerprint(engine: Engine) -> list[dict[str, int]]:
    """Order-free hash and count of all rows of both services."""
    return [
        engine.rows(f"SELECT count() AS n, sum(cityHash64(*)) AS hash FROM {table}")[0]
        for table in ("feed_actions", "message_actions")
    ]


def stop_at(chunk: int) -> Progress:
    """A watcher that dies before the ``chunk``-th chunk, as a killed process would."""
    calls = iter(range(chunk + 1))

    def watch(step: str, done: float, total: float, unit: str = "") -> None:
        if next(calls) == chunk:
            raise KeyboardInterrupt

    return watch


def other_database(engine: Engine, suffix: str = "b") -> Engine:
    """A second empty warehouse in the same process."""
    url = dataclasses.replace(engine.url, database=engine.database + suffix)
    opened = connect(url, create=True)
    migrate(opened)
    return opened


def test_interrupted_history_is_continued_to_the_same_rows(engine: Engine) -> None:
    assert len(cut(SMALL)) >= 3
    with pytest.raises(KeyboardInterrupt):
        simulate(engine, SMALL, stop_at(2))
    partial = fingerprint(engine)
    truth = simulate(engine, SMALL)
    whole = fingerprint(engine)
    assert 0 < partial[0]["n"] < whole[0]["n"]
    assert simulate(engine, SMALL, stop_at(0)) == truth  # complete: nothing is done
    assert fingerprint(engine) == whole
    twin = other_database(engine)
    simulate(twin, SMALL)
    assert fingerprint(twin) == whole
    twin.execute(f"DROP DATABASE {twin.database} SYNC")


def test_a_chunk_written_twice_is_stored_once(engine: Engine) -> None:
    fill_scratch(engine, SMALL)
    spans_months = next(chunk for chunk in cut(SMALL) if SMALL.day(chunk.first).month != SMALL.day(chunk.last).month)
    write_chunk(engine, SMALL, spans_months)
    once = fingerprint(engine)
    write_chunk(engine, SMALL, spans_months)
    assert fingerprint(engine) == once
    parts = (
        "SELECT count() FROM system.parts WHERE active AND database = currentDatabase() AND table = 'feed_actions'"
    )
    assert engine.scalar(parts) == 2  # one block: a part for each month


def test_rows_depend_on_the_seed_and_not_on_threads(engine: Engine) -> None:
    class Threaded:
        """The engine with another number of threads and another size of blocks."""

        def __getattr__(self, name: str) -> object:
            return getattr(engine, name)

        def execute(self, sql: str, parameters: object = None, settings: dict[str, object] | None = None) -> None:
            engine.execute(sql, parameters, {**(settings or {}), "max_threads": 4, "max_block_size": 61})  # type: ignore[arg-type]

    world = dataclasses.replace(SMALL, days=2)
    simulate(Threaded(), world)  # type: ignore[arg-type]
    twin, stranger = other_database(engine, "b"), other_database(engine, "c")
    simulate(twin, world)
    simulate(stranger, dataclasses.replace(world, seed=8))
    prints = [fingerprint(each) for each in (engine, twin, stranger)]
    assert prints[0] == prints[1]
    assert prints[2][0]["hash"] != prints[0][0]["hash"]
    for each in (twin, stranger):
        each.execute(f"DROP DATABASE {each.database} SYNC")


def test_another_world_is_refused(engine: Engine) -> None:
    simulate(engine, dataclasses.replace(SMALL, days=1))
    with pytest.raises(UserError, match="another simulated app"):
        simulate(engine, dataclasses.replace(SMALL, days=2))


def test_events_of_others_are_refused(engine: Engine) -> None:
    engine.execute("INSERT INTO message_actions (time, user_id, receiver_id) VALUES ('2026-11-22', 1, 2)")
    with pytest.raises(UserError, match="already holds events in message_actions"):
        simulate(engine, SMALL)
    assert engine.scalar("SELECT count() FROM message_actions") == 1


def test_days_are_marked_and_scratch_is_gone(engine: Engine) -> None:
    simulate(engine, dataclasses.replace(SMALL, days=2))
    assert [state.day for state in day_states(engine)] == [date(2026, 11, day) for day in (8, 9)]
    assert all(state.is_stale for state in day_states(engine))
    left = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name LIKE 'simulation%'"
    assert engine.scalar(left) == 0


@pytest.fixture(scope="module")
def told(engine_folder: Path) -> Iterator[tuple[Engine, GroundTruth]]:
    """The whole story at a small scale, with a row for each user and day in ``days``."""
    opened = connect(WarehouseUrl.parse(f"chdb://{engine_folder}?database=simulated"), create=True)
    migrate(opened)
    truth = simulate(opened, WHOLE)
    opened.execute(
        """
        CREATE TABLE days ENGINE = Memory AS
        SELECT dateDiff('day', {first:Date}, toDate(time, 'Europe/Moscow')) AS number, user_id, any(source) AS source,
               any(country) AS country, any(city) AS city, any(exp_group) AS exp_group,
               countIf(action = 'view') AS views, countIf(action = 'like') AS likes
        FROM feed_actions GROUP BY number, user_id
        """,
        {"first": WHOLE.first_day},
    )
    yield opened, truth
    opened.execute(f"DROP DATABASE {opened.database} SYNC")
    opened.close()


def mean(engine: Engine, what: str, first: int, last: int) -> float:
    """Mean of a daily figure over days ``first`` … ``last``."""
    rows = engine.rows(
        f"SELECT {what} AS figure FROM days WHERE number BETWEEN {{a:Int64}} AND {{b:Int64}} GROUP BY number",
        {"a": first, "b": last},
    )
    return float(sum(row["figure"] for row in rows) / (last - first + 1))


def test_totals_follow_the_reference_app(told: tuple[Engine, GroundTruth]) -> None:
    engine, _ = told
    row = engine.rows(
        """
        SELECT uniqExact(user_id) AS users, countIf(action = 'view') AS views,
               countIf(action = 'like') / views AS ctr,
               countIf(source = 'ads') / count() AS ads, max(time) AS latest, min(time) AS earliest,
               countIf(toUnixTimestamp64Milli(time) % 1000 != 0) AS fractions
        FROM feed_actions
        """
    )[0]
    assert row["users"] == WHOLE.users
    assert row["views"] / WHOLE.users == pytest.approx(37.9e6 / 141e3, rel=0.1)
    assert row["ctr"] == pytest.approx(0.2084, abs=0.006)
    assert row["ads"] == pytest.approx(0.42, abs=0.04)
    assert row["fractions"] == 0
    assert row["earliest"] >= WHOLE.start(0)
    assert row["latest"] < WHOLE.start(75)


def test_attributes_of_a_user_never_change(told: tuple[Engine, GroundTruth]) -> None:
    engine, _ = told
    sql = """
        SELECT countIf(n > 1) FROM (
            SELECT uniqExact(gender, age, country, city, os, source, exp_group) AS n FROM (
                SELECT user_id, gender, age, country, city, os, source, exp_group FROM feed_actions
                UNION ALL SELECT user_id, gender, age, country, city, os, source, exp_group FROM message_actions)
            GROUP BY user_id)
    """
    assert engine.scalar(sql) == 0
    split = "SELECT countIf(exp_group != xxHash64(toString(user_id) || 'feed') % 5) FROM days"
    assert engine.scalar(split) == 0


def test_likes_follow_a_view_of_the_same_post(told: tuple[Engine, GroundTruth]) -> None:
    engine, _ = told
    sql = """
        SELECT count() FROM feed_actions AS likes
        LEFT ANTI JOIN (SELECT user_id, post_id, time FROM feed_actions WHERE action = 'view') AS views
        ON likes.user_id = views.user_id AND likes.post_id = views.post_id
           AND toDate(likes.time, 'Europe/Moscow') = toDate(views.time, 'Europe/Moscow')
        WHERE action = 'like'
    """
    assert engine.scalar(sql) == 0


def test_receivers_are_users_and_never_the_sender(told: tuple[Engine, GroundTruth]) -> None:
    engine, _ = told
    row = engine.rows(
        """
        SELECT countIf(receiver_id = user_id) AS selves,
               countIf(receiver_id NOT IN (SELECT user_id FROM days)) AS strangers,
               countIf(receiver_id IN (SELECT user_id FROM message_actions)) / count() AS writers
        FROM message_actions
        """
    )[0]
    assert (row["selves"], row["strangers"]) == (0, 0)
    assert 0.7 < row["writers"] < 0.99


def test_posts_take_most_views_in_their_first_days(told: tuple[Engine, GroundTruth]) -> None:
    engine, _ = told
    viewed = engine.rows(
        "SELECT uniqExact(post_id) AS posts FROM feed_actions GROUP BY toDate(time, 'Europe/Moscow') ORDER BY 1"
    )
    assert viewed[-1]["posts"] <= 320
    early = """
        SELECT countIf(time < first + INTERVAL 2 DAY) / count()
        FROM feed_actions INNER JOIN (SELECT post_id, min(time) AS first FROM feed_actions GROUP BY post_id) AS posts
        USING (post_id) WHERE action = 'view' AND first < '2026-11-15'
    """
    assert engine.scalar(early) > 0.8


@pytest.mark.parametrize("source", ["ads", "organic"])
def test_newcomers_return_as_the_truth_says(told: tuple[Engine, GroundTruth], source: str) -> None:
    engine, truth = told
    sql = """
        WITH cohorts AS (SELECT user_id, min(number) AS first, any(source) AS source FROM days GROUP BY user_id)
        SELECT uniqExactIf(user_id, number = first + {age:Int64}) / uniqExact(user_id)
        FROM days INNER JOIN cohorts USING (user_id)
        WHERE cohorts.source = {source:String} AND first != 40 AND first + {age:Int64} < 75
    """
    for age in (1, 5, 10, 20, 30):
        share = engine.scalar(sql, {"age": age, "source": source})
        assert share == pytest.approx(truth.curves[source][age], abs=0.035)
        assert share == pytest.approx(truth.returned["feed"][source][age], abs=0.01)
        assert truth.returned["either"][source][age] > truth.returned["feed"][source][age]


def test_campaign_brings_users_who_do_not_return(told: tuple[Engine, GroundTruth]) -> None:
    engine, truth = told
    campaign = truth.event("campaign")
    assert campaign is not None
    assert campaign.days == ((WHOLE.first_day + timedelta(days=40)).isoformat(),)
    country = campaign.slice["country"]
    before = engine.scalar("SELECT count() FROM days WHERE number = 39 AND country = {c:String}", {"c": country})
    there = engine.scalar("SELECT count() FROM days WHERE number = 40 AND country = {c:String}", {"c": country})
    after = engine.scalar("SELECT count() FROM days WHERE number = 41 AND country = {c:String}", {"c": country})
    size = campaign.sizes["newcomers"]
    assert size == pytest.approx(WHOLE.users * 3_500 / 141_000, rel=0.25)
    assert there - before == pytest.approx(size, abs=15)
    assert after - before < 0.2 * size


def test_outage_silences_its_cities(told: tuple[Engine, GroundTruth]) -> None:
    engine, truth = told
    outage = truth.event("outage")
    assert outage is not None
    by_day = "SELECT countIf(number = {n:Int64}) FROM days WHERE has({cities:Array(String)}, city)"
    counts = [engine.scalar(by_day, {"n": number, "cities": outage.slice["city"]}) for number in (48, 49, 50)]
    missing = sum(outage.sizes["silenced_feed_users"].values())
    assert counts[1] == 0
    assert missing == pytest.approx((counts[0] + counts[2]) / 2, rel=0.3)
    wrote = """
        SELECT count() FROM message_actions
        WHERE toDate(time, 'Europe/Moscow') = {day:Date} AND has({cities:Array(String)}, city)
    """
    assert engine.scalar(wrote, {"day": WHOLE.day(49), "cities": outage.slice["city"]}) == 0
    assert engine.scalar("SELECT count() FROM days WHERE number = 49") > 200


def test_flash_mob_and_chatter_have_their_sizes(told: tuple[Engine, GroundTruth]) -> None:
    engine, truth = told
    assert mean(engine, "sum(views)", 55, 61) / mean(engine, "sum(views)", 51, 54) == pytest.approx(2.9, rel=0.12)
    assert mean(engine, "sum(likes) / sum(views)", 55, 61) > mean(engine, "sum(likes) / sum(views)", 62, 74)
    flash = truth.event("flash_mob")
    assert flash is not None
    expected = sum(flash.sizes["expected_views"])
    assert mean(engine, "sum(views)", 55, 61) * 7 == pytest.approx(expected, rel=0.05)
    messages = engine.rows(
        "SELECT count() / uniqExact(user_id) AS each FROM message_actions"
        " WHERE toDate(time, 'Europe/Moscow') BETWEEN {a:Date} AND {b:Date}"
        " GROUP BY toDate(time, 'Europe/Moscow') AS day ORDER BY day",
        {"a": WHOLE.day(65), "b": WHOLE.day(67)},
    )
    around = (messages[0]["each"] + messages[2]["each"]) / 2
    assert messages[1]["each"] / around == pytest.approx(1.7, rel=0.2)


def test_polarised_group_differs_in_spread_and_not_in_mean(told: tuple[Engine, GroundTruth]) -> None:
    engine, truth = told
    rows = engine.rows(
        """
        SELECT exp_group, avg(ctr) AS mean, stddevSampStable(ctr) AS deviation, count() AS users
        FROM (SELECT exp_group, user_id, sum(likes) / sum(views) AS ctr
              FROM days WHERE number BETWEEN 25 AND 31 GROUP BY exp_group, user_id)
        GROUP BY exp_group ORDER BY exp_group
        """
    )
    deviations = [row["deviation"] for row in rows]
    assert deviations[2] > 1.4 * max(deviations[:2] + deviations[3:])
    error = (deviations[1] ** 2 / rows[1]["users"] + deviations[2] ** 2 / rows[2]["users"]) ** 0.5
    assert abs(rows[2]["mean"] - rows[1]["mean"]) < 2.5 * error
    experiment = truth.event("experiment")
    assert experiment is not None
    assert experiment.sizes["users_up"] + experiment.sizes["users_down"] == rows[2]["users"]
