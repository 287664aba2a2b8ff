"""An app's own tables as events: laid under views on a real server, then every part of the product over them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appanalytics.cli.main import run

from .served import Served, served
from .shop import fill_shop

ORACLE = """
SELECT toString(toDate(event_time, 'UTC')) AS day, countIf(event_type = 'post_view') AS views,
       countIf(event_type = 'LIKE') AS likes, uniqExact(uid) AS users
FROM shop.events WHERE event_type IN ('post_view', 'LIKE') GROUP BY day ORDER BY day FORMAT JSON
"""

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("shop") / "warehouse", {"admin": {"role": "admin"}}) as server:
        fill_shop(server)
        yield server


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def test_init_lays_views_and_everything_works_on_them(shop: Served, cli: Cli) -> None:
    before = shop.text("SELECT groupArray((name, total_rows, metadata_modification_time)) FROM system.tables"
                       " WHERE database = 'shop'")  # fmt: skip
    code, out, err = cli("init", "--warehouse", shop.url(database="shop"), "--own", "mine", "--yes")
    assert code == 0, err
    assert "feed: 16,000 events of 500 users, 32 posts" in out
    assert "left out: 4,000 × another action: share" in out
    assert "messages: 5,000 events of 300 users" in out
    code, out, err = cli("query", "views", "likes", "feed_users", "--grain", "day", "--format", "json")
    assert code == 0, err
    found = [(row["time"][:10], row["views"], row["likes"], row["feed_users"]) for row in json.loads(out)]
    oracle = json.loads(shop.text(ORACLE))["data"]
    assert found == [(row["day"], int(row["views"]), int(row["likes"]), int(row["users"])) for row in oracle]
    from_events = cli("query", "users", "mau", "ctr", "--by", "gender", "--grain", "week", "--format", "json")
    assert cli("rollup")[0] == 0
    assert cli("query", "users", "mau", "ctr", "--by", "gender", "--grain", "week", "--from", "rollups",
               "--format", "json") == from_events  # fmt: skip
    for command in (("retention",), ("report", "table", "--day", "2026-03-10")):
        code, _, err = cli(*command)
        assert code == 0, (command, err)
    checks = json.loads(cli("check", "--format", "json")[1])
    failed = [each for each in checks if each["status"] == "failed"]
    assert {each["name"] for each in failed} <= {"freshness", "values"}, failed  # old, and made without sense
    code, _, err = cli("load", "feed", "somewhere.csv")
    assert (code, "is a view over your own table" in err or "no file" in err) == (2, True)
    after = shop.text("SELECT groupArray((name, total_rows, metadata_modification_time)) FROM system.tables"
                      " WHERE database = 'shop'")  # fmt: skip
    assert after == before


def test_attributes_come_from_the_table_of_users(shop: Served, cli: Cli) -> None:
    assert cli("init", "--warehouse", shop.url(database="shop"), "--own", "attributes", "--yes")[0] == 0
    sql = """
    SELECT count(), countIf(theirs.gender != ours.gender), countIf(theirs.country != ours.country) FROM
    (SELECT user_id, any(gender) AS gender, any(country) AS country FROM attributes.feed_actions
        GROUP BY user_id) AS ours
    LEFT JOIN (SELECT id, if(sex = 'female', 1, 0) AS gender,
        if(country_code = '', 'unknown', country_code) AS country, 1 AS there FROM shop.users) AS users
        ON users.id = ours.user_id
    CROSS JOIN (SELECT 1) AS one
    """
    found = shop.text(
        sql.replace("theirs.gender", "if(there = 1, users.gender, -1)").replace(
            "theirs.country", "if(there = 1, users.country, 'unknown')"
        )
    )
    assert found.split() == ["500", "0", "0"]


def test_nothing_is_made_by_a_dry_run(shop: Served, cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("init", "--warehouse", shop.url(database="shop"), "--own", "never", "--yes", "--dry-run")
    assert code == 0
    assert "CREATE OR REPLACE VIEW feed_actions" in out
    assert not (tmp_path / "appanalytics.toml").exists()
    assert "never" not in shop.text("SHOW DATABASES")


def test_more_actions_become_measures(shop: Served, cli: Cli) -> None:
    code, _, err = cli("init", "--warehouse", shop.url(database="shop"), "--own", "more", "--action", "shares=share",
                       "--messages", "none", "--yes")  # fmt: skip
    assert code == 0, err
    code, out, err = cli("query", "shares", "views", "messages", "--format", "json")
    assert code == 0, err
    row = json.loads(out)[0]
    assert (row["shares"], row["views"], row["messages"]) == (4_000, 12_000, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--feed", "evens"], "there is no table 'evens'"),
        (["--column", "feed.user=uid"], "there is no column 'feed.user' to map"),
        (["--column", "feed.user_id=user"], "has no column 'user'"),
        (["--column", "feed.user_id"], "cannot read 'feed.user_id'"),
        (["--action", "view=nothing_like_it", "--action", "like=none"], "is an event"),
        (["--own", "shop"], "need a database of their own"),
        (["--feed", "none", "--messages", "none"], "no table looks like events"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(shop: Served, cli: Cli, arguments: list[str], said: str) -> None:
    code, _, err = cli("init", "--warehouse", shop.url(database="shop"), "--yes", *arguments)
    assert code == 2, err
    assert said in err
    assert err.count("error:") == 1


def test_what_is_not_sure_is_not_taken_unasked(shop: Served, cli: Cli) -> None:
    shop.text("CREATE DATABASE IF NOT EXISTS odd")
    shop.text("CREATE TABLE IF NOT EXISTS odd.log (moment DateTime, who UInt64, thing UInt64, did String)"
              " ENGINE = MergeTree ORDER BY moment")  # fmt: skip
    shop.text(
        "INSERT INTO odd.log SELECT toDateTime('2026-01-01') + number, number % 9, number % 5, 'opened'"
        " FROM numbers(99)"
    )
    code, _, err = cli("init", "--warehouse", shop.url(database="odd"), "--feed", "log", "--own", "odd_ours")
    assert (code, "not sure which column of log is feed.time" in err) == (2, True)
    told = ["--column", "feed.time=moment", "--column", "feed.user_id=who", "--column", "feed.post_id=thing"]
    code, out, err = cli("init", "--warehouse", shop.url(database="odd"), "--feed", "log", "--own", "odd_ours",
                         *told, "--column", "feed.action=did", "--action", "like=none")  # fmt: skip
    assert code == 0, err
    assert "99 events of 9 users, 5 posts" in out
