"""An independent computation of metrics in plain Python: sets and loops over events, no SQL, no rollups."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from appanalytics.engine import Engine


@dataclass(frozen=True)
class Event:
    """One event; ``post`` 0 means a message (to ``receiver``)."""

    time: datetime
    user: int
    action: str = "view"
    post: int = 1
    receiver: int = 1
    country: str = "Russia"
    os: str = "iOS"
    age: int = 20
    city: str = "Moscow"
    gender: int = 1

    @property
    def service(self) -> str:
        return "feed" if self.post else "messages"


def insert(engine: Engine, events: Iterable[Event]) -> None:
    """Write events as a loader would, without telling the day log."""
    events = list(events)
    for table, service in (("feed_actions", "feed"), ("message_actions", "messages")):
        chosen = [event for event in events if event.service == service]
        if not chosen:
            continue
        columns = {
            "time": pa.array([event.time for event in chosen], pa.timestamp("ms", "UTC")),
            "user_id": pa.array([event.user for event in chosen], pa.uint64()),
            "country": [event.country for event in chosen],
            "city": [event.city for event in chosen],
            "os": [event.os for event in chosen],
            "age": pa.array([event.age for event in chosen], pa.uint8()),
            "gender": pa.array([event.gender for event in chosen], pa.int8()),
        }
        if service == "feed":
            columns["post_id"] = pa.array([event.post for event in chosen], pa.uint64())
            columns["action"] = [event.action for event in chosen]
        else:
            columns["receiver_id"] = pa.array([event.receiver for event in chosen], pa.uint64())
        engine.insert(table, pa.table(columns))


class Oracle:
    """Values of metrics for one slice of events, by day of a time zone."""

    def __init__(self, events: Iterable[Event], zone: ZoneInfo, keep: Callable[[Event], bool] = lambda _: True):
        self.all = list(events)
        self.zone = zone
        self.events = [event for event in self.all if keep(event)]

    def day(self, event: Event) -> date:
        return event.time.astimezone(self.zone).date()

    def users(self, first: date, last: date, service: str | None = None) -> set[int]:
        """Users active from ``first`` to ``last``, both days included."""
        return {
            event.user
            for event in self.events
            if first <= self.day(event) <= last and service in (None, event.service)
        }

    def values(self, first: date, last: date) -> dict[str, float | None]:
        """Values of a bucket of days ``first`` to ``last``; rolling windows end with ``last``."""
        inside = [event for event in self.events if first <= self.day(event) <= last]
        feed = [event for event in inside if event.service == "feed"]
        views = [event for event in feed if event.action == "view"]
        likes = [event for event in feed if event.action == "like"]
        feed_users = {event.user for event in feed}
        senders = {event.user for event in inside if event.service == "messages"}
        same_day = {(e.user, self.day(e)) for e in feed} & {(e.user, self.day(e)) for e in inside if not e.post}
        born: dict[int, date] = {}
        for event in self.all:
            born[event.user] = min(born.get(event.user, date.max), self.day(event))
        rolling = {
            name: len(self.users(last - timedelta(days=days - 1), last, service))
            for name, days, service in (
                ("dau", 1, None), ("wau", 7, None), ("mau", 30, None), ("mau28", 28, None),
                ("feed_mau", 30, "feed"), ("messenger_wau", 7, "messages"),
            )
        }  # fmt: skip
        monday, month = last - timedelta(days=last.weekday()), last.replace(day=1)
        return {
            "views": len(views),
            "likes": len(likes),
            "ctr": len(likes) / len(views) if views else None,
            "messages": len(inside) - len(feed),
            "users": len(feed_users | senders),
            "feed_users": len(feed_users),
            "senders": len(senders),
            "receivers": len({event.receiver for event in inside if event.service == "messages"}),
            "posts": len({event.post for event in views}),
            "both_users": len({user for user, _ in same_day}),
            "feed_only_users": len(feed_users - senders),
            "messenger_only_users": len(senders - feed_users),
            "new_users": len({event.user for event in inside if self.day(event) == born[event.user]}),
            "wau_calendar": len(self.users(monday, last)),
            "mau_calendar": len(self.users(month, last)),
            "stickiness": rolling["dau"] / rolling["mau"] if rolling["mau"] else None,
            **rolling,
        }
