-- One day of the messenger. Writers come independently of the feed; a writer has a few partners, most of whom
-- came before him, and writes to one of them in runs of some messages.
INSERT INTO message_actions (time, user_id, receiver_id, gender, age, country, city, os, source, exp_group)
WITH
    (purpose, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, {day:UInt32}, user), 11) / 9007199254740992 AS draw,
    -- second of the day at which the share u of its visits has begun
    u -> toInt64({day_seconds:UInt32} / 86400 * (
        {rhythm:Array(Float64)}[1 + toUInt32(192 * u)] * (1 + floor(192 * u) - 192 * u)
        + {rhythm:Array(Float64)}[2 + toUInt32(192 * u)] * (192 * u - floor(192 * u)))) AS moment,
    (SELECT groupArray(user_id) FROM (SELECT user_id FROM simulation_users WHERE friend_rank > 0 ORDER BY friend_rank)) AS friends,
    (SELECT groupArray(user_id) FROM (SELECT user_id FROM simulation_users WHERE arrival <= {day:UInt32} ORDER BY user_id)) AS anybody,
    visits AS
    (
        SELECT
            user_id, gender, age, country, city, os, source, exp_group, friend_rank,
            cityHash64({seed:UInt64}, 'messages', {day:UInt32}, user_id) AS state,
            toUInt32(least(250, greatest(1, round({messages_scale:Float64} * pace * pow(-log(1 - draw('messages', user_id)), 1 / 1.3))))) AS messages,
            if(draw('chats', user_id) < 0.5 OR messages < 6, messages, toUInt32(floor(messages * (0.3 + 0.4 * draw('chat cut', user_id))))) AS cut,
            arrayMap(
                (u, length) -> toUInt32(greatest(0, least(moment(u), {day_seconds:UInt32} - 15 * length - 1))),
                arraySort([draw('chat 1', user_id), if(cut < messages, draw('chat 2', user_id), 2)]),
                [cut, messages - cut]) AS starts
        FROM simulation_users
        WHERE arrival <= {day:UInt32}
          AND friend_rank > 0
          AND draw('write', user_id) < {write_chance:Float64}
          AND NOT ({is_outage:UInt8} AND has({outage_cities:Array(String)}, city))
    ),
    sent AS
    (
        SELECT
            user_id, gender, age, country, city, os, source, exp_group,
            starts[1 + (k >= cut)] + 15 * (k - if(k >= cut, cut, 0)) AS run,
            intHash64(state + k) AS dice,
            -- which of four partners: the same for runs of four messages
            cityHash64({seed:UInt64}, 'partner', user_id, intHash64(state + intDiv(k, 4)) % 4) AS partner,
            bitShiftRight(partner, 11) / 9007199254740992 AS u,
            multiIf(
                partner % 10 < 7 AND friend_rank > 1, friends[1 + toUInt64(floor(sqrt(u) * (friend_rank - 1)))],
                anybody[1 + toUInt64(floor(u * length(anybody)))]) AS chosen
        FROM visits
        ARRAY JOIN range(messages) AS k
    )
SELECT
    toDateTime64({start:Int64} + run + bitAnd(dice, 15) % 15, 3, 'UTC') AS time,
    user_id,
    if(chosen = user_id, anybody[1 + (toUInt64(floor(u * length(anybody))) + 1) % length(anybody)], chosen) AS receiver_id,
    gender, age, country, city, os, source, exp_group
FROM sent
