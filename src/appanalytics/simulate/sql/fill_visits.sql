-- Newcomers read on the day of their arrival; after it users come back by their kind and age until they leave.
-- Users of the messenger write on any day, though less on days with the feed.
INSERT INTO simulation_visits
WITH
    (purpose, day, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, day, user), 11) / 9007199254740992 AS draw,
    (
        SELECT groupArray(chances)
        FROM
        (
            SELECT kind, arrayMap(entry -> entry.2, arraySort(groupArray((age, chance)))) AS chances
            FROM simulation_returns
            GROUP BY kind
            ORDER BY kind
        )
    ) AS chances,
    number - arrival AS past
SELECT
    number,
    user_id,
    past = 0 OR (past <= leaves
        AND draw('return', number, user_id) < return_factor * chances[kind + 1][past]) AS reads,
    friend_rank > 0
        AND draw('write', number, user_id) < write_chance * if(reads, {feed_day_factor:Float64}, 1) AS writes,
    is_outage AND has({outage_cities:Array(String)}, city) AS silenced
FROM simulation_users
CROSS JOIN simulation_days
WHERE number >= {first:UInt32} AND arrival <= number AND (reads OR writes)
