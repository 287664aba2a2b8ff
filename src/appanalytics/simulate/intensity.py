"""What is to be expected of one day: pure functions of the world, for days after its end, too.

The constants are fitted to the reference app (141 k users in 75 days). Where its figures contradict each other:

* 141 k users in 75 days are 1.88 k newcomers a day from both sources together, so each brings about 0.95 k.
* All users of the messenger are users of the feed, seldom on one day. If days with the messenger counted as a
  return, return would be 1.5 to 2.5 points above the reference's curves: those are of the feed alone.
* Views with a mean of 31 and a mode of 15 at a CTR of .21 give likes with a mode of 2 to 3 (reference: 5).
* In the flash mob 2.5 times the views of a user stretch the tail from 240 to 400 views a day, and one view in
  eight repeats a post of the same day (else one in twenty): there are not more posts than that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache

from appanalytics.simulate import rhythm
from appanalytics.simulate.curves import share_active
from appanalytics.simulate.world import World

ADS_SHARE = 0.5  # of ordinary newcomers
MESSENGER_SHARE = 0.345  # of ordinary newcomers: those who will ever write, if they stay long enough
MESSENGER_CHANCE = 0.9  # most that a day's chance to write can be; binds in the first days only
FEED_DAY_FACTOR = 0.5  # of the chance to write, for users who come to the feed on that day

VIEWS = 30.7  # mean of a user's ordinary day
MESSAGES = 15.5
CTR = 0.2075
POSTS = 90  # new ones a day
FLASH_POST_LIFE = 1.35  # during the flash mob older posts come back

_VIEWS_SHAPE = 1.5
_MESSAGES_SHAPE = 1.3


@dataclass(frozen=True, slots=True)
class DayPlan:
    """One day's expectations, before any single user is drawn.

    ``newcomers`` and ``actives`` are users of the feed, ``writers`` senders, at the world's size.
    ``return_factor`` multiplies every chance to come back, ``write_chance`` is that of a messenger user
    who does not come to the feed on that day.
    ``views_scale`` and ``messages_scale`` are the scales of Weibull distributions of a user's day.
    ``first_post`` is the id of the day's first new post, ``posts`` their number; ``post_life``
    stretches the time for which posts are shown.
    """

    number: int
    newcomers: float
    actives: float
    writers: float
    return_factor: float
    write_chance: float
    views_scale: float
    messages_scale: float
    ctr: float
    first_post: int
    posts: int
    post_life: float

    @property
    def views(self) -> float:
        """Expected views."""
        return self.actives * self.views_scale * math.gamma(1 + 1 / _VIEWS_SHAPE)

    @property
    def messages(self) -> float:
        """Expected messages."""
        return self.writers * self.messages_scale * math.gamma(1 + 1 / _MESSAGES_SHAPE)


@lru_cache(maxsize=4096)
def plan_day(world: World, number: int, *, story: bool = True) -> DayPlan:
    """The plan of a day; without ``story`` as if nothing unusual ever happened on it (for comparison)."""
    flash = story and world.story.is_flash_mob(number)
    newcomers, returning, factor = _readers(world, number, flash=flash)
    campaign = campaign_newcomers(world) if story and number == world.story.campaign else 0.0
    writers, chance = _writers(world, number, newcomers + returning)
    return DayPlan(
        number=number,
        newcomers=newcomers + campaign,
        actives=newcomers + campaign + returning,
        writers=writers,
        return_factor=factor,
        write_chance=chance,
        views_scale=_views(world, number, flash=flash) / math.gamma(1 + 1 / _VIEWS_SHAPE),
        messages_scale=_messages(world, number, story=story) / math.gamma(1 + 1 / _MESSAGES_SHAPE),
        ctr=_ctr(world, number) * (world.story.flash_ctr if flash else 1.0),
        first_post=1 + sum(new_posts(world, earlier) for earlier in range(number)),
        posts=new_posts(world, number),
        post_life=FLASH_POST_LIFE if flash else 1.0,
    )


def _readers(world: World, number: int, *, flash: bool) -> tuple[float, float, float]:
    """Ordinary newcomers, returning users, and what multiplies the chances to return.

    A flash mob brings back more users, and no more newcomers, until both together are what it says.
    """
    factor = rhythm.returns_rhythm(world.day(number)) * rhythm.noise(world.seed, "returns", number, 0.01)
    newcomers, returning = ordinary_newcomers(world, number), factor * _returning(world, number)
    if not flash:
        return newcomers, returning, factor
    lift = (world.story.flash_users * (newcomers + returning) - newcomers) / max(returning, 1e-9)
    return newcomers, returning * lift, factor * lift


def _writers(world: World, number: int, readers: float) -> tuple[float, float]:
    """Daily users of the messenger, and the chance to write on a day without the feed that gives so many."""
    able = MESSENGER_SHARE * _arrived(world, number)
    reading = min(1.0, readers / _arrived(world, number))
    mixed = able * (1 - reading * (1 - FEED_DAY_FACTOR))
    chance = min(MESSENGER_CHANCE, writers_wanted(world, number) / mixed)
    return chance * mixed, chance


def _views(world: World, number: int, *, flash: bool) -> float:
    """Mean views of a user's day."""
    story = world.story
    mean = VIEWS * rhythm.views_rhythm(world.day(number)) * rhythm.noise(world.seed, "views", number, 0.02)
    return mean * story.flash_views / story.flash_users if flash else mean


