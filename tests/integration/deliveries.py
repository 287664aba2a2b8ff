"""Deliver thousands of messages to an emulated Bot API with faults by chance, kill the process often, and count.

Every message has a text of its own, so afterwards each can be counted: how often it arrived, in which order, and
whether the outbox says of every message that came twice that it may have. The emulator counts calls by the rate
limits over any stretch of time; the waits that it asked for must be kept, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from appanalytics.chats import Chat
from appanalytics.engine import WarehouseUrl, connect
from appanalytics.notify import Draft, Letter, Limits, Mask, Outbox, Summary, Telegram, Terms, deliver
from appanalytics.warehouse.migrate import migrate

from .telegram_emulator import TOKEN, Emulator, Faults, start

#: Of each kind of fault, the share of calls.
RATES = {
    "429": 0.02, "500": 0.02, "502": 0.01, "timeout_before": 0.004, "timeout_after": 0.004,
    "reset_before": 0.01, "reset_after": 0.01,
}  # fmt: skip
TIMEOUT = 1.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Load:
    """How much is sent and how hard it is made. Half of the chats are groups."""

    messages: int = 10_000
    chats: int = 400
    kills: int = 50
    seed: int = 7
    limits: Limits = field(default_factory=Limits)

    @property
    def terms(self) -> Terms:
        """Patience for all; waits of seconds, so that the kills and not the waits fill the time."""
        return Terms(patience=600.0, attempts=12, first=0.5, longest=8.0, limits=self.limits)


@dataclass(frozen=True)
class Outcome:
    """What came of it. ``unannounced`` came twice although the outbox is sure that they did not."""

    messages: int
    calls: int
    kills: int
    faults: int
    lost: int
    twice: int
    announced: int
    unannounced: int
    disordered: int
    broken: list[str]
    seconds: float
    summary: Summary

    @property
    def is_clean(self) -> bool:
        """Nothing lost, nothing twice outside of the window, order and limits kept."""
        return not (self.lost or self.unannounced or self.disordered or self.broken or self.summary.waiting)

    def __str__(self) -> str:
        return (
            f"{self.messages:,} messages in {self.calls:,} calls with {self.faults:,} faults and {self.kills} kills, "
            f"{self.seconds:.0f} s: {self.lost} lost, {self.twice} came twice ({self.announced} messages might have, "
            f"as the outbox says; {self.unannounced} came twice without its knowing), {self.disordered} disordered, "
            f"{len(self.broken)} limits exceeded; outbox: {self.summary}"
        )


def delivery_rounds(folder: Path, load: Load, tell: Callable[[str], object] = lambda _: None) -> Outcome:
    """Write all messages, deliver them by processes that are killed, and count."""
    url = f"chdb://{folder}?database=deliveries"
    chats = [
        Chat(name=f"c{n}", channel="telegram", to=str(-1000 - n if n % 2 else 1000 + n)) for n in range(load.chats)
    ]
    _write(url, chats, load)
    api = Emulator(
        faults=Faults(rates=RATES, seed=load.seed), hang=TIMEOUT * 1.5, per_second=load.limits.per_second,
        per_group=load.limits.per_group, group_seconds=load.limits.group_seconds, spacing=load.limits.spacing,
    )  # fmt: skip
    server, began = start(api), time.monotonic()
    try:
        kills = _kill_and_start_again(url, api.url, chats, load, api, tell)
    finally:
        server.shutdown()
        server.server_close()
    return _count(url, api, chats, load, kills, time.monotonic() - began)


def _write(url: str, chats: list[Chat], load: Load) -> None:
    engine = connect(WarehouseUrl.parse(url), create=True)
    migrate(engine)
    drafts = [
        Draft(f"load/{n}/{chats[n % load.chats].name}", chats[n % load.chats].name, Letter(f"message <b>{n}</b>"))
        for n in range(load.messages)
    ]
    assert Outbox(engine).write(drafts) == load.messages
    engine.close()


def _kill_and_start_again(
    url: str, api_url: str, chats: list[Chat], load: Load, api: Emulator, tell: Callable[[str], object]
) -> int:
    """Kill the delivering process after random numbers of deliveries, spread over the whole load."""
    chance = random.Random(load.seed)
    marks = sorted(chance.randrange(int(load.messages * 0.97)) for _ in range(load.kills))
    orders = json.dumps({"chats": [chat.model_dump(mode="json") for chat in chats], "limits": asdict(load.limits)})
    kills = 0
    while True:
        command = [sys.executable, "-W", "ignore", "-m", "tests.integration.deliveries", url, api_url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, cwd=ROOT) as process:
            assert process.stdin is not None
            process.stdin.write(orders)
            process.stdin.close()
            while process.poll() is None:
                if kills < len(marks) and len(api.delivered) >= marks[kills]:
                    time.sleep(chance.random() * 0.1)
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    kills += 1
                    tell(f"kill {kills} after {len(api.delivered):,} deliveries")
                    break
                time.sleep(0.02)
            else:
                return kills


def _count(url: str, api: Emulator, chats: list[Chat], load: Load, kills: int, seconds: float) -> Outcome:
    engine = connect(WarehouseUrl.parse(url))
    try:
        outbox = Outbox(engine)
        rows = engine.rows(
            "SELECT key, toInt64(countIf(state = 'trying')) - toInt64(countIf(state IN ('refused', 'sent'))) AS open"
            " FROM outbox_log GROUP BY key HAVING open > 0"
        )
        announced = {row["key"].split("/")[1] for row in rows}
        summary = outbox.summary()
    finally:
        engine.close()
    arrived = {text.removeprefix("message "): often for text, often in api.texts().items()}
    twice = {number for number, often in arrived.items() if often > 1}
    return Outcome(
        load.messages,
        len(api.arrivals),
        kills,
        sum(api.faults.made.values()),
        load.messages - len(arrived),
        len(twice),
        len(announced),
        len(twice - announced),
        sum(_disordered(api, chat) for chat in chats),
        api.broken,
        seconds,
        summary,
    )


def _disordered(api: Emulator, chat: Chat) -> int:
    """Messages of a chat that arrived first after a later one had."""
    numbers = list(dict.fromkeys(int(each["text"].split()[1]) for each in api.sent() if each["chat"] == chat.to))
    return sum(later < number for number, later in pairwise(numbers))


def work(url: str, api_url: str) -> None:
    """Deliver what waits, as `appanalytics messages deliver` does; the orders come by standard input."""
    orders = json.load(sys.stdin)
    limits = Limits(**orders["limits"])
    engine = connect(WarehouseUrl.parse(url))
    outbox, mask = Outbox(engine), Mask([TOKEN])
    chats = [Chat.model_validate(each) for each in orders["chats"]]
    channel = Telegram(TOKEN, outbox, base_url=api_url, mask=mask, limits=limits, timeout=TIMEOUT)
    terms = replace(Load().terms, limits=limits)
    asyncio.run(deliver(outbox, chats, {"telegram": channel}, terms=terms, mask=mask))
    engine.close()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        work(*sys.argv[1:])
