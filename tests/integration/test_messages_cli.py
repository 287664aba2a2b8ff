"""Messages by the command line: test, list, deliver, retry, send; exit codes; secrets stay secret."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .telegram_emulator import TOKEN, Emulator, start
from .test_cli import Cli, folder, own_cli

__all__ = ["folder", "own_cli"]


@pytest.fixture
def cli(own_cli: Cli) -> Cli:
    """A warehouse of the test's own: messages are written into it."""
    return own_cli


@pytest.fixture
def api() -> Iterator[Emulator]:
    emulator = Emulator()
    server = start(emulator)
    yield emulator
    server.shutdown()
    server.server_close()


@pytest.fixture
def bot(api: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Settings of a bot at the emulator with one chat of it."""
    monkeypatch.setenv("APPANALYTICS_TELEGRAM__TOKEN", TOKEN)
    monkeypatch.setenv("APPANALYTICS_TELEGRAM__CHAT_ID", "-1001")
    monkeypatch.setenv("APPANALYTICS_TELEGRAM__BASE_URL", api.url)
    return api


def test_a_machine_without_chats_has_a_folder(cli: Cli, tmp_path: Path) -> None:
    for _ in range(2):
        code, _, err = cli("report", "daily", "--day", "2026-01-02", "--send")
        assert code == 0, err
    page = (tmp_path / "data" / "messages" / "local.html").read_text(encoding="utf-8")
    assert page.count("<article") == 1
    assert "Daily report" in page
    (sent,) = cli.records("messages", "list")
    assert (sent["key"], sent["state"], sent["tries"]) == ("daily/2026-01-02/local", "sent", 1)
    (chat,) = cli.records("messages", "chats")
    assert chat["page"].endswith("local.html")
    (tmp_path / "data" / "messages" / "local.html").unlink()
    assert cli.records("messages", "page")[0]["page"].endswith("/data/messages/local.html")
    assert (tmp_path / "data" / "messages" / "local.html").read_text(encoding="utf-8") == page


def test_the_report_goes_to_telegram_once(cli: Cli, bot: Emulator) -> None:
    for expected in ("1 sent", "0 sent"):
        code, out, err = cli("report", "daily", "--day", "2026-01-02", "--send")
        assert code == 0, err
        assert expected in out + err
    (photo,) = bot.sent("sendPhoto")
    assert photo["text"].startswith("📊 Daily report · Friday, 2 January 2026")


def test_each_chat_has_its_language_and_metrics(cli: Cli, bot: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    chats = [
        {"name": "ru", "channel": "telegram", "to": "1", "locale": "ru", "metrics": ["views"]},
        {"name": "alerts", "channel": "telegram", "to": "2", "reports": False},
        {"name": "all", "channel": "telegram", "to": "3"},
    ]
    monkeypatch.setenv("APPANALYTICS_MESSAGES__CHATS", json.dumps(chats))
    code, _, err = cli("report", "daily", "--day", "2026-01-02", "--send")
    assert code == 0, err
    texts = {each["chat"]: each["text"] for each in bot.sent()}
    assert set(texts) == {"1", "3"}
    assert "Просмотры" in texts["1"]
    assert "Лайки" not in texts["1"]
    assert "Likes" in texts["3"]


def test_given_up_and_tried_again(cli: Cli, bot: Emulator) -> None:
    bot.blocked.add("-1001")
    code, out, err = cli("messages", "test")
    assert code == 1
    assert "1 given up" in out + err
    assert "blocked by the user" in out + err
    code, out, err = cli("doctor", "--format", "json")
    assert next(row for row in json.loads(out) if row["check"] == "messages")["state"] == "failed"
    (dead,) = cli.records("messages", "list", "--state", "dead")
    bot.blocked.clear()
    cli.refused("messages", "retry", "nothing", said="was given up")
    code, _, err = cli("messages", "retry", dead["key"])
    assert code == 0, err
    assert len(bot.sent()) == 1
    assert cli.records("messages", "list", "--state", "dead") == []


def test_mistakes(cli: Cli, bot: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.refused("messages", "list", "--state", "ded", said="unknown state 'ded'")
    cli.refused("messages", "test", "teem", said="there is no chat 'teem'")
    monkeypatch.setenv("APPANALYTICS_MESSAGES__CHATS", '[{"name": "team", "channel": "telegram"}]')
    cli.refused("messages", "list", said="needs `to`")
    monkeypatch.setenv("APPANALYTICS_MESSAGES__CHATS", '[{"name": "x", "channel": "apprise", "url": "$NOT_THERE"}]')
    cli.refused("messages", "list", said="NOT_THERE")


def test_secrets_are_shown_nowhere(
    cli: Cli, bot: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "s3cret-p4ssword-of-the-office"
    chats = [
        {"name": "team", "channel": "telegram", "to": "1"},
        {"name": "office", "channel": "apprise", "url": f"json://user:{secret}@127.0.0.1:9/hook"},
    ]
    monkeypatch.setenv("APPANALYTICS_MESSAGES__CHATS", json.dumps(chats))
    monkeypatch.setenv("APPANALYTICS_MESSAGES__ATTEMPTS", "1")
    monkeypatch.setenv("APPANALYTICS_TELEGRAM__TOKEN", TOKEN[:-1] + "X")
    said = [cli("messages", "test"), cli("messages", "list", "--format", "json"), cli("config", "show"),
            cli("messages", "chats"), cli("messages", "test", "--debug")]  # fmt: skip
    assert said[0][0] == 1
    shown = " ".join(out + err for _, out, err in said) + caplog.text
    assert "does not know this bot's token" in shown
    assert "office" in shown
    held = "".join(file.read_text("utf-8", "replace") for file in tmp_path.rglob("*") if file.is_file())
    for text in (shown, held):
        assert not re.search(f"{TOKEN[10:-1]}|{secret}", text)


def test_a_file_with_an_address_must_be_private(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "appanalytics.toml"
    file.write_text('[[messages.chats]]\nname = "x"\nchannel = "apprise"\nurl = "json://u:p@127.0.0.1/"\n')
    os.chmod(file, 0o644)  # noqa: PTH101
    cli.refused("messages", "chats", said="others can read it")
    file.chmod(0o600)
    assert cli.records("messages", "chats")[0]["name"] == "x"
