-- Users who would have come on the outage's day, by silent city: the same draws as in feed_day and messages_day.
WITH (purpose, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, {day:UInt32}, user), 11) / 9007199254740992 AS draw
SELECT
    city,
    count() AS users,
    countIf({day:UInt32} - arrival <= leaves
            AND draw('return', user_id) < {return_factor:Float64} * {chances:Array(Array(Float64))}[kind + 1][{day:UInt32} - arrival]) AS feed_users,
    countIf(friend_rank > 0 AND draw('write', user_id) < {write_chance:Float64}) AS messenger_users
FROM simulation_users
WHERE has({outage_cities:Array(String)}, city) AND arrival < {day:UInt32}
GROUP BY city
ORDER BY users DESC, city
