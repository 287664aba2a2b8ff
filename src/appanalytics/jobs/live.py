"""The live app: stream what happens after the history through a collector, at a pace, from where it stopped.

A slice of the stream is one batch under a name of its own, so whatever is sent again, after a crash of this process,
of the server or of both, is stored once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from appanalytics.engine import WarehouseUrl, connect
from appanalytics.engine.endpoint import find_endpoint
from appanalytics.errors import AccessDenied, UserError, WarehouseUnavailable
from appanalytics.sender import Sender, Sent
from appanalytics.simulate.live import SLICE, LiveApp, Slice, batch_name, batch_prefix
from appanalytics.simulate.world import World
from appanalytics.warehouse.migrate import migrate

if TYPE_CHECKING:
    from appanalytics.app import App

#: Slices on their way at once.
WINDOW = 8
_LONGEST_SLEEP = 0.5
_PATIENCE_SECONDS = 300.0
_ATTEMPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """How far a stream is: the app's time that is stored, events stored so far, and events a second lately."""

    at: datetime
    events: int
    rate: float


@dataclass(slots=True)
class Pace:
    """The app's time: from ``start`` it runs ``speed`` times as fast as ours (None: as fast as it goes) up to now.

    From then on it is ours, because nothing can have happened in the future.
    """

    start: datetime
    speed: float | None = None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Callable[[float], None] = time.sleep
    _began: datetime | None = None

    def reached(self) -> datetime:
        """The app's present."""
        now = self.now()
        self._began = self._began or now
        return now if self.speed is None else min(now, self.start + (now - self._began) * self.speed)

    def wait(self, moment: datetime, meanwhile: Callable[[], None]) -> None:
        """Return when the app's time is ``moment``."""
        while (left := (moment - self.reached()).total_seconds()) > 0:
            meanwhile()
            self.sleep(min(_LONGEST_SLEEP, max(0.005, left / (self.speed or 1))))


class Door:
    """Where slices go. Finds a server again that was started anew, on another port or with another password."""

    def __init__(self, find: Callable[[], tuple[str, str] | None]) -> None:
        self._find = find
        self._senders: dict[tuple[str, str], Sender] = {}

    @classmethod
    def of(cls, url: WarehouseUrl, collector: str | None, key: str | None) -> Door:
        """The collector of a warehouse's server, or another one. Raises `UserError` when there is none."""
        if collector is not None:
            if key is None:
                raise UserError("a collector needs a key", hint="--key, or the setting of your shell")
            return cls(lambda: (collector, key))
        if url.path is not None:
            folder = url.path
            if find_endpoint(folder) is None:
                raise WarehouseUnavailable(
                    f"nobody collects events for {url}", hint="start a server in another terminal: appanalytics serve"
                )
            return cls(lambda: _local(url))
        if url.is_embedded:
            raise UserError(f"{url} cannot be served, so nobody collects its events", hint="write chdb:///folder")
        return cls(lambda: (f"{url.scheme}://{url.host}:{url.port}", f"{url.user}.{url.password}"))

    def send(self, part: Slice, batch: str) -> Sent:
        """Send a slice; returns when it is durable. Waits up to five minutes for a server that is away."""
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            where = self._find()
            try:
                if where is not None:
                    return self._sender(where).send(part.events, batch)
            except AccessDenied:
                if self._find() == where:
                    raise
            except WarehouseUnavailable:
                if time.monotonic() > end:
                    raise
            if time.monotonic() > end:
                raise WarehouseUnavailable("the server is gone", hint="start it again: appanalytics serve")
            time.sleep(_LONGEST_SLEEP)

    def _sender(self, where: tuple[str, str]) -> Sender:
        if where not in self._senders:
            self._senders[where] = Sender(*where, patience=_ATTEMPT_SECONDS)
        return self._senders[where]


def resume_at(app: App, world: World) -> datetime:
    """Where a stream of this world goes on: after it nothing is stored, before it everything."""
    sql = """
        SELECT substring(batch, position(batch, {prefix:String}) + length({prefix:String})) AS start
        FROM collector_batches WHERE position(batch, {prefix:String}) > 0
        GROUP BY start ORDER BY start DESC LIMIT 1 OFFSET {window:UInt32}
    """
    found = app.engine.rows(sql, {"prefix": batch_prefix(world), "window": WINDOW})
    return datetime.fromisoformat(found[0]["start"]) if found else world.start(world.days)


@contextmanager
def live_app(app: App, world: World) -> Iterator[LiveApp]:
    """The app's continuation, computed in an engine in memory. The process must have no other engine open."""
    engine = connect(WarehouseUrl.parse("chdb://memory"), create=True)
    try:
        migrate(engine)
        yield LiveApp(engine, world, app.catalog)
    finally:
        engine.close()


def stream(
    slices: Iterable[Slice],
    post: Callable[[Slice], Sent],
    pace: Pace,
    until: datetime | None = None,
    tell: Callable[[Told], None] = lambda told: None,
) -> Told:
    """Send slices, each when the app's time has reached its end, those before ``until``; returns how far it came.

    Several are on their way at once. Raises `UserError` when the collector refuses an event for good.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(WINDOW, thread_name_prefix="live"))
        stack.callback(pool.shutdown, cancel_futures=True)
        run = _Run(pace, tell)
        for part in slices:
            if until is not None and part.start >= until:
                break
            pace.wait(part.end, run.settle)
            run.waiting.append((part, pool.submit(post, part) if part.events else None))
            run.settle(WINDOW)
        run.settle(0)
        return run.told()


class _Run:
    """The slices that are on their way, and what became of those before."""

    def __init__(self, pace: Pace, tell: Callable[[Told], None]) -> None:
        self.waiting: deque[tuple[Slice, Future[Sent] | None]] = deque()
        self._pace, self._tell = pace, tell
        self._at, self._events = pace.start, 0
        self._lately: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=200)

    def settle(self, most: int = WINDOW) -> None:
        """Take the answers that are there, and wait for some while more than ``most`` are on their way."""
        on_their_way = sum(answer is not None for _, answer in self.waiting)
        while self.waiting:
            part, answer = self.waiting[0]
            if answer is not None:
                if on_their_way <= most and not answer.done():
                    break
                sent = answer.result()
                if sent.rejected:
                    raise UserError(
                        f"the collector refuses events of {part.start:%Y-%m-%d %H:%M:%S}: {sent.errors[0].reason}"
                        if sent.errors
                        else f"the collector refused events of {part.start:%Y-%m-%d %H:%M:%S} before",
                        hint="a history that ended long ago needs another collector.late_days of the server",
                    )
                self._events += sent.accepted
                on_their_way -= 1
            self._at = part.end
            self.waiting.popleft()
        self._tell(self.told())

    def told(self) -> Told:
        """How far it is."""
        now = time.monotonic()
        self._lately.append((now, self._events))
        (first, events) = self._lately[0]
        return Told(self._at, self._events, (self._events - events) / max(now - first, 1e-3))


def _local(url: WarehouseUrl) -> tuple[str, str] | None:
    found = find_endpoint(url.path) if url.path else None
    return (f"http://{found.host}:{found.port}", f"{found.user}.{found.password}") if found else None


__all__ = ["SLICE", "WINDOW", "Door", "Pace", "Told", "batch_name", "live_app", "resume_at", "stream"]
