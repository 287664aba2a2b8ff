-- One row for each of `users` users after the first `users_before`; every draw is a hash of (seed, purpose, user),
-- so threads and blocks do not matter. With an `arrival_day` all of them arrive on it (-1: each on a day of his own).
INSERT INTO simulation_users
WITH
    (purpose, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, user), 11) / 9007199254740992 AS draw,
    (purpose, user) -> sqrt(-2 * log(1 - draw(purpose, user))) * cos(2 * pi() * draw(purpose || '/angle', user)) AS normal,
    (SELECT groupArray(country) FROM (SELECT country FROM simulation_places ORDER BY number)) AS countries,
    (SELECT groupArray(city) FROM (SELECT city FROM simulation_places ORDER BY number)) AS cities,
    (SELECT groupArray(upto) FROM (SELECT upto FROM simulation_places ORDER BY number)) AS ordinary_upto,
    (SELECT groupArray(campaign_upto) FROM (SELECT campaign_upto FROM simulation_places ORDER BY number)) AS campaign_upto,
    (SELECT groupArray(arrivals) FROM (SELECT arrivals FROM simulation_days ORDER BY number)) AS arrivals,
    (SELECT groupArray(other_arrivals) FROM (SELECT other_arrivals FROM simulation_days ORDER BY number)) AS other_arrivals,
    drawn AS
    (
        SELECT
            number + 1 AS id,
            draw('campaign', id) < {campaign_share:Float64} AS is_campaign,
            multiIf(
                {arrival_day:Int64} >= 0, {arrival_day:Int64},
                is_campaign, {campaign_day:UInt32},
                arrayFirstIndex(x -> x > draw('arrival', id), arrivals) - 1) AS day,
            arrayFirstIndex(x -> x > draw('place', id), if(is_campaign, campaign_upto, ordinary_upto)) AS place,
            cities[place] AS town
        FROM numbers({users_before:UInt64}, {users:UInt64})
    ),
    placed AS
    (
        -- Who would arrive in a silent city arrives on another day.
        SELECT
            *,
            if(day = {outage_day:UInt32} AND NOT is_campaign AND has({outage_cities:Array(String)}, town),
               arrayFirstIndex(x -> x > draw('arrival again', id), other_arrivals) - 1, day) AS arrival,
            multiIf(is_campaign, 2, draw('source', id) < {ads_share:Float64}, 0, 1) AS kind,
            NOT is_campaign AND draw('messenger', id) < {messenger_share:Float64} AS writes
        FROM drawn
    )
SELECT
    id AS user_id,
    arrival,
    {users_before:UInt64} + row_number() OVER (ORDER BY arrival, id) AS arrival_rank,
    kind,
    draw('gender', id) < 0.55 AS gender,
    -- Weibull from 14, cut below 61
    toUInt8(14 + floor(15 * pow(-log(1 - draw('age', id) * 0.9928), 1 / 1.4))) AS age,
    countries[place] AS country,
    town AS city,
    if(draw('os', id) < 0.64, 'Android', 'iOS') AS os,
    if(kind = 1, 'organic', 'ads') AS source,
    xxHash64(toString(id) || {salt:String}) % 5 AS exp_group,
    if(draw('leaves', id) >= {leavers:Array(Float64)}[kind + 1], inf,
       -{leaving_days:Float64} * log(1 - draw('leaves', id) / {leavers:Array(Float64)}[kind + 1])) AS leaves,
    exp(0.20 * normal('pace', id) - 0.02) AS pace,
    exp(0.25 * normal('taste', id) - 0.03125) AS taste,
    if(draw('polarity', id) < 0.5, -1, 1) AS polarity,
    if(writes, {friends_before:UInt64} + row_number() OVER (PARTITION BY writes ORDER BY arrival, id), 0) AS friend_rank
FROM placed
