"""The live app: the same stream from any moment on, what is injected, and a real run through a collector."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from appanalytics.catalog import load_catalog
from appanalytics.engine import Engine
from appanalytics.errors import QuestionError, SettingsError, UserError
from appanalytics.jobs.live import Door, Pace, stream
from appanalytics.sender import Refusal, Sent
from appanalytics.simulate import World
from appanalytics.simulate.injection import Injection
from appanalytics.simulate.intensity import plan_day
from appanalytics.simulate.live import SLICE, LiveApp, Slice

from .served import Served, served

CATALOG = load_catalog()
WORLD = World(until=date(2026, 11, 10), zone=ZoneInfo("Europe/Moscow"), users=1_500, days=20)
USERS: dict[str, dict[str, object]] = {"admin": {"role": "admin"}}
HOUR = timedelta(hours=1)


def take(app: LiveApp, since: datetime, hours: float, injections: tuple[Injection, ...] = ()) -> list[Slice]:
    return list(itertools.islice(app.slices(since, injections), int(hours * HOUR / SLICE)))


def events(parts: list[Slice]) -> list[dict[str, Any]]:
    return [event for part in parts for event in part.events]


@pytest.fixture
def app(engine: Engine) -> LiveApp:
    return LiveApp(engine, WORLD, CATALOG)


def test_the_app_goes_on_as_it_was(app: LiveApp) -> None:
    """A day has the size and the rhythm that its plan says, and begins at midnight of the reporting zone."""
    day = take(app, app.start, 24)
    assert day[0].start == app.start == datetime(2026, 11, 9, 21, tzinfo=UTC)
    assert day[-1].end == app.start + timedelta(days=1)
    plan = plan_day(WORLD, WORLD.days, story=False)
    views = [event for event in events(day) if event.get("action") == "view"]
    assert len(views) == pytest.approx(plan.views, rel=0.15)
    assert len({event["user_id"] for event in views}) == pytest.approx(plan.actives, rel=0.15)
    newcomers = {event["user_id"] for event in views if event["user_id"] > WORLD.users}
    assert len(newcomers) == round(plan.newcomers)
    hours = Counter((datetime.fromisoformat(event["time"]) + 3 * HOUR).hour for event in views)
    assert sum(hours[hour] for hour in (19, 20, 21)) > 2 * sum(hours[hour] for hour in (2, 3, 4))
    for part in day[3000:3100]:
        for event in part.events:
            assert part.start <= datetime.fromisoformat(event["time"]) < part.end


def test_a_stream_from_the_middle_is_the_same(app: LiveApp, engine: Engine) -> None:
    middle = app.start + 30 * HOUR
    whole = take(app, app.start + 20 * HOUR, 11)
    later = take(LiveApp(engine, WORLD, CATALOG), middle + timedelta(seconds=7), 1)
    assert later == whole[-len(later) :]
    assert events(later)


def injected(app: LiveApp, kind: str, *where: str, size: float | None = None) -> tuple[Counter[str], Counter[str]]:
    """Events by city and service, without and with an injection from 12:30 to 13:30, in that hour."""
    start = app.start + 12.5 * HOUR
    asked = Injection.of(CATALOG, kind, start, start + HOUR, where, size)
    hit, plain = take(app, start - HOUR / 6, 4 / 3, (asked,)), take(app, start - HOUR / 6, 4 / 3)
    assert (hit[:60], hit[-60:]) == (plain[:60], plain[-60:])
    return _places(plain[60:-60]), _places(hit[60:-60])


def _places(parts: list[Slice]) -> Counter[str]:
    named = [(event["city"], event["service"]) for event in events(parts)]
    return Counter("/".join(("Moscow" if city == "Moscow" else "elsewhere", service)) for city, service in named)


def test_an_outage_takes_a_slice_away_and_nothing_else(app: LiveApp) -> None:
    plain, hit = injected(app, "outage", "city=Moscow", "service=feed")
    assert plain["Moscow/feed"] > 0
    assert hit == plain - Counter({"Moscow/feed": plain["Moscow/feed"]})


def test_a_drop_loses_users_and_a_spike_multiplies(app: LiveApp) -> None:
    plain, hit = injected(app, "drop", "city=Moscow", size=0.6)
    assert 0 < hit["Moscow/feed"] < 0.8 * plain["Moscow/feed"]
    assert hit["elsewhere/feed"] == plain["elsewhere/feed"]
    plain, hit = injected(app, "spike", size=2.5)
    assert hit.total() == pytest.approx(2.5 * plain.total(), rel=0.1)


@pytest.mark.parametrize(
    ("kind", "where", "size", "said"),
    [
        ("outrage", (), None, "did you mean outage"),
        ("drop", (), 1.5, "share of users"),
        ("spike", (), 0.5, "above 1"),
        ("outage", ("city=Moskow",), None, "Moscow"),
        ("outage", ("town=Moscow",), None, "town"),
        ("outage", ("city",), None, "--where city=Moscow"),
        ("outage", ("age_group=17",), None, "age_group has no value"),
    ],
)
def test_what_cannot_be_injected(kind: str, where: tuple[str, ...], size: float | None, said: str) -> None:
    start = datetime(2026, 11, 10, tzinfo=UTC)
    with pytest.raises((QuestionError, SettingsError)) as told:
        Injection.of(CATALOG, kind, start, start + HOUR, where, size)
    assert said in str(told.value)


def parts(count: int) -> Iterator[Slice]:
    start = datetime(2026, 11, 10, tzinfo=UTC)
    for number in range(count):
        yield Slice(start + number * SLICE, start + (number + 1) * SLICE, [{"user_id": number}])


def test_the_pace_is_that_of_the_app_until_it_is_now() -> None:
    """A clock that only sleeping moves: 60 times as fast for 50 minutes of the app, then in real time."""
    start = datetime(2026, 11, 10, tzinfo=UTC)
    clock = [start + 50 * timedelta(minutes=1)]
    sent: list[tuple[datetime, datetime]] = []

    def sleep(seconds: float) -> None:
        clock[0] += timedelta(seconds=seconds)

    def post(part: Slice) -> Sent:
        sent.append((part.end, clock[0]))
        return Sent(1, 0)

    began = clock[0]
    told = stream(parts(320), post, Pace(start, 60, now=lambda: clock[0], sleep=sleep))
    assert (told.events, told.at) == (320, start + 320 * SLICE)
    assert all(end <= at for end, at in sent), "nothing is sent before it happened"
    assert (sent[179][1] - began).total_seconds() == pytest.approx(30, abs=3)
    assert sent[-1][1] - sent[-1][0] < timedelta(seconds=1)


def test_refused_events_end_the_stream() -> None:
    refused = Sent(0, 1, (Refusal(0, "too old"),))
    with pytest.raises(UserError, match="too old"):
        stream(parts(3), lambda part: refused, Pace(datetime(2026, 11, 10, tzinfo=UTC)))


def test_there_must_be_somebody_who_collects(tmp_path: Path) -> None:
    from appanalytics.engine import WarehouseUrl

    with pytest.raises(UserError, match="appanalytics serve"):
        Door.of(WarehouseUrl.parse(f"chdb://{tmp_path}"), None, None)
    with pytest.raises(UserError, match="cannot be served"):
        Door.of(WarehouseUrl.parse("chdb://memory"), None, None)


PROGRAM = "import sys; from appanalytics.cli import main; main(sys.argv[1:])"


def start_live(folder: Path, *words: str) -> subprocess.Popen[str]:
    options = ("--users", "1000", "--days", "3", "--until", str(YESTERDAY), "--warehouse", f"chdb://{folder}")
    command = [sys.executable, "-c", PROGRAM, "simulate", "--live", *options, *words]
    environ = os.environ | {"APPANALYTICS_REPORTING__TIMEZONE": "UTC"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ)


YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def stored(server: Served, start: datetime) -> list[tuple[str, ...]]:
    sql = f"""
        SELECT time, user_id, toString(post_id), action FROM feed_actions WHERE time >= '{start:%Y-%m-%d %H:%M:%S}'
        UNION ALL SELECT time, user_id, toString(receiver_id), '' FROM message_actions
        WHERE time >= '{start:%Y-%m-%d %H:%M:%S}' FORMAT TSV
    """
    server.settle()
    return sorted(tuple(line.split("\t")) for line in server.text(sql).splitlines())


def test_a_stream_that_is_killed_goes_on_and_stores_each_event_once(tmp_path: Path, engine: Engine) -> None:
    folder = tmp_path / "warehouse"
    world = World(until=YESTERDAY, zone=ZoneInfo("UTC"), users=1_000, days=3)
    start = world.start(world.days)
    with served(folder, USERS) as server:
        first = start_live(folder)
        deadline = time.monotonic() + 60
        while first.poll() is None and time.monotonic() < deadline and not _batches(server):
            time.sleep(0.1)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=10)
        words = ("--inject", "outage", "--where", "country=Russia", "--after", "10m", "--lasting", "10m")
        second = start_live(folder, "--for", "30m", *words)
        out, told = second.communicate(timeout=120)
        assert second.returncode == 0, told
        assert "streamed up to" in out
        end = datetime.fromisoformat(out.partition("streamed up to ")[2][:19]).replace(tzinfo=UTC)
        asked = Injection.of(CATALOG, "outage", end - HOUR / 3, end - HOUR / 6, ["country=Russia"], None)
        expected = LiveApp(engine, world, CATALOG).slices(start, [asked])
        found = stored(server, start)
        assert server.text("SELECT value FROM warehouse_meta WHERE key = 'live_injections'").count("outage") == 1
    made = [
        (event["time"].replace("T", " ")[:23], str(event["user_id"]),
         str(event.get("post_id", event.get("receiver_id"))), event.get("action", ""))
        for part in itertools.takewhile(lambda part: part.start < end, expected)
        for event in part.events
    ]  # fmt: skip
    assert len(made) > 100
    assert found == sorted(made)


def _batches(server: Served) -> int:
    answer = server.ask("SELECT count() FROM collector_batches")
    return int(answer.data) if answer.status == 200 else 0
