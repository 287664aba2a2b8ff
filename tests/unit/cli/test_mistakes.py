"""Mistakes that are told before any warehouse is opened, and answers that need none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appanalytics import __version__
from appanalytics.cli.main import run
from appanalytics.cli.output import _plain, _text
from appanalytics.cli.state import options, take_options
from appanalytics.errors import SettingsError
from appanalytics.settings import load_settings


@pytest.fixture(autouse=True)
def nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, without settings and without a warehouse."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "experiment analyze --users u.csv --variant arm --numerator likes --control a",
            "needs --control and --treatment",
        ),
        ("experiment analyze --users u.csv --control a --treatment b", "--users needs --variant and --numerator"),
        ("experiment analyze ranking --variant arm", "and the like go with --users FILE"),
        ("run no_such_job", "no_such_job"),
        ("run daily_tables --day 2026-03-01 --since 2026-03-01", "give --day, or --since and --until, not both"),
        ("warehouse size --events 0", "must be above zero"),
        ("warehouse size --events 1e9 --users 0", "must be above zero"),
        ("warehouse copy chdb:///tmp/a chdb:///tmp/a", "would be copied into itself"),
        ("warehouse copy chdb:///tmp/a chdb:///tmp/b", "one process can have one folder open"),
        ("warehouse ddl --cluster a;b", "'a;b' cannot be the name of a cluster or database"),
        ("warehouse ddl --cluster c --database x --shard-database x", "the whole and the shard need two databases"),
        ("alerts mute", "mute what?"),
        ("simulate --speed 60", "--speed goes with --live"),
        ("simulate --inject outage", "--inject goes with --live"),
        ("simulate --live --inject outage --at 2026-03-01T10:00 --after 2h", "give --at or --after, not both"),
        ("simulate --live --where os=iOS", "nothing is injected"),
        ("simulate --live --collector http://127.0.0.1:1", "a collector needs a key"),
        ("serve --warehouse chdb://memory", "only a warehouse in a folder can be served"),
        ("serve --warehouse chdb://here --log-format xml", "unknown form of the log 'xml'"),
        ("no_such_command", "no_such_command"),
        ("query dau --warehouse", "--warehouse needs a value"),
        ("init --locale de", "unknown language 'de'"),
        ("init --warehouse nothing://here", "nothing"),
        ("backup --warehouse http://127.0.0.1:1", "127.0.0.1:1"),
    ],
)
def test_a_mistake_is_told_in_one_line(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words.split()) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert not told.out
    assert not list(Path.cwd().glob("*.toml"))


def test_words_after_two_dashes_are_no_options() -> None:
    assert take_options(["query", "--", "--format", "json"]) == ["query", "--", "--format", "json"]


def test_values_in_a_table_are_for_people() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 5, 250, tzinfo=UTC)
    assert [_text(each) for each in (None, True, False, moment, 12_345, 0.123456, "x")] == [
        "–", "yes", "no", "2026-03-01 12:00:05+00:00", "12,345", "0.1235", "x",
    ]  # fmt: skip
    assert [_plain(each) for each in (moment.date(), Path("/x"))] == ["2026-03-01", "/x"]


@pytest.mark.parametrize(("given", "said"), [
    ('[{"name": "a", "channel": "folder"}, {"name": "a", "channel": "folder"}]', "two chats are named a"),
    ('{"name": "a"}', "a list of chats"),
])  # fmt: skip
def test_chats_that_cannot_be(
    given: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("APPANALYTICS_MESSAGES__CHATS", given)
    assert run(["config", "show"]) == 2
    assert said in capsys.readouterr().err


def test_a_server_elsewhere_needs_a_folder_of_backups_that_is_named(tmp_path: Path) -> None:
    environ = {"APPANALYTICS_WAREHOUSE__URL": "http://10.0.0.1:8123", "APPANALYTICS_SERVER__ROLLUP_EVERY": "off"}
    loaded = load_settings(environ=environ, folder=tmp_path)
    with pytest.raises(SettingsError, match="has no folder of backups beside it"):
        loaded.backups()
    assert loaded.settings.server.rollup_seconds is None
    named = load_settings(environ={**environ, "APPANALYTICS_WAREHOUSE__BACKUPS": "kept"}, folder=tmp_path)
    assert named.backups() == tmp_path / "kept"


def test_the_version_and_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"appanalytics {__version__}\n"
    assert run([]) == 2
    assert "Usage" in capsys.readouterr().out
    assert run(["alerts"]) == 2
    assert "mute" in capsys.readouterr().out


def test_a_fault_of_ours_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("one by\nnothing")

    monkeypatch.setattr(options, "load", broken)
    assert run(["status"]) == 1
    told = capsys.readouterr().err
    assert "unexpected failure: ZeroDivisionError: one by nothing" in told
    assert "--debug shows where" in told
    with pytest.raises(ZeroDivisionError):
        run(["status", "--debug"])


def test_the_jobs_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", "--format", "json"]) == 0
    assert "daily_tables" in {each["job"] for each in json.loads(capsys.readouterr().out)}


def test_the_size_of_a_cluster_is_told_with_its_arithmetic(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["warehouse", "size", "--events", "10e9"]) == 0
    told = capsys.readouterr()
    assert "10,000,000,000 events" in told.out + told.err
    assert "nodes" in told.out + told.err


@pytest.mark.parametrize("replicated", [True, False])
def test_the_statements_of_a_cluster(replicated: bool, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["warehouse", "ddl", "--cluster", "main", *([] if replicated else ["--no-replicas"])]
    code = run(words)
    told = capsys.readouterr()
    assert code == 0, told.err
    assert ("ReplicatedMergeTree" in told.out) is replicated
    assert "ON CLUSTER 'main'" in told.out


def test_a_password_and_a_key_are_made_anew_and_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["serve", "--new-password", "reader", "--warehouse", "chdb://here"]) == 2  # nobody has one yet
    assert "reader" in capsys.readouterr().err
    assert run(["serve", "--new-key", "shop", "--warehouse", "chdb://here"]) == 0
    told = capsys.readouterr()
    assert "knows it after its next start" in told.out + told.err
    assert "shop: " in told.out + told.err
