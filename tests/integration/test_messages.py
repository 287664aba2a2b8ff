"""Messages through the real outbox and python-telegram-bot to an emulated Bot API: limits, faults, threads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appanalytics.chats import Chat
from appanalytics.engine import Engine
from appanalytics.notify import (
    Channel,
    Delivery,
    Draft,
    Folder,
    Kind,
    Letter,
    Limits,
    Mask,
    Outbox,
    Telegram,
    Terms,
    Threads,
    deliver,
)
from appanalytics.pictures import new_figure, png

from .telegram_emulator import TOKEN, Emulator, Faults, start

FAST = Terms(patience=20.0, attempts=4, first=0.02, longest=0.1, limits=Limits(10_000, 0.0, 10_000, 1.0, 0.0))
TEAM = Chat(name="team", channel="telegram", to="-1001")
BOSS = Chat(name="boss", channel="telegram", to="42", locale="ru")
MASK = Mask([TOKEN])
_numbers = count()


@pytest.fixture
def api() -> Iterator[Emulator]:
    emulator = Emulator(retry_after=1, hang=1.0)
    server = start(emulator)
    yield emulator
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def picture() -> bytes:
    return png(new_figure(40, 30))


@pytest.fixture
def outbox(engine: Engine) -> Outbox:
    return Outbox(engine)


def telegram(outbox: Outbox, api: Emulator, token: str = TOKEN, timeout: float = 0.5) -> Telegram:
    return Telegram(token, outbox, base_url=api.url, mask=MASK, limits=FAST.limits, timeout=timeout)


def run(outbox: Outbox, api: Emulator, *chats: Chat, terms: Terms = FAST, **other: Channel) -> Delivery:
    channels = {"telegram": telegram(outbox, api), **other}
    return asyncio.run(deliver(outbox, chats or (TEAM,), channels, terms=terms, mask=MASK))


def put(outbox: Outbox, letter: Letter | str, chat: Chat = TEAM, key: str = "") -> str:
    key = key or f"test/{next(_numbers)}"
    outbox.write([Draft(key, chat.name, Letter(letter) if isinstance(letter, str) else letter)])
    return key


def states(outbox: Outbox) -> dict[str, str]:
    return {row["key"]: row["state"] for row in outbox.listing()}


# --- once ---


def test_a_message_is_sent_once_however_often_it_is_written_and_delivered(outbox: Outbox, api: Emulator) -> None:
    for _ in range(3):
        put(outbox, "hello <b>world</b>", key="report/2026-11-22/team")
        run(outbox, api)
    assert api.texts() == {"hello world": 1}
    assert states(outbox) == {"report/2026-11-22/team": "sent"}
    assert outbox.summary().repeated == 0


def test_order_is_kept_in_a_chat_and_chats_do_not_wait_for_each_other(outbox: Outbox, api: Emulator) -> None:
    api.faults.next.extend(["500", "reset_before"])
    for number in range(6):
        put(outbox, f"{number}", TEAM if number % 2 else BOSS)
    report = run(outbox, api, TEAM, BOSS)
    assert report.sent == 6
    for chat, expected in (("-1001", ["1", "3", "5"]), ("42", ["0", "2", "4"])):
        assert [each["text"] for each in api.sent() if each["chat"] == chat] == expected


@pytest.mark.parametrize("fault", ["429", "500", "502", "timeout_before", "reset_before"])
def test_what_was_not_delivered_is_delivered(outbox: Outbox, api: Emulator, fault: str) -> None:
    api.faults.next.append(fault)
    put(outbox, "text")
    report = run(outbox, api)
    assert (report.sent, api.texts()["text"], api.broken) == (1, 1, [])
    assert outbox.summary().repeated == (0 if fault == "429" else 1)  # a 5xx or silence may have delivered
    assert len(report.problems) == 1


@pytest.mark.parametrize("fault", ["timeout_after", "reset_after"])
def test_the_window_in_which_a_message_can_come_twice_is_counted(outbox: Outbox, api: Emulator, fault: str) -> None:
    api.faults.next.append(fault)
    put(outbox, "text")
    run(outbox, api)
    assert api.texts() == {"text": 1} or len(api.sent()) == 2
    assert outbox.summary().repeated == 1


def test_a_crash_between_call_and_mark_is_counted_and_sent_again(outbox: Outbox, api: Emulator) -> None:
    class Killed(BaseException):
        pass

    class Dying(Telegram):
        async def deliver(self, *arguments: Any) -> Any:
            await super().deliver(*arguments)
            raise Killed

    put(outbox, "text")
    dying = Dying(TOKEN, outbox, base_url=api.url, mask=MASK, limits=FAST.limits)
    with pytest.raises(Killed):
        asyncio.run(deliver(outbox, [TEAM], {"telegram": dying}, terms=FAST))
    assert states(outbox).popitem()[1] == "waiting"
    run(outbox, api)
    assert len(api.sent()) == 2
    assert outbox.summary().repeated == 1


# --- refusals ---


def test_dead_letters_after_so_many_attempts_can_be_revived(outbox: Outbox, api: Emulator) -> None:
    api.faults.next.extend(["500"] * 4)
    key = put(outbox, "stubborn")
    put(outbox, "next")
    report = run(outbox, api)
    assert (report.dead, report.sent) == (1, 1)
    assert "given up after 4 attempts" in report.problems[-1]
    assert outbox.summary().dead == 1
    assert outbox.revive() == [key]
    assert run(outbox, api).sent == 1
    assert api.texts() == {"next": 1, "stubborn": 1}


def test_a_blocked_bot_and_a_chat_that_is_not_there(outbox: Outbox, api: Emulator) -> None:
    api.blocked.add("42")
    nowhere = Chat(name="nowhere", channel="telegram", to="@nowhere")
    api.missing.add("@nowhere")
    for chat in (BOSS, nowhere, TEAM):
        put(outbox, "text", chat)
    report = run(outbox, api, BOSS, nowhere, TEAM)
    assert (report.sent, report.dead) == (1, 2)
    assert any("boss: the bot may not write there" in each and "blocked" in each for each in report.problems)
    assert any("nowhere: there is no such chat" in each for each in report.problems)


def test_a_wrong_token_burns_nothing_and_other_channels_go_on(
    outbox: Outbox, api: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "987654321:BBF-not_the_right_token_at_all_0123456"
    local = Chat(name="local", channel="folder")
    put(outbox, "one")
    put(outbox, "two", local)
    channels: dict[str, Channel] = {
        "telegram": Telegram(wrong, outbox, base_url=api.url, mask=Mask([wrong]), limits=FAST.limits),
        "folder": Folder(tmp_path, ZoneInfo("UTC")),
    }
    report = asyncio.run(deliver(outbox, [TEAM, local], channels, terms=FAST))
    assert (report.sent, report.waiting, report.dead) == (1, 1, 0)
    assert "does not know this bot's token" in report.problems[0]
    assert "987654321" not in caplog.text + str(report) + str(outbox.listing())
    assert run(outbox, api).sent == 1


def test_a_group_that_became_a_supergroup(outbox: Outbox, api: Emulator) -> None:
    api.moved["-1001"] = -1009
    put(outbox, "first")
    run(outbox, api)
    put(outbox, "second")
    run(outbox, api)
    assert [(each["chat"], each["text"]) for each in api.sent()] == [("-1009", "first"), ("-1009", "second")]
    assert [fields["chat_id"] for method, fields in api.calls if method == "sendMessage"].count("-1001") == 1
    assert outbox.moved() == {"-1001": "-1009"}


def test_nobody_there(outbox: Outbox, api: Emulator) -> None:
    api.url = "http://127.0.0.1:9"
    put(outbox, "text")
    report = run(outbox, api, terms=Terms(patience=0.0, limits=FAST.limits))
    assert (report.waiting, report.dead) == (1, 0)
    assert "Telegram cannot be reached" in report.problems[0]
    assert outbox.summary().waiting == 1


# --- limits and forms ---


def test_pictures(outbox: Outbox, api: Emulator, picture: bytes) -> None:
    put(outbox, Letter("<b>small</b>", picture))
    put(outbox, Letter("large", picture + b"\0" * (11 * 2**20)))
    put(outbox, Letter("no picture", b"GIF87a"))
    put(outbox, Letter("huge", picture + b"\0" * (51 * 2**20)))
    assert run(outbox, api).sent == 4
    assert [(each["method"], each["text"]) for each in api.sent()] == [
        ("sendPhoto", "small"), ("sendDocument", "large"), ("sendMessage", "no picture"), ("sendMessage", "huge"),
    ]  # fmt: skip
    assert "image_process_failed" in str(outbox.listing()).lower()


def test_long_texts_and_broken_markup(outbox: Outbox, api: Emulator, picture: bytes) -> None:
    line = "<b>Имя &lt;b&gt; &amp; Co</b> 👩‍👩‍👧‍👦 <a href='https://example.org/?a=1&amp;b=2'>слово</a>"
    put(outbox, "\n".join([line] * 300))
    put(outbox, Letter("\n".join([line] * 300), picture))
    put(outbox, "<b>" + "wörd 😀 " * 2000 + "</b>")
    put(outbox, "<table>1 < 2</b>")
    report = run(outbox, api)
    assert (report.sent, report.dead) == (4, 0)
    first, second, third, fourth = (each["text"] for each in api.sent())
    for text, limit in ((first, 4096), (second, 1024), (third, 4096)):
        assert limit - 80 < len(text.encode("utf-16-le")) / 2 <= limit
        assert text.endswith("…")
    assert first.endswith("слово\n…")
    assert fourth == "1 < 2"


def test_limits_are_kept_across_runs(outbox: Outbox, api: Emulator) -> None:
    api.per_group, api.group_seconds, api.per_second = 5, 1.5, 10
    limits = Limits(10, 0.0, 5, 1.5, 0.1)
    for number in range(11):
        put(outbox, f"{number}")
    for _ in range(3):  # each a process of its own that remembers nothing
        run(outbox, api, terms=Terms(patience=0.0, limits=limits))
    assert len(api.sent()) == 11
    assert api.broken == []


# --- threads ---


def letters(text: str, picture: bytes = b"") -> dict[str, Letter]:
    return {"en": Letter(text, picture), "ru": Letter(f"ru {text}", picture)}


def test_an_incident_is_one_thread(outbox: Outbox, api: Emulator, picture: bytes) -> None:
    picky = Chat(name="picky", channel="telegram", to="7", metrics=("messages",))
    urgent = Chat(name="urgent", channel="telegram", to="8", severity="critical")
    chats = (TEAM, BOSS, picky, urgent)
    threads = Threads(outbox, chats, "en")
    about = {"metric": "views", "severity": "warning"}
    for _ in range(2):  # whatever is repeated changes nothing
        threads.open("i1", letters("down 20%", picture), **about)
        run(outbox, api, *chats)
    threads.update("i1", letters("down 30%", picture), **about)
    threads.update("i1", letters("down 40%", picture), **about)  # before the first change was delivered
    threads.update("i1", letters("down 50%", picture), metric="views", severity="critical")
    report = run(outbox, api, *chats)
    assert report.dropped == 4
    for _ in range(2):
        threads.resolve("i1", letters("over"))
        run(outbox, api, *chats)
    seen = {chat: [each for each in api.sent() if each["chat"] == chat] for chat in ("-1001", "42", "7", "8")}
    assert [(each["text"], each["edits"]) for each in seen["-1001"]] == [("down 50%", 1), ("over", 0)]
    assert [each["text"] for each in seen["42"]] == ["ru down 50%", "ru over"]
    assert seen["-1001"][1]["answers"] == seen["-1001"][0]["number"]
    assert seen["7"] == []
    assert [(each["text"], each["edits"]) for each in seen["8"]] == [("down 50%", 0), ("over", 0)]
    assert threads.resolve("unknown", letters("over")) == 0


def test_an_edit_that_arrived_already_and_one_whose_message_is_gone(outbox: Outbox, api: Emulator) -> None:
    threads = Threads(outbox, [TEAM], "en")
    about = {"metric": "views", "severity": "info"}
    threads.open("i1", letters("one"), **about)
    run(outbox, api)
    threads.update("i1", letters("two"), **about)
    api.faults.next.append("reset_after")
    run(outbox, api)
    assert [(each["text"], each["edits"]) for each in api.sent()] == [("two", 1)]
    api.delivered.clear()
    threads.update("i1", letters("three"), **about)
    run(outbox, api)
    threads.resolve("i1", letters("over"))
    run(outbox, api)
    first, last = api.sent()
    assert (first["text"], last["answers"]) == ("three", first["number"])


def test_a_reply_to_a_message_that_was_given_up_is_a_message(outbox: Outbox, api: Emulator) -> None:
    threads = Threads(outbox, [BOSS], "en")
    api.blocked.add("42")
    threads.open("i1", letters("down"), metric="views", severity="info")
    run(outbox, api, BOSS)
    api.blocked.clear()
    threads.resolve("i1", letters("over"))
    run(outbox, api, BOSS)
    assert [(each["text"], each["answers"]) for each in api.sent()] == [("ru over", None)]


# --- folder ---


def test_a_folder_shows_the_chat(outbox: Outbox, api: Emulator, tmp_path: Path, picture: bytes) -> None:
    local = Chat(name="local", channel="folder", locale="ru")
    folder = Folder(tmp_path / "messages", ZoneInfo("Europe/Moscow"))
    threads = Threads(outbox, [local], "en")
    put(outbox, "отчёт <b>за день</b>", local)
    threads.open("i1", letters("падение", picture), metric="views", severity="info")
    run(outbox, api, local, folder=folder)
    threads.update("i1", letters("падение сильнее", picture), metric="views", severity="info")
    threads.resolve("i1", letters("прошло"))
    run(outbox, api, local, folder=folder)
    page = folder.page(local).read_text(encoding="utf-8")
    assert page.count("<article") == 3
    assert "отчёт <b>за день</b>" in page
    assert "падение сильнее" in page
    assert "изменено" in page
    assert 'class="to"' in page
    assert '<meta http-equiv="refresh"' in page
    assert len(list((tmp_path / "messages" / "local").glob("*.json"))) == 3
    assert api.calls == []


def test_kinds_of_faults_are_chosen_by_chance() -> None:
    faults = Faults({"429": 0.5, "500": 0.25})
    picked = [faults.pick() for _ in range(4000)]
    assert 1850 < picked.count("429") < 2150
    assert 850 < picked.count("500") < 1150
    assert Kind("edit") is Kind.EDIT
