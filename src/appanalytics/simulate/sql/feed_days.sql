-- Some days of the feed. A row of `visits` is a user's day: up to three visits, each a run of views seconds
-- apart, a like one or two seconds after its view. A user walks round the hour's shelf by the golden ratio (so
-- that he seldom meets a post twice), with some jitter.
INSERT INTO feed_actions (time, user_id, post_id, action, gender, age, country, city, os, source, exp_group)
WITH
    (purpose, day, user) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, day, user), 11) / 9007199254740992 AS draw,
    -- share of the day that is over when the share u of its visits has begun
    u -> {rhythm:Array(Float64)}[1 + toUInt32(192 * u)] * (1 + floor(192 * u) - 192 * u)
        + {rhythm:Array(Float64)}[2 + toUInt32(192 * u)] * (192 * u - floor(192 * u)) AS moment,
    (
        SELECT groupArray(posts)
        FROM (SELECT posts FROM simulation_shelves WHERE day BETWEEN {first:UInt32} AND {last:UInt32} ORDER BY day, hour)
    ) AS shelves,
    arrayFlatten(shelves) AS stock,
    arrayMap(posts -> length(posts), shelves) AS lengths,
    arrayMap((past, own) -> past - own, arrayCumSum(lengths), lengths) AS offsets,
    visits AS
    (
        SELECT
            user_id, gender, age, country, city, os, source, exp_group,
            number, start, seconds,
            cityHash64({seed:UInt64}, 'feed', number, user_id) AS state,
            toUInt32(least(400, greatest(1, round(views_scale * pace * pow(-log(1 - draw('views', number, user_id)), 1 / 1.5))))) AS views,
            draw('visits', number, user_id) AS u,
            multiIf(u < 0.45 OR views < 6, 1, u < 0.8, 2, 3) AS parts,
            toUInt32(if(parts = 1, views, views * (0.3 + 0.3 * draw('first cut', number, user_id)))) AS cut1,
            toUInt32(if(parts < 3, views, cut1 + (views - cut1) * (0.4 + 0.3 * draw('second cut', number, user_id)))) AS cut2,
            arraySort([
                draw('visit 1', number, user_id),
                if(parts > 1, draw('visit 2', number, user_id), 2),
                if(parts > 2, draw('visit 3', number, user_id), 2)]) AS draws,
            -- a visit ends on its own day
            arrayMap(
                (u, length) -> toUInt32(greatest(0, least(toInt64(seconds * moment(u)), seconds - 10 * length - 1))),
                draws, [cut1, cut2 - cut1, views - cut2]) AS starts,
            ctr * taste
                * multiIf(is_experiment AND exp_group = {polarised_group:Int8}, 1 + polarity * {polarisation:Float64},
                          is_experiment AND exp_group = {duller_group:Int8}, {duller:Float64}, 1) AS liking
        FROM simulation_visits
        INNER JOIN simulation_users USING (user_id)
        INNER JOIN simulation_days USING (number)
        WHERE number BETWEEN {first:UInt32} AND {last:UInt32} AND reads AND NOT silenced
    ),
    viewed AS
    (
        SELECT
            user_id, gender, age, country, city, os, source, exp_group, start,
            starts[1 + (k >= cut1) + (k >= cut2)] + 10 * (k - multiIf(k >= cut2, cut2, k >= cut1, cut1, 0)) AS run,
            intHash64(state + k) AS dice,
            -- the walk: k golden steps of the circle (2^64) from a start of his own, and jitter of half a mean gap
            state + k * 11400714819323198485 + intDiv(dice, 2 * views) AS place,
            24 * (number - {first:UInt32}) + intDiv(24 * run, seconds) + 1 AS shelf,
            stock[1 + offsets[shelf] + bitShiftRight(bitShiftRight(place, 32) * lengths[shelf], 32)] AS post,
            bitAnd(bitShiftRight(dice, 8), 16777215) < 16777216 * liking * (0.9 + 0.2 * bitAnd(intHash32(post), 255) / 255) AS liked
        FROM visits
        ARRAY JOIN range(views) AS k
    )
SELECT
    toDateTime64(start + run + bitAnd(dice, 7) + if(act = 'like', 1 + bitAnd(bitShiftRight(dice, 3), 1), 0), 3, 'UTC') AS time,
    user_id, post AS post_id, act AS action, gender, age, country, city, os, source, exp_group
FROM viewed
ARRAY JOIN if(liked, [toLowCardinality('view'), toLowCardinality('like')], [toLowCardinality('view')]) AS act
