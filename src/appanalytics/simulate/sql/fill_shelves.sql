-- A post is shown from the first full hour after its publication until its life is over; its weight falls with
-- its age and differs by its appeal. The app starts with all of day 0's posts. The order on the shelf is random.
INSERT INTO simulation_shelves
WITH
    (purpose, post) -> bitShiftRight(cityHash64({seed:UInt64}, purpose, post), 11) / 9007199254740992 AS draw,
    published AS
    (
        SELECT
            first_post + place AS post,
            if(number = 0, 0, number + (place + 0.5) / posts) AS moment,
            0.5 + 3.3 * pow(draw('life', post), 2) AS life,
            0.6 + 0.8 * pow(draw('appeal', post), 2) AS appeal
        FROM simulation_days
        ARRAY JOIN range(posts) AS place
    ),
    hours AS (SELECT number AS day, post_life, hour, number + hour / 24 AS now FROM simulation_days ARRAY JOIN range(24) AS hour WHERE number >= {first:UInt32})
SELECT
    day,
    hour,
    arrayFlatten(arrayMap(
        entry -> arrayWithConstant(entry.3, entry.2),
        arraySort(groupArray((
            cityHash64({seed:UInt64}, 'shelf', day, post), post,
            toUInt32(ceil(8 * appeal * exp(-(now - moment) / 2)))))))) AS posts
FROM hours
CROSS JOIN published
WHERE moment <= now AND now < moment + greatest(life * post_life, 1 / 24)
GROUP BY day, hour
