-- One row for each user; every draw is a hash of (seed, purpose, user), so threads and blocks do not matter.
INSERT INTO simulation_users
WITH
    (purpose, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, user), 11) / 9007199254740992 AS draw,
    (purpose, user) -> sqrt(-2 * log(1 - draw(purpose, user))) * cos(2 * pi() * draw(purpose || '/angle', user)) AS normal,
    (SELECT groupArray(country) FROM (SELECT country FROM simulation_places ORDER BY number)) AS countries,
    (SELECT groupArray(city) FROM (SELECT city FROM simulation_places ORDER BY number)) AS cities,
    (SELECT groupArray(upto) FROM (SELECT upto FROM simulation_places ORDER BY number)) AS ordinary_upto,
    (SELECT groupArray(campaign_upto) FROM (SELECT campaign_upto FROM simulation_places ORDER BY number)) AS campaign_upto,
    drawn AS
    (
        -- The class after the last day is the campaign's.
        SELECT
            number + 1 AS id,
            toUInt32(arrayFirstIndex(x -> x > draw('arrival', id), {arrivals:Array(Float64)}) - 1) AS class,
            class = {campaign_class:UInt32} AS is_campaign,
            arrayFirstIndex(x -> x > draw('place', id), if(is_campaign, campaign_upto, ordinary_upto)) AS place,
            cities[place] AS town
        FROM numbers({users:UInt64})
    ),
    placed AS
    (
        -- Who would arrive in a silent city arrives on another day.
        SELECT
            *,
            multiIf(
                is_campaign, {campaign_day:UInt32},
                class = {outage_day:UInt32} AND has({outage_cities:Array(String)}, town),
                    toUInt32(arrayFirstIndex(x -> x > draw('arrival again', id), {other_arrivals:Array(Float64)}) - 1),
                class) AS day,
            multiIf(is_campaign, 2, draw('source', id) < {ads_share:Float64}, 0, 1) AS sort,
            NOT is_campaign AND draw('messenger', id) < {messenger_share:Float64} AS writes
        FROM drawn
    )
SELECT
    id AS user_id,
    day AS arrival,
    sort AS kind,
    draw('gender', id) < 0.55 AS gender,
    -- Weibull, cut at 60
    toUInt8(14 + floor(14.6 * pow(-log(1 - draw('age', id) * 0.9945), 1 / 1.4))) AS age,
    countries[place] AS country,
    town AS city,
    if(draw('os', id) < 0.64, 'Android', 'iOS') AS os,
    if(sort = 1, 'organic', 'ads') AS source,
    xxHash64(toString(id) || {salt:String}) % 5 AS exp_group,
    multiIf(
        draw('leaves', id) >= {leavers:Array(Float64)}[sort + 1], inf,
        -{leaving_days:Float64} * log(1 - draw('leaves', id) / {leavers:Array(Float64)}[sort + 1])) AS leaves,
    exp(0.20 * normal('pace', id) - 0.02) AS pace,
    exp(0.25 * normal('taste', id) - 0.03125) AS taste,
    if(draw('polarity', id) < 0.5, -1, 1) AS polarity,
    if(writes, row_number() OVER (PARTITION BY writes ORDER BY day, id), 0) AS friend_rank
FROM placed
