"""Messages through a Bot API that others wrote: a text, a report's photo with its caption, an incident's edits."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appanalytics.chats import Chat
from appanalytics.engine import Engine
from appanalytics.notify import Draft, Letter, Limits, Mask, Outbox, Telegram, Terms, Threads, deliver
from appanalytics.pictures import new_figure, png

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
TOKEN = "123456789:AAF-emulated_token_of_the_tests_0123456"
TEAM = Chat(name="team", channel="telegram", to="4242", locale="en")
FAST = Terms(limits=Limits(spacing=0.0))


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    """Address of a telemelya of our own."""
    python = Path(os.environ.get("TELEMELYA_PYTHON", ROOT / ".venv-telemelya" / "bin" / "python"))
    if not python.exists():
        pytest.skip(f"no telemelya at {python}; make telemelya-venv")
    command = [python, Path(__file__).with_name("telemelya_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        for _ in range(300):
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except OSError:
                time.sleep(0.2)
        yield url
        server.terminate()


def responses(api: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{api}/api/v1/test/responses?bot_token={TOKEN}", headers={"Authorization": "Bearer tests"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return list(json.load(answer)["responses"])


def test_it_arrives(engine: Engine, api: str) -> None:
    outbox, mask = Outbox(engine), Mask([TOKEN])
    picture = png(new_figure(1200, 1000))
    outbox.write([Draft("a", "team", Letter("plain <b>text</b> &amp; more"))])
    outbox.write([Draft("b", "team", Letter("the whole report", picture, "📊 <b>Daily report</b>"))])
    threads = Threads(outbox, [TEAM], "en")
    threads.open("1", {"en": Letter("<b>Views</b> fell")}, metric="views", severity="critical")

    async def run() -> int:
        channel = Telegram(TOKEN, outbox, base_url=api, mask=mask, limits=FAST.limits)
        return (await deliver(outbox, [TEAM], {"telegram": channel}, terms=FAST, mask=mask)).sent

    assert asyncio.run(run()) == 3
    threads.update("1", {"en": Letter("<b>Views</b> fell more")}, metric="views", severity="critical")
    threads.resolve("1", {"en": Letter("Views are back")})
    assert asyncio.run(run()) == 2
    assert asyncio.run(run()) == 0
    text, photo, incident, edit, answer = responses(api)
    assert [each["method"] for each in (text, photo, incident, edit, answer)] == [
        "sendMessage", "sendPhoto", "sendMessage", "editMessageText", "sendMessage",
    ]  # fmt: skip
    assert (text["text"], text["raw"]["parse_mode"]) == ("plain <b>text</b> &amp; more", "HTML")
    assert photo["caption"] == "📊 <b>Daily report</b>"
    assert photo["photo"][0]["file_size"] == len(picture)
    assert edit["message_id"] == incident["message_id"]
    assert edit["text"] == "<b>Views</b> fell more"
    assert answer["raw"]["reply_parameters"]["message_id"] == incident["message_id"]
    assert {each["chat_id"] for each in responses(api)} == {4242}
