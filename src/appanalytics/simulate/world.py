"""The synthetic world: everything that its history depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from appanalytics.errors import SettingsError
from appanalytics.simulate.story import Story
from appanalytics.window import EARLIEST, LATEST, day_start

#: Raised when the same parameters no longer give the same events.
MODEL = 1

MOST_DAYS = 1000
MOST_USERS = 10_000_000
REFERENCE_USERS = 141_000


@dataclass(frozen=True, slots=True)
class World:
    """A social app with ``users`` feed users in all, who arrive within ``days`` days before ``until``.

    ``zone`` is the reporting time zone: day 0 and the daily rhythm are meant in it. ``salt`` splits users into
    five groups: ``xxHash64(user_id || salt) % 5``.
    """

    until: date
    zone: ZoneInfo
    users: int = REFERENCE_USERS
    days: int = 75
    seed: int = 7
    salt: str = "feed"
    story: Story = field(default_factory=Story)

    def __post_init__(self) -> None:
        _within("users", self.users, 100, MOST_USERS)
        _within("days", self.days, 1, MOST_DAYS)
        _within("seed", self.seed, 0, 2**63 - 1)
        if self.first_day <= EARLIEST or self.until > LATEST:
            raise SettingsError(
                f"the history {self.first_day} … {self.until} is outside of {EARLIEST}…{LATEST}",
                hint="choose another --until or fewer --days",
            )

    @property
    def first_day(self) -> date:
        """Day 0."""
        return self.until - timedelta(days=self.days)

    def day(self, number: int) -> date:
        """Calendar day of a day's number; may lie after the history's end."""
        return self.first_day + timedelta(days=number)

    def start(self, number: int) -> datetime:
        """First instant of a day, in UTC."""
        return day_start(self.day(number), self.zone)

    def as_record(self) -> dict[str, Any]:
        """The parameters as JSON values."""
        return {
            "model": MODEL,
            "first_day": self.first_day.isoformat(),
            "until": self.until.isoformat(),
            "zone": self.zone.key,
            "users": self.users,
            "days": self.days,
            "seed": self.seed,
            "salt": self.salt,
            "story": {
                key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self.story).items()
            },
        }

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that differ between any two worlds."""
        text = json.dumps(self.as_record(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def __str__(self) -> str:
        return f"{self.users} users, {self.days} days to {self.until}, seed {self.seed}, {self.zone.key}"


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise SettingsError(f"{name} is {value}", hint=f"use a whole number from {least} to {most}")
