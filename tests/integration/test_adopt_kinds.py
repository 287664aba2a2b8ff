"""Views over columns of other kinds than ours: what each value becomes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appanalytics.adopt import guess, lay, read_sketches, settle, view_sql
from appanalytics.adopt.settle import Wishes
from appanalytics.cli.adopt import url_text
from appanalytics.engine import Engine, WarehouseUrl, connect
from appanalytics.errors import MappingError


@pytest.fixture
def theirs(engine_folder: Path) -> Iterator[Engine]:
    """A database of somebody else, and one of ours."""
    opened = connect(WarehouseUrl.parse(f"chdb://{engine_folder}?database=kinds"), create=True)
    yield opened
    for name in ("kinds", "kinds_ours"):
        opened.execute(f"DROP DATABASE IF EXISTS {name} SYNC")
    opened.close()


def rows(engine: Engine, **wishes: object) -> list[dict[str, object]]:
    sketches = read_sketches(engine, "kinds")
    sources = settle(sketches, guess(sketches), Wishes(yes=True, **wishes))  # type: ignore[arg-type]
    return engine.rows(f"SELECT * FROM ({view_sql(sources[0], 'Europe/Moscow')}) ORDER BY user_id, time")


def test_times_in_milliseconds_codes_of_gender_and_years_of_birth(theirs: Engine) -> None:
    theirs.execute(
        "CREATE TABLE events (ts Int64, user_id Nullable(Int32), post_id UInt32, action String, sex UInt8,"
        " birth_year UInt16, user_agent String) ENGINE = MergeTree ORDER BY ts"
    )
    theirs.execute(
        "INSERT INTO events VALUES (1772323200123, 1, 5, 'view', 1, 1990, 'Mozilla/5.0 (iPhone; CPU iPhone OS 17)'),"
        " (1772323201000, 2, 6, 'like', 2, 0, 'Mozilla/5.0 (Linux; Android 14)'),"
        " (1772323202000, NULL, 6, 'like', 2, 0, ''), (1772323203000, 3, 6, 'share', 0, 2026, '')"
    )
    found = rows(theirs, columns={"feed.os": "user_agent", "feed.age": "birth_year", "feed.gender": "sex"})
    assert [row["user_id"] for row in found] == [1, 2]  # neither nobody's events nor other actions
    assert [row["action"] for row in found] == ["view", "like"]
    assert [row["gender"] for row in found] == [0, 1]  # 1 and 2 of ISO 5218
    assert [row["age"] for row in found] == [36, 0]  # not known is 0
    assert [row["os"] for row in found] == ["iOS", "Android"]
    assert str(found[0]["time"]).startswith("2026-03-01 00:00:00.123")


def test_times_as_text_are_read_in_the_zone_that_was_given(theirs: Engine) -> None:
    theirs.execute(
        "CREATE TABLE post_views (time String, user_id UUID, post_id UInt32, gender Bool, birthday Date)"
        " ENGINE = MergeTree ORDER BY time"
    )
    theirs.execute(
        "INSERT INTO post_views VALUES"
        " ('2026-03-01 12:00:00', '61f0c404-5cb3-11e7-907b-a6006ad3dba0', 5, true, '2000-03-02'),"
        " ('2026-03-01 13:00:00', '61f0c404-5cb3-11e7-907b-a6006ad3dba1', 5, false, '2000-03-01')"
    )
    found = rows(theirs)
    assert sorted(str(row["time"])[:16] for row in found) == ["2026-03-01 09:00", "2026-03-01 10:00"]
    assert {row["action"] for row in found} == {"view"}
    assert sorted((row["age"], row["gender"]) for row in found) == [(25, 1), (26, 0)]
    hashes = theirs.rows("SELECT xxHash64(toString(user_id)) AS hash FROM post_views")
    assert {row["user_id"] for row in found} == {row["hash"] for row in hashes}


def test_days_begin_in_the_zone_and_unknown_words_of_gender_are_unknown(theirs: Engine) -> None:
    theirs.execute(
        "CREATE TABLE post_likes (day Date, user_id UInt32, post_id UInt32, gender String)"
        " ENGINE = MergeTree ORDER BY day"
    )
    theirs.execute("INSERT INTO post_likes VALUES ('2026-03-01', 1, 5, 'robot'), ('1970-01-01', 2, 5, 'robot')")
    found = rows(theirs, columns={"feed.gender": "gender", "feed.post_id": "none", "feed.time": "day"},
                 tables={"feed": ["post_likes"]})  # fmt: skip
    assert [(row["user_id"], row["post_id"], row["gender"]) for row in found] == [(1, 0, -1)]  # 1970 is no time
    assert str(found[0]["time"])[:16] == "2026-02-28 21:00"


def test_a_database_with_events_of_its_own_is_not_overwritten(theirs: Engine, engine_folder: Path) -> None:
    theirs.execute("CREATE TABLE post_views (time DateTime, user_id UInt32, post_id UInt32) ENGINE = Memory")
    theirs.execute("INSERT INTO post_views VALUES ('2026-03-01 12:00:00', 1, 5), ('2026-03-02 12:00:00', 2, 5)")
    sketches = read_sketches(theirs, "kinds")
    sources = settle(sketches, guess(sketches), Wishes(yes=True))
    url = WarehouseUrl.parse(f"chdb://{engine_folder}?database=kinds_ours")
    assert url_text(url) == f"chdb://{engine_folder}?database=kinds_ours"
    ours = connect(url, create=True)
    ours.execute("CREATE TABLE feed_actions (n UInt8) ENGINE = MergeTree ORDER BY n")
    assert lay(ours, sources) == ["feed_actions"]  # an empty one gives way
    assert ours.scalar("SELECT count() FROM feed_actions") == 2
    assert lay(ours, sources) == ["feed_actions"]
    ours.execute("DROP VIEW feed_actions")
    ours.execute("CREATE TABLE feed_actions (n UInt8) ENGINE = MergeTree ORDER BY n")
    ours.execute("INSERT INTO feed_actions VALUES (1)")
    with pytest.raises(MappingError, match="has events of its own in feed_actions"):
        lay(ours, sources)
    ours.close()
