"""Events whose users can be split over several engines: the same rows everywhere, a shard's users in each."""

from __future__ import annotations

from datetime import date

from appanalytics.engine import Engine

FIRST, LAST = date(2026, 2, 20), date(2026, 4, 6)
USERS = 160
#: A user's attributes follow from his number; every ninth changes his phone, every eleventh his town.
_ATTRIBUTES = """
    toInt8(user_id % 2) AS gender, toUInt8(14 + user_id % 50) AS age,
    if(user_id % 3 = 0, 'Russia', 'Cyprus') AS country,
    concat('city ', toString(user_id % 7 + (user_id % 11 = 0 AND day > 20))) AS city,
    if(user_id % 9 = 0 AND day > 15, 'iOS', ['Android', 'iOS'][user_id % 2 + 1]) AS os,
    ['ads', 'organic'][intDiv(user_id, 2) % 2 + 1] AS source, toInt8(user_id % 4 - 1) AS exp_group
"""
_ROWS = """
    SELECT toDateTime64('2026-02-20 00:00:00', 3, 'UTC') + day * 86400 + cityHash64(number, 1) % 86400 AS time,
           user_id, item, kind, {attributes}
    FROM
    (
        SELECT number, cityHash64(number, {salt}) % {users} + 1 AS user_id,
               (intDiv(number, 97) * (user_id % 5 + 1) + user_id) % 45 AS day,
               cityHash64(number, 7) % 30 AS item, cityHash64(number, 9) % 6 AS kind
        FROM numbers({rows})
    )
    WHERE xxHash64(user_id) % {shards} = {shard}
"""


def fill(engine: Engine, shard: int = 0, shards: int = 1) -> None:
    """Write the events of the users of one shard."""

    def rows(count: int, salt: int) -> str:
        return _ROWS.format(attributes=_ATTRIBUTES, salt=salt, users=USERS, rows=count, shard=shard, shards=shards)

    attributes = "gender, age, country, city, os, source, exp_group"
    engine.execute(
        f"INSERT INTO feed_actions (time, user_id, post_id, action, {attributes})"
        f" SELECT time, user_id, item, if(kind = 0, 'like', 'view'), {attributes} FROM ({rows(6000, 11)})"
    )
    engine.execute(
        f"INSERT INTO message_actions (time, user_id, receiver_id, {attributes})"
        f" SELECT time, user_id, item + 1, {attributes} FROM ({rows(1500, 13)})"
    )