def _messages(world: World, number: int, *, story: bool) -> float:
    """Mean messages of a writer's day."""
    mean = MESSAGES * rhythm.noise(world.seed, "messages", number, 0.02)
    return mean * world.story.chatter_messages if story and number == world.story.chatter else mean


def _ctr(world: World, number: int) -> float:
    """Likes by views of an ordinary day, the same for both sources."""
    return CTR + rhythm.ctr_wave(number) + 0.002 * (rhythm.noise(world.seed, "ctr", number, 1.0) - 1)


def new_posts(world: World, number: int) -> int:
    """Number of posts that are published on a day; does not depend on the number of users."""
    return round(POSTS * rhythm.noise(world.seed, "posts", number, 0.2))


def newcomers_weight(world: World, number: int) -> float:
    """Ordinary newcomers of a day, in mean days; the first day starts at noon."""
    weight = rhythm.newcomers_rhythm(world.day(number)) * rhythm.noise(world.seed, "newcomers", number, 0.06)
    return weight * 0.5 if number == 0 else weight


def ordinary_newcomers(world: World, number: int) -> float:
    """Expected newcomers of a day without the campaign's."""
    return daily_newcomers(world) * newcomers_weight(world, number)


def campaign_newcomers(world: World) -> float:
    """Expected newcomers of the campaign."""
    return daily_newcomers(world) * world.story.campaign_size


@lru_cache(maxsize=64)
def daily_newcomers(world: World) -> float:
    """Ordinary newcomers of a mean day: the size of the world in users a day."""
    weights = sum(newcomers_weight(world, number) for number in range(world.days))
    campaign = world.story.campaign_size if world.story.campaign < world.days else 0.0
    return world.users / (weights + campaign)


def writers_wanted(world: World, number: int) -> float:
    """Daily users of the messenger: growing by a straight line, in a rhythm of four days."""
    line = 0.26 + 0.0150 * number
    shaken = rhythm.noise(world.seed, "writers", number, 0.05)
    return daily_newcomers(world) * line * rhythm.messenger_rhythm(number) * shaken


@lru_cache(maxsize=4096)
def _arrived(world: World, number: int) -> float:
    return sum(ordinary_newcomers(world, earlier) for earlier in range(number + 1))


@lru_cache(maxsize=4096)
def _returning(world: World, number: int) -> float:
    """Expected users who come back on a day of mean inclination."""
    total = sum(ordinary_newcomers(world, earlier) * _mixed_share(number - earlier) for earlier in range(number))
    if number > world.story.campaign and world.story.campaign < world.days:
        total += campaign_newcomers(world) * share_active("campaign", number - world.story.campaign)
    return total


@cache
def _mixed_share(age: int) -> float:
    return ADS_SHARE * share_active("ads", age) + (1 - ADS_SHARE) * share_active("organic", age)
