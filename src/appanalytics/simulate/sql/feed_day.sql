-- One day of the feed. A row of `visits` is a user's day: up to three visits, each a run of views seconds apart,
-- a like one or two seconds after its view. The day's posts stand on a shelf with a width by their appeal;
-- a user walks round it by the golden ratio (so that he hardly meets a post twice), with some jitter.
INSERT INTO feed_actions (time, user_id, post_id, action, gender, age, country, city, os, source, exp_group)
WITH
    (purpose, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, {day:UInt32}, user), 11) / 9007199254740992 AS draw,
    -- second of the day at which the share u of its visits has begun
    u -> toInt64({day_seconds:UInt32} / 86400 * (
        {rhythm:Array(Float64)}[1 + toUInt32(192 * u)] * (1 + floor(192 * u) - 192 * u)
        + {rhythm:Array(Float64)}[2 + toUInt32(192 * u)] * (192 * u - floor(192 * u)))) AS moment,
    (
        SELECT groupArrayArray(arrayWithConstant(width, post))
        FROM
        (
            SELECT
                number + {oldest_post:UInt64} AS post,
                arrayFirstIndex(first -> post >= first, {first_posts:Array(UInt64)}) AS age,
                bitShiftRight(cityHash64({seed:UInt64}, 'appeal', post), 11) / 9007199254740992 AS appeal,
                bitShiftRight(cityHash64({seed:UInt64}, 'life', post), 11) / 9007199254740992 AS life,
                if(life < {life_shares:Array(Float64)}[age],
                   toUInt64(ceil(10 * [1., 0.6, 0.35, 0.2][age] * (0.4 + 1.6 * appeal * appeal))), 0) AS width
            FROM numbers({last_post:UInt64} + 1 - {oldest_post:UInt64})
            ORDER BY cityHash64({seed:UInt64}, 'shelf', {day:UInt32}, post)
        )
    ) AS shelf,
    visits AS
    (
        SELECT
            user_id, gender, age, country, city, os, source, exp_group,
            cityHash64({seed:UInt64}, 'feed', {day:UInt32}, user_id) AS state,
            toUInt32(least(400, greatest(1, round({views_scale:Float64} * pace * pow(-log(1 - draw('views', user_id)), 1 / 1.5))))) AS views,
            draw('visits', user_id) AS u,
            multiIf(u < 0.45 OR views < 6, 1, u < 0.8, 2, 3) AS parts,
            toUInt32(if(parts = 1, views, floor(views * (0.3 + 0.3 * draw('first cut', user_id))))) AS cut1,
            toUInt32(if(parts < 3, views, cut1 + floor((views - cut1) * (0.4 + 0.3 * draw('second cut', user_id))))) AS cut2,
            arrayMap(
                (u, length) -> toUInt32(greatest(0, least(moment(u), {day_seconds:UInt32} - 10 * length - 1))),
                arraySort([draw('visit 1', user_id), if(parts > 1, draw('visit 2', user_id), 2), if(parts > 2, draw('visit 3', user_id), 2)]),
                [cut1, cut2 - cut1, views - cut2]) AS starts,
            {ctr:Float64} * taste
                * multiIf({is_experiment:UInt8} AND exp_group = {polarised_group:Int8}, 1 + polarity * {polarisation:Float64},
                          {is_experiment:UInt8} AND exp_group = {duller_group:Int8}, {duller:Float64}, 1) AS liking
        FROM simulation_users
        WHERE arrival <= {day:UInt32}
          AND (arrival = {day:UInt32}
               OR ({day:UInt32} - arrival <= leaves
                   AND draw('return', user_id) < {return_factor:Float64} * {chances:Array(Array(Float64))}[kind + 1][{day:UInt32} - arrival]))
          AND NOT ({is_outage:UInt8} AND has({outage_cities:Array(String)}, city))
    ),
    viewed AS
    (
        SELECT
            user_id, gender, age, country, city, os, source, exp_group,
            starts[1 + (k >= cut1) + (k >= cut2)] + 10 * (k - multiIf(k >= cut2, cut2, k >= cut1, cut1, 0)) AS run,
            intHash64(state + k) AS dice,
            -- the walk: k golden steps (of 2^64) from a start of his own, and jitter of one step's mean gap
            state + k * 11400714819323198485 + intDiv(dice, views) AS place,
            shelf[1 + bitShiftRight(bitShiftRight(place, 32) * length(shelf), 32)] AS shown,
            -- not yet published at that time: the post of as much earlier instead
            if(shown >= {first_posts:Array(UInt64)}[1] + intDiv({new_posts:UInt32} * run, {day_seconds:UInt32}) AND {day:UInt32} > 0,
               toUInt64(greatest(shown - {new_posts:UInt32}, 1)), shown) AS post,
            bitAnd(bitShiftRight(dice, 8), 16777215) < 16777216 * liking * (0.85 + 0.3 * bitAnd(intHash32(post), 255) / 255) AS liked
        FROM visits
        ARRAY JOIN range(views) AS k
    )
SELECT
    toDateTime64({start:Int64} + run + bitAnd(dice, 7) + if(act = 'like', 1 + bitAnd(bitShiftRight(dice, 3), 1), 0), 3, 'UTC') AS time,
    user_id, post AS post_id, act AS action, gender, age, country, city, os, source, exp_group
FROM viewed
ARRAY JOIN if(liked, [toLowCardinality('view'), toLowCardinality('like')], [toLowCardinality('view')]) AS act
