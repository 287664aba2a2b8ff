"""What dashboards must show, worked out in plain Python from the users' days of a small warehouse."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from appanalytics.engine import Engine

_DAYS = """
    SELECT user_id, day, any(gender) AS gender, any(age) AS age, any(source) AS source, any(os) AS os,
           any(country) AS country, any(city) AS city,
           sum(views) AS views, sum(likes) AS likes, sum(messages) AS messages
    FROM (SELECT user_id, toDate(time) AS day, gender, age, source, os, country, city, action = 'view' AS views,
                 action = 'like' AS likes, 0 AS messages FROM feed_actions
          UNION ALL
          SELECT user_id, toDate(time), gender, age, source, os, country, city, 0, 0, 1 FROM message_actions)
    WHERE day < {until:Date}
    GROUP BY user_id, day
"""


@dataclass(frozen=True)
class Oracle:
    """Users' days read from the events, before ``until``."""

    rows: tuple[Mapping[str, Any], ...]

    @classmethod
    def read(cls, engine: Engine, until: date) -> Oracle:
        """Read all users' days."""
        named = {0: "male", 1: "female"}
        found = engine.rows(_DAYS, {"until": until})
        return cls(tuple({**row, "gender": named[row["gender"]]} for row in found))

    def where(self, **values: str) -> Oracle:
        """Those with these values."""
        return Oracle(tuple(row for row in self.rows if all(row[key] == value for key, value in values.items())))

    @cached_property
    def days_of(self) -> dict[int, list[date]]:
        """Active days of each user."""
        found: dict[int, set[date]] = defaultdict(set)
        for row in self.rows:
            found[row["user_id"]].add(row["day"])
        return {user: sorted(days) for user, days in found.items()}

    @property
    def last(self) -> date:
        """The last day."""
        return max(row["day"] for row in self.rows)

    def weekdays(self) -> dict[int, int]:
        """Different users of the feed by day of the week, Monday is 1."""
        users: dict[int, set[int]] = defaultdict(set)
        for row in self.rows:
            if row["views"] or row["likes"]:
                users[row["day"].isoweekday()].add(row["user_id"])
        return {day: len(each) for day, each in users.items()}

    def retention(self, last: int) -> dict[tuple[str, int], tuple[int, int]]:
        """Users and size by first day and offset, for the cohorts of the last days."""
        sizes: Counter[date] = Counter()
        users: Counter[tuple[date, int]] = Counter()
        for days in self.days_of.values():
            sizes[days[0]] += 1
            for day in days:
                users[days[0], (day - days[0]).days] += 1
        found = {}
        for first, size in sizes.items():
            if (self.last - first).days < last:
                for offset in range((self.last - first).days + 1):
                    found[first.isoformat(), offset] = (users[first, offset], size)
        return found

    def audience(self) -> dict[date, dict[str, int]]:
        """New, retained, returning and gone by week; gone of a week that is not over is 0."""
        weeks = {user: {day - timedelta(days=day.weekday()) for day in days} for user, days in self.days_of.items()}
        whole = self.last.weekday() == 6
        kinds = ("new", "retained", "returning", "gone")
        last = self.last - timedelta(days=self.last.weekday())
        found: dict[date, dict[str, int]] = defaultdict(lambda: dict.fromkeys(kinds, 0))
        step = timedelta(days=7)
        for present in weeks.values():
            for week in present:
                kind = "new" if week == min(present) else "retained" if week - step in present else "returning"
                found[week][kind] += 1
                if week + step not in present and (week + step < last or (week + step == last and whole)):
                    found[week + step]["gone"] -= 1
        return dict(found)

    def newcomers(self) -> Counter[date]:
        """Users by first day."""
        return Counter(days[0] for days in self.days_of.values())

    def spike(self) -> date:
        """The day whose newcomers rise most above both neighbours."""
        return _extreme(self.newcomers(), 1)

    def hole(self) -> date:
        """The day whose users fall most below both neighbours."""
        return _extreme(Counter(day for days in self.days_of.values() for day in days), -1)

    def cohort(self, day: date) -> Oracle:
        """Those who came first on a day."""
        return self._only(user for user, days in self.days_of.items() if days[0] == day)

    def absent(self, day: date) -> Oracle:
        """Those who had come before a day and were not there on it."""
        return self._only(user for user, days in self.days_of.items() if days[0] < day and day not in days)

    def _only(self, users: Iterable[int]) -> Oracle:
        kept = set(users)
        return Oracle(tuple(row for row in self.rows if row["user_id"] in kept))

    def by_day(self, counter: str = "") -> Counter[date]:
        """Users of each day, or the sum of a counter."""
        found: Counter[date] = Counter()
        for row in self.rows:
            found[row["day"]] += row[counter] if counter else 1
        return found


def _extreme(by_day: Mapping[date, int], sign: int) -> date:
    step = timedelta(days=1)
    inner = [day for day in by_day if by_day.get(day - step) and by_day.get(day + step)]
    pick = max if sign > 0 else min
    return max(inner, key=lambda day: sign * (by_day[day] - pick(by_day[day - step], by_day[day + step])))
