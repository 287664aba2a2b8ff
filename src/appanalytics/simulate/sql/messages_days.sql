-- Some days of the messenger. A writer has four partners: most are
-- of his circle (users who came to the messenger about when he did, so that there are answers), some are older
-- friends, some are users who may never write. He writes to one of them in runs of four messages.
INSERT INTO message_actions (time, user_id, receiver_id, gender, age, country, city, os, source, exp_group)
WITH
    (purpose, day, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, day, user), 11) / 9007199254740992 AS draw,
    u -> {rhythm:Array(Float64)}[1 + toUInt32(192 * u)] * (1 + floor(192 * u) - 192 * u)
        + {rhythm:Array(Float64)}[2 + toUInt32(192 * u)] * (192 * u - floor(192 * u)) AS moment,
    (SELECT groupArray(user_id) FROM (SELECT user_id FROM simulation_users WHERE friend_rank > 0 ORDER BY friend_rank)) AS friends,
    (SELECT groupArray(arrival) FROM (SELECT arrival FROM simulation_users WHERE friend_rank > 0 ORDER BY friend_rank)) AS friend_arrivals,
    (SELECT groupArray(user_id) FROM (SELECT user_id FROM simulation_users ORDER BY arrival_rank)) AS anybody,
    visits AS
    (
        SELECT
            user_id, gender, age, country, city, os, source, exp_group, friend_rank, arrival_rank,
            number, start, seconds,
            cityHash64({seed:UInt64}, 'messages', number, user_id) AS state,
            toUInt32(least(250, greatest(1, round(messages_scale * pace * pow(-log(1 - draw('messages', number, user_id)), 1 / 1.3))))) AS messages,
            toUInt32(if(draw('chats', number, user_id) < 0.5 OR messages < 6, messages,
                        messages * (0.3 + 0.4 * draw('chat cut', number, user_id)))) AS cut,
            arraySort([draw('chat 1', number, user_id), if(cut < messages, draw('chat 2', number, user_id), 2)]) AS draws,
            arrayMap(
                (u, length) -> toUInt32(greatest(0, least(toInt64(seconds * moment(u)), seconds - 15 * length - 1))),
                draws, [cut, messages - cut]) AS starts
        FROM simulation_visits
        INNER JOIN simulation_users USING (user_id)
        INNER JOIN simulation_days USING (number)
        WHERE number BETWEEN {first:UInt32} AND {last:UInt32} AND writes AND NOT silenced
    ),
    sent AS
    (
        SELECT
            user_id, gender, age, country, city, os, source, exp_group, start,
            starts[1 + (k >= cut)] + 15 * (k - if(k >= cut, cut, 0)) AS run,
            intHash64(state + k) AS dice,
            cityHash64({seed:UInt64}, 'partner', user_id, intHash64(state + intDiv(k, 4)) % 4) AS partner,
            bitShiftRight(partner, 11) / 9007199254740992 AS u,
            -- a circle is a run of 12 ranks; its members who came after this day do not count
            12 * intDiv(friend_rank - 1, 12) + 1 + toUInt64(12 * u) AS member,
            anybody[1 + toUInt64(u * (arrival_rank - 1))] AS elder,
            multiIf(
                partner % 10 < 6 AND member != friend_rank AND member <= length(friends) AND friend_arrivals[member] <= number, friends[member],
                partner % 10 < 8 AND friend_rank > 1, friends[1 + toUInt64(sqrt(u) * (friend_rank - 1))],
                elder) AS chosen
        FROM visits
        ARRAY JOIN range(messages) AS k
    )
SELECT
    toDateTime64(start + run + bitAnd(dice, 7), 3, 'UTC') AS time,
    user_id,
    -- the very first user has nobody before him: he writes to the second
    if(chosen = user_id, anybody[if(anybody[1] = user_id, 2, 1)], chosen) AS receiver_id,
    gender, age, country, city, os, source, exp_group
FROM sent
