"""Deliver what waits in the outbox: chats beside each other, the messages of one chat one after another.

What is kept whatever happens: a message is logged as `trying` before every call and as `sent` after it. Where the
process dies, or no answer comes, in between, nobody can know whether the message arrived; it is then sent again and
counted (`Summary.repeated`). That is the one window in which a message can come twice. At most `AT_ONCE` calls are in
it at a time, and a call that has to wait for the limits waits before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from itertools import groupby
from typing import Any, TypeVar

from appanalytics.chats import Chat
from appanalytics.notify.channel import Channel, Order
from appanalytics.notify.letter import Kind, Pending
from appanalytics.notify.masks import Mask
from appanalytics.notify.outbox import Outbox, State
from appanalytics.notify.pace import Limits, Pace
from appanalytics.notify.problems import ChannelDown, Postponed, Refused

#: Calls under way at a time: enough for 30 a second with answers in a quarter of one.
AT_ONCE = 8
_LIMITED = ("telegram", "apprise")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Terms:
    """How patient a delivery is, in seconds.

    It waits up to ``patience`` for messages whose time has not come. Waits between attempts begin with ``first``
    and grow by the factor 4 up to ``longest``; after ``attempts`` a message is given up.
    """

    patience: float = 60.0
    attempts: int = 8
    first: float = 2.0
    longest: float = 900.0
    limits: Limits = field(default_factory=Limits)

    def wait(self, failures: int, key: str) -> float:
        """Seconds before the next attempt; spread by up to a quarter, so that chats do not march in step."""
        spread = 1 + 0.25 * sha256(f"{key} {failures}".encode()).digest()[0] / 255
        return min(self.first * 4.0 ** min(failures - 1, 20), self.longest) * spread


@dataclass
class Delivery:
    """What a run did. ``problems`` are sentences for people, each once."""

    sent: int = 0
    dead: int = 0
    dropped: int = 0
    waiting: int = 0
    problems: list[str] = field(default_factory=list)

    def tell(self, problem: str) -> None:
        """Note a problem."""
        if problem not in self.problems:
            self.problems.append(problem)

    def __str__(self) -> str:
        parts = [f"{self.sent} sent"]
        parts += [f"{count} {word}" for count, word in ((self.dead, "given up"), (self.waiting, "waiting")) if count]
        return ", ".join(parts)


async def deliver(
    outbox: Outbox,
    chats: Sequence[Chat],
    channels: Mapping[str, Channel],
    *,
    terms: Terms = Terms(),
    mask: Mask = Mask(()),  # noqa: B008
    fence: Callable[[], None] = lambda: None,
) -> Delivery:
    """Deliver all that waits for these chats. ``channels`` are by name, as `Chat.channel` says.

    Two deliveries of one outbox at once would send twice: hold a lock, and let ``fence`` raise once it is lost; it is
    called before every call of a channel.
    """
    known = {chat.name: chat for chat in chats}
    report = Delivery()
    earlier = [(known[name].to or name, when) for name, when in outbox.recent(terms.limits.longest) if name in known]
    run = _Run(outbox, channels, terms, mask, report, Pace(terms.limits, outbox.clock, earlier), fence)
    try:
        while queues := {
            name: list(queue)
            for name, queue in groupby(outbox.pending(), lambda message: message.chat)
            if name in known and name not in run.left and known[name].channel not in run.down
        }:
            await run.open({known[name].channel for name in queues})
            await asyncio.gather(*(run.chat(known[name], queue) for name, queue in queues.items()))
    finally:
        await run.close()
    rest = outbox.pending()
    report.waiting = len(rest)
    for name in sorted({message.chat for message in rest} - set(known)):
        report.tell(f"{name}: messages wait for this chat, but it is not in the settings")
    return report


@dataclass
class _Run:
    outbox: Outbox
    channels: Mapping[str, Channel]
    terms: Terms
    mask: Mask
    report: Delivery
    pace: Pace
    fence: Callable[[], None]
    opened: set[str] = field(default_factory=set)
    down: set[str] = field(default_factory=set)  # channels that work no more in this run
    left: set[str] = field(default_factory=set)  # chats whose next message has to wait for too long
    paused: dict[str, float] = field(default_factory=dict)  # channels that asked everybody to wait
    waited: float = 0.0
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    #: The outbox is asked in a thread, one question after another: calls must not leave late because a table is slow.
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "outbox"))

    async def ask(self, work: Callable[..., T], *given: Any, **more: Any) -> T:
        """Have the outbox do something while other calls go on."""
        return await asyncio.get_running_loop().run_in_executor(self.thread, partial(work, *given, **more))

    async def log(self, message: Pending, state: State, **about: Any) -> None:
        """See `Outbox.log`."""
        await self.ask(self.outbox.log, message, state, **about)

    async def turn(self, chat: Chat) -> None:
        """Wait until the limits, and what the channel asked for, allow a call to this chat; nothing is counted."""
        if chat.channel not in _LIMITED:
            return
        while True:
            paused = self.paused.get(chat.channel, 0.0) - self.outbox.clock()
            if (delay := max(self.pace.delay(chat.to or chat.name), paused)) <= 0:
                return
            await asyncio.sleep(delay)

    async def open(self, names: set[str]) -> None:
        """Open channels that are needed for the first time."""
        for name in sorted(names - self.opened - self.down):
            try:
                await self.channels[name].open()
                self.opened.add(name)
            except (ChannelDown, Postponed) as error:
                await self.channels[name].close()
                self._close_down(name, str(error))
            except KeyError:
                self._close_down(name, f"there is no channel {name}")

    async def close(self) -> None:
        """Close what was opened."""
        for name in self.opened:
            await self.channels[name].close()
        self.thread.shutdown()

    async def chat(self, chat: Chat, queue: Sequence[Pending]) -> None:
        """The messages of one chat, in their order; a message that has to wait holds up those after it."""
        for at, message in enumerate(queue):
            if message.kind is Kind.EDIT and _is_superseded(message, queue[at + 1 :]):
                await self.log(message, State.DROPPED, error="a later change took its place")
                self.report.dropped += 1
            elif not await self._until_done(chat, message):
                return

    async def _until_done(self, chat: Chat, message: Pending) -> bool:
        """Attempt until the message is sent or given up; False when the rest of the chat has to wait."""
        failures = message.tries
        while True:
            if chat.channel in self.down:
                return False
            now = self.outbox.clock()
            due = max(message.retry_at, self.paused.get(chat.channel, 0.0))
            if due > now:
                if due - now > self.terms.patience - self.waited:
                    self.left.add(chat.name)
                    return False
                await asyncio.sleep(due - now)
                continue
            await self.turn(chat)
            failures += 1
            calls = _Calls(self, chat, message)
            try:
                async with self.slots:
                    is_done = await self._attempt(chat, message, calls, failures)
            except ChannelDown as error:
                if calls.made:
                    await self.log(message, State.REFUSED, error=self.mask(error), excused=True)
                self._close_down(chat.channel, self.mask(error))
                return False
            if is_done is None:
                return True
            message = replace(message, tries=calls.tries, retry_at=is_done)

    async def _attempt(self, chat: Chat, message: Pending, calls: _Calls, failures: int) -> float | None:
        """One attempt: None when the message is settled, else the time of the next one."""
        is_first = message.kind is Kind.SEND
        root = None if is_first else await self.ask(self.outbox.root, chat.name, message.thread)
        letter = await self.ask(self.outbox.letter, message)
        order = Order(message.key, message.number, message.kind, letter, root)
        try:
            receipt = await self.channels[chat.channel].deliver(chat, order, calls)
        except Refused as error:
            await self._give_up(message, self.mask(error))
        except Postponed as error:
            return await self._postpone(chat, message, calls, failures, error)
        else:
            await self.log(message, State.SENT, receipt=receipt, error=calls.note)
            self.report.sent += 1
        return None

    async def _postpone(
        self, chat: Chat, message: Pending, calls: _Calls, failures: int, error: Postponed
    ) -> float | None:
        state = State.REFUSED if error.certain else State.UNKNOWN
        wait = max(error.after, 0.0 if error.excused and error.after else self.terms.wait(failures, message.key))
        due = self.outbox.clock() + wait
        await self.log(message, state, error=self.mask(error), retry_at=due, excused=error.excused)
        if error.excused:
            calls.tries -= 1
        if error.everyone:
            self.paused[chat.channel] = max(due, self.paused.get(chat.channel, 0.0))
        if calls.tries < self.terms.attempts:
            self.report.tell(self.mask(error))
            return due
        await self._give_up(message, f"given up after {calls.tries} attempts: {self.mask(error)}")
        return None

    async def _give_up(self, message: Pending, why: str) -> None:
        await self.log(message, State.DEAD, error=why)
        self.report.dead += 1
        self.report.tell(why)

    def _close_down(self, channel: str, why: str) -> None:
        self.down.add(channel)
        self.report.tell(self.mask(why))


@dataclass
class _Calls:
    """Logs the calls of one attempt; see `channel.Calls`."""

    run: _Run
    to: Chat
    message: Pending
    made: int = 0
    note: str = ""
    tries: int = field(init=False)

    def __post_init__(self) -> None:
        self.tries = self.message.tries

    async def begin(self) -> None:
        """See `channel.Calls.begin`."""
        await self.run.turn(self.to)  # so that the call does not wait after it is logged
        self.run.fence()
        await self.run.log(self.message, State.TRYING)
        self.made += 1
        self.tries += 1
        await self.run.turn(self.to)
        self.run.pace.note(self.to.to or self.to.name)

    async def refused(self, error: str) -> None:
        """See `channel.Calls.refused`."""
        self.note = self.run.mask(error)
        await self.run.log(self.message, State.REFUSED, error=self.note)


def _is_superseded(message: Pending, later: Sequence[Pending]) -> bool:
    return any(other.kind is Kind.EDIT and other.thread == message.thread for other in later)
